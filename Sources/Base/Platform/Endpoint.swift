import Dispatch
import Glibc

/// A host, by name or address, and a port: `istio-pilot.istio-system:8080`, `[2001:db8::6]:8080`.
public struct NetworkEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address; an IPv6 address without brackets.
    public let host: String
    /// The port, never 0.
    public let port: UInt16

    /// Creates an endpoint of a host that ``init(_:defaultPort:)`` would take.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT` or `[IPv6]:PORT`; nil for anything else.
    ///
    /// - Parameter defaultPort: the port of a host that stands alone; where nil, a port is required.
    public init?(_ text: String, defaultPort: UInt16? = nil) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 300 else { return nil }
        var host = bytes[...]
        var port: ArraySlice<UInt8>?
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = bytes[1..<close]
            let rest = bytes[(close + 1)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":"), IPAddress(Ascii.text(host))?.bitWidth == 128 else {
                return nil
            }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if IPAddress(text)?.bitWidth != 128, let colon = bytes.lastIndex(of: UInt8(ascii: ":")) {
            host = bytes[..<colon]
            port = bytes[(colon + 1)...]
        }
        guard Self.isName(host) || IPAddress(Ascii.text(host)) != nil else { return nil }
        if let port {
            guard (1...5).contains(port.count), port.allSatisfy(Ascii.isDigit), let number = UInt16(Ascii.text(port)),
                number > 0
            else { return nil }
            self.port = number
        } else {
            guard let defaultPort else { return nil }
            self.port = defaultPort
        }
        self.host = Ascii.text(host)
    }

    /// The host, if it is an address and not a name.
    public var address: IPAddress? { IPAddress(host) }

    /// As it is read.
    public var description: String { address?.bitWidth == 128 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether the bytes can be a host name (RFC 1123, section 2.1, and the underscore that people use anyway).
    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard (1...253).contains(bytes.count) else { return false }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // A final dot says that the name is complete.
        let counted = labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
        return !counted.isEmpty
            && counted.allSatisfy { label in
                (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                    && label.allSatisfy { Ascii.isAlphanumeric($0) || $0 == 0x2d || $0 == 0x5f }
            }
    }
}

/// Names to addresses as every program of the machine finds them: getaddrinfo(3), with nsswitch.conf and hosts(5).
public enum HostLookup {
    /// Why there is no address.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The status of getaddrinfo(3), such as EAI_NONAME or EAI_AGAIN; EAI_AGAIN where the time was over.
        public var status: Int32
        /// The error number where the status is EAI_SYSTEM, otherwise 0.
        public var errno: Int32

        /// Whether the resolver says for certain that there is no such name, or none with an address of this family.
        public var isNoSuchName: Bool {
            // EAI_NODATA and EAI_ADDRFAMILY are GNU's.
            [EAI_NONAME, -5, -9].contains(status)
        }

        /// The C library's text.
        public var description: String {
            if isNoSuchName { return "no such host" }
            return status == EAI_SYSTEM ? SystemErrorText.of(errno) : SystemErrorText.ofLookup(status)
        }
    }

    /// The addresses in the order in which getaddrinfo(3) prefers them, each once; never empty. Blocks for as long as the
    /// name servers take.
    ///
    /// - Parameter family: AF_INET, AF_INET6, or AF_UNSPEC for both.
    public static func addresses(of host: String, family: Int32 = AF_UNSPEC) throws(Failure) -> [SocketAddressBytes] {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &first)
        guard status == 0 else { throw Failure(status: status, errno: status == EAI_SYSTEM ? Glibc.errno : 0) }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddressBytes] = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ai_next
            if let pointer = entry.ai_addr, let address = SocketAddressBytes(pointer, length: entry.ai_addrlen),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
        }
        guard !addresses.isEmpty else { throw Failure(status: EAI_NONAME, errno: 0) }
        return addresses
    }

    /// The same, off the threads of Swift's tasks and with a limit, which getaddrinfo(3) does not have.
    public static func addresses(
        of host: String, limit: Duration
    ) async throws(Failure) -> [SocketAddressBytes] {
        let answer = OneShot<Result<[SocketAddressBytes], Failure>>()
        DispatchQueue.global().async {
            do throws(Failure) { answer.resume(.success(try addresses(of: host))) } catch {
                answer.resume(.failure(error))
            }
        }
        let result = await Deadline.run(limit) { await answer.value() }
        return try (result ?? .failure(Failure(status: EAI_AGAIN, errno: 0))).get()
    }
}

/// An IP address in the form of the socket functions.
public struct SocketAddressBytes: Sendable, Hashable {
    /// The address.
    public let address: IPAddress
    /// The interface of a link-local IPv6 address, otherwise 0 (ipv6(7)).
    public let scope: UInt32

    /// Wraps an address.
    public init(_ address: IPAddress, scope: UInt32 = 0) {
        self.address = address
        self.scope = scope
    }

    /// Copies an address; nil when it is neither IPv4 nor IPv6.
    public init?(_ pointer: UnsafePointer<sockaddr>, length: socklen_t) {
        let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(length))
        // sockaddr_in: family 2, port 2, address 4; sockaddr_in6: family 2, port 2, flow 4, address 16, scope 4.
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET where bytes.count >= 8: self.init(bytes: bytes[4..<8], scope: 0)
        case AF_INET6 where bytes.count >= 28:
            self.init(bytes: bytes[8..<24], scope: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
        default: return nil
        }
    }

    private init?(bytes: Slice<UnsafeRawBufferPointer>, scope: UInt32) {
        guard let address = IPAddress(bytes: bytes) else { return nil }
        self.init(address, scope: scope)
    }

    /// The address as getnameinfo(3) writes it: with `%` and the interface where it has a scope.
    public var numericHost: String {
        guard scope != 0 else { return address.description }
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard if_indextoname(scope, &name) != nil else { return "\(address)%\(scope)" }
        return "\(address)%"
            + String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Calls a body with the socket address of a port.
    public func withPointer<Result>(
        port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { buffer -> Int in
            let bytes = address.bytes
            let isVersion4 = bytes.count == 4
            buffer.storeBytes(of: sa_family_t(isVersion4 ? AF_INET : AF_INET6), as: sa_family_t.self)
            buffer.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            for (index, byte) in bytes.enumerated() { buffer[(isVersion4 ? 4 : 8) + index] = byte }
            if isVersion4 { return MemoryLayout<sockaddr_in>.size }
            buffer.storeBytes(of: scope, toByteOffset: 24, as: UInt32.self)
            return MemoryLayout<sockaddr_in6>.size
        }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    /// The address that this machine sends from towards this one; nil without a route. Nothing is sent: connecting a UDP
    /// socket makes the kernel choose.
    ///
    /// - Throws: the error number of a call that failed for another reason.
    public func routeSource(port: UInt16 = 53) throws(SystemCallError) -> IPAddress? {
        let family = address.bitWidth == 32 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemCallError(call: "socket", errno: errno) }
        defer { close(descriptor) }
        guard withPointer(port: port, { connect(descriptor, $0, $1) }) == 0 else {
            // Routes of type prohibit and blackhole refuse with EACCES and EINVAL.
            if [ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EINVAL, EACCES].contains(errno) { return nil }
            throw SystemCallError(call: "connect", errno: errno)
        }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return try withUnsafeMutablePointer(to: &storage) { pointer throws(SystemCallError) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { own throws(SystemCallError) in
                guard getsockname(descriptor, own, &length) == 0 else {
                    throw SystemCallError(call: "getsockname", errno: errno)
                }
                return SocketAddressBytes(own, length: length)?.address
            }
        }
    }
}

/// A system call without a path that failed.
public struct SystemCallError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, such as `socket`.
    public var call: String
    /// The error number (errno(3)).
    public var errno: Int32

    /// Creates an error.
    public init(call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    /// The sentence for people.
    public var description: String { "\(call) failed: \(SystemErrorText.of(errno))" }
}
