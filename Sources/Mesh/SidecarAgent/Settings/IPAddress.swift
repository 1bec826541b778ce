import Glibc
import Platform

/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// Four or sixteen bytes in network order.
    public let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads an address as inet_pton(3) does; nil for everything else, also for the short forms of inet_aton(3).
    public init?(_ text: String) {
        guard !text.utf8.contains(0) else { return nil }
        var version4 = in_addr()
        var version6 = in6_addr()
        if inet_pton(AF_INET, text, &version4) == 1 {
            bytes = withUnsafeBytes(of: version4) { Array($0) }
        } else if inet_pton(AF_INET6, text, &version6) == 1 {
            bytes = withUnsafeBytes(of: version6) { Array($0) }
        } else {
            return nil
        }
    }

    /// Whether it is an IPv6 address.
    public var isVersion6: Bool { bytes.count == 16 }

    /// 127.0.0.0/8 or ::1: an address that no other machine reaches this one at.
    public var isLoopback: Bool {
        isVersion6 ? bytes == Array(repeating: 0, count: 15) + [1] : bytes[0] == 127
    }

    /// 0.0.0.0 or ::, which is no machine's address.
    public var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

    /// 169.254.0.0/16 or fe80::/10, which has a meaning on one link only.
    public var isLinkLocal: Bool {
        isVersion6 ? bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 : bytes[0] == 169 && bytes[1] == 254
    }

    /// 224.0.0.0/4 or ff00::/8, which is no machine's address.
    public var isMulticast: Bool { isVersion6 ? bytes[0] == 0xff : bytes[0] & 0xf0 == 0xe0 }

    /// As inet_ntop(3) writes it.
    public var description: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = isVersion6 ? AF_INET6 : AF_INET
        // It fails for another family or a buffer that is too small, and neither can be.
        _ = bytes.withUnsafeBytes { inet_ntop(family, $0.baseAddress, &buffer, socklen_t(buffer.count)) }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An address with a port in the kernel's form.
struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private let length: socklen_t

    /// Copies an address; nil when it is neither IPv4 nor IPv6.
    init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        guard [sa_family_t(AF_INET), sa_family_t(AF_INET6)].contains(address.pointee.sa_family),
            Int(length) <= MemoryLayout<sockaddr_storage>.size
        else { return nil }
        self.length = length
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
    }

    /// The address without its port.
    var address: IPAddress {
        withUnsafeBytes(of: storage) { bytes in
            // sockaddr_in: family 2, port 2, address 4; sockaddr_in6: family 2, port 2, flow 4, address 16 (ip(7), ipv6(7)).
            let range = storage.ss_family == sa_family_t(AF_INET) ? 4..<8 : 8..<24
            return IPAddress(bytes: Array(bytes[range]))
        }
    }

    /// The address that this machine would send from towards this one; nil without a route. Nothing is sent.
    var routeSource: IPAddress? {
        let descriptor = socket(Int32(storage.ss_family), Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target -> IPAddress? in
                guard connect(descriptor, target, length) == 0 else { return nil }
                var own = sockaddr_storage()
                var ownLength = socklen_t(MemoryLayout<sockaddr_storage>.size)
                return withUnsafeMutablePointer(to: &own) { own in
                    own.withMemoryRebound(to: sockaddr.self, capacity: 1) { own in
                        guard getsockname(descriptor, own, &ownLength) == 0 else { return nil }
                        return SocketAddress(own, length: ownLength)?.address
                    }
                }
            }
        }
    }
}
