import CLinux
import Glibc
import NIOCore
import NIOPosix
import Platform

/// Names in DNS.
struct DNSProbe: Probe {
    static let kind = SubjectKind(
        "dns", "A name in DNS, looked up as every program does or asked of one server.", mainParameter: "name",
        parameters: [
            .init("name", .text, "The name; for PTR, an IP address works too.", isRequired: true),
            .init("type", .text, "Record type; A by default.", choices: DNSType.allCases.map(\.rawValue)),
            .init(
                "server", .text, "ADDRESS or ADDRESS:PORT; `system`, the default, asks as every program does.",
                form: .nameServer),
            .init("transport", .text, "The transport to a server; udp by default.", choices: ["udp", "tcp"]),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is at least one record of the type."),
            .init("addresses", .list(.text), "The addresses of A and AAAA records, sorted."),
            .init("records", .list(.text), "The data of the records of the type, as in zone files."),
            .init("aliases", .list(.text), "Targets of the CNAME records on the way."),
            .init("rcode", .text, "NOERROR, NXDOMAIN, SERVFAIL, REFUSED …"),
            .init("server", .text, "The server that was asked."),
            .init("truncated", .bool, "Whether the answer over UDP was truncated and the query repeated over TCP."),
            .init("duration", .duration, "From the query to the answer."),
            .init("answers", .integer, "How many records of the type there are."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        var name = try request.requiredText("name")
        let typeName = try request.text("type") ?? "A"
        guard let type = DNSType(rawValue: typeName) else {
            let known = DNSType.allCases.map(\.rawValue).joined(separator: ", ")
            throw ProbeError(.invalid, "read parameter type", expected: "one of \(known)", found: "'\(typeName)'")
        }
        if type == .ptr, let address = IPAddress(name) { name = DNSMessage.reverseName(of: address) }
        let server = try request.text("server") ?? "system"
        let started = MonotonicTime.now
        let (answer, wasTruncated, asked) =
            server == "system" ? try await system(name, type, request) : try await ask(server, name, type, request)
        let records = answer.records.filter { $0.type == type }
        let addresses = records.compactMap(\.address).sorted().map(\.description)
        let shown = records.isEmpty ? answer.code : records.map(\.data).joined(separator: ", ")
        return Observation(
            [
                "exists": .bool(!records.isEmpty), "addresses": .texts(addresses),
                "records": .texts(records.map(\.data)),
                "aliases": .texts(answer.records.filter { $0.type == .cname }.map(\.data)),
                "rcode": .text(answer.code), "server": .text(asked), "truncated": .bool(wasTruncated),
                "duration": .duration(of: MonotonicTime.now.since(started)), "answers": .integer(records.count),
            ],
            evidence: ["\(name) \(typeName) by \(asked): \(shown.shortened(to: 300))"]
                + (answer.strayCount > 0 ? ["\(answer.strayCount) records of other names are passed over"] : []))
    }

    private func ask(
        _ server: String, _ name: String, _ type: DNSType, _ request: ProbeRequest
    ) async throws(ProbeError) -> (DNSAnswer, Bool, String) {
        let endpoint = try NetworkEndpoint(reading: server, standardPort: DNSClient.standardPort)
        let transportName = try request.text("transport") ?? "udp"
        guard let transport = DNSClient.Transport(rawValue: transportName) else {
            throw ProbeError(.invalid, "read parameter transport", expected: "udp or tcp", found: "'\(transportName)'")
        }
        let client = DNSClient(
            server: endpoint, address: try await HostNames.address(of: endpoint.host, until: request.deadline),
            loops: try await host.eventLoops(for: request), deadline: request.deadline)
        let (answer, wasTruncated) = try await client.ask(name, type, over: transport)
        return (answer, wasTruncated, endpoint.description)
    }

    private func system(
        _ name: String, _ type: DNSType, _ request: ProbeRequest
    ) async throws(ProbeError) -> (DNSAnswer, Bool, String) {
        try host.requireThisMachine("look up \(name)")
        // The servers are asked in the system's way, and by whom makes no difference to them.
        guard type == .a || type == .aaaa else {
            let answer = try await BlockingPool.names.run("look up \(name)", until: request.deadline) {
                () throws(ProbeError) in try Self.search(name, type)
            }
            return (answer, false, "system")
        }
        let family = type == .a ? AF_INET : AF_INET6
        let addresses = try await HostNames.addresses(of: name, family: family, until: request.deadline)
        let records = addresses.filter { ($0.bitWidth == 32) == (type == .a) }.map { address in
            DNSRecord(name: name, type: type, timeToLive: 0, data: address.description, address: address)
        }
        let code = records.isEmpty ? "NXDOMAIN" : "NOERROR"
        return (DNSAnswer(code: code, isTruncated: false, records: records), false, "system")
    }

    /// The answer of the servers in /etc/resolv.conf. Blocks.
    private static func search(_ name: String, _ type: DNSType) throws(ProbeError) -> DNSAnswer {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var failure: Int32 = 0
        var code: Int32 = -1
        let length = clinux_resolver_search(name, Int32(type.number), &buffer, buffer.count, &failure, &code)
        let number = errno
        if length < 0 {
            // netdb.h: 1 no such name, 2 try again, 3 refused or broken, 4 the name has no such record, -1 errno.
            switch failure {
            case 1: return DNSAnswer(code: "NXDOMAIN", isTruncated: false, records: [])
            case 4: return DNSAnswer(code: "NOERROR", isTruncated: false, records: [])
            case -1: throw .system("look up \(name)", errno: number)
            default:
                guard code > 0 else { throw .noNameServer("look up \(name)") }
                return DNSAnswer(code: DNSMessage.name(ofCode: UInt16(code)), isTruncated: false, records: [])
            }
        }
        do throws(DNSFailure) {
            return try DNSMessage.answer(Array(buffer.prefix(Int(length))))
        } catch {
            throw ProbeError(.malformed, "look up \(name)", expected: error.expected, found: error.found)
        }
    }
}

extension ParameterForm {
    /// `system`, `ADDRESS` or `ADDRESS:PORT`.
    static let nameServer = ParameterForm { request throws(ProbeError) in
        let text = try request.requiredText(name)
        if text != "system" { _ = try NetworkEndpoint(reading: text, standardPort: DNSClient.standardPort) }
    }
}

/// Asks one name server.
package struct DNSClient {
    /// How a query goes to the server.
    package enum Transport: String, Sendable, Hashable, CaseIterable {
        case udp, tcp
    }

    package static let standardPort: UInt16 = 53

    var server: NetworkEndpoint
    var address: IPAddress
    var loops: any EventLoopGroup
    var deadline: ContinuousClock.Instant

    init(server: NetworkEndpoint, address: IPAddress, loops: any EventLoopGroup, deadline: ContinuousClock.Instant) {
        self.server = server
        self.address = address
        self.loops = loops
        self.deadline = deadline
    }

    /// What a server answers over UDP when it is asked for the IPv4 addresses of a name: the response code and the addresses.
    package static func addresses(
        of name: String, from server: NetworkEndpoint, overTCP isStream: Bool = false,
        until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> (code: String, addresses: [IPAddress]) {
        guard let address = server.address else {
            throw ProbeError(.invalid, "ask \(server)", expected: "an IP address", found: "'\(server.host)'")
        }
        let client = DNSClient(
            server: server, address: address, loops: MultiThreadedEventLoopGroup.singleton, deadline: deadline)
        let (answer, _) = try await client.ask(name, .a, over: isStream ? .tcp : .udp)
        return (answer.code, answer.records.filter { $0.type == .a }.compactMap(\.address).sorted())
    }

    /// The server's answer; one that was cut off over UDP is asked for again over TCP, as RFC 7766 demands.
    ///
    /// - Returns: the answer, and whether the one over UDP was cut off.
    func ask(
        _ name: String, _ type: DNSType, over transport: Transport
    ) async throws(ProbeError) -> (answer: DNSAnswer, wasTruncated: Bool) {
        // From the system's generator: nobody may guess it.
        let id = UInt16.random(in: .min ... .max)
        let query = try DNSMessage.query(name, type, id: id)
        if transport == .tcp { return (try await overTCP(query), false) }
        let answer = try await overUDP(query)
        return answer.isTruncated ? (try await overTCP(query), true) : (answer, false)
    }

    private var operation: String { "ask \(server)" }

    /// After a while the query is sent again: a datagram may be lost.
    private func overUDP(_ query: [UInt8]) async throws(ProbeError) -> DNSAnswer {
        let answer = OneShot<Result<DNSAnswer, ProbeError>>()
        let loop = loops.next()
        let (target, operation) = (address, operation)
        let port = Int(server.port)
        // The socket is made in the thread that calls, which has to be the loop's.
        let opening = loop.flatSubmit { () -> EventLoopFuture<any Channel> in
            do {
                let remote = try SocketAddress(ipAddress: target.description, port: port)
                return DatagramBootstrap(group: loop).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            DatagramHandler(query: query, answer: answer, operation: operation))
                    }
                }.connect(to: remote)
            } catch {
                return loop.makeFailedFuture(error)
            }
        }
        opening.whenFailure { answer.resume(.failure(.network(operation, $0))) }
        defer { opening.whenSuccess { $0.close(promise: nil) } }
        return try await answer.value(until: deadline, or: .failure(.noAnswer(operation + " over UDP"))).get()
    }

    private func overTCP(_ query: [UInt8]) async throws(ProbeError) -> DNSAnswer {
        let answer = OneShot<Result<DNSAnswer, ProbeError>>()
        let operation = operation
        let endpoint = NetworkEndpoint(host: address.description, port: server.port)
        let (channel, _) = try await Connector.connect(to: endpoint, on: loops, until: deadline) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    StreamHandler(query: query, answer: answer, operation: operation))
            }
        }
        defer { channel.close(promise: nil) }
        return try await answer.value(until: deadline, or: .failure(.noAnswer(operation + " over TCP"))).get()
    }

    /// What the bytes of an answer say.
    fileprivate static func read(
        _ bytes: [UInt8], to query: [UInt8], _ operation: String
    ) -> Result<DNSAnswer, ProbeError> {
        do throws(DNSFailure) {
            return .success(try DNSMessage.answer(bytes, to: query))
        } catch {
            return .failure(ProbeError(.malformed, operation, expected: error.expected, found: error.found))
        }
    }
}

/// One query and its answer over UDP. The socket takes datagrams of the server alone, at a port of the kernel's choice:
/// one that answers another question is the server's fault, and is told at once.
private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let query: [UInt8]
    private let answer: OneShot<Result<DNSAnswer, ProbeError>>
    private let operation: String
    private var resend: Scheduled<Void>?

    init(query: [UInt8], answer: OneShot<Result<DNSAnswer, ProbeError>>, operation: String) {
        self.query = query
        self.answer = answer
        self.operation = operation
    }

    func channelActive(context: ChannelHandlerContext) { send(context) }

    func channelInactive(context: ChannelHandlerContext) { resend?.cancel() }

    private func send(_ context: ChannelHandlerContext) {
        guard let remote = context.remoteAddress else { return }
        let envelope = AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: query))
        let (answer, operation) = (answer, operation)
        // A query that this host does not let out is told at once, where silence would say nothing.
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenFailure { answer.resume(.failure(.network(operation, $0))) }
        context.writeAndFlush(wrapOutboundOut(envelope), promise: sent)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        resend = context.eventLoop.scheduleTask(in: .seconds(1)) {
            let (handler, context) = bound.value
            handler.send(context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
        answer.resume(DNSClient.read(bytes, to: query, operation))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.resume(.failure(.network(operation, error)))
    }
}

/// One query and its answer over TCP: each with its length in front (RFC 1035 section 4.2.2).
private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let query: [UInt8]
    private let answer: OneShot<Result<DNSAnswer, ProbeError>>
    private let operation: String
    private var received: [UInt8] = []

    init(query: [UInt8], answer: OneShot<Result<DNSAnswer, ProbeError>>, operation: String) {
        self.query = query
        self.answer = answer
        self.operation = operation
    }

    func channelActive(context: ChannelHandlerContext) {
        let length = [UInt8(query.count >> 8), UInt8(query.count & 255)]
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: length + query)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
        guard received.count >= 2 else { return }
        let length = Int(received[0]) << 8 | Int(received[1])
        guard received.count >= length + 2 else { return }
        answer.resume(DNSClient.read(Array(received[2..<(length + 2)]), to: query, operation))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.resume(
            .failure(
                ProbeError(
                    .malformed, operation, expected: "a whole answer",
                    found: "the end of the connection after \(received.count) bytes")))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.resume(.failure(.network(operation, error)))
        context.close(promise: nil)
    }
}
