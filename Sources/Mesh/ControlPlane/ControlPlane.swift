import Documents
import Files
import Logging
import Synchronization

/// A small Pilot, certificate authority, Mixer and product page, for the lab and for tests.
public actor ControlPlane {
    private let configurationPath: String
    private let state: String
    private let mesh: MeshState
    private let server: ControlPlaneServer
    private let log: Logger
    private var running: [Listener: Task<Void, Never>] = [:]
    private let bound = Mutex<[Listener: SocketAddress]>([:])
    private var lastStatus: FileStatus?

    /// How often the files are looked at.
    private static let interval = Duration.milliseconds(100)

    /// Prepares to serve a mesh.
    ///
    /// - Parameters:
    ///   - configuration: what was read from the file at the path.
    ///   - state: the directory of the authority and the faults; it is made with mode 0700.
    ///   - generation: the Istio that it behaves as.
    public init(
        _ configuration: MeshConfiguration, path: String, state: String, generation: IstioGeneration = .v0_2,
        log: Logger
    ) throws {
        try FileTree.createDirectories(state, permissions: 0o700)
        configurationPath = path
        self.state = state
        self.log = log
        mesh = MeshState(configuration, faults: FaultFile(state: state))
        server = ControlPlaneServer(
            generation: generation, mesh: mesh,
            issuer: Issuer(try AuthorityStore(state: state), generation: generation),
            successor: Issuer(try AuthorityStore(state: state, generation: 1), generation: generation), log: log)
        lastStatus = try FileStatus.ofIfExists(path, followLinks: true)
    }

    /// Serves until the task is cancelled. Listeners come and go with the configuration and the faults.
    public func run() async throws {
        defer { for task in running.values { task.cancel() } }
        while !Task.isCancelled {
            reload()
            try reconcile()
            do { try await Task.sleep(for: Self.interval) } catch { break }
        }
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
    }

    private func reload() {
        do throws(FileError) {
            let status = try FileStatus.ofIfExists(configurationPath, followLinks: true)
            guard let status, status != lastStatus else { return }
            lastStatus = status
        } catch {
            return log.warning("the configuration cannot be looked at: \(error)")
        }
        var diagnostics = Diagnostics()
        if let configuration = MeshShapes.load(configurationPath, diagnostics: &diagnostics) {
            mesh.configuration = configuration
            log.notice("read \(configurationPath) again: \(configuration.services.count) services")
        } else {
            log.error(
                "the new \(configurationPath) is wrong, the old one stays:\n\(DiagnosticRenderer.text(diagnostics, color: false))"
            )
        }
    }

    private func reconcile() throws {
        let wanted = Listener.wanted(mesh.configuration, faults: try mesh.faults())
        for (listener, task) in running where !wanted.contains(listener) {
            task.cancel()
            running[listener] = nil
            bound.withLock { $0[listener] = nil }
            log.notice("\(listener.role.rawValue) is closed at \(listener.address)")
        }
        for listener in wanted where running[listener] == nil {
            running[listener] = Task {
                while !Task.isCancelled {
                    do {
                        try await server.serve(listener) { address in self.announce(listener, address) }
                    } catch {
                        if Task.isCancelled { return }
                        log.error("\(listener.role.rawValue) at \(listener.address) fails: \(error)")
                        // The address may come back, as one of a namespace does.
                        do { try await Task.sleep(for: .seconds(1)) } catch { return }
                    }
                }
            }
        }
    }

    /// Writes the addresses for whoever started us: with port 0 nobody knows them before.
    private nonisolated func announce(_ listener: Listener, _ address: SocketAddress) {
        log.notice("\(listener.role.rawValue) answers at \(address)")
        // Under the lock, so that the file never goes back to fewer addresses.
        bound.withLock { bound in
            bound[listener] = address
            write(bound)
        }
    }

    private nonisolated func write(_ all: [Listener: SocketAddress]) {
        let roles: [(String, JSONValue)] = [Listener.Role.pilot, .authority, .mixer, .productPage].map { role in
            let addresses = all.filter { $0.key.role == role }.sorted { $0.key.index < $1.key.index }
            return (role.rawValue, .array(addresses.map { .string($0.value.description) }))
        }
        do throws(FileError) {
            try AuthorityStore.write(
                JSONValue.object(roles).pretty + "\n", to: state + "/addresses.json", permissions: 0o644)
        } catch {
            log.error("\(error)")
        }
    }
}

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

    var registry: ServiceRegistry {
        let mesh = configuration
        return ServiceRegistry(services: mesh.services, kind: mesh.registry, managementPorts: mesh.managementPorts)
    }

    func faults() throws(FileError) -> Set<Fault> { try faultFile.current() }
}

/// Something that has to be reachable at an address.
struct Listener: Sendable, Hashable {
    /// What answers there.
    enum Role: String, Sendable, Hashable {
        case pilot, authority = "ca", mixer, productPage = "productpage"
    }

    var role: Role
    var address: SocketAddress
    /// Which one of its role it is: two may let the kernel choose their port.
    var index: Int

    /// What a mesh wants with some faults. The first of Pilot's addresses is its load balancer, the others are pods.
    static func wanted(_ mesh: MeshConfiguration, faults: Set<Fault>) -> [Listener] {
        func all(_ role: Role, _ addresses: [SocketAddress]) -> [Listener] {
            addresses.enumerated().map { Listener(role: role, address: $1, index: $0) }
        }
        var listeners = all(.mixer, mesh.mixer)
        if !faults.contains(.pilotRefuse) { listeners += all(.pilot, mesh.pilot) }
        if !faults.contains(.authorityRefuse) { listeners += all(.authority, mesh.authority) }
        listeners += all(.productPage, mesh.productPage)
        if faults.contains(.podUnreachable) {
            listeners.removeAll { $0.role == .productPage || ($0.role == .pilot && $0.index > 0) }
        }
        return listeners
    }
}
