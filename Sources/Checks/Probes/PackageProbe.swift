import DebianFormat
import Files
import Platform

/// Debian packages.
struct PackageProbe: Probe {
    static let kind = SubjectKind(
        "package", "A package in dpkg's database, and its files.", mainParameter: "name",
        parameters: [
            .init("name", .text, "Name, or NAME:ARCHITECTURE.", isRequired: true),
            .init("modes", .map(.text), "Modes that files must have, by path; dpkg's database has no modes."),
        ],
        attributes: [
            .init("installed", .bool, "Whether it is installed and configured."),
            .init(
                "state", .text,
                "installed, unpacked, half-configured, config-files …; not-installed if dpkg does not know it."),
            .init("version", .text, "Version; null if it is not there."),
            .init("architecture", .text, "Architecture."),
            .init("modified-files", .list(.text), "Files whose contents differ from the package's."),
            .init("modified-conffiles", .list(.text), "Configuration files that were edited, which is allowed."),
            .init("missing-files", .list(.text), "Paths of the package that do not exist."),
            .init(
                "wrong-modes", .list(.text),
                "Files that differ from `modes` or dpkg-statoverride; of the others, those that root does not own, that "
                    + "others can write, or that are programs but cannot be executed."),
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

/// The files of an installed package against dpkg's database.
struct PackageFiles: Sendable {
    /// What is not as it was installed.
    struct Verdict: Sendable, Hashable {
        var modified: [String] = []
        var modifiedConffiles: [String] = []
        var missing: [String] = []
        var wrongModes: [String] = []
        var leftovers: [String] = []
        var files = 0
    }

    /// What to look at.
    struct Wishes: Sendable {
        var checksums = false
        var modes = false
        var leftovers = false
        /// Modes that are known from elsewhere, by path.
        var knownModes: [String: String] = [:]
    }

    private let host: Host
    private let package: String
    private let architecture: String?
    private let conffiles: [(path: String, digest: String)]
    private let deadline: ContinuousClock.Instant

    init(_ entry: PackageDatabase.Entry, name: String, host: Host, deadline: ContinuousClock.Instant) {
        self.host = host
        package = Ascii.text(name.utf8.prefix { $0 != UInt8(ascii: ":") })
        architecture = entry.architecture
        self.deadline = deadline
        conffiles = Bytes.lines(Array((entry.paragraph["Conffiles"] ?? "").utf8)).compactMap { line in
            let words = Ascii.words(line[...])
            // The last word may be `obsolete` or `remove-on-upgrade`; such a file is the admin's.
            guard words.count == 2 else { return nil }
            return (Ascii.text(words[0]), Ascii.text(words[1]))
        }
    }

    /// Compares. Blocks.
    func verify(_ wishes: Wishes) throws(ProbeError) -> Verdict {
        var verdict = Verdict()
        let paths = try list()
        let diversions = try diversions()
        let overrides = wishes.modes ? try statOverrides() : [:]
        let digests = wishes.checksums ? try checksums() : [:]
        let configuration = Dictionary(conffiles.map { ($0.path, $0.digest) }) { first, _ in first }
        for path in paths {
            try checkTime()
            let place = host.path(diversions[path] ?? path)
            guard let facts = try FileFacts.read(place, followLinks: false) else {
                verdict.missing.append(path)
                continue
            }
            if facts.type == "file" { verdict.files += 1 }
            if wishes.checksums, facts.type == "file" {
                if let wanted = configuration[path] {
                    // dpkg writes `newconffile` until the first configuration.
                    if wanted != "newconffile", try FileDigest.md5(place) != wanted {
                        verdict.modifiedConffiles.append(path)
                    }
                } else if let wanted = digests[path], try FileDigest.md5(place) != wanted {
                    verdict.modified.append(path)
                }
            } else if digests[path] != nil {
                verdict.modified.append(path)
            }
            if wishes.modes, let fault = Self.modeFault(path, facts, overrides[path], wishes.knownModes[path]) {
                verdict.wrongModes.append(fault)
            }
        }
        for path in conffiles.map(\.path) where wishes.leftovers {
            for suffix in [".dpkg-dist", ".dpkg-new", ".dpkg-tmp"] {
                if try FileFacts.read(host.path(path + suffix), followLinks: false) != nil {
                    verdict.leftovers.append(path + suffix)
                }
            }
        }
        return verdict
    }

    /// The database has no modes. What a package of root's may never be is known all the same: another's, writable by
    /// others, or with a set-id bit, unless the admin said so with dpkg-statoverride(1).
    private static func modeFault(
        _ path: String, _ facts: FileFacts, _ override: (owner: String, group: String, mode: String)?, _ known: String?
    ) -> String? {
        if facts.type == "symlink" { return nil }
        if let override {
            let wanted = String(repeating: "0", count: max(0, 4 - override.mode.utf8.count)) + override.mode
            return facts.mode == wanted ? nil : "\(path): mode \(facts.mode) (statoverride says \(wanted))"
        }
        if let known {
            return facts.mode == known ? nil : "\(path): mode \(facts.mode) (must be \(known))"
        }
        if facts.owner != 0 { return "\(path): belongs to uid \(facts.owner) (must be 0)" }
        if facts.permissions & 0o022 != 0, facts.permissions & 0o1000 == 0 {
            return "\(path): mode \(facts.mode), writable by others than root"
        }
        if facts.type == "file", facts.permissions & 0o6000 != 0 { return "\(path): mode \(facts.mode), set-id" }
        let isProgram = ["/bin/", "/sbin/"].contains { path.containsBytewise($0) }
        if facts.type == "file", isProgram, facts.permissions & 0o111 == 0 {
            return "\(path): mode \(facts.mode), cannot be executed"
        }
        return nil
    }

    private func checkTime() throws(ProbeError) {
        guard deadline > .now else {
            throw ProbeError(.timedOut, "verify the files of \(package)", expected: "an end in time", found: "none")
        }
    }

    // MARK: - the database's files

    /// A control file, named with the architecture for packages that can be installed in several.
    private func control(_ suffix: String) throws(ProbeError) -> [UInt8]? {
        let folder = host.path("/var/lib/dpkg/info")
        if let architecture,
            let bytes = try FileTree.readIfExists("\(folder)/\(package):\(architecture).\(suffix)", limit: 64 << 20)
        {
            return bytes
        }
        return try FileTree.readIfExists("\(folder)/\(package).\(suffix)", limit: 64 << 20)
    }

    private func list() throws(ProbeError) -> [String] {
        guard let bytes = try control("list") else {
            throw ProbeError(
                .unavailable, "verify the files of \(package)", expected: "dpkg's list of them", found: "none")
        }
        return Bytes.lines(bytes).map { Ascii.text($0) }.filter { $0 != "/." && $0.utf8.first == UInt8(ascii: "/") }
    }

    private func checksums() throws(ProbeError) -> [String: String] {
        guard let bytes = try control("md5sums") else { return [:] }
        do throws(FormatError) {
            let sums = try MD5Sums(parsing: Ascii.text(bytes))
            return Dictionary(
                sums.entries.map { entry in
                    (entry.path.utf8.first == UInt8(ascii: "/") ? entry.path : "/" + entry.path, entry.digest)
                }
            ) { first, _ in first }
        } catch {
            throw ProbeError(
                .malformed, "read the checksums of \(package)", expected: "md5sums", found: "\(error)".shortened())
        }
    }

    /// Where files of this package were put because of dpkg-divert(1): three lines each, path, new path, package.
    private func diversions() throws(ProbeError) -> [String: String] {
        let bytes = try FileTree.readIfExists(host.path("/var/lib/dpkg/diversions"), limit: 16 << 20) ?? []
        let lines = Bytes.lines(bytes).map { Ascii.text($0) }
        var diversions: [String: String] = [:]
        for start in stride(from: 0, to: lines.count - lines.count % 3, by: 3) where lines[start + 2] != package {
            diversions[lines[start]] = lines[start + 1]
        }
        return diversions
    }

    private func statOverrides() throws(ProbeError) -> [String: (owner: String, group: String, mode: String)] {
        let bytes = try FileTree.readIfExists(host.path("/var/lib/dpkg/statoverride"), limit: 16 << 20) ?? []
        var overrides: [String: (owner: String, group: String, mode: String)] = [:]
        for line in Bytes.lines(bytes) {
            let words = line.split(separator: Ascii.space, maxSplits: 3).map { Ascii.text($0) }
            guard words.count == 4 else { continue }
            overrides[words[3]] = (words[0], words[1], words[2])
        }
        return overrides
    }
}
