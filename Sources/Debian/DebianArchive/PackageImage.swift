import Archive
import DebianFormat
import ELF
import Platform

/// A package as a value, from a file or from a plan: what lint, inspect and diff look at.
public struct PackageImage: Sendable {
    /// A member of the `ar` archive (deb(5)).
    public struct Member: Sendable, Hashable {
        /// The name, such as `data.tar.xz`.
        public var name: String
        /// Bytes in the archive.
        public var size: Int64
        /// The compression by the name: `none`, `gzip`, `xz`, `zstd`, `bzip2` or `lzma`.
        public var compression: String
        /// Bytes after decompression; nil where it was not decompressed.
        public var unpackedSize: Int64?
        /// Seconds since 1970.
        public var modificationTime: Int64
        /// SHA-256 of the bytes of a member that is not a tar archive.
        public var sha256: String?
        /// SHA-256 of what a tar archive has after its end, but for zeros.
        public var trailerSHA256: String?

        /// Creates a member.
        public init(
            name: String, size: Int64, compression: String, unpackedSize: Int64? = nil, modificationTime: Int64 = 0,
            sha256: String? = nil, trailerSHA256: String? = nil
        ) {
            self.sha256 = sha256
            self.trailerSHA256 = trailerSHA256
            self.name = name
            self.size = size
            self.compression = compression
            self.unpackedSize = unpackedSize
            self.modificationTime = modificationTime
        }
    }

    /// The file's name without its folder; of a plan the name that it will have.
    public var fileName: String?
    /// The members of the `ar` archive in order; empty for a plan.
    public var members: [Member]
    /// The control paragraph (deb-control(5)).
    public var control: ControlParagraph
    /// The members of `control.tar` other than `control`.
    public var controlFiles: [ControlFile]
    /// The entries of `control.tar` as they stand in it, `./` and `control` included; empty for a plan.
    public var controlEntries: [Entry]
    /// The members of `data.tar` in order.
    public var entries: [ImageEntry]
    /// Seconds since 1970 that no modification time may exceed: a plan's SOURCE_DATE_EPOCH, a file's own date.
    public var timeLimit: Int64?
    /// True for a plan: sizes of members and checksums are not known yet.
    public var isPlanned: Bool
    /// Texts that were left out because all of them together exceeded the limit.
    public var skippedTexts: Int

    /// Creates an image.
    public init(
        fileName: String? = nil, members: [Member] = [], control: ControlParagraph, controlFiles: [ControlFile] = [],
        controlEntries: [Entry] = [], entries: [ImageEntry] = [], timeLimit: Int64? = nil, isPlanned: Bool = false,
        skippedTexts: Int = 0
    ) {
        self.controlEntries = controlEntries
        self.fileName = fileName
        self.members = members
        self.control = control
        self.controlFiles = controlFiles
        self.entries = entries
        self.timeLimit = timeLimit
        self.isPlanned = isPlanned
        self.skippedTexts = skippedTexts
    }

    /// KiB by the rule of deb-substvars(5): each file rounded up, 1 for everything else.
    public var computedInstalledSize: Int64 {
        InstalledSize.kibibytes(of: entries.lazy.map(\.kind))
    }

    /// A member of `control.tar` by name.
    public func controlFile(_ name: String) -> ControlFile? { controlFiles.first { $0.name == name } }

    /// The paths that `conffiles` lists, remove-on-upgrade left out; faults of that file are passed over.
    public var conffilePaths: PathSet {
        guard let file = controlFile("conffiles") else { return PathSet() }
        var paths = PathSet()
        // More of them than files are of no package.
        for line in Lines(file.bytes) where paths.keys.count < DebReadLimits().entries {
            let word = line.bytes.drop { Self.isSeparator($0) }.prefix { !Self.isSeparator($0) }
            if word.first == UInt8(ascii: "/") { paths.insert(Ascii.text(word)) }
        }
        return paths
    }

    /// What dpkg takes for the end of a path in `conffiles`.
    private static func isSeparator(_ byte: UInt8) -> Bool {
        Ascii.isHorizontalBlank(byte) || byte == UInt8(ascii: "\r")
    }
}

/// A member of `control.tar`, such as `postinst` or `conffiles`.
public struct ControlFile: Sendable, Hashable {
    /// The member's name without a folder.
    public var name: String
    /// Twelve permission bits; dpkg demands 0555 to 0775 of maintainer scripts.
    public var permissions: UInt16
    /// The contents.
    public var bytes: [UInt8]

    /// Creates a member of `control.tar`.
    public init(name: String, permissions: UInt16, bytes: [UInt8]) {
        self.name = name
        self.permissions = permissions
        self.bytes = bytes
    }

    /// The contents as text; bytes that are not UTF-8 become replacement characters.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A member of `data.tar` as it will be installed. There may be a quarter of a million, so it has no room for what few have.
public struct ImageEntry: Sendable {
    /// The absolute path, such as `/usr/bin/tool`; `/` for the root.
    public var path: String
    /// File, directory, link or other.
    public var kind: Entry.Kind
    /// Twelve permission bits.
    public var permissions: UInt16
    /// Owner by name and number.
    public var owner: Owner {
        get { ownership.owner }
        set { ownership = Ownership(newValue, group) }
    }
    /// Group by name and number.
    public var group: Owner {
        get { ownership.group }
        set { ownership = Ownership(owner, newValue) }
    }
    private var ownership: Ownership
    /// Seconds since 1970.
    public var modificationTime: Int64
    /// The checksums of the contents; nil where they were not computed.
    package var digests: EntryDigests?
    /// What was found in the contents.
    package var facts: ContentFacts

    /// Most entries belong to the same users, and share what says so.
    private final class Ownership: Sendable {
        let owner: Owner
        let group: Owner

        init(_ owner: Owner, _ group: Owner) { (self.owner, self.group) = (owner, group) }

        func isSame(_ owner: Owner, _ group: Owner) -> Bool {
            self.owner.hasSameBytes(as: owner) && self.group.hasSameBytes(as: group)
        }
    }

    /// - Parameter previous: an entry that may have the same owners.
    package init(
        path: String, kind: Entry.Kind, permissions: UInt16, owner: Owner, group: Owner, modificationTime: Int64,
        facts: ContentFacts = .nothing, previous: ImageEntry? = nil
    ) {
        self.path = path
        self.kind = kind
        self.permissions = permissions
        if let shared = previous?.ownership, shared.isSame(owner, group) {
            ownership = shared
        } else {
            ownership = Ownership(owner, group)
        }
        self.modificationTime = modificationTime
        self.facts = facts
    }

    /// MD5 of the contents in hexadecimal.
    public var md5: String? { digests.map { Hexadecimal.text($0.md5) } }
    /// SHA-256 of the contents in hexadecimal.
    public var sha256: String? { digests.map { Hexadecimal.text($0.sha256) } }
    /// What machine code says about itself.
    public var elf: ELFFile? { facts.elf }
    /// Why a file that begins like ELF is not sound.
    public var malformedELF: String? { facts.malformedELF }
    /// The contents of a small regular file that has no NUL bytes.
    public var text: [UInt8]? { facts.text }
}

extension ImageEntry {
    /// What it is, for people and programs.
    public var typeName: String {
        switch kind {
        case .file: "file"
        case .directory: "directory"
        case .symbolicLink: "symlink"
        case .hardLink: "hardlink"
        case .other(let name, _): name
        }
    }

    /// Where a link points to.
    public var linkTarget: String? {
        switch kind {
        case .symbolicLink(let target): target
        case .hardLink(let target): target
        default: nil
        }
    }

    /// The number of a device, major:minor.
    public var device: String? {
        if case .other(_, let device) = kind { return device }
        return nil
    }

    /// Bytes of a regular file.
    public var size: Int64? {
        if case .file(let size) = kind { return size }
        return nil
    }

    /// Whether it is a regular file, and not another name for one.
    public var isRegularFile: Bool { size != nil }

    /// Whether it is a directory.
    public var isDirectory: Bool { kind == .directory }
}

extension InstalledSize {
    /// KiB of a package's entries. A hard link is another name for a file that counts already.
    package static func kibibytes(of kinds: some Sequence<Entry.Kind>) -> Int64 {
        var sizes: [Int64] = []
        var others = 0
        for kind in kinds {
            switch kind {
            case .file(let size): sizes.append(size)
            case .symbolicLink(let target): sizes.append(Int64(target.utf8.count))
            case .hardLink: break
            case .directory, .other: others += 1
            }
        }
        return kibibytes(files: sizes, others: others)
    }
}
