import Crypto
import DebianArchive
import Files
import Platform
import Synchronization

/// SHA-256 of files, remembered by size, modification time, inode and device, so that a file that has not changed is
/// not read again.
final class ChecksumCache: Sendable {
    private struct Key: Hashable {
        var size: Int64
        var seconds: Int64
        var nanoseconds: Int64
        var inode: UInt64
        var device: UInt64

        init(_ status: FileStatus) {
            size = status.size
            seconds = status.modificationSeconds
            nanoseconds = status.modificationNanoseconds
            inode = status.inode
            device = status.device
        }
    }

    private struct State {
        var sums: [Key: Checksum] = [:]
        var isChanged = false
    }

    private static let header = "debbuild checksums 1"
    private let path: String?
    private let state: Mutex<State>

    /// Opens a cache kept in a file; one that cannot be read or understood counts as empty.
    ///
    /// - Parameters:
    ///   - path: nil keeps the sums in memory alone.
    ///   - isFresh: begins empty whatever the file holds.
    init(path: String?, isFresh: Bool = false) {
        self.path = path
        var loaded = State()
        // What cannot be read is computed again, and reported when it cannot be written either.
        if let path, !isFresh, let bytes = try? FileTree.readWhole(path, limit: 256 << 20) {
            loaded.sums = Self.parse(bytes)
        }
        state = Mutex(loaded)
    }

    /// The remembered checksum of a file, if it has not changed since.
    func remembered(_ status: FileStatus) -> String? {
        state.withLock { $0.sums[Key(status)] }?.text
    }

    /// Remembers a checksum that was taken while the file was in this state.
    func remember(_ sha256: SHA256Digest, for status: FileStatus) {
        let checksum = Checksum(sha256)
        state.withLock {
            $0.sums[Key(status)] = checksum
            $0.isChanged = true
        }
    }

    /// The checksum of a file, read only if it is not remembered.
    func sha256(of path: String, status: FileStatus) throws(FileError) -> String {
        if let known = remembered(status) { return known }
        let file = try InputFile(path: path)
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { break }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let digest = hash.finalize()
        // Remembered only for the state that it was read in.
        if try file.currentStatus() == file.status { remember(digest, for: file.status) }
        return Hexadecimal.text(digest)
    }

    /// Writes what is new to the file, if the cache has one.
    func save() throws(FileError) {
        guard let path else { return }
        let changed: [Key: Checksum]? = state.withLock { state in
            guard state.isChanged else { return nil }
            state.isChanged = false
            return state.sums
        }
        guard let changed else { return }
        let file = try AtomicFile(target: path)
        // Piece by piece, because there may be very many.
        var piece = Self.header + "\n"
        for key in changed.keys.sorted(by: { ($0.device, $0.inode) < ($1.device, $1.inode) }) {
            guard let sum = changed[key] else { continue }
            piece += "\(sum.text) \(key.size) \(key.seconds) \(key.nanoseconds) \(key.inode) \(key.device)\n"
            if piece.utf8.count > 1 << 16 {
                try file.write(text: piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        try file.write(text: piece)
        try file.commit(.none)
    }

    private static func parse(_ bytes: [UInt8]) -> [Key: Checksum] {
        var rest = bytes[...]
        func nextLine() -> ArraySlice<UInt8>? {
            guard !rest.isEmpty else { return nil }
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
            return line
        }
        guard let first = nextLine(), first.elementsEqual(header.utf8) else { return [:] }
        var sums: [Key: Checksum] = [:]
        while let line = nextLine() {
            guard let sum = Checksum(hexadecimal: line.prefix(64)) else { continue }
            var numbers: [Int64] = []
            numbers.reserveCapacity(5)
            for word in line.dropFirst(64).split(separator: UInt8(ascii: " ")) {
                guard let value = number(word) else { break }
                numbers.append(value)
            }
            guard numbers.count == 5 else { continue }
            let status = FileStatus(
                kind: .file, permissions: 0, size: numbers[0], modificationSeconds: numbers[1],
                modificationNanoseconds: numbers[2], inode: UInt64(bitPattern: numbers[3]),
                device: UInt64(bitPattern: numbers[4]), owner: 0, group: 0)
            sums[Key(status)] = sum
        }
        return sums
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        Int64(String(decoding: digits, as: UTF8.self))
    }
}

/// A SHA-256 without memory of its own, because there may be one for each file of a large tree.
private struct Checksum {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init(_ digest: SHA256Digest) {
        for byte in digest { append(byte) }
    }

    /// Reads 64 digits in lower case.
    init?(hexadecimal text: some Collection<UInt8>) {
        guard text.count == 2 * SHA256Digest.byteCount else { return nil }
        var high: UInt8?
        for digit in text {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
    }

    var text: String {
        withUnsafeBytes(of: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)) {
            Hexadecimal.text($0)
        }
    }

    private mutating func append(_ byte: UInt8) {
        words.0 = words.0 << 8 | words.1 >> 56
        words.1 = words.1 << 8 | words.2 >> 56
        words.2 = words.2 << 8 | words.3 >> 56
        words.3 = words.3 << 8 | UInt64(byte)
    }
}
