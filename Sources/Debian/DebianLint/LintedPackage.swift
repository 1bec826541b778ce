import Archive
import DebianArchive
import DebianFormat
import Files
import Platform

/// A package as the rules look at it: the image with what several rules need worked out once.
public struct LintedPackage: Sendable {
    /// The package.
    public let image: PackageImage
    /// Packages whose files are known though they are not at hand.
    public let knownPackages: [KnownPackage]
    /// Entries by installed path; of two at one path the last, as dpkg unpacks them.
    public let entries: EntryIndex
    /// Maintainer scripts that are shell scripts.
    public let scripts: [MaintainerScriptName: ShellScript]
    /// Fields that hold relations and parse.
    public let relations: [RelationField.Kind: RelationField]
    /// systemd units of the package.
    public let units: [UnitFile]
    /// Shell scripts among the files of the package.
    public let shippedScripts: [(path: String, script: ShellScript)]
    /// How many shell scripts, units and files of sysusers.d and tmpfiles.d were left out because those before them are too
    /// many, or too large together.
    public let unreadFiles: Int
    private let scriptPositions: [ByteKey: Int]
    /// The first relation to each package by field.
    private let related: [RelationField.Kind: [String: Relation]]
    /// The paths that `conffiles` lists, remove-on-upgrade left out.
    public let conffiles: PathSet
    /// Users that the package's sysusers.d files make (sysusers.d(5)).
    public let sysusers: Set<String>
    /// Lines of the package's tmpfiles.d files, split into words (tmpfiles.d(5)).
    public let temporaryFileLines: [[String]]

    /// Works a package out.
    public init(_ image: PackageImage, knownPackages: [KnownPackage] = []) {
        self.image = image
        self.knownPackages = knownPackages
        entries = EntryIndex(image.entries)
        var scripts: [MaintainerScriptName: ShellScript] = [:]
        for name in MaintainerScriptName.allCases {
            guard let file = image.controlFile(name.rawValue) else { continue }
            let script = ShellScript(file.bytes)
            if script.isShell { scripts[name] = script }
        }
        self.scripts = scripts
        var relations: [RelationField.Kind: RelationField] = [:]
        for kind in RelationField.Kind.allCases {
            guard let text = image.control[kind.rawValue] else { continue }
            // The rule for control fields reports a malformed field; the other rules skip it.
            relations[kind] = try? RelationField(parsing: text, field: kind)
        }
        self.relations = relations
        related = relations.mapValues { field in
            Dictionary(
                field.groups.joined().lazy.map { ($0.package.description, $0) }, uniquingKeysWith: { first, _ in first }
            )
        }
        var texts = RuleTexts()
        for entry in image.entries { texts.take(entry) }
        (units, shippedScripts, unreadFiles) = (texts.units, texts.scripts, texts.unread)
        scriptPositions = Dictionary(
            texts.scripts.enumerated().map { (ByteKey($1.path), $0) }, uniquingKeysWith: { first, _ in first })
        sysusers = Set(
            texts.sysusers.compactMap { words in words.count > 1 && words[0].startsBytewise("u") ? words[1] : nil })
        temporaryFileLines = texts.temporaryFileLines
        conffiles = image.conffilePaths
    }

    /// The package's name as its control data has it.
    public var name: String { image.control["Package"] ?? "" }

    /// All shell scripts: the maintainer's first, then those among the files.
    public var allScripts: [(subject: String, script: ShellScript)] {
        MaintainerScriptName.allCases.compactMap { name in scripts[name].map { (name.rawValue, $0) } }
            + shippedScripts.map { ($0.path, $0.script) }
    }

    /// Whether `Depends` or `Pre-Depends` names a package, also as one of several alternatives.
    public func depends(on package: String) -> Bool {
        relates(.depends, to: package) || relates(.preDepends, to: package)
    }

    /// Whether a field names a package.
    public func relates(_ kind: RelationField.Kind, to package: String) -> Bool {
        relation(kind, to: package) != nil
    }

    /// The first relation to a package in a field.
    public func relation(_ kind: RelationField.Kind, to package: String) -> Relation? {
        related[kind]?[package]
    }

    /// The shell script among the files of the package at a path.
    public func shippedScript(at path: String) -> ShellScript? {
        scriptPositions[ByteKey(path)].map { shippedScripts[$0].script }
    }
}

/// The texts among a package's files that rules read, as far as they are no more together than those of any sound package:
/// a few kilobytes can unpack to millions of lines.
private struct RuleTexts {
    var units: [UnitFile] = []
    var scripts: [(path: String, script: ShellScript)] = []
    var sysusers: [[String]] = []
    var temporaryFileLines: [[String]] = []
    var unread = 0
    private var unitBytes = 0
    private var configurationBytes = 0
    private var commands = 0
    private var words = 0

    /// Units; systemd itself has some 400 of half a megabyte.
    private static let unitLimit = 10_000
    private static let unitByteLimit = 2 << 20
    /// Files of sysusers.d and tmpfiles.d.
    private static let configurationByteLimit = 1 << 20
    private static let scriptLimit = 20_000
    private static let commandLimit = 250_000
    private static let wordLimit = 1_000_000

    mutating func take(_ entry: ImageEntry) {
        guard let text = entry.facts.text else { return }
        if Self.isUnitPath(entry.path) {
            guard units.count < Self.unitLimit, unitBytes + text.count <= Self.unitByteLimit else { return unread += 1 }
            unitBytes += text.count
            units.append(UnitFile(path: entry.path, text: text))
        } else if entry.path.endsBytewise(".conf") {
            let isUsers = entry.path.contains("/sysusers.d/")
            guard isUsers || entry.path.contains("/tmpfiles.d/") else { return }
            guard configurationBytes + text.count <= Self.configurationByteLimit else { return unread += 1 }
            configurationBytes += text.count
            if isUsers { sysusers += Self.lines(text) } else { temporaryFileLines += Self.lines(text) }
        }
        // Examples in the documentation are not run as they are.
        if text.starts(with: "#!".utf8), !entry.path.startsBytewise("/usr/share/doc/") { takeScript(entry.path, text) }
    }

    private mutating func takeScript(_ path: String, _ text: [UInt8]) {
        guard ShellScript.isShell(text) else { return }
        guard scripts.count < Self.scriptLimit, commands < Self.commandLimit, words < Self.wordLimit else {
            return unread += 1
        }
        let script = ShellScript(text)
        commands += script.commands.count
        words += script.commands.reduce(0) { $0 + $1.words.count + 2 * $1.redirections.count }
        scripts.append((path, script))
    }

    private static func isUnitPath(_ path: String) -> Bool {
        let folders = ["/lib/systemd/system/", "/usr/lib/systemd/system/", "/etc/systemd/system/"]
        guard let folder = folders.first(where: { path.startsBytewise($0) }) else { return false }
        let name = path.dropFirst(folder.count)
        let types = [
            ".service", ".socket", ".timer", ".path", ".mount", ".automount", ".target", ".slice", ".swap", ".scope",
        ]
        return !name.contains("/") && types.contains { name.endsBytewise($0) }
    }

    private static func lines(_ text: [UInt8]) -> [[String]] {
        Lines(text).compactMap { line in
            let words = Ascii.words(line.bytes)
            return words.isEmpty || words[0].first == UInt8(ascii: "#") ? nil : words.map { Ascii.text($0) }
        }
    }
}

/// Entries by path, without a second copy of them.
public struct EntryIndex: Sendable {
    private let entries: [ImageEntry]
    private let first: [ByteKey: Int]
    /// The last positions of paths that are there more than once.
    private let last: [ByteKey: Int]

    init(_ entries: [ImageEntry]) {
        self.entries = entries
        var first: [ByteKey: Int] = [:]
        var last: [ByteKey: Int] = [:]
        first.reserveCapacity(entries.count)
        for position in entries.indices {
            let key = ByteKey(entries[position].path)
            if first[key] == nil { first[key] = position } else { last[key] = position }
        }
        (self.first, self.last) = (first, last)
    }

    /// The entry at an installed path.
    public subscript(path: String) -> ImageEntry? {
        position(of: path).map { entries[$0] }
    }

    /// The position of the entry at an installed path.
    func position(of path: String) -> Int? {
        let key = ByteKey(path)
        guard let position = first[key] else { return nil }
        return last.isEmpty ? position : last[key] ?? position
    }

    /// The position of the first entry at a path.
    func firstPosition(of path: String) -> Int? { first[ByteKey(path)] }

    /// Whether an entry at a path stands before a position.
    func hasEntry(at path: String, before position: Int) -> Bool { first[ByteKey(path)].map { $0 < position } ?? false }
}

/// A package that is not at hand and whose files are known anyway: what depends on it may rely on them.
public struct KnownPackage: Sendable, Hashable {
    /// The package's name.
    public var name: String
    /// Paths of its files.
    public var files: Set<String>

    /// Creates a known package.
    public init(name: String, files: Set<String>) {
        self.name = name
        self.files = files
    }
}
