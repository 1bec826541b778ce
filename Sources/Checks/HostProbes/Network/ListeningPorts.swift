import MeshContract
import Platform

/// The ports on which some processes listen, for scenarios that are drawn up from a machine.
public enum ListeningPorts {
    /// A port.
    public struct Port: Sendable, Hashable {
        /// The number.
        public var number: Int
        /// `tcp` or `udp`.
        public var transport: String
        /// Whether only this machine can reach it.
        public var isLoopbackOnly: Bool
    }

    /// The ports of processes, by number. UDP sockets are left out above 32767: that is where the kernel takes them
    /// from for clients.
    public static func owned(by processes: Set<Int64>, on host: Host) async throws(ProbeError) -> [Port] {
        let sockets = try await host.sockets(since: nil).all
        let owners = try await host.socketOwners(since: nil).processes
        var loopback: [Port: Bool] = [:]
        for socket in sockets {
            guard let owner = owners[socket.inode], processes.contains(Int64(owner)),
                socket.transport == .tcp || socket.port < 32768
            else { continue }
            let key = Port(number: Int(socket.port), transport: socket.transport.rawValue, isLoopbackOnly: false)
            loopback[key] = (loopback[key] ?? true) && socket.address.isLoopback
        }
        return loopback.map { key, isLoopback in
            Port(number: key.number, transport: key.transport, isLoopbackOnly: isLoopback)
        }.sorted { ($0.number, $0.transport) < ($1.number, $1.transport) }
    }
}
