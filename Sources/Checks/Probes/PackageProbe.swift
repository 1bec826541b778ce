import DebianManifest
import Platform

/// Debian packages.
struct PackageProbe: Probe {
    static let kind = SubjectKind(
        "package", "A package in dpkg's database, and its files.", mainParameter: "name",
        parameters: [
            .init("name", .text, "Name, or NAME:ARCHITECTURE.", isRequired: true),
            .init("modes", .map(.text), "Modes that files must have, by path; dpkg's database has no modes."),
            .init(
                "manifest", .text,
                "Lines as in mtree(5): what the package puts on the host, with modes, owners, SHA-256, links and "
                    + "capabilities. In place of what dpkg's database knows; debbuild writes it.",
                form: .manifest),
        ],
        attributes: [
            .init("installed", .bool, "Whether it is installed and configured."),
            .init(
                "state", .text,
                "installed, unpacked, half-configured, config-files …; not-installed if dpkg does not know it."),
            .init("version", .text, "Version; null if it is not there."),
            .init("held", .bool, "Whether it is kept from being upgraded (apt-mark hold)."),
            .init("architecture", .text, "Architecture."),
            .init(
                "modified-files", .list(.text),
                "Files whose contents differ from the package's; by a manifest also what is of another type and links that "
                    + "lead elsewhere."),
            .init("modified-conffiles", .list(.text), "Configuration files that were edited, which is allowed."),
            .init("missing-files", .list(.text), "Paths of the package that do not exist."),
            .init(
                "wrong-modes", .list(.text),
                "Files that differ from `manifest`, `modes` or dpkg-statoverride; without a manifest, of the others those that root does not own, that "
                    + "others can write, or that are programs but cannot be executed. Of a path with a mode in `manifest`, an access list "
                    + "(acl(5)) as well."),
            .init(
                "mode-repair", .list(.text),
                "Commands that give files the modes and owners of `manifest` or dpkg-statoverride."),
            .init(
                "obstacles", .list(.text),
                "Commands that move away what has taken the place of a directory of `manifest`, or a directory in the place of "
                    + "something else: nothing else replaces those."),
            .init("wrong-capabilities", .list(.text), "Files with other capabilities than `manifest` gives them."),
            .init("conffiles-leftover", .list(.text), "Files .dpkg-dist, .dpkg-new and .dpkg-tmp left by an upgrade."),
            .init("depends-satisfied", .bool, "Whether everything that it depends on is installed."),
            .init("missing-depends", .list(.text), "The dependencies that are not."),
            .init("files", .integer, "How many of its regular files exist."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let database = try await host.packages(for: request)
        guard let entry = try database.entry(name) else {
            return Observation(
                [
                    "installed": .bool(false), "state": .text("not-installed"), "version": .null, "architecture": .null,
                    "held": .bool(false),
                ],
                evidence: ["\(name) is not installed"])
        }
        var observation = Observation(
            [
                "installed": .bool(entry.isInstalled), "state": .text(entry.state),
                "version": .text(orNull: entry.isInstalled || entry.state != "config-files" ? entry.version : nil),
                "architecture": .text(orNull: entry.architecture), "held": .bool(entry.status.first == "hold"),
            ],
            evidence: [
                "\(name) \(entry.version ?? "without version") \(entry.architecture ?? ""): "
                    + entry.status.joined(separator: " ")
            ])
        if request.wants("depends-satisfied", "missing-depends") {
            let missing = try database.unsatisfied(entry)
            observation.attributes["depends-satisfied"] = .bool(missing.isEmpty)
            observation.attributes["missing-depends"] = .texts(missing)
            observation.evidence += missing.map { "depends on \($0), which is not installed" }
        }
        try await verify(entry, name: name, into: &observation, request)
        return observation
    }

    private func verify(
        _ entry: PackageDatabase.Entry, name: String, into observation: inout Observation, _ request: ProbeRequest
    ) async throws(ProbeError) {
        var wishes = PackageFiles.Wishes()
        wishes.checksums = request.wants("modified-files", "modified-conffiles")
        wishes.modes = request.wants("wrong-modes", "mode-repair")
        wishes.leftovers = request.wants("conffiles-leftover")
        wishes.knownModes = try request.textMap("modes")
        wishes.capabilities = request.wants("wrong-capabilities")
        guard
            wishes.checksums || wishes.modes || wishes.leftovers || wishes.capabilities
                || request.wants("missing-files", "files"),
            entry.state != "config-files", entry.state != "not-installed"
        else { return }
        let files = PackageFiles(entry, name: name, host: host, deadline: request.deadline)
        let wanted = wishes
        let manifest = try request.manifest()
        let accounts = manifest == nil ? nil : try await host.users(for: request)
        let verdict = try await BlockingPool.files.run("verify the files of \(name)", until: request.deadline) {
            () throws(ProbeError) in
            if let manifest, let accounts { return try files.verify(manifest, accounts: accounts, wanted) }
            return try files.verify(wanted)
        }
        let lists = [
            ("missing-files", "missing", verdict.missing), ("modified-files", "modified", verdict.modified),
            ("modified-conffiles", "edited", verdict.modifiedConffiles), ("wrong-modes", "", verdict.wrongModes),
            ("wrong-capabilities", "", verdict.wrongCapabilities),
            ("conffiles-leftover", "left over", verdict.leftovers),
        ]
        for (attribute, word, paths) in lists {
            observation.attributes[attribute] = .texts(paths)
            guard attribute != "modified-conffiles", request.wants(attribute) else { continue }
            observation.evidence += paths.prefix(10).map { word.isEmpty ? $0 : "\(word): \($0)" }
        }
        observation.attributes["obstacles"] = .texts(verdict.obstacles)
        observation.attributes["mode-repair"] = .texts(verdict.modeRepair)
        observation.attributes["files"] = .integer(verdict.files)
    }
}

extension ProbeRequest {
    /// The manifest of a package; nil when none is given.
    fileprivate func manifest(_ name: String = "manifest") throws(ProbeError) -> PackageManifest? {
        guard let text = try text(name) else { return nil }
        do throws(FormatError) { return try PackageManifest(parsing: text) } catch {
            throw ProbeError(
                .invalid, "read parameter \(name)", expected: "lines as in mtree(5)", found: "\(error)".shortened())
        }
    }
}

extension ParameterForm {
    /// The manifest of a package.
    fileprivate static let manifest = ParameterForm { request throws(ProbeError) in _ = try request.manifest(name) }
}
