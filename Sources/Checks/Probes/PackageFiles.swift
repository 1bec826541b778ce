import DebianFormat
import Files
import Platform

/// The files of an installed package against dpkg's database.
struct PackageFiles: Sendable {
    /// What is not as it was installed.
    struct Verdict: Sendable, Hashable {
        var modified: [String] = []
        var modifiedConffiles: [String] = []
        var missing: [String] = []
        var wrongModes: [String] = []
        var modeRepair: [String] = []
        var obstacles: [String] = []
        var wrongCapabilities: [String] = []
        var leftovers: [String] = []
        var files = 0
    }

    /// What to look at.
    struct Wishes: Sendable {
        var checksums = false
        var modes = false
        var leftovers = false
        var capabilities = false
        /// Modes that are known from elsewhere, by path.
        var knownModes: [String: String] = [:]
    }

    let host: Host
    let package: String
    private let architecture: String?
    let conffiles: [(path: String, digest: String)]
    let deadline: ContinuousClock.Instant

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
        if wishes.leftovers { verdict.leftovers = try leftovers() }
        return verdict
    }

    /// What an upgrade has left beside configuration files.
    func leftovers() throws(ProbeError) -> [String] {
        var leftovers: [String] = []
        for path in conffiles.map(\.path) {
            for suffix in [".dpkg-dist", ".dpkg-new", ".dpkg-tmp"] {
                if try FileFacts.read(host.path(path + suffix), followLinks: false) != nil {
                    leftovers.append(path + suffix)
                }
            }
        }
        return leftovers
    }

    /// The database has no modes. What a package of root's may never be is known anyway: another's, writable by
    /// others, or with a set-id bit, unless the admin said so with dpkg-statoverride(1).
    private static func modeFault(
        _ path: String, _ facts: FileFacts, _ override: (owner: String, group: String, mode: String)?, _ known: String?
    ) -> String? {
        if facts.type == "symlink" { return nil }
        if let override {
            let wanted = Self.fourDigits(override.mode)
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

    /// A mode as people write it.
    static func fourDigits(_ mode: String) -> String {
        String(repeating: "0", count: max(0, 4 - mode.utf8.count)) + mode
    }

    func checkTime() throws(ProbeError) {
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

    func list() throws(ProbeError) -> [String] {
        guard let bytes = try control("list") else {
            throw ProbeError(
                .unavailable, "verify the files of \(package)", expected: "dpkg's list of them", found: "none")
        }
        return Bytes.lines(bytes).map { Ascii.text($0) }.filter { $0 != "/." && $0.utf8.first == UInt8(ascii: "/") }
    }

    func checksums() throws(ProbeError) -> [String: String] {
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
    func diversions() throws(ProbeError) -> [String: String] {
        let bytes = try FileTree.readIfExists(host.path(PackageDiversions.path), limit: 16 << 20) ?? []
        let lines = Bytes.lines(bytes).map { Ascii.text($0) }
        var diversions: [String: String] = [:]
        for start in stride(from: 0, to: lines.count - lines.count % 3, by: 3) where lines[start + 2] != package {
            diversions[lines[start]] = lines[start + 1]
        }
        return diversions
    }

    func statOverrides() throws(ProbeError) -> [String: (owner: String, group: String, mode: String)] {
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

/// The database of dpkg-divert(1): three lines for each diversion, the path, the path that takes its place, the package that
/// is not diverted.
enum PackageDiversions {
    static let path = "/var/lib/dpkg/diversions"

    /// Where the file was put, by the path that a package has it for.
    static func places(_ bytes: [UInt8]) -> [String: String] {
        let lines = Bytes.lines(bytes).map { Ascii.text($0) }
        var places: [String: String] = [:]
        for start in stride(from: 0, to: lines.count - lines.count % 3, by: 3) {
            places[lines[start]] = lines[start + 1]
        }
        return places
    }

    /// The path that a package has a file for, by the one where it was put.
    static func originals(_ bytes: [UInt8]) -> [String: String] {
        Dictionary(places(bytes).map { ($0.value, $0.key) }) { first, _ in first }
    }
}
