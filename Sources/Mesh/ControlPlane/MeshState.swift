import Files
import Synchronization

/// What the servers answer from: the configuration that was read last, and the faults that are on.
final class MeshState: Sendable {
    private let current: Mutex<MeshConfiguration>
    private let faultFile: FaultFile

    init(_ configuration: MeshConfiguration, faults: FaultFile) {
        current = Mutex(configuration)
        faultFile = faults
    }

    var configuration: MeshConfiguration {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    var registry: ServiceRegistry { ServiceRegistry(services: configuration.services) }

    func faults() throws(FileError) -> Set<Fault> { try faultFile.current() }
}
