import Crypto
import Files

/// A file that a machine gets, known by its checksum.
public struct StagedFile: Sendable {
    /// The name in the machine's staging folder: letters, digits and `._+~-`.
    public let name: String
    /// The contents.
    public let bytes: [UInt8]
    /// SHA-256 in hexadecimal.
    public let digest: String

    /// Creates a file.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        digest = Checksum.sha256(of: bytes)
    }

    /// Whether a name can stand in a shell's word and in a folder as it is.
    static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "."),
            name.utf8.count <= 200
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: Array("._+~-".utf8).contains(byte)
            }
        }
    }
}

/// Checksums as sha256sum(1) writes them.
enum Checksum {
    static func sha256(of bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

/// `SHA256SUMS`: the lines of sha256sum(1), checksum by name.
struct ChecksumFile {
    private(set) var sums: [String: String] = [:]
    static let fileName = "SHA256SUMS"
    static let limit = 4 << 20

    init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: 0x0a) where line.count > 66 {
            let digest = line.prefix(64)
            let isHexadecimal = digest.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
            let mark = Array(line.dropFirst(64).prefix(2))
            guard isHexadecimal, mark == [0x20, 0x20] || mark == [0x20, UInt8(ascii: "*")] else { continue }
            let name = line.dropFirst(66)
            sums[String(decoding: name.last == 0x0d ? name.dropLast() : name, as: UTF8.self)] =
                String(decoding: digest, as: UTF8.self)
        }
    }
}
