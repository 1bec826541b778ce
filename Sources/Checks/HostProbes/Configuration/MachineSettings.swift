import Files
import MeshContract

/// The settings of this machine's sidecar.
struct MachineSettings: Sendable {
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
    ) async throws(ProbeError) -> MachineSettings {
        let paths = (path(cluster), path(sidecar))
        return try await fact("settings-\(cluster)-\(sidecar)", since: request.since) { () async throws(ProbeError) in
            try await BlockingPool.files.run("read the settings", until: .now + .seconds(5)) { () throws(ProbeError) in
                func read(_ path: String) throws(ProbeError) -> EnvironmentFile? {
                    try FileTree.readIfExists(path, limit: 1 << 20).map { EnvironmentFile($0) }
                }
                let (cluster, sidecar) = (try read(paths.0), try read(paths.1))
                return MachineSettings(
                    cluster: cluster, sidecar: sidecar, settings: MeshSettings(cluster: cluster, sidecar: sidecar))
            }
        }
    }
}
