import Dispatch
import Glibc
import Platform
import Synchronization

/// Names to addresses with a time limit, which getaddrinfo(3) does not have.
enum NameLookup {
    /// The addresses of a host; none when it has none or the resolver takes too long.
    static func addresses(of endpoint: NetworkEndpoint, limit: Duration) async -> [SocketAddress] {
        await withCheckedContinuation { continuation in
            let answer = FirstAnswer(continuation)
            DispatchQueue.global().async { answer.give(resolve(endpoint)) }
            DispatchQueue.global().asyncAfter(deadline: .now() + limit.dispatchInterval) { answer.give([]) }
        }
    }

    private static func resolve(_ endpoint: NetworkEndpoint) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        // Not AI_ADDRCONFIG: the caller asks for the route to each address and sees which are of use.
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry {
            if let pointer = current.pointee.ai_addr,
                let address = SocketAddress(pointer, length: current.pointee.ai_addrlen)
            {
                addresses.append(address)
            }
            entry = current.pointee.ai_next
        }
        return addresses
    }

    /// Whoever answers first is heard.
    private final class FirstAnswer: Sendable {
        private let waiting: Mutex<CheckedContinuation<[SocketAddress], Never>?>

        init(_ continuation: CheckedContinuation<[SocketAddress], Never>) { waiting = Mutex(continuation) }

        func give(_ addresses: [SocketAddress]) {
            let continuation = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            continuation?.resume(returning: addresses)
        }
    }
}

extension Duration {
    /// The same length for Dispatch, cut to what it holds.
    var dispatchInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .never : .nanoseconds(Int(scaled &+ attoseconds / 1_000_000_000))
    }
}
