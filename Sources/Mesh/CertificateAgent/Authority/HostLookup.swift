import Dispatch
import GRPCCore
import Glibc
import GRPCNIOTransportHTTP2
import Platform

/// Addresses of the authority's host.
enum HostLookup {
    /// The addresses in the order in which getaddrinfo(3) prefers them.
    static func addresses(of address: AuthorityAddress) async throws(AuthorityError) -> [SocketAddress] {
        // getaddrinfo(3) blocks for as long as its name servers do not answer: not on a thread of the pool.
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: resolve(address)) }
        }
        return try result.get()
    }

    private static func resolve(_ address: AuthorityAddress) -> Result<[SocketAddress], AuthorityError> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, nil, &hints, &list)
        guard code == 0 else { return .failure(.lookup(host: address.host, code: code)) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let status = getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            guard status == 0 else { continue }
            let end = text.firstIndex(of: 0) ?? text.endIndex
            let host = String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            switch entry.ai_family {
            case AF_INET: addresses.append(.ipv4(host: host, port: address.port))
            case AF_INET6: addresses.append(.ipv6(host: host, port: address.port))
            default: continue
            }
        }
        return addresses.isEmpty ? .failure(.lookup(host: address.host, code: EAI_NONAME)) : .success(addresses)
    }
}

/// Addresses that have been looked up, as a target of a gRPC client.
struct KnownAddresses: ResolvableTarget, NameResolverFactory {
    typealias Target = KnownAddresses

    /// The addresses, tried in this order.
    var addresses: [SocketAddress]

    func resolver(for target: KnownAddresses) -> NameResolver {
        let result = NameResolutionResult(endpoints: [Endpoint(addresses: target.addresses)], serviceConfig: nil)
        return NameResolver(names: .init(wrapping: OneElement(element: result)), updateMode: .pull)
    }
}

/// The same element whenever it is asked for.
private struct OneElement: AsyncSequence, Sendable {
    let element: NameResolutionResult

    struct AsyncIterator: AsyncIteratorProtocol {
        let element: NameResolutionResult

        func next() async throws -> NameResolutionResult? { element }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(element: element) }
}
