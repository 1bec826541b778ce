import Glibc
import Platform

/// Network interfaces.
struct InterfaceProbe: Probe {
    static let kind = SubjectKind(
        "interface", "A network interface of the host.", mainParameter: "name",
        parameters: [.init("name", .text, "Name, such as eth0.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether there is such an interface."),
            .init("up", .bool, "Whether it was set up (IFF_UP)."),
            .init("running", .bool, "Whether it also has a carrier (IFF_RUNNING)."),
            .init("mtu", .integer, "Largest packet in bytes."),
            .init("mac", .text, "Hardware address, such as 02:00:0a:96:00:05; null if it has none."),
            .init(
                "addresses", .list(.text), "Its addresses with the lengths of their prefixes, such as 10.150.0.5/24."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("look at interfaces")
        let name = try request.requiredText("name")
        let seen = try await BlockingPool.files.run("look at \(name)", until: request.deadline) {
            () throws(ProbeError) in
            try Self.read(name)
        }
        guard let seen else { return Observation(["exists": .bool(false)], evidence: ["no interface \(name)"]) }
        return Observation(
            [
                "exists": .bool(true), "up": .bool(seen.flags & UInt32(IFF_UP) != 0),
                "running": .bool(seen.flags & UInt32(IFF_RUNNING) != 0), "mtu": .integer(seen.mtu),
                "mac": .text(orNull: seen.mac), "addresses": .texts(seen.addresses),
            ],
            evidence: [
                "\(name): \(seen.flags & UInt32(IFF_UP) != 0 ? "up" : "down"), mtu \(seen.mtu), "
                    + (seen.addresses.isEmpty ? "no address" : seen.addresses.joined(separator: " "))
            ])
    }

    private struct Seen: Sendable {
        var flags: UInt32
        var mtu: Int32
        var mac: String?
        var addresses: [String] = []
    }

    /// An interface of this network namespace; nil when there is none (getifaddrs(3), netdevice(7)).
    private static func read(_ name: String) throws(ProbeError) -> Seen? {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { throw .system("list interfaces", errno: errno) }
        defer { freeifaddrs(first) }
        var seen: Seen?
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let label = entry.pointee.ifa_name, String(cString: label) == name else { continue }
            var now: Seen
            if let seen { now = seen } else { now = Seen(flags: entry.pointee.ifa_flags, mtu: try mtu(of: name)) }
            if let address = entry.pointee.ifa_addr {
                if Int32(address.pointee.sa_family) == AF_PACKET {
                    now.mac = hardwareAddress(address)
                } else if let text = text(of: address, mask: entry.pointee.ifa_netmask) {
                    now.addresses.append(text)
                }
            }
            seen = now
        }
        return seen
    }

    private static func text(of address: UnsafePointer<sockaddr>, mask: UnsafePointer<sockaddr>?) -> String? {
        let isVersion4 = Int32(address.pointee.sa_family) == AF_INET
        let size = isVersion4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        guard let own = SocketAddressBytes(address, length: socklen_t(size))?.address else { return nil }
        // The mask of an address has its form: the bits are where the address's are.
        let offset = isVersion4 ? 4 : 8
        let bits =
            mask.map { mask in
                UnsafeRawBufferPointer(start: UnsafeRawPointer(mask) + offset, count: isVersion4 ? 4 : 16)
                    .reduce(0) { $0 + $1.nonzeroBitCount }
            } ?? own.bitWidth
        return "\(own)/\(bits)"
    }

    /// `sockaddr_ll` (packet(7)): the length at 11, the address from 12 on.
    private static func hardwareAddress(_ address: UnsafePointer<sockaddr>) -> String? {
        let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(address), count: 20)
        let length = min(Int(bytes[11]), 8)
        let octets = bytes[12..<(12 + length)]
        guard octets.contains(where: { $0 != 0 }) else { return nil }
        return octets.map { Hexadecimal.text([$0]) }.joined(separator: ":")
    }

    private static func mtu(of name: String) throws(ProbeError) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system("ask for the MTU of \(name)", errno: errno) }
        defer { close(descriptor) }
        // `struct ifreq`: the name in 16 bytes, then a union.
        var request = [UInt8](repeating: 0, count: 40)
        for (index, byte) in name.utf8.prefix(15).enumerated() { request[index] = byte }
        let askMTU: UInt = 0x8921
        guard ioctl(descriptor, askMTU, &request) == 0 else {
            throw .system("ask for the MTU of \(name)", errno: errno)
        }
        return request.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: Int32.self) }
    }
}
