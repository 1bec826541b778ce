import Files
import MeshContract
import Platform
import Probes

/// Whether requests of all users of the host are led to Envoy.
struct RedirectionProbe: Probe {
    static let kind = SubjectKind(
        "redirection",
        "Whether the packet filter leads the requests of every user of the host to Envoy, or somebody else takes them first. "
            + "Nothing is sent for it: the rules are followed for each user.",
        mainParameter: "admin",
        parameters: [
            .init(
                "admin", .text, "HOST:PORT of Envoy's admin interface; 127.0.0.1:\(MeshPorts.envoyAdmin) by default."),
            .init("ports", .list(.integer), "Ports of services; those of Envoy's listeners by default."),
        ],
        attributes: [
            .init("users", .list(.text), "Whose requests were looked at, beside those of units that rules name."),
            .init("ports", .list(.integer), "The ports that were looked at."),
            .init(
                "diverted", .list(.text),
                "Whose requests another program's rule leads elsewhere, with the port and the rule."),
            .init("undo", .list(.text), "Commands that take the rules out of the way."),
        ])

    private let host: Host
    private static let userLimit = 40
    private static let portLimit = 40

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let settings = try await host.settings(for: request).settings
        let users = try await users(request, except: settings)
        let ports = try await ports(request, settings)
        let addresses =
            settings.serviceRanges.isEmpty ? [IPAddress.v4(0xc000_0201)] : settings.serviceRanges.map(\.second)
        var diverted: [String] = []
        var undo: [String] = []
        var known: Set<String> = []
        let search = ObstacleSearch(host: host, request: request)
        let units = try await search.unitsOfRules()
        for user in users + units {
            for address in addresses {
                for port in ports {
                    guard
                        let rule = try await search.diversion(
                            to: address, port: port, user, envoyPort: UInt16(clamping: settings.envoyPort)),
                        known.insert("\(user.name) \(rule.text)").inserted
                    else { continue }
                    diverted.append("\(user.name), port \(port): \(rule.text)")
                    for command in Self.undo(rule, settings) where !undo.contains(command) { undo.append(command) }
                }
            }
        }
        return Observation(
            [
                "users": .texts(users.map(\.name)), "ports": .list(ports.map { .integer(Int64($0)) }),
                "diverted": .texts(diverted.prefix(12)), "undo": .texts(undo),
            ],
            evidence: diverted.isEmpty
                ? [
                    "requests of \(users.count) users to ports \(ports.map(String.init).joined(separator: ", ")) go to Envoy"
                ]
                : Array(diverted.prefix(12)))
    }

    /// The mesh's jump before the other program's rules, or an exception for the mesh's addresses in a chain of nftables' own:
    /// what the mesh leaves alone still comes to the other program.
    private static func undo(_ rule: FilterObstacle, _ settings: MeshSettings) -> [String] {
        let jump = "OUTPUT -p tcp -j \(InterceptionRules.outputChain)"
        if rule.text.startsBytewise("nat: ") {
            let program = Ascii.text(rule.undo.utf8.prefix { $0 != Ascii.space })
            return [
                "\(program) -t nat -D \(jump) && \(program) -t nat -I OUTPUT 1 -p tcp -j \(InterceptionRules.outputChain)"
            ]
        }
        let words = rule.text.utf8.dropFirst("nft ".utf8.count).prefix { $0 != UInt8(ascii: ":") }
        guard rule.text.startsBytewise("nft "), !settings.serviceRanges.isEmpty else { return [rule.undo] }
        return settings.serviceRanges.map { "nft insert rule \(Ascii.text(words)) ip daddr \($0) accept" }
    }

    /// Who sends requests.
    struct Sender: Sendable, Hashable {
        var name: String
        var uid: UInt32
        var gid: UInt32
        var unit: String?
    }

    /// The users who can log in or run programs, and the next one who will get an account, without those whose traffic is
    /// left alone.
    private func users(
        _ request: ProbeRequest, except settings: MeshSettings
    ) async throws(ProbeError) -> [Sender] {
        let accounts = try await host.accounts(for: request)
        let running = Set(try await host.processOwners(for: request))
        let exempt = Set((settings.envoyUIDs ?? []) + [0])
        var senders = accounts.filter { account in
            let isPerson = (1000..<60000).contains(account.uid)
            return account.name != settings.envoyUser && !exempt.contains(account.uid)
                && (isPerson || running.contains(account.uid))
        }.map { Sender(name: $0.name, uid: $0.uid, gid: $0.gid) }
        if !senders.contains(where: { $0.uid >= 1000 }) {
            senders.append(Sender(name: "a user of the number 1000", uid: 1000, gid: 1000))
        }
        return Array(senders.prefix(Self.userLimit))
    }

    /// The ports of Envoy's listeners, which are named ADDRESS_PORT.
    private func ports(_ request: ProbeRequest, _ settings: MeshSettings) async throws(ProbeError) -> [UInt16] {
        if case .list(let items)? = request.parameters["ports"], !items.isEmpty {
            return items.compactMap { if case .integer(let number) = $0 { UInt16(exactly: number) } else { nil } }
        }
        let admin = try NetworkEndpoint(reading: try request.text("admin") ?? "127.0.0.1:\(MeshPorts.envoyAdmin)")
        let connections = try await host.httpConnections(.init(), for: request)
        let body: [UInt8]
        do throws(ProbeError) {
            body = try await EnvoyAdmin(
                endpoint: admin, connections: connections, deadline: min(request.deadline, .now + .seconds(2))
            ).body("/listeners")
        } catch {
            // Without Envoy's word its usual ports are enough; other checks are about Envoy.
            return [80]
        }
        var found: Set<UInt16> = []
        for line in Bytes.lines(body) {
            // NAME::ADDRESS:PORT
            guard let last = line.split(separator: UInt8(ascii: ":")).last, let port = Bytes.decimal(last),
                port != Int64(settings.envoyPort)
            else { continue }
            found.insert(UInt16(clamping: port))
        }
        return Array((found.isEmpty ? [80] : found.sorted()).prefix(Self.portLimit))
    }
}

extension CIDR {
    /// An address of a service in the range: its first one is the network's own.
    fileprivate var second: IPAddress {
        if case .v4(let bits) = network { return .v4(prefixLength < 31 ? bits | 1 : bits) }
        return network
    }
}
