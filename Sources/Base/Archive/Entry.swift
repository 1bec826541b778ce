import Files

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
        /// A device with its number (major:minor), a pipe or a socket, by its name for people.
        case other(String, device: String? = nil)
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
        guard !path.utf8.contains(where: { $0 == 0 || $0 == 0x0a }) else { return nil }
        let components = LexicalPath.components(path).filter { $0 != "." }
        guard !components.isEmpty, !components.contains("..") else { return nil }
        return components.joined(separator: "/")
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
}
