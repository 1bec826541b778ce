import Glibc
import NIOCore
import NIOPosix
import Platform

extension Host {
    /// The event loops that a request's sockets are made in.
    ///
    /// A socket belongs to the user of the thread that makes it, and the libraries below make some in threads that are
    /// not ours to give away. A request that was somebody else's than it says would prove nothing about interception, so
    /// it is refused; a `command` such as curl(1) is run as another user for certain.
    package nonisolated func eventLoops(for request: ProbeRequest) async throws(ProbeError) -> any EventLoopGroup {
        guard let other = try await credentials(of: request.user, for: request) else {
            return MultiThreadedEventLoopGroup.singleton
        }
        throw ProbeError(
            .invalid, "connect as user '\(other.user.name)'",
            expected: "no run-as, or a command such as [curl, …] with run-as", found: "run-as on a network subject")
    }
}

extension NetworkEndpoint {
    /// Reads `HOST:PORT` or `[IPv6]:PORT`; without a port the standard one, if there is one.
    package init(reading text: String, standardPort: UInt16? = nil) throws(ProbeError) {
        guard let endpoint = NetworkEndpoint(text, defaultPort: standardPort) else {
            throw ProbeError(.invalid, "read an address", expected: "HOST:PORT or [IPv6]:PORT", found: "'\(text)'")
        }
        self = endpoint
    }
}

extension ParameterForm {
    /// `HOST:PORT` or `[IPv6]:PORT`.
    public static let endpoint = ParameterForm { request throws(ProbeError) in
        _ = try NetworkEndpoint(reading: try request.requiredText(name))
    }
}

/// Addresses of names, as every program of the host finds them.
package enum HostNames {
    /// The addresses of a name; an address is its own. Empty when there is no such name.
    package static func addresses(
        of name: String, family: Int32 = AF_UNSPEC, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [IPAddress] {
        if let address = IPAddress(name) { return [address] }
        return try await BlockingPool.names.run("look up \(name)", until: deadline) { () throws(ProbeError) in
            do throws(HostLookup.Failure) {
                return try HostLookup.addresses(of: name, family: family).map(\.address)
            } catch {
                if error.isNoSuchName { return [] }
                if error.status == EAI_SYSTEM { throw .system("look up \(name)", errno: error.errno) }
                if error.status == EAI_AGAIN { throw .noNameServer("look up \(name)") }
                throw ProbeError(.unavailable, "look up \(name)", expected: "an address", found: "\(error)")
            }
        }
    }

    /// The first address of a name.
    package static func address(
        of name: String, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> IPAddress {
        guard let first = try await addresses(of: name, until: deadline).first else {
            throw ProbeError(.unreachable, "look up \(name)", expected: "an address", found: "no such name")
        }
        return first
    }
}

/// Opens TCP connections.
package enum Connector {
    /// A connection with the handlers that the body adds. Names are resolved in the system's way first, in threads
    /// that may block, and the addresses tried in their order.
    ///
    /// - Parameters:
    ///   - loops: the loops in whose threads the socket is made.
    ///   - segment: how much a packet may carry, in bytes; nil for what the link takes.
    package static func connect(
        to endpoint: NetworkEndpoint, on loops: any EventLoopGroup, segment: Int32? = nil,
        until deadline: ContinuousClock.Instant,
        _ initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws(ProbeError) -> (channel: any Channel, address: IPAddress) {
        let addresses = try await HostNames.addresses(of: endpoint.host, until: deadline)
        var last: ProbeError?
        for address in addresses {
            let operation = "connect to \(NetworkEndpoint(host: address.description, port: endpoint.port))"
            do {
                let target = try SocketAddress(ipAddress: address.description, port: Int(endpoint.port))
                let loop = loops.next()
                let timeout = deadline.timeLeft
                // The socket is made in the thread that calls connect: it has to be the loop's.
                let future = loop.flatSubmit {
                    var bootstrap = ClientBootstrap(group: loop).connectTimeout(timeout)
                        .channelOption(.socketOption(.tcp_nodelay), value: 1)
                    if let segment {
                        let option = ChannelOptions.Types.SocketOption(
                            level: .tcp, name: .init(rawValue: TCP_MAXSEG))
                        bootstrap = bootstrap.channelOption(option, value: .init(segment))
                    }
                    return bootstrap.channelInitializer(initialize).connect(to: target)
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

extension ProbeError {
    /// What a failed connection says.
    package static func network(_ operation: String, _ error: any Error) -> ProbeError {
        switch error {
        case let error as ProbeError: return error
        case let error as IOError:
            // A route or a rule that forbids it is something to tell of the host. Permissions of ours have no part in it.
            let isForbidden = [EACCES, EPERM, EINVAL, EADDRNOTAVAIL].contains(error.errnoCode)
            guard isForbidden else { return .system(operation, errno: error.errnoCode, expected: "a connection") }
            return ProbeError(
                .unreachable, operation, expected: "a connection", found: ConnectionFailure.text(error.errnoCode))
        case ChannelError.connectTimeout:
            return ProbeError(.timedOut, operation, expected: "a connection", found: "no answer")
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return .network(operation, first.error) }
            return ProbeError(.unreachable, operation, expected: "an address of \(error.host)", found: "no such name")
        case is CancellationError: return .noAnswer(operation)
        default:
            return ProbeError(.unreachable, operation, expected: "a connection", found: "\(error)".shortened())
        }
    }

    /// Nothing came before the deadline.
    package static func noAnswer(_ operation: String) -> ProbeError {
        ProbeError(.timedOut, operation, expected: "an answer in time", found: "none")
    }

    /// No name server answered.
    static func noNameServer(_ operation: String) -> ProbeError {
        ProbeError(.unreachable, operation, expected: "an answer of a name server", found: "none")
    }
}

extension ContinuousClock.Instant {
    /// What is left until then, between a millisecond and a day.
    var timeLeft: TimeAmount {
        let left = GoDuration(ContinuousClock.now.duration(to: self)).nanoseconds
        return .nanoseconds(min(max(1_000_000, left), 86_400_000_000_000))
    }
}
