/// Debian packages.
struct PackageProbe: Probe {
    static let kind = SubjectKind(
        "package", "A package in dpkg's database, and its files on the machine.", mainParameter: "name",
        parameters: [
            .init("name", .text, "Name, or NAME:ARCHITECTURE.", isRequired: true),
            .init("modes", .map(.text), "Modes that files must have, by path; the database has none."),
        ],
        attributes: [
            .init("installed", .bool, "Whether it is installed and configured."),
            .init("state", .text, "installed, unpacked, half-configured, config-files …; not-installed if unknown."),
            .init("version", .text, "Version; null when it is not there."),
            .init("architecture", .text, "Architecture."),
            .init("modified-files", .list(.text), "Files whose contents are not the package's."),
            .init("modified-conffiles", .list(.text), "Configuration files that were edited, which is allowed."),
            .init("missing-files", .list(.text), "Paths of the package that are not there."),
            .init(
                "wrong-modes", .list(.text),
                "Files that are not as `modes` or dpkg-statoverride say; of the others those that are not root's, that "
                    + "others can write, or that are programs and cannot be executed."),
            .init("conffiles-leftover", .list(.text), "Files .dpkg-dist, .dpkg-new and .dpkg-tmp of an upgrade."),
            .init("depends-satisfied", .bool, "Whether everything that it depends on is installed."),
            .init("missing-depends", .list(.text), "What is not."),
            .init("files", .integer, "How many regular files of it are there."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let database = try await host.packages(for: request)
        guard let entry = try database.entry(name) else {
            return Observation(
                ["installed": .bool(false), "state": .text("not-installed"), "version": .null, "architecture": .null],
                evidence: ["\(name) is not installed"])
        }
        var observation = Observation(
            [
                "installed": .bool(entry.isInstalled), "state": .text(entry.state),
                "version": .text(orNull: entry.isInstalled || entry.state != "config-files" ? entry.version : nil),
                "architecture": .text(orNull: entry.architecture),
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
        wishes.modes = request.wants("wrong-modes")
        wishes.leftovers = request.wants("conffiles-leftover")
        wishes.knownModes = try request.textMap("modes")
        guard wishes.checksums || wishes.modes || wishes.leftovers || request.wants("missing-files", "files"),
            entry.state != "config-files", entry.state != "not-installed"
        else { return }
        let files = PackageFiles(entry, name: name, host: host, deadline: request.deadline)
        let wanted = wishes
        let verdict = try await BlockingPool.files.run("verify the files of \(name)", until: request.deadline) {
            () throws(ProbeError) in try files.verify(wanted)
        }
        let lists = [
            ("missing-files", "missing", verdict.missing), ("modified-files", "modified", verdict.modified),
            ("modified-conffiles", "edited", verdict.modifiedConffiles), ("wrong-modes", "", verdict.wrongModes),
            ("conffiles-leftover", "left over", verdict.leftovers),
        ]
        for (attribute, word, paths) in lists {
            observation.attributes[attribute] = .texts(paths)
            guard attribute != "modified-conffiles" else { continue }
            observation.evidence += paths.prefix(10).map { word.isEmpty ? $0 : "\(word): \($0)" }
        }
        observation.attributes["files"] = .integer(verdict.files)
    }
}
