import Glibc
import MeshContract
import Platform

/// The address that packets leave from.
enum RouteSource {
    /// The source address of the route towards an address; nil when there is none. Nothing is sent: connecting a UDP
    /// socket makes the kernel choose.
    static func towards(_ address: IPAddress, port: UInt16 = 53) throws(ProbeError) -> IPAddress? {
        let descriptor = socket(
            address.bitWidth == 32 ? AF_INET : AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system("make a socket", errno: errno) }
        defer { close(descriptor) }
        let connected = SocketBytes.withAddress(address, port: port) { connect(descriptor, $0, $1) }
        guard connected == 0 else {
            if [ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EINVAL].contains(errno) { return nil }
            throw .system("find the route to \(address)", errno: errno)
        }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard named == 0 else { throw .system("read the address of a socket", errno: errno) }
        return SocketBytes.address(of: storage)
    }
}

/// Addresses in the form of the socket functions.
enum SocketBytes {
    /// Calls a body with a socket address.
    static func withAddress<Result>(
        _ address: IPAddress, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { buffer -> Int in
            let bytes = address.bytes
            buffer.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            if bytes.count == 4 {
                buffer.storeBytes(of: sa_family_t(AF_INET), as: sa_family_t.self)
                for (index, byte) in bytes.enumerated() { buffer[4 + index] = byte }
                return MemoryLayout<sockaddr_in>.size
            }
            buffer.storeBytes(of: sa_family_t(AF_INET6), as: sa_family_t.self)
            for (index, byte) in bytes.enumerated() { buffer[8 + index] = byte }
            return MemoryLayout<sockaddr_in6>.size
        }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    /// The address in a socket address; nil for another family.
    static func address(of storage: sockaddr_storage) -> IPAddress? {
        withUnsafeBytes(of: storage) { buffer in
            switch Int32(storage.ss_family) {
            case AF_INET: IPAddress(bytes: Array(buffer[4..<8]))
            case AF_INET6: IPAddress(bytes: Array(buffer[8..<24]))
            default: nil
            }
        }
    }
}
