import Glibc
import Platform

/// The address that the cluster knows this machine by.
public enum MachineAddress {
    /// Finds it: the address that this machine would use towards a host, else towards the internet, else the first
    /// address of an interface that is up. Never a loopback address: `hostname --ip-address` gives 127.0.1.1 on a stock
    /// Debian, and Pilot then has no listener for the machine.
    ///
    /// - Parameter limit: for the lookup of the host's name.
    /// - Returns: nil when this machine has loopback addresses alone.
    public static func find(towards host: NetworkEndpoint, limit: Duration = .seconds(5)) async -> IPAddress? {
        for target in await NameLookup.addresses(of: host, limit: limit) {
            if let source = target.routeSource, isUsable(source) { return source }
        }
        // Documentation ranges (RFC 5737, RFC 3849): nobody has these addresses, so the default route is asked for.
        for host in ["192.0.2.1", "2001:db8::1"] {
            for target in await NameLookup.addresses(of: NetworkEndpoint(host: host, port: 9), limit: limit) {
                if let source = target.routeSource, isUsable(source) { return source }
            }
        }
        return interfaceAddresses().first(where: isUsable)
    }

    private static func isUsable(_ address: IPAddress) -> Bool {
        !address.isLoopback && !address.isUnspecified && !address.isLinkLocal
    }

    /// The addresses of interfaces that are up, IPv4 first.
    private static func interfaceAddresses() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var addresses: [IPAddress] = []
        var entry = list
        while let current = entry?.pointee {
            if current.ifa_flags & UInt32(IFF_UP) != 0, let pointer = current.ifa_addr {
                let isVersion6 = pointer.pointee.sa_family == sa_family_t(AF_INET6)
                let size = isVersion6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
                if let address = SocketAddress(pointer, length: socklen_t(size)) { addresses.append(address.address) }
            }
            entry = current.ifa_next
        }
        return addresses.filter { !$0.isVersion6 } + addresses.filter(\.isVersion6)
    }

    /// The host name up to its first dot, as `hostname --short` gives it.
    public static func shortHostName() -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return nil }
        let bytes = buffer.prefix { $0 != 0 && $0 != 0x2e }.map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
