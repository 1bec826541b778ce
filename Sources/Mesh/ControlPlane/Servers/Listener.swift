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
