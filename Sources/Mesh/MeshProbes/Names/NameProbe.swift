import Glibc
import MeshContract
import Platform
import Probes

/// A name, looked up by those who depend on it and compared layer by layer.
struct NameProbe: Probe {
    static let kind = SubjectKind(
        "name",
        "A host name as those who depend on it find it; where they do not, the first layer that differs: the servers, "
            + "the forwarder of this host, resolv.conf, the C library, the user.",
        mainParameter: "name",
        parameters: [
            .init("name", .text, "The name, or a URL with it.", isRequired: true),
            .init("expected", .text, "The address that it should have; empty where only the server knows."),
            .init("server", .text, "The address of the server that knows the name, such as the cluster's DNS."),
            .init("users", .list(.text), "Who looks it up; without root only who runs this."),
            .init("forwarder", .text, "The address of the forwarder; this host's first in resolv.conf, or 127.0.0.1."),
        ],
        attributes: [
            .init("name", .text, "The name."),
            .init("exists", .bool, "Whether everybody finds an address."),
            .init("addresses", .list(.text), "What the first of the users finds, sorted."),
            .init("layers", .list(.text), "Each layer with its answer, the servers first."),
            .init(
                "differs", .text,
                "The first layer whose answer is another one: \(NameLayer.allCases.map(\.rawValue).joined(separator: ", "))."
            ),
            .init(
                "cause", .text,
                "Why: \(NameCause.allCases.map(\.rawValue).joined(separator: ", ")); null if nothing differs."),
            .init("why", .list(.text), "The lines of configuration, sockets or rules that show it."),
            .init("undo", .list(.text), "Commands that set it right."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("look up a name")
        let name = try Self.host(of: try request.requiredText("name"))
        let lookers = try await ReachProbe.lookers(try request.texts("users") ?? [], host, request)
        let limit = max(ContinuousClock.now + .milliseconds(500), request.deadline - .seconds(2))
        var look = NameLook(name: name, lookers: lookers)
        look.expected = IPAddress(try request.text("expected") ?? "").map { [$0] }
        look.resolver = try await host.resolverFile(for: request)
        let own = try await host.addresses(for: request)
        look.forwarder =
            IPAddress(try request.text("forwarder") ?? "")
            ?? look.resolver.nameservers.compactMap { IPAddress($0) }.first { $0.isLoopback || own.contains($0) }
            ?? .v4(0x7f00_0001)
        let server = IPAddress(try request.text("server") ?? "")
        let (first, forwarder) = (look.resolver.nameservers.first.flatMap { IPAddress($0) }, look.forwarder)
        let other = first == forwarder ? nil : first
        async let fromServer = Self.ask(server, name, until: limit)
        async let fromForwarder = Self.ask(forwarder, name, until: limit)
        async let fromFirst = Self.ask(other, name, until: limit)
        look.found = try await find(name, lookers, request, until: limit)
        look.server = server
        look.serverAnswer = await fromServer
        look.forwarderAnswer = await fromForwarder ?? .failed("nobody was asked")
        look.firstServer = first
        look.firstAnswer = await fromFirst
        if look.resolver.options.contains("rotate") {
            for server in look.resolver.nameservers.prefix(3).compactMap({ IPAddress($0) })
            where server != look.forwarder {
                look.others.append((server, await Self.ask(server, name, until: limit) ?? .failed("nobody was asked")))
            }
        }
        let search = NameSearch(host: host, request: request, look: look)
        let verdict = try await search.verdict()
        let wanted = look.wanted.map { look.found[$0] }
        var evidence = look.layers
        if let verdict { evidence += verdict.why }
        return Observation(
            [
                "name": .text(name), "exists": .bool(wanted.allSatisfy { !$0.addresses.isEmpty }),
                "addresses": .texts(wanted.first?.addresses.map(\.description) ?? []), "layers": .texts(look.layers),
                "differs": .text(orNull: verdict?.layer.rawValue), "cause": .text(orNull: verdict?.cause.rawValue),
                "why": .texts(verdict?.why ?? []), "undo": .texts(verdict?.undo ?? []),
            ], evidence: evidence)
    }

    private static func host(of text: String) throws(ProbeError) -> String {
        text.containsBytewise("://") ? try URLAuthority(text).host : text
    }

    /// What a server answers.
    static func ask(
        _ server: IPAddress?, _ name: String, port: UInt16 = DNSClient.standardPort, overTCP isStream: Bool = false,
        until limit: ContinuousClock.Instant
    ) async -> NameAnswer? {
        guard let server else { return nil }
        do throws(ProbeError) {
            let endpoint = NetworkEndpoint(host: server.description, port: port)
            let (code, addresses) = try await DNSClient.addresses(
                of: name, from: endpoint, overTCP: isStream, until: limit)
            return addresses.isEmpty ? .none(code) : .found(addresses)
        } catch { return error.reason == .timedOut ? .failed("no answer") : .failed(error.found) }
    }

    /// What each user's own process finds: the C library keeps what it has read for all threads of one.
    private func find(
        _ name: String, _ lookers: [ReachProbe.Looker], _ request: ProbeRequest, until limit: ContinuousClock.Instant
    ) async throws(ProbeError) -> [NameAnswer] {
        var waiting: [Task<NameAnswer, Never>] = []
        for looker in lookers {
            let credentials = try await host.credentials(of: looker.role, for: request)
            waiting.append(Task { await Self.getent(name, as: credentials, until: limit) })
        }
        var answers: [NameAnswer] = []
        for task in waiting { answers.append(await task.value) }
        return answers
    }

    static func getent(
        _ name: String, as user: UserCredentials?, until limit: ContinuousClock.Instant
    ) async -> NameAnswer {
        do throws(ProbeError) {
            let run = try await Tool.run("getent", ["ahostsv4", name], as: user, until: limit)
            var addresses: [IPAddress] = []
            for line in Bytes.lines(run.output) {
                guard let word = Ascii.words(line[...]).first, let address = IPAddress(Ascii.text(word)),
                    !addresses.contains(address)
                else { continue }
                addresses.append(address)
            }
            return addresses.isEmpty ? .none("no address") : .found(addresses.sorted())
        } catch { return .failed(error.reason == .timedOut ? "no answer" : error.found) }
    }
}

/// The layers between a name and those who look it up.
enum NameLayer: String, Sendable, CaseIterable {
    case server, forwarder
    case resolvConf = "resolv.conf"
    case library, user
}

/// What makes a layer's answer another one.
enum NameCause: String, Sendable, CaseIterable {
    /// Nobody answers at the forwarder's address, and no dnsmasq runs.
    case notRunning = "not-running"
    /// dnsmasq runs and listens elsewhere.
    case elsewhere
    /// It runs, listens and is silent.
    case silent
    /// Another program answers in its place.
    case otherProgram = "other-program"
    /// The file of the cluster's names is not among those that it reads.
    case unread
    /// There is no such file.
    case noFile = "no-file"
    /// A file was changed since it was read.
    case stale
    /// Another line of its configuration says something else.
    case overridden
    /// Private addresses are taken out of answers.
    case rebind
    /// /etc/hosts has the name.
    case hosts
    /// The answer has no other explanation than the forwarder.
    case forwarder
    /// The first server of resolv.conf is another one.
    case resolvConf = "resolv.conf"
    /// The servers of resolv.conf are asked in turn, and not all of them know the name.
    case rotation
    /// nsswitch.conf keeps DNS from being asked.
    case nsswitch
    /// The name is completed with a domain.
    case search
    /// The C library asks over TCP, and somebody on the way takes UDP alone.
    case stream
    /// A daemon that remembers answers for the C library.
    case cache
    /// The C library alone.
    case library
    /// A file of the C library cannot be read by the user.
    case unreadable
    /// The packet filter or a route stops the question.
    case obstacle
    /// The user alone.
    case user
    /// The server that knows the name does not answer.
    case server
}

/// What one layer answers.
enum NameAnswer: Sendable, Hashable, CustomStringConvertible {
    case found([IPAddress])
    /// There is none; the code or words of the answer.
    case none(String)
    /// Nothing was answered.
    case failed(String)

    var addresses: [IPAddress] { if case .found(let addresses) = self { addresses } else { [] } }

    var description: String {
        switch self {
        case .found(let addresses): addresses.map(\.description).joined(separator: ", ")
        case .none(let code): code
        case .failed(let text): text
        }
    }
}

/// The answers of all layers.
struct NameLook: Sendable {
    let name: String
    let lookers: [ReachProbe.Looker]
    var expected: [IPAddress]?
    var resolver = ResolverConfiguration([])
    var server: IPAddress?
    var serverAnswer: NameAnswer?
    var forwarder = IPAddress.v4(0x7f00_0001)
    var forwarderAnswer = NameAnswer.failed("nobody was asked")
    var firstServer: IPAddress?
    var firstAnswer: NameAnswer?
    /// The other servers of resolv.conf, where they are asked in turn.
    var others: [(server: IPAddress, answer: NameAnswer)] = []
    var found: [NameAnswer] = []

    init(name: String, lookers: [ReachProbe.Looker]) {
        self.name = name
        self.lookers = lookers
    }

    /// Those whose answers count.
    var wanted: [Int] { lookers.indices.filter { lookers.count == 1 || lookers[$0].role != nil } }

    /// What is right; nil where nobody says.
    var reference: [IPAddress]? {
        if let expected { return expected }
        guard let serverAnswer, !serverAnswer.addresses.isEmpty else { return nil }
        return serverAnswer.addresses
    }

    /// How the C library asks.
    var transport: String { resolver.options.contains("use-vc") ? "tcp" : "udp" }

    /// Each layer and its answer.
    var layers: [String] {
        var lines: [String] = []
        if let expected { lines.append("expected: \(expected.map(\.description).joined(separator: ", "))") }
        if let server, let serverAnswer { lines.append("server \(server): \(serverAnswer)") }
        lines.append("forwarder \(forwarder): \(forwarderAnswer)")
        if let firstServer, let firstAnswer { lines.append("resolv.conf's first, \(firstServer): \(firstAnswer)") }
        for (server, answer) in others where server != firstServer {
            lines.append("resolv.conf's other, \(server): \(answer)")
        }
        for (looker, answer) in zip(lookers, found) { lines.append("\(looker.name): \(answer)") }
        return lines
    }
}
