import Glibc

/// What the kernel tells of sockets over netlink alone (sock_diag(7)), and not in /proc/net.
enum SocketDiagnosis {
    private static let byFamily: UInt16 = 20
    private static let dump: UInt16 = 0x301
    private static let done: UInt16 = 3
    private static let version6OnlyAttribute: UInt16 = 11
    private static let headerSize = 16
    private static let messageSize = 72

    /// The inodes of the IPv6 sockets of TCP and UDP that wait with IPV6_V6ONLY; empty where the kernel does not tell.
    static func version6Only() -> Set<UInt64> {
        // Listening TCP sockets, unconnected UDP sockets: the states of /proc/net.
        query(protocol: UInt8(IPPROTO_TCP), states: 1 << 10).union(query(protocol: UInt8(IPPROTO_UDP), states: 1 << 7))
    }

    private static func query(protocol number: UInt8, states: UInt32) -> Set<UInt64> {
        let netlink: Int32 = 16
        let diagnosis: Int32 = 4
        let descriptor = socket(netlink, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), diagnosis)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        // nlmsghdr, then inet_diag_req_v2 with family, protocol, extensions, padding, states and an empty socket id.
        var request: [UInt8] = []
        append(UInt32(headerSize + 56), to: &request)
        append(byFamily, to: &request)
        append(dump, to: &request)
        append(UInt64(0), to: &request)
        request += [UInt8(AF_INET6), number, 0, 0]
        append(states, to: &request)
        request += [UInt8](repeating: 0, count: 48)
        guard send(descriptor, request, request.count, 0) == request.count else { return [] }
        var inodes: Set<UInt64> = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0, take(buffer[..<count], &inodes) else { return inodes }
        }
    }

    /// Takes the messages of one datagram; false at the last.
    private static func take(_ bytes: ArraySlice<UInt8>, _ inodes: inout Set<UInt64>) -> Bool {
        var rest = bytes
        while rest.count >= headerSize {
            let length = Int(number(rest, at: 0, as: UInt32.self))
            guard number(rest, at: 4, as: UInt16.self) == byFamily, length >= headerSize + messageSize,
                length <= rest.count
            else { return false }
            let message = rest.prefix(length).dropFirst(headerSize)
            if isVersion6Only(message.dropFirst(messageSize)) {
                // The last of the message's own members.
                inodes.insert(UInt64(number(message, at: messageSize - 4, as: UInt32.self)))
            }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return true
    }

    /// Whether attributes (length, type, value, each at a multiple of four) have it set.
    private static func isVersion6Only(_ attributes: ArraySlice<UInt8>) -> Bool {
        var rest = attributes
        while rest.count >= 5 {
            let length = Int(number(rest, at: 0, as: UInt16.self))
            guard length >= 4 else { return false }
            if number(rest, at: 2, as: UInt16.self) == version6OnlyAttribute {
                return length > 4 && rest[rest.startIndex + 4] != 0
            }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return false
    }

    private static func number<Number: FixedWidthInteger>(
        _ bytes: ArraySlice<UInt8>, at offset: Int, as type: Number.Type
    ) -> Number {
        bytes.withUnsafeBytes { bytes in
            bytes.count >= offset + MemoryLayout<Number>.size
                ? bytes.loadUnaligned(fromByteOffset: offset, as: Number.self) : 0
        }
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number) { bytes += $0 }
    }
}
