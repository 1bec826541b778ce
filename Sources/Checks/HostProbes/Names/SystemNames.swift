import CResolver
import Glibc
import MeshContract
import Platform

/// Names resolved as every program of the machine does: getaddrinfo(3) with nsswitch.conf, and the resolver for other
/// record types.
enum SystemNames {
    /// The addresses of a name; an address is its own. Empty when there is no such name.
    static func addresses(
        of name: String, family: Int32 = AF_UNSPEC, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [IPAddress] {
        if let address = IPAddress(name) { return [address] }
        return try await BlockingPool.names.run("look up \(name)", until: deadline) { () throws(ProbeError) in
            try lookUp(name, family: family)
        }
    }

    /// The first address of a name.
    static func address(of name: String, until deadline: ContinuousClock.Instant) async throws(ProbeError) -> IPAddress
    {
        guard let first = try await addresses(of: name, until: deadline).first else {
            throw ProbeError(.unreachable, "look up \(name)", expected: "an address", found: "no such name")
        }
        return first
    }

    private static func lookUp(_ name: String, family: Int32) throws(ProbeError) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &first)
        let number = errno
        defer { if let first { freeaddrinfo(first) } }
        switch status {
        case 0: break
        // EAI_NODATA and EAI_ADDRFAMILY are GNU's: the name exists, and has no address of this family.
        case EAI_NONAME, -5, -9: return []
        case EAI_AGAIN:
            throw ProbeError(.unreachable, "look up \(name)", expected: "an answer of a name server", found: "none")
        case EAI_SYSTEM: throw .system("look up \(name)", errno: number)
        default:
            throw ProbeError(
                .unavailable, "look up \(name)", expected: "an address", found: String(cString: gai_strerror(status)))
        }
        var addresses: [IPAddress] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ai_next
            guard let pointer = entry.pointee.ai_addr else { continue }
            var storage = sockaddr_storage()
            memcpy(&storage, pointer, min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size))
            if let address = SocketBytes.address(of: storage), !addresses.contains(address) {
                addresses.append(address)
            }
        }
        return addresses
    }

    /// The answer of the servers in /etc/resolv.conf; nil code when none answered. Blocks.
    static func search(_ name: String, _ type: DNSType) throws(ProbeError) -> DNSAnswer {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var failure: Int32 = 0
        var code: Int32 = -1
        let length = cresolver_search(name, Int32(type.number), &buffer, buffer.count, &failure, &code)
        let number = errno
        if length < 0 {
            // netdb.h: 1 no such name, 2 try again, 3 refused or broken, 4 the name has no such record, -1 errno.
            switch failure {
            case 1: return DNSAnswer(code: "NXDOMAIN", isTruncated: false, records: [])
            case 4: return DNSAnswer(code: "NOERROR", isTruncated: false, records: [])
            case -1: throw .system("look up \(name)", errno: number)
            default:
                if code > 0 {
                    return DNSAnswer(code: DNSMessage.name(ofCode: UInt16(code)), isTruncated: false, records: [])
                }
                throw ProbeError(.unreachable, "look up \(name)", expected: "an answer of a name server", found: "none")
            }
        }
        do throws(DNSFailure) {
            return try DNSMessage.answer(Array(buffer.prefix(Int(length))))
        } catch {
            throw ProbeError(.malformed, "look up \(name)", expected: error.expected, found: error.found)
        }
    }
}
