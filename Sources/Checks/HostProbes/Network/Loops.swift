import MeshContract
import NIOCore
import NIOPosix
import Platform

/// The threads of network probes.
enum Loops {
    /// The event loops of this process.
    ///
    /// A socket belongs to the user of the thread that makes it, and the libraries below make some in threads that are
    /// not ours to give away. A request that was somebody else's than it says would prove nothing about interception, so
    /// it is refused; a `command` such as curl(1) is run as another user for certain.
    static func group(as impersonation: Impersonation?) throws(ProbeError) -> any EventLoopGroup {
        guard let impersonation else { return MultiThreadedEventLoopGroup.singleton }
        throw ProbeError(
            .invalid, "connect as user '\(impersonation.user.name)'",
            expected: "no run-as, or a command such as [curl, …] with run-as", found: "run-as on a network subject")
    }
}

extension Host {
    /// The event loops that a request's sockets are made in.
    nonisolated func loops(for request: ProbeRequest) async throws(ProbeError) -> any EventLoopGroup {
        try Loops.group(as: try await impersonation(of: request.user, for: request))
    }
}

/// A host, by name or address, and a port.
struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    var host: String
    var port: Int

    /// Reads `HOST:PORT` or `[V6]:PORT`; without a port the standard one, if there is one.
    init(_ text: String, standardPort: Int? = nil) throws(ProbeError) {
        let bytes = Array(text.utf8)
        let wrong = ProbeError(.invalid, "read an address", expected: "HOST:PORT or [IPv6]:PORT", found: "'\(text)'")
        var host = bytes[...]
        var port: ArraySlice<UInt8>?
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw wrong }
            host = bytes[1..<close]
            let rest = bytes[(close + 1)...]
            if !rest.isEmpty {
                guard rest.first == UInt8(ascii: ":") else { throw wrong }
                port = rest.dropFirst()
            }
            guard IPAddress(Bytes.text(host))?.bitWidth == 128 else { throw wrong }
        } else if IPAddress(text) == nil, let colon = bytes.lastIndex(of: UInt8(ascii: ":")) {
            host = bytes[..<colon]
            port = bytes[(colon + 1)...]
        }
        guard !host.isEmpty, !host.contains(UInt8(ascii: ":")) || IPAddress(Bytes.text(host)) != nil,
            host.allSatisfy({ $0 > 0x20 && $0 != 0x7f }), host.count <= 255
        else { throw wrong }
        self.host = Bytes.text(host)
        if let port {
            guard let number = Bytes.decimal(port), (1...65535).contains(number) else { throw wrong }
            self.port = Int(number)
        } else {
            guard let standardPort else { throw wrong }
            self.port = standardPort
        }
    }

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension ProbeError {
    /// What a failed connection says.
    static func network(_ operation: String, _ error: any Error) -> ProbeError {
        switch error {
        case let error as ProbeError: return error
        case let error as IOError: return .system(operation, errno: error.errnoCode, expected: "a connection")
        case ChannelError.connectTimeout:
            return ProbeError(.timedOut, operation, expected: "a connection", found: "no answer")
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return .network(operation, first.error) }
            return ProbeError(.unreachable, operation, expected: "an address of \(error.host)", found: "no such name")
        case is CancellationError:
            return ProbeError(.timedOut, operation, expected: "an answer in time", found: "none")
        default:
            return ProbeError(.unreachable, operation, expected: "a connection", found: "\(error)".shortened())
        }
    }
}

extension ContinuousClock.Instant {
    /// The moment on NIO's clock.
    var nioDeadline: NIODeadline {
        let rest = GoDuration(ContinuousClock.now.duration(to: self)).nanoseconds
        return .now() + .nanoseconds(max(0, min(rest, 86_400_000_000_000)))
    }

    /// What is left until then.
    var timeLeft: TimeAmount {
        let rest = GoDuration(ContinuousClock.now.duration(to: self)).nanoseconds
        return .nanoseconds(max(1_000_000, min(rest, 86_400_000_000_000)))
    }
}
