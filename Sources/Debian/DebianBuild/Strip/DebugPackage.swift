import Archive
import DebianArchive
import DebianFormat
import DebianManifest
import Documents
import Files
import Platform

/// The package `NAME-dbgsym` with what debuggers want of a package's machine code, as dh_strip(1) and dh_gencontrol(1)
/// make it.
enum DebugPackage {
    private static let suffix = "-dbgsym"

    /// The fields of the package that say nothing about its symbols.
    private static let dropped: Set<String> = [
        "pre-depends", "recommends", "suggests", "enhances", "provides", "essential", "conflicts", "breaks", "replaces",
        "homepage", "important", "protected", "build-essential", "built-using", "static-built-using",
    ]

    /// The packages whose symbols are kept for one: those for which nobody has declared one, and that are none themselves.
    ///
    /// - Parameter packages: those that are planned. What is in them must not depend on which these are, so the folders of
    ///   the workspace count too.
    static func subjects(among packages: [PackageName], in workspace: Workspace) -> Set<PackageName> {
        // What is wrong with the workspace has been reported.
        var ignored = Diagnostics()
        let declared = Set(packages.map(\.description) + workspace.packageNames(diagnostics: &ignored))
        return Set(
            packages.filter { package in
                let name = package.description
                return !["-dbg", suffix].contains { name.hasSuffix($0) } && !declared.contains(name + suffix)
            })
    }

    /// The plan of the package, or nil after a diagnostic.
    ///
    /// - Parameters:
    ///   - plan: that of the package whose symbols they are.
    ///   - files: sorted by build identifier, each there once.
    static func plan(
        for plan: BuildPlan, _ files: [DebugFile], at name: Located<PackageName>, diagnostics: inout Diagnostics
    ) -> BuildPlan? {
        let package: PackageName
        do throws(FormatError) { package = try PackageName(plan.package.description + suffix) } catch {
            diagnostics.error("dbgsym", "\(error)", at: name.range, help: "set 'dbgsym: false'")
            return nil
        }
        var collector = EntryCollector(sourceDateEpoch: plan.sourceDateEpoch)
        let (user, group) = (OwnerTable.user("root"), OwnerTable.group("root"))
        for file in files {
            collector.add(
                "/usr/lib/debug/.build-id/\(file.buildID.prefix(2))/\(file.buildID.dropFirst(2)).debug",
                kind: .file(size: file.status.size), permissions: 0o644, owner: user, group: group,
                modificationTime: plan.sourceDateEpoch, source: .file(path: file.path, status: file.status),
                range: name.range, diagnostics: &diagnostics)
        }
        collector.add(
            "/usr/share/doc/\(package)", kind: .symbolicLink(target: plan.package.description), permissions: 0o777,
            owner: user, group: group, modificationTime: plan.sourceDateEpoch, source: .nothing, range: name.range,
            diagnostics: &diagnostics)
        let entries = collector.takeSorted()
        var debug = BuildPlan(
            package: package, version: plan.version, architecture: plan.architecture,
            control: control(of: plan, package, files, entries), controlFiles: [], entries: entries,
            compression: plan.compression.with(branchFilter: .none), sourceDateEpoch: plan.sourceDateEpoch)
        debug.toolPackages = plan.toolPackages
        debug.scenario = PackageScenario(
            package: package.description, version: plan.version.description,
            architecture: debug.control["Multi-Arch"] == nil ? nil : plan.architecture.description,
            origin: "the specification that debbuild built it from")
        let length = debug.scenarioFileName.utf8.count
        guard length <= Workspace.fileNameLimit else {
            diagnostics.error(
                "dbgsym",
                "the names of the files of \(package) have \(length) bytes (must be <=\(Workspace.fileNameLimit))",
                at: name.range, help: "shorten the name or the version, or set 'dbgsym: false'")
            return nil
        }
        return debug
    }

    private static func control(
        of plan: BuildPlan, _ package: PackageName, _ files: [DebugFile], _ entries: [PlannedEntry]
    ) -> ControlParagraph {
        var control = ControlParagraph()
        for field in plan.control.fields where !dropped.contains(field.name.lowercased()) {
            control[field.name] = field.value
        }
        control["Package"] = package.description
        control["Source"] = plan.control["Source"] ?? plan.package.description
        control["Auto-Built-Package"] = "debug-symbols"
        control["Installed-Size"] = String(InstalledSize.kibibytes(of: entries.lazy.map(\.entry.kind)))
        control["Depends"] = "\(plan.package) (= \(plan.version))"
        // An archive area stays in front of it.
        let area = plan.control["Section"].flatMap { section in
            section.utf8.lastIndex(of: UInt8(ascii: "/")).map { section[..<$0] }
        }
        control["Section"] = (area == nil || area == "main" ? "" : "\(area ?? "")/") + "debug"
        control["Priority"] = Priority.optional.rawValue
        if control["Multi-Arch"] != MultiArch.same.rawValue { control["Multi-Arch"] = nil }
        control["Description"] = "debug symbols for \(plan.package)"
        control["Build-Ids"] = files.map(\.buildID).joined(separator: " ")
        return control.orderedForBinaryControl()
    }
}
