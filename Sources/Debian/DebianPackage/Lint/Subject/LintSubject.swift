import Archive
import DebianFormat
import Files

/// A package as the rules look at it: the image with what several rules need worked out once.
struct LintSubject: Sendable {
    /// The package.
    let image: PackageImage
    /// Seconds since 1970 that no modification time may exceed.
    let latestTime: Int64?
    /// Entries by installed path; of two at one path the last, as dpkg unpacks them.
    let entries: EntryIndex
    /// Maintainer scripts that are shell scripts.
    let scripts: [MaintainerScriptName: ShellScript]
    /// Fields that hold relations and parse.
    let relations: [RelationField.Kind: RelationField]
    /// systemd units of the package.
    let units: [UnitFile]
    /// Shell scripts among the files of the package.
    let shippedScripts: [(path: String, script: ShellScript)]
    /// The paths that `conffiles` lists, remove-on-upgrade left out.
    let conffiles: Set<String>
    /// Users that the package's sysusers.d files make (sysusers.d(5)).
    let sysusers: Set<String>
    /// Lines of the package's tmpfiles.d files, split into words (tmpfiles.d(5)).
    let temporaryFileLines: [[String]]

    init(_ image: PackageImage, latestTime: Int64? = nil) {
        self.image = image
        self.latestTime = [latestTime, image.timeLimit].compactMap { $0 }.min()
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
            relations[kind] = try? RelationField(parsing: text, field: kind)
        }
        self.relations = relations
        units = image.entries.compactMap { entry in
            guard let text = entry.text, Self.isUnitPath(entry.path) else { return nil }
            return UnitFile(path: entry.path, text: text)
        }
        shippedScripts = image.entries.compactMap { entry in
            // Examples in the documentation are nobody's to run as they are.
            guard let text = entry.text, text.starts(with: Array("#!".utf8)), !entry.path.hasPrefix("/usr/share/doc/")
            else { return nil }
            let script = ShellScript(text)
            return script.isShell ? (entry.path, script) : nil
        }
        conffiles = Self.conffilePaths(image)
        sysusers = Set(
            Self.configurationLines(image, in: "/sysusers.d/").compactMap { words in
                words.count > 1 && words[0].hasPrefix("u") ? words[1] : nil
            })
        temporaryFileLines = Self.configurationLines(image, in: "/tmpfiles.d/")
    }

    /// The package's name as its control data has it.
    var name: String { image.control["Package"] ?? "" }

    /// All shell scripts: the maintainer's first, then those among the files.
    var allScripts: [(subject: String, script: ShellScript)] {
        MaintainerScriptName.allCases.compactMap { name in scripts[name].map { (name.rawValue, $0) } }
            + shippedScripts.map { ($0.path, $0.script) }
    }

    /// Whether `Depends` or `Pre-Depends` names a package, also as one of several alternatives.
    func depends(on package: String) -> Bool {
        relates(.depends, to: package) || relates(.preDepends, to: package)
    }

    /// Whether a field names a package.
    func relates(_ kind: RelationField.Kind, to package: String) -> Bool {
        relation(kind, to: package) != nil
    }

    /// The first relation to a package in a field.
    func relation(_ kind: RelationField.Kind, to package: String) -> Relation? {
        relations[kind]?.groups.joined().first { $0.package.description == package }
    }

    // MARK: - what is where

    private static func isUnitPath(_ path: String) -> Bool {
        let folders = ["/lib/systemd/system/", "/usr/lib/systemd/system/", "/etc/systemd/system/"]
        guard let folder = folders.first(where: { path.hasPrefix($0) }) else { return false }
        let name = path.dropFirst(folder.count)
        let types = [
            ".service", ".socket", ".timer", ".path", ".mount", ".automount", ".target", ".slice", ".swap", ".scope",
        ]
        return !name.contains("/") && types.contains { name.hasSuffix($0) }
    }

    static func conffilePaths(_ image: PackageImage) -> Set<String> {
        guard let file = image.controlFile("conffiles") else { return [] }
        // Read leniently: what is wrong with the file is another rule's business.
        return Set(
            TextLines.of(file.bytes).compactMap { line in
                let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
                return words.first?.hasPrefix("/") == true ? words.first.map(String.init) : nil
            })
    }

    private static func configurationLines(_ image: PackageImage, in folder: String) -> [[String]] {
        image.entries.flatMap { entry -> [[String]] in
            guard let text = entry.text, entry.path.contains(folder), entry.path.hasSuffix(".conf") else { return [] }
            return TextLines.of(text).map { $0.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init) }
                .filter { !$0.isEmpty && !$0[0].hasPrefix("#") }
        }
    }
}

/// Entries by path, without a second copy of them.
struct EntryIndex: Sendable {
    private let entries: [ImageEntry]
    private let places: [String: Int]

    init(_ entries: [ImageEntry]) {
        self.entries = entries
        places = Dictionary(entries.indices.map { (entries[$0].path, $0) }, uniquingKeysWith: { _, last in last })
    }

    subscript(path: String) -> ImageEntry? { places[path].map { entries[$0] } }
}

extension ImageEntry {
    var isRegularFile: Bool {
        if case .file = kind { return true }
        return false
    }

    var isDirectory: Bool { kind == .directory }

    /// The last component of the path.
    var fileName: Substring { LexicalPath.components(path).last ?? "" }
}

extension PackageImage {
    /// A member of `control.tar` by name.
    func controlFile(_ name: String) -> ControlFile? { controlFiles.first { $0.name == name } }
}
