import Glibc
import Platform

/// The addresses of the host.
struct AddressesProbe: Probe {
    static let kind = SubjectKind(
        "addresses", "The network addresses of the host.", mainParameter: "towards",
        parameters: [
            .init(
                "towards", .text,
                "An IP address or a name: `route-source` is the address that packets to it are sent from.")
        ],
        attributes: [
            .init("interfaces", .map(.list(.text)), "Addresses by the name of their interface."),
            .init("ipv4", .list(.text), "IPv4 addresses that others can reach: neither loopback nor link-local."),
            .init("ipv6-global", .list(.text), "Global IPv6 addresses."),
            .init("route-source", .text, "Source address of packets to `towards`; null if there is no route."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("list addresses")
        let interfaces = try await host.interfaceAddresses(for: request)
        let others = interfaces.filter { !$0.address.isLoopback && !$0.address.isLinkLocal }
        let version4 = others.filter { $0.address.bitWidth == 32 }.map(\.address.description)
        // Global unicast is 2000::/3; the rest is private or of a link (RFC 4291 section 2.4).
        let version6 = others.filter { CIDR("2000::/3")?.contains($0.address) == true }.map(\.address.description)
        var byName: [String: [Value]] = [:]
        for interface in interfaces { byName[interface.name, default: []].append(.text("\(interface.address)")) }
        var attributes: [String: Value] = [
            "interfaces": .map(byName.mapValues { .list($0) }), "ipv4": .texts(version4),
            "ipv6-global": .texts(version6),
        ]
        var evidence = interfaces.map { "\($0.name) \($0.address)" }
        if let towards = try request.text("towards"), !towards.isEmpty {
            let target = try await HostNames.address(of: towards, until: request.deadline)
            let source = try await BlockingPool.files.run("find the route to \(target)", until: request.deadline) {
                () throws(ProbeError) in
                do throws(SystemCallError) {
                    return try SocketAddressBytes(target).routeSource()
                } catch { throw .system("find the route to \(target)", errno: error.errno) }
            }
            attributes["route-source"] = .text(orNull: source?.description)
            evidence.append("towards \(target): " + (source.map { "from \($0)" } ?? "no route"))
        } else if request.wants("route-source") {
            throw ProbeError(.invalid, "find a route", expected: "parameter towards", found: "nothing")
        }
        return Observation(attributes, evidence: evidence)
    }
}

extension Host {
    /// The addresses of the interfaces, read once.
    fileprivate nonisolated func interfaceAddresses(
        for request: ProbeRequest
    ) async throws(ProbeError) -> [InterfaceAddress] {
        try await systemFact("addresses", "list addresses", since: request.since) { () throws(ProbeError) in
            try InterfaceAddress.all()
        }
    }

    /// The addresses of this host.
    package nonisolated func addresses(for request: ProbeRequest) async throws(ProbeError) -> Set<IPAddress> {
        Set(try await interfaceAddresses(for: request).map(\.address))
    }
}

/// An address of an interface.
struct InterfaceAddress: Sendable, Hashable {
    var name: String
    var address: IPAddress

    /// All addresses of interfaces that are up (getifaddrs(3)).
    static func all() throws(ProbeError) -> [InterfaceAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { throw .system("list addresses", errno: errno) }
        defer { freeifaddrs(first) }
        var all: [InterfaceAddress] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let name = entry.pointee.ifa_name, let pointer = entry.pointee.ifa_addr,
                entry.pointee.ifa_flags & UInt32(IFF_UP) != 0
            else { continue }
            let isVersion4 = Int32(pointer.pointee.sa_family) == AF_INET
            let size = isVersion4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            if let address = SocketAddressBytes(pointer, length: socklen_t(size))?.address {
                all.append(InterfaceAddress(name: String(cString: name), address: address))
            }
        }
        return all
    }
}
