import MeshContract
import NIOCore
import NIOPosix
import Platform

/// Opens TCP connections.
enum Connector {
    /// A connection with the handlers that the body adds. Names are resolved in the system's way first, in threads
    /// that may block, and the addresses tried in their order.
    ///
    /// - Parameter source: the loops in whose threads the socket is made.
    static func connect(
        to endpoint: Endpoint, on source: any EventLoopGroup, until deadline: ContinuousClock.Instant,
        _ initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws(ProbeError) -> (channel: any Channel, address: IPAddress) {
        let addresses = try await SystemNames.addresses(of: endpoint.host, until: deadline)
        var last: ProbeError?
        for address in addresses {
            let operation = "connect to \(Endpoint(host: address.description, port: endpoint.port))"
            do {
                let target = try SocketAddress(ipAddress: address.description, port: endpoint.port)
                let loop = source.next()
                let timeout = deadline.timeLeft
                // The socket is made in the thread that calls connect: it has to be the loop's.
                let future = loop.flatSubmit {
                    ClientBootstrap(group: loop).connectTimeout(timeout)
                        .channelOption(.socketOption(.tcp_nodelay), value: 1)
                        .channelInitializer(initialize).connect(to: target)
                }
                let channel: any Channel = try await Deadline.race(operation, until: deadline) {
                    () async throws(ProbeError) in
                    do { return try await future.get() } catch { throw .network(operation, error) }
                }
                return (channel, address)
            } catch let error as ProbeError {
                last = error
                if error.reason == .timedOut { break }
            } catch {
                last = .network(operation, error)
            }
        }
        throw last
            ?? ProbeError(.unreachable, "connect to \(endpoint)", expected: "an address", found: "no such name")
    }
}
