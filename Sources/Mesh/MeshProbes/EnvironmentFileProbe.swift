import Files
import MeshContract
import Platform
import Probes

/// Files of settings.
struct EnvironmentFileProbe: Probe {
    static let kind = SubjectKind(
        "environment-file", "A file of settings such as cluster.env, read as the sidecar's scripts read it.",
        mainParameter: "path",
        parameters: [.init("path", .text, "Absolute path.", isRequired: true, form: .path)],
        attributes: [
            .init("exists", .bool, "Whether the file is there."),
            .init("valid", .bool, "Whether the scripts accept all of its lines and values."),
            .init("values", .map(.text), "The settings by name."),
            .init("problems", .list(.text), "What is wrong, including warnings, with line numbers."),
            .init("unknown", .list(.text), "Names that nothing reads and that are not exported."),
            .init(
                "owner-root", .bool, "Whether root owns it and the folders above it, and only root can write to them."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.requiredPath()
        let real = host.path(path)
        let root = host.root
        let (bytes, trust) = try await BlockingPool.files.run("read \(path)", until: request.deadline) {
            () throws(ProbeError) in
            (try FileTree.readIfExists(real, limit: 1 << 20), try FileTrust.obstacle(of: real, below: root))
        }
        guard let bytes else { return Observation(["exists": .bool(false)], evidence: ["no file \(path)"]) }
        let file = EnvironmentFile(bytes)
        let settings = MeshSettings(cluster: nil, sidecar: file)
        let problems = file.problems.map(\.description) + settings.problems.map(\.description)
        var evidence = ["\(path): \(file.assignments.count) settings"] + problems.map { "\(path): \($0)" }
        if let trust { evidence.append(trust) }
        return Observation(
            [
                "exists": .bool(true), "valid": .bool(file.isValid && settings.isValid),
                "values": .textMap(file.values), "problems": .texts(problems),
                "unknown": .texts(settings.unknownNames), "owner-root": .bool(trust == nil),
            ], evidence: evidence)
    }
}

/// Whether only root can have written a file.
enum FileTrust {
    /// What keeps the sidecar's scripts from trusting a file; nil when nothing does. Above the file's own folder a
    /// sticky one is as good: what is root's in it stays root's.
    static func obstacle(of path: String, below root: String) throws(ProbeError) -> String? {
        guard let target = try realPath(path) else { return nil }
        var current = target
        var isParent = false
        while true {
            guard let facts = try FileFacts.read(current, followLinks: true) else { return nil }
            if facts.owner != 0 { return "\(current) belongs to uid \(facts.owner)" }
            let isFile = current == target
            let isSticky = facts.permissions & 0o1000 != 0
            if facts.permissions & 0o022 != 0, isFile || isParent || !isSticky {
                return "\(current) has mode \(facts.mode), writable by others than root"
            }
            if current == "/" || current == root { return nil }
            isParent = isFile
            current = LexicalPath.split(current).folder
        }
    }

    private static func realPath(_ path: String) throws(ProbeError) -> String? {
        do throws(FileError) {
            return try FileTree.realPath(path)
        } catch {
            if try FileFacts.read(path, followLinks: true) == nil { return nil }
            throw ProbeError(error)
        }
    }
}

/// The settings of the host's sidecar.
struct HostSettings: Sendable {
    /// The cluster's file; nil when there is none.
    var cluster: EnvironmentFile?
    /// The machine's file; nil when there is none.
    var sidecar: EnvironmentFile?
    /// What both make of it.
    var settings: MeshSettings
}

extension Host {
    /// The settings, read once.
    nonisolated func settings(
        cluster: String = MeshPaths.clusterEnvironment, sidecar: String = MeshPaths.sidecarEnvironment,
        for request: ProbeRequest
    ) async throws(ProbeError) -> HostSettings {
        let paths = (path(cluster), path(sidecar))
        return try await systemFact("settings-\(cluster)-\(sidecar)", "read the settings", since: request.since) {
            () throws(ProbeError) in
            func read(_ path: String) throws(ProbeError) -> EnvironmentFile? {
                try FileTree.readIfExists(path, limit: 1 << 20).map { EnvironmentFile($0) }
            }
            let (cluster, sidecar) = (try read(paths.0), try read(paths.1))
            return HostSettings(
                cluster: cluster, sidecar: sidecar, settings: MeshSettings(cluster: cluster, sidecar: sidecar))
        }
    }
}
