import Archive
import DebianArchive
import DebianBuild
import DebianFormat
import Files
import Platform

/// Decides for each entry of a package how the specification has it: a key of its own where there is one, and the tree
/// with all others.
struct PayloadLayout {
    /// A file that leaves the tree for a place beside `package.yaml`.
    struct Move {
        /// Its path in the package.
        var path: String
        /// The file in the package folder.
        var file: String
        /// What the file has instead of the packaged bytes, where these are compressed again by the build.
        var contents: [UInt8]?
    }

    /// Files that leave the tree.
    private(set) var moves: [Move] = []
    /// Symbolic links that are declared and not laid down.
    private(set) var declaredLinks: [ImageEntry] = []
    /// Empty directories that are declared.
    private(set) var declaredFolders: [ImageEntry] = []
    /// Whether absolute links stay in the tree.
    private(set) var hasAbsoluteLinks = false
    /// `changelog` to `manual-pages`.
    private(set) var documents: [SpecEntry] = []
    /// Items with a place of their own.
    private(set) var placed: [SpecEntry] = []
    /// `logrotate`.
    private(set) var logrotate: String?
    /// When the newest entry of the changelog was written; nil where there is none that can be a key.
    private(set) var changelogTime: Int64?
    /// Conffiles that are left to be said.
    private(set) var conffiles: [String] = []
    /// Whether all files below /etc, and no others, are conffiles.
    private(set) var etcIsConfiguration = false
    /// The root directory, if there is something to be said about it.
    private(set) var root: ImageEntry?

    private let image: PackageImage
    private let folder: String
    private let name: String
    private let version: DebianVersion
    /// Paths whose file has several names.
    private var linked: Set<ByteKey> = []
    private let isConffile: Set<ByteKey>
    private var pages: [Move] = []

    /// A specification with more links or empty directories than this leaves them in the tree.
    private static let itemLimit = 40

    /// A specification with more manual pages than this leaves all of them in the tree.
    private static let pageLimit = 12

    /// - Parameter folder: where the payload lies.
    init(_ image: PackageImage, name: String, version: DebianVersion, payload folder: String) throws(FileError) {
        self.image = image
        self.folder = folder
        self.name = name
        self.version = version
        isConffile = image.conffilePaths.keys
        for entry in image.entries {
            guard case .hardLink(let target) = entry.kind else { continue }
            linked.insert(ByteKey(entry.path))
            linked.insert(ByteKey("/" + (Entry.hardLinkTarget(target) ?? target)))
        }
        for entry in image.entries { try sort(entry) }
        if !pages.isEmpty, pages.count <= Self.pageLimit {
            documents.append(
                SpecEntry("manual-pages", .list(pages.map { .text(SourcePattern.quoted($0.file)) })))
            moves += pages
        }
        addFoldersAndLinks()
        addConffiles()
    }

    /// What stays in the tree.
    var tree: [ImageEntry] {
        let gone = Set(
            (moves.map(\.path) + declaredLinks.map(\.path) + declaredFolders.map(\.path)).map { ByteKey($0) } + [
                ByteKey("/")
            ])
        return image.entries.filter { !gone.contains(ByteKey($0.path)) }
    }

    /// Folders that the package owns although a tree alone does not say so.
    var claimedFolders: [ImageEntry] {
        let declared = Set(declaredFolders.map { ByteKey($0.path) })
        return image.entries.filter { entry in
            UnclaimedFolders.paths.contains(entry.path) && !declared.contains(ByteKey(entry.path))
                && entry.isUsualFolder
        }
    }

    // MARK: - keys

    private mutating func sort(_ entry: ImageEntry) throws(FileError) {
        if entry.path == "/" {
            if !entry.isUsualFolder { root = entry }
            return
        }
        guard case .file(let size) = entry.kind, entry.permissions == 0o644, !linked.contains(ByteKey(entry.path)),
            entry.belongsToRoot
        else { return }
        let isConffile = isConffile.contains(ByteKey(entry.path))
        if isConffile, entry.path == "/etc/logrotate.d/" + name {
            logrotate = name + ".logrotate"
            moves.append(Move(path: entry.path, file: name + ".logrotate"))
            return
        }
        for place in SystemPlace.allCases where place != .appArmor && place.isConffile == isConffile {
            let own = LexicalPath.split(entry.path).name
            guard place.path(of: own).hasSameBytes(as: entry.path) else { continue }
            let file = place.rawValue + "/" + own
            placed.append(SpecEntry(place.rawValue, .text(SourcePattern.quoted(file))))
            moves.append(Move(path: entry.path, file: file))
            return
        }
        if !isConffile { try sortDocument(entry, size: size) }
    }

    private mutating func sortDocument(_ entry: ImageEntry, size: Int64) throws(FileError) {
        let documentation = "/usr/share/doc/\(name)/"
        switch entry.path {
        case documentation + "copyright": addDocument("copyright", entry, file: "copyright")
        case "/usr/share/lintian/overrides/" + name: addDocument("lintian-overrides", entry, file: "lintian-overrides")
        case documentation + (version.revision == nil ? "changelog.gz" : "changelog.Debian.gz"):
            try addChangelog(entry, size: size)
        default:
            if version.revision != nil, entry.path == documentation + "changelog.gz" {
                guard let text = try recompressible(entry, size: size) else { return }
                documents.append(SpecEntry("upstream-changelog", .text("upstream-changelog")))
                moves.append(Move(path: entry.path, file: "upstream-changelog", contents: text))
            } else if entry.path.hasPrefix("/usr/share/man/"), entry.path.hasSuffix(".gz") {
                try addPage(entry, size: size)
            }
        }
    }

    private mutating func addDocument(_ key: String, _ entry: ImageEntry, file: String) {
        documents.append(SpecEntry(key, .text(file)))
        moves.append(Move(path: entry.path, file: file))
    }

    private mutating func addChangelog(_ entry: ImageEntry, size: Int64) throws(FileError) {
        guard let stored = try bytes(entry, size: size), let text = Self.decompressed(stored) else { return }
        let newest: ChangelogEntry
        do throws(FormatError) {
            guard let first = try Changelog.parse(String(decoding: text, as: UTF8.self)).first else { return }
            newest = first
        } catch {
            // Whatever it is, it stays in the tree.
            return
        }
        guard [name, image.control["Source"]?.split(separator: " ").first.map(String.init)].contains(newest.package)
        else { return }
        changelogTime = newest.timestamp
        let isMadeAgain = Self.isMadeAgain(stored, of: text)
        let file = isMadeAgain ? "changelog" : "changelog.gz"
        documents.append(SpecEntry("changelog", .text(file)))
        moves.append(Move(path: entry.path, file: file, contents: isMadeAgain ? text : nil))
    }

    private mutating func addPage(_ entry: ImageEntry, size: Int64) throws(FileError) {
        let (folder, compressed) = LexicalPath.split(entry.path)
        let page = String(compressed.dropLast(3))
        let language = LexicalPath.components(folder).dropFirst(3).first.flatMap(ManualPage.language)
        let place = language.map { $0 + "/" } ?? ""
        guard let section = page.split(separator: ".").last?.first, folder == "/usr/share/man/\(place)man\(section)",
            ("1"..."9").contains(section), page.contains("."), pages.count <= Self.pageLimit,
            !page.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }), let text = try recompressible(entry, size: size)
        else { return }
        pages.append(Move(path: entry.path, file: "man/" + place + page, contents: text))
    }

    /// The contents of a file of which compression makes the same bytes again; nil for any other.
    private func recompressible(_ entry: ImageEntry, size: Int64) throws(FileError) -> [UInt8]? {
        // What is compressed again gets the package's own date.
        guard image.timeLimit.map({ $0 <= entry.modificationTime }) ?? true,
            let stored = try bytes(entry, size: size), let text = Self.decompressed(stored),
            Self.isMadeAgain(stored, of: text)
        else { return nil }
        return text
    }

    private static func decompressed(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.starts(with: [0x1f, 0x8b]) else { return nil }
        do {
            let text = try GzipFile.decompress(bytes, limit: SourceFiles.textLimit)
            return String(validating: text, as: UTF8.self) == nil ? nil : text
        } catch {
            // Damaged or too large: it stays in the tree as it is.
            return nil
        }
    }

    /// Whether the build's compressor makes these bytes of a text.
    private static func isMadeAgain(_ stored: [UInt8], of text: [UInt8]) -> Bool {
        do {
            return try GzipFile.compress(text) == stored
        } catch {
            return false
        }
    }

    private func bytes(_ entry: ImageEntry, size: Int64) throws(FileError) -> [UInt8]? {
        guard size <= Int64(SourceFiles.textLimit) else { return nil }
        return try FileTree.readWhole(folder + entry.path, limit: SourceFiles.textLimit)
    }

    // MARK: - what a tree cannot hold

    private mutating func addFoldersAndLinks() {
        var filled: Set<ByteKey> = []
        for entry in image.entries { filled.insert(ByteKey(LexicalPath.split(entry.path).folder)) }
        let empty = image.entries.filter { $0.isDirectory && $0.path != "/" && !filled.contains(ByteKey($0.path)) }
        if empty.count <= Self.itemLimit { declaredFolders = empty }
        let absolute = image.entries.filter { entry in
            guard case .symbolicLink(let target) = entry.kind else { return false }
            return LexicalPath.isAbsolute(target)
        }
        // A link that is declared belongs to root.
        let isDeclarable = absolute.allSatisfy {
            OwnerTable.text($0.owner, isGroup: false) == nil && OwnerTable.text($0.group, isGroup: true) == nil
        }
        if isDeclarable, absolute.count <= Self.itemLimit {
            declaredLinks = absolute
        } else {
            hasAbsoluteLinks = true
        }
    }

    private mutating func addConffiles() {
        let moved = Set(moves.map { ByteKey($0.path) })
        let files = Set(image.entries.filter(\.isRegularFile).map { ByteKey($0.path) })
        let left = isConffile.filter { !moved.contains($0) && files.contains($0) }
        let below = files.filter { $0.text.hasPrefix("/etc/") && !moved.contains($0) }
        if !left.isEmpty, left == below {
            etcIsConfiguration = true
        } else {
            conffiles = left.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }
}

extension ImageEntry {
    /// Whether it has the owner and group that entries have when nothing is said.
    var belongsToRoot: Bool {
        OwnerTable.text(owner, isGroup: false) == nil && OwnerTable.text(group, isGroup: true) == nil
    }

    /// Whether it is a folder of which there is nothing to say.
    var isUsualFolder: Bool { isDirectory && permissions == 0o755 && belongsToRoot }
}
