import CLinux
import Glibc
import Platform

/// Extended attributes of files (xattr(7)).
enum FileAttribute {
    /// The value of an attribute of a path, through links; nil when it has none, or its file system has no attributes.
    static func read(_ attribute: String, of path: String, as words: String) throws(ProbeError) -> [UInt8]? {
        var size = 256
        while true {
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                let got = clinux_attribute(path, attribute, buffer.baseAddress, buffer.count)
                failure = got < 0 ? Int32(-got) : 0
                count = max(0, got)
            }
            switch failure {
            case 0: return bytes
            case ENODATA, EOPNOTSUPP, ENOENT, ENOTDIR: return nil
            // The kernel's limit of a value (xattr(7)).
            case ERANGE where size < 1 << 16: size = 1 << 16
            default: throw .system("read \(words) of \(path)", errno: failure)
            }
        }
    }
}

/// Who may do what with a file, beyond its mode (acl(5)).
struct AccessList: Sendable, Hashable {
    /// Which of a file's lists.
    enum Purpose: String, Sendable {
        /// The one that decides on access.
        case access = "system.posix_acl_access"
        /// The one of a folder that new files in it get.
        case standard = "system.posix_acl_default"
    }

    /// The kinds of entries, by their numbers in linux/posix_acl.h.
    private enum Tag: UInt16 {
        case owner = 1
        case user = 2
        case owningGroup = 4
        case group = 8
        case mask = 16
        case other = 32
    }

    private struct Entry: Sendable, Hashable {
        var tag: Tag
        var permissions: UInt16
        var account: UInt32
    }

    private var entries: [Entry] = []

    /// The list of a path; nil when it has none.
    static func read(_ path: String, _ purpose: Purpose) throws(ProbeError) -> AccessList? {
        guard let bytes = try FileAttribute.read(purpose.rawValue, of: path, as: "the access list") else { return nil }
        guard let list = AccessList(attribute: bytes) else {
            throw ProbeError(
                .malformed, "read the access list of \(path)", expected: "version 2 of posix_acl_xattr",
                found: "\(bytes.count) other bytes")
        }
        return list
    }

    /// The list that a mode stands for.
    init(permissions: UInt32) {
        for (tag, shift) in [(Tag.owner, 6), (.owningGroup, 3), (.other, 0)] as [(Tag, UInt32)] {
            entries.append(
                Entry(tag: tag, permissions: UInt16(truncatingIfNeeded: permissions >> shift & 7), account: 0))
        }
    }

    /// Reads the attribute (linux/posix_acl_xattr.h): a version, then eight bytes for each entry; nil for another form.
    init?(attribute bytes: [UInt8]) {
        func number(_ place: Int, _ size: Int) -> UInt32 {
            (0..<size).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
        }
        guard bytes.count >= 4, bytes.count % 8 == 4, number(0, 4) == 2 else { return nil }
        for place in stride(from: 4, to: bytes.count, by: 8) {
            guard let tag = Tag(rawValue: UInt16(truncatingIfNeeded: number(place, 2))) else { return nil }
            entries.append(
                Entry(
                    tag: tag, permissions: UInt16(truncatingIfNeeded: number(place + 2, 2)),
                    account: number(place + 4, 4)))
        }
    }

    /// Whether it says more than a mode can.
    var isExtended: Bool { entries.contains { [.user, .group, .mask].contains($0.tag) } }

    /// The entries in the words of getfacl(1): `user:www-data:r--`.
    func entries(_ accounts: UserDatabase) -> [String] {
        entries.map { entry in
            let who =
                switch entry.tag {
                case .owner: "user:"
                case .user: "user:" + accounts.name(ofUser: entry.account)
                case .owningGroup: "group:"
                case .group: "group:" + accounts.name(ofGroup: entry.account)
                case .mask: "mask:"
                case .other: "other:"
                }
            let letters = ["r", "w", "x"].enumerated().map { place, letter in
                entry.permissions & (4 >> UInt16(place)) == 0 ? "-" : letter
            }
            return who + ":" + letters.joined()
        }
    }
}
