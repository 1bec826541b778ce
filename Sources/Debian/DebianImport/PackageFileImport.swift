import Archive
import DebianArchive
import DebianBuild
import DebianFormat
import Documents
import ELF
import Files
import Platform

/// What an import has made.
public struct ImportOutcome: Sendable {
    /// The folder with `workspace.yaml`.
    public var directory: String
    /// The package folder in it.
    public var package: String
    /// What is worth knowing: keys without an equivalent, a workspace that cannot be planned.
    public var diagnostics: Diagnostics
    /// How the package that the workspace makes differs from the one that it was made of; nil where there is none.
    public var differences: PackageDiff?

    /// Whether the same package comes out of it, as far as that can be said before it is built.
    public var isFaithful: Bool { !diagnostics.hasErrors && differences?.isEmpty != false }
}

/// Turns a package file into a workspace that builds the same package.
public struct PackageFileImport {
    private let file: String
    private let limits: DebReadLimits

    /// - Parameter limits: bounds against hostile packages.
    public init(file: String, limits: DebReadLimits = DebReadLimits()) {
        self.file = file
        self.limits = limits
    }

    /// Writes the workspace.
    ///
    /// - Parameters:
    ///   - output: the folder to make, absolute; nil takes one of the package's name in `directory`.
    ///   - directory: the working directory.
    public func run(output: String?, in directory: String) async throws(ImportError) -> ImportOutcome {
        if let output { try OutputFolder.check(output) }
        do {
            let folder = try OutputFolder(in: output.map { LexicalPath.split($0).folder } ?? directory)
            let payload = try PayloadFolder(path: folder.path + "/payload")
            let image = try DebReader.read(file, limits: limits, scratchFolder: folder.path, receiver: payload)
            if !payload.faults.isEmpty { throw ImportError.refused(file: file, payload.faults) }
            var package = try ImportedPackage(image, file: file, folder: folder, payload: payload)
            let target = output ?? directory + "/" + package.name
            try OutputFolder.check(target)
            try package.layDown()
            let (diagnostics, differences) = try await package.writeSpecification()
            try folder.commit(as: target)
            return ImportOutcome(
                directory: target, package: package.name, diagnostics: diagnostics, differences: differences)
        } catch let error as ImportError {
            throw error
        } catch let error as DebReadError {
            throw .unreadable(error)
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .refused(file: file, ["\(error)"])
        }
    }
}

/// A package on its way into a workspace.
struct ImportedPackage {
    let name: String
    private let image: PackageImage
    private let file: String
    private let folder: OutputFolder
    private let payload: PayloadFolder
    private let version: DebianVersion
    private let architecture: Architecture
    private let layout: PayloadLayout
    private var control: ControlKeys
    private var scripts: [SpecEntry] = []
    private var triggers: [SpecEntry] = []
    /// Members of the control archive that are taken as they are, by name.
    private var rawMembers: [(name: String, mode: UInt16?)] = []
    private var moreRawFields: [SpecEntry] = []
    private var publishesLibraries = true
    private var symbols: String?
    private var obsoleteConffiles: [String] = []

    init(_ image: PackageImage, file: String, folder: OutputFolder, payload: PayloadFolder) throws {
        self.image = image
        self.file = file
        self.folder = folder
        self.payload = payload
        let isMapped: Bool
        do throws(FormatError) {
            name = try PackageName(image.control["Package"] ?? "").description
            version = try DebianVersion(image.control["Version"] ?? "")
            architecture = try Architecture(image.control["Architecture"] ?? "")
            isMapped = try DebianVersion.mapped(from: version.description) == version
        } catch {
            throw ImportError.refused(file: file, ["\(error)"])
        }
        layout = try PayloadLayout(image, name: name, version: version, payload: payload.path)
        control = ControlKeys(
            image.control, name: name, version: version.description,
            isMapped: isMapped, computedSize: image.computedInstalledSize)
    }

    // MARK: - files

    /// Puts every file where the specification has it.
    mutating func layDown() throws {
        let package = folder.path + "/" + name
        try FileTree.createDirectory(package)
        let declared = Set(layout.declaredLinks.map { ByteKey($0.path) })
        try payload.finish { declared.contains(ByteKey($0)) }
        let owned = Dictionary(
            image.entries.filter(\.isDirectory).map { (ByteKey($0.path), $0) }, uniquingKeysWith: { first, _ in first })
        for move in layout.moves {
            let source = payload.path + move.path
            let target = package + "/" + move.file
            try FileTree.createDirectories(LexicalPath.split(target).folder)
            if let contents = move.contents {
                try folder.put(contents, at: name + "/" + move.file)
                try FileTree.remove(source)
            } else {
                try FileTree.rename(source, to: target)
            }
            try removeEmptyFolders(from: LexicalPath.split(move.path).folder, owned: owned)
        }
        for entry in layout.declaredFolders {
            try FileTree.removeEmptyDirectory(payload.path + entry.path)
            try removeEmptyFolders(from: LexicalPath.split(entry.path).folder, owned: owned)
        }
        try payload.setFolderTimes()
        if try FileTree.children(of: payload.path).isEmpty {
            try FileTree.removeEmptyDirectory(payload.path)
        } else {
            try FileTree.rename(payload.path, to: package + "/root")
        }
        try layDownControl()
    }

    /// Removes folders of which nothing is left and of which nothing is said: the build makes them for what is below.
    private func removeEmptyFolders(from path: String, owned: [ByteKey: ImageEntry]) throws(FileError) {
        var path = path
        while path != "/" {
            guard owned[ByteKey(path)]?.isUsualFolder != false, try FileTree.children(of: payload.path + path).isEmpty
            else { return }
            try FileTree.removeEmptyDirectory(payload.path + path)
            path = LexicalPath.split(path).folder
        }
    }

    private mutating func layDownControl() throws(FileError) {
        for member in image.controlFiles {
            let isScript = MaintainerScriptName(rawValue: member.name) != nil
            let usual: UInt16 = isScript ? 0o755 : 0o644
            switch member.name {
            case "config", "templates": try layDownRaw(member, usual: usual)
            case _ where isScript:
                if member.permissions == 0o755, member.bytes.starts(with: "#!".utf8),
                    !member.bytes.contains("#DEBHELPER#".utf8)
                {
                    try folder.put(member.bytes, at: "\(name)/\(member.name)", permissions: 0o755)
                    scripts.append(SpecEntry(member.name, .text(member.name)))
                } else {
                    try layDownRaw(member, usual: usual)
                }
            case "triggers":
                // Others are taken as they are once the plan has shown that they differ.
                if let parsed = parsed({ () throws(FormatError) in try Trigger.parse(member.text) }),
                    Trigger.text(of: parsed) == member.text
                {
                    triggers = [SpecEntry("triggers", .list(parsed.map { .text($0.description) }))]
                }
            case "symbols":
                if hasSoundSymbols(member) {
                    try folder.put(member.bytes, at: "\(name)/\(name).symbols")
                    symbols = name + ".symbols"
                }
            case "conffiles":
                if let parsed = parsed({ () throws(FormatError) in try Conffiles(parsing: member.text) }) {
                    obsoleteConffiles = parsed.entries.filter(\.removeOnUpgrade).map(\.path)
                }
            case "md5sums":
                if !member.bytes.elementsEqual(computedChecksums.utf8) { try layDownRaw(member, usual: usual) }
            case "shlibs": break
            default: try layDownRaw(member, usual: usual)
            }
        }
        if image.controlFile("md5sums") == nil, !computedChecksums.isEmpty {
            try layDownRaw(ControlFile(name: "md5sums", permissions: 0o644, bytes: []), usual: 0o644)
        }
    }

    private mutating func layDownRaw(_ member: ControlFile, usual: UInt16) throws(FileError) {
        guard !rawMembers.contains(where: { $0.name == member.name }) else { return }
        try folder.put(member.bytes, at: "\(name)/control/\(member.name)")
        rawMembers.append((member.name, member.permissions == usual ? nil : member.permissions))
    }

    /// A value of a member; nil for one that breaks its format, which dpkg may take nevertheless.
    private func parsed<Value>(_ read: () throws(FormatError) -> Value) -> Value? {
        do throws(FormatError) { return try read() } catch { return nil }
    }

    private func hasSoundSymbols(_ member: ControlFile) -> Bool {
        guard member.bytes.count <= SourceFiles.textLimit,
            let parsed = parsed({ () throws(FormatError) in try SymbolsControlFile(parsing: member.text) }),
            member.text.utf8.elementsEqual(member.bytes)
        else { return false }
        let sonames = Set(image.entries.compactMap(\.elf?.soname))
        return parsed.libraries.allSatisfy { sonames.contains($0.soname) }
    }

    /// The `md5sums` that the build makes.
    private var computedChecksums: String {
        let conffiles = image.conffilePaths
        let byPath = Dictionary(
            image.entries.map { (ByteKey($0.path), $0.md5) }, uniquingKeysWith: { first, _ in first })
        return MD5Sums(
            entries: image.entries.compactMap { entry in
                guard !conffiles.contains(entry.path) else { return nil }
                var digest = entry.md5
                if case .hardLink(let target) = entry.kind {
                    digest = byPath[ByteKey("/" + (Entry.hardLinkTarget(target) ?? ""))] ?? nil
                }
                return digest.map { MD5Sums.Entry(digest: $0, path: entry.path.withoutFirstByte) }
            }
        ).text
    }

    // MARK: - specification

    /// Writes both documents, has them planned, and takes as it is what would come out of them otherwise.
    mutating func writeSpecification() async throws -> (Diagnostics, PackageDiff?) {
        try folder.put(Array(workspaceText.utf8), at: Workspace.fileName)
        try folder.put(Array(packageText.utf8), at: specificationName)
        var (diagnostics, plan) = await self.plan()
        guard let first = plan else { return (diagnostics, nil) }
        if try adapt(to: first) {
            try folder.replace(specificationName, with: packageText)
            (diagnostics, plan) = await self.plan()
        }
        return (diagnostics, plan.map(compare))
    }

    private var specificationName: String { name + "/" + Workspace.packageFileName }

    private func plan() async -> (Diagnostics, PackageImage?) {
        var diagnostics = Diagnostics()
        guard let workspace = Workspace.load(directory: folder.path, environment: [:], diagnostics: &diagnostics) else {
            return (diagnostics, nil)
        }
        var request = BuildRequest(cacheDirectory: folder.path, threads: 1, jobs: 1)
        request.packages = [name]
        if architecture != .all { request.architectures = [architecture] }
        let plans = await Builder(workspace: workspace, request: request, observer: SilentObserver())
            .plans(diagnostics: &diagnostics)
        // Warnings are about the original as well, so only errors are reported.
        var errors = Diagnostics()
        for item in diagnostics.all where item.severity == .error {
            errors.error(item.code, item.message, at: item.range, notes: item.notes, help: item.help)
        }
        guard let plan = plans.first else { return (errors, nil) }
        var planned = PackageImage(plan: plan)
        // The writer makes it, and whether it makes the same has been decided.
        if let sums = image.controlFile("md5sums") {
            planned.controlFiles.removeAll { $0.name == "md5sums" }
            planned.controlFiles.append(sums)
        } else {
            planned.controlFiles.removeAll { $0.name == "md5sums" }
        }
        return (errors, planned)
    }

    /// What differs but for the contents of files: a plan has no checksums, and its files are those that were laid down.
    private func compare(_ planned: PackageImage) -> PackageDiff {
        var options = PackageDiff.Options()
        options.comparesContents = false
        return PackageDiff.compare(image, planned, options: options)
    }

    /// Takes what differs in the control data as it is; false when nothing does.
    private mutating func adapt(to planned: PackageImage) throws(FileError) -> Bool {
        var isChanged = false
        let made = Dictionary(
            planned.controlFiles.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let original = Set(image.controlFiles.map(\.name))
        for member in planned.controlFiles where !original.contains(member.name) {
            isChanged = true
            if ["shlibs", "triggers"].contains(member.name), !original.contains("shlibs") {
                publishesLibraries = false
            } else {
                try layDownRaw(ControlFile(name: member.name, permissions: 0o644, bytes: []), usual: 0o644)
            }
        }
        for member in image.controlFiles where made[member.name] != member {
            isChanged = true
            if member.name == "triggers" { triggers = [] }
            let isScript = MaintainerScriptName(rawValue: member.name) != nil
            try layDownRaw(member, usual: isScript ? 0o755 : 0o644)
        }
        for change in compare(planned).fields {
            isChanged = true
            let value = change.old ?? ""
            moreRawFields.append(SpecEntry(change.name, value.contains("\n") ? .lines(value) : .text(value)))
        }
        return isChanged
    }

    private var workspaceText: String {
        var entries = [
            SpecEntry(
                "version", .text(version.description),
                remark: "What all packages of this folder share. Every key: debbuild schema workspace --form markdown"),
            SpecEntry("output", .text("out")),
        ]
        if let maintainer = control.maintainer {
            entries.append(SpecEntry("defaults", .mapping([SpecEntry("maintainer", .text(maintainer))])))
        }
        return SpecText.document(entries)
    }

    private var packageText: String {
        let name = image.fileName ?? LexicalPath.split(file).name
        var text = "# Imported from \(DisplayText.inline(name)). Every key: debbuild schema package --form markdown\n"
        var entries = control.identity
        if !control.fields.isEmpty { entries.append(SpecEntry("fields", .mapping(control.fields))) }
        let raw = control.rawFields + moreRawFields
        if !raw.isEmpty {
            entries.append(
                SpecEntry(
                    "raw-fields", .mapping(raw),
                    remark:
                        "as they were; drop Installed-Size once you change the files, and an empty field is left out"))
        }
        if let compression { entries.append(SpecEntry("compression", .text(compression))) }
        entries += control.relations
        if image.entries.contains(where: { $0.elf.map { $0.type != .relocatable } ?? false }) {
            entries.append(
                SpecEntry(
                    "shlib-depends", .flag(false),
                    remark: "the relations above name the libraries; true takes them from the programs"))
        }
        if !publishesLibraries { entries.append(SpecEntry("public-libraries", .flag(false))) }
        if let symbols { entries.append(SpecEntry("symbols", .text(symbols))) }
        let contents = contents
        if !contents.isEmpty { entries.append(SpecEntry("contents", .list(contents))) }
        if let logrotate = layout.logrotate { entries.append(SpecEntry("logrotate", .text(logrotate))) }
        if !scripts.isEmpty { entries.append(SpecEntry("scripts", .mapping(scripts))) }
        entries += triggers
        if !layout.conffiles.isEmpty {
            entries.append(SpecEntry("conffiles", .list(layout.conffiles.map { .text($0) })))
        }
        if !obsoleteConffiles.isEmpty {
            entries.append(SpecEntry("obsolete-conffiles", .list(obsoleteConffiles.map { .text($0) })))
        }
        if !rawMembers.isEmpty {
            let members = rawMembers.map { member -> SpecValue in
                var entries = [SpecEntry("file", .text("control/" + member.name))]
                if let mode = member.mode { entries.append(SpecEntry("mode", .text(ModeText.octal(mode)))) }
                return .mapping(entries)
            }
            entries.append(
                SpecEntry("control-files", .list(members), remark: "as they were, in place of what would be made"))
        }
        entries += layout.documents
        let date = image.timeLimit ?? image.entries.map(\.modificationTime).max() ?? 0
        if date != layout.changelogTime { entries.append(SpecEntry("source-date-epoch", .number(max(0, date)))) }
        text += SpecText.document(entries)
        return text
    }

    private var compression: String? {
        switch image.members.first(where: { $0.name.hasPrefix("data.tar") })?.compression {
        case "gzip": "gzip"
        case "zstd": "zstd"
        case "none": "none"
        default: nil
        }
    }

    private var contents: [SpecValue] {
        var items: [SpecValue] = []
        let tree = layout.tree
        if let root = layout.root { items.append(Self.directory(root)) }
        if !tree.isEmpty {
            var entries = [SpecEntry("tree", .text("root")), SpecEntry("to", .text("/"))]
            if layout.hasAbsoluteLinks { entries.append(SpecEntry("absolute-links", .text("keep"))) }
            var rules = OwnershipRules(tree, isForeign: isForeign).values
            if layout.etcIsConfiguration {
                rules.append(.mapping([SpecEntry("match", .text("/etc/**")), SpecEntry("conffile", .flag(true))]))
            }
            if !rules.isEmpty { entries.append(SpecEntry("rules", .list(rules))) }
            items.append(.mapping(entries))
        }
        items += layout.placed.map { .mapping([$0]) }
        items += (layout.declaredFolders + layout.claimedFolders).map(Self.directory)
        items += layout.declaredLinks.map { link in
            .mapping([SpecEntry("symlink", .text(link.path)), SpecEntry("target", .text(link.linkTarget ?? ""))])
        }
        return items
    }

    private static func directory(_ entry: ImageEntry) -> SpecValue {
        var entries = [SpecEntry("directory", .text(entry.path))]
        if entry.permissions != 0o755 { entries.append(SpecEntry("mode", .text(ModeText.octal(entry.permissions)))) }
        let owner = OwnerTable.text(entry.owner, isGroup: false)
        let group = OwnerTable.text(entry.group, isGroup: true)
        if let owner { entries.append(SpecEntry("owner", .text(owner))) }
        if group != owner { entries.append(SpecEntry("group", .text(group ?? "root"))) }
        return .mapping(entries)
    }

    /// Whether the planner would take the file for a mistake.
    private func isForeign(_ entry: ImageEntry) -> Bool {
        if entry.malformedELF != nil, entry.size ?? 0 >= 64 { return true }
        guard let elf = entry.elf else { return false }
        return architecture.machine.map { $0 != elf.machine } ?? (architecture == .all)
    }
}

/// Says nothing.
private struct SilentObserver: BuildObserver {
    func note(_ text: String) {}
    func began(_ plan: BuildPlan) {}
    func advanced(_ plan: BuildPlan, bytes: Int) {}
    func finished(_ outcome: BuildOutcome) {}
}
