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
    /// How many shell scripts were left out because those before them have too many commands together.
    public let unreadScripts: Int
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
        units = image.entries.compactMap { entry in
            guard let text = entry.text, Self.isUnitPath(entry.path) else { return nil }
            return UnitFile(path: entry.path, text: text)
        }
        (shippedScripts, unreadScripts) = Self.shippedScripts(image)
        conffiles = image.conffilePaths
        sysusers = Set(
            Self.configurationLines(image, in: "/sysusers.d/").compactMap { words in
                words.count > 1 && words[0].startsBytewise("u") ? words[1] : nil
            })
        temporaryFileLines = Self.configurationLines(image, in: "/tmpfiles.d/")
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
        relations[kind]?.groups.joined().first { $0.package.description == package }
    }

    // MARK: - what is where

    /// Commands of all shipped scripts together: a few kilobytes can unpack to millions.
    private static let commandLimit = 250_000

    private static func shippedScripts(
        _ image: PackageImage
    ) -> (scripts: [(path: String, script: ShellScript)], unread: Int) {
        var scripts: [(path: String, script: ShellScript)] = []
        var (commands, unread) = (0, 0)
        for entry in image.entries {
            // Examples in the documentation are not run as they are.
            guard let text = entry.text, text.starts(with: "#!".utf8), !entry.path.startsBytewise("/usr/share/doc/")
            else {
                continue
            }
            guard commands < commandLimit else {
                unread += 1
                continue
            }
            let script = ShellScript(text)
            guard script.isShell else { continue }
            commands += script.commands.count
            scripts.append((entry.path, script))
        }
        return (scripts, unread)
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

    private static func configurationLines(_ image: PackageImage, in folder: String) -> [[String]] {
        image.entries.flatMap { entry -> [[String]] in
            guard let text = entry.text, entry.path.contains(folder), entry.path.endsBytewise(".conf") else {
                return []
            }
            return TextLines.of(text).map { $0.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init) }
                .filter { !$0.isEmpty && !$0[0].startsBytewise("#") }
        }
    }
}

/// Entries by path, without a second copy of them.
public struct EntryIndex: Sendable {
    private let entries: [ImageEntry]
    private let places: [ByteKey: Int]

    init(_ entries: [ImageEntry]) {
        self.entries = entries
        places = Dictionary(
            entries.indices.lazy.map { (ByteKey(entries[$0].path), $0) }, uniquingKeysWith: { _, last in last })
    }

    /// The entry at an installed path.
    public subscript(path: String) -> ImageEntry? { places[ByteKey(path)].map { entries[$0] } }
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
