import Files
import Platform

/// One member of an archive, without its contents.
public struct Entry: Sendable, Hashable {
    /// What the member is.
    public enum Kind: Sendable, Hashable {
        /// A regular file of so many bytes.
        case file(size: Int64)
        /// A directory.
        case directory
        /// A symbolic link.
        case symbolicLink(target: String)
        /// Another name for a member that came earlier.
        case hardLink(target: String)
        /// A device with its number (major:minor), a pipe or a socket, by its name for people. Rare, and not worth the room
        /// in every entry.
        indirect case other(String, device: String? = nil)
    }

    /// The path as it stands in the archive.
    public var path: String
    /// What it is.
    public var kind: Kind
    /// The twelve permission bits.
    public var permissions: UInt16
    /// The owning user.
    public var owner: Owner
    /// The owning group.
    public var group: Owner
    /// Seconds since 1970.
    public var modificationTime: Int64

    /// Creates an entry.
    public init(
        path: String, kind: Kind, permissions: UInt16, owner: Owner, group: Owner, modificationTime: Int64
    ) {
        self.path = path
        self.kind = kind
        self.permissions = permissions
        self.owner = owner
        self.group = group
        self.modificationTime = modificationTime
    }

    /// The path without leading `./` and `/` and without a trailing slash; nil when it is empty, climbs with `..`, or
    /// has a character that no file list can hold.
    public var normalisedPath: String? { Self.normalised(path) }

    /// The target of a hard link in the same form.
    public static func hardLinkTarget(_ target: String) -> String? { normalised(target) }

    private static func normalised(_ path: String) -> String? {
        if let plain = plainPath(path) { return plain }
        guard !path.utf8.contains(where: { $0 == 0 || $0 == 0x0a }) else { return nil }
        let components = LexicalPath.components(path).filter { $0 != "." }
        guard !components.isEmpty, !components.contains("..") else { return nil }
        return components.joined(separator: "/")
    }

    /// The path without `./` in front and one slash behind if nothing else has to be looked at, as in nearly all of the many
    /// entries of an archive; nil otherwise.
    private static func plainPath(_ path: String) -> String? {
        let (slash, dot) = (UInt8(ascii: "/"), UInt8(ascii: "."))
        var bytes = path.utf8[...]
        if bytes.starts(with: [dot, slash]) { bytes = bytes.dropFirst(2) }
        if bytes.last == slash { bytes = bytes.dropLast() }
        // A dot that begins a component may be one of those that mean something.
        var last = slash
        for byte in bytes {
            if byte == 0 || byte == 0x0a || (last == slash && (byte == slash || byte == dot)) { return nil }
            last = byte
        }
        return last == slash ? nil : String(Substring(bytes))
    }
}

/// A user or group: its name, and its number for systems that do not know the name.
public struct Owner: Sendable, Hashable {
    /// The name; empty when the archive has none.
    public var name: String
    /// The number.
    public var id: Int64

    /// Creates an owner.
    public init(name: String, id: Int64) {
        self.name = name
        self.id = id
    }

    /// Whether number and bytes of the name are the same.
    package func hasSameBytes(as other: Owner) -> Bool { id == other.id && name.hasSameBytes(as: other.name) }
}
