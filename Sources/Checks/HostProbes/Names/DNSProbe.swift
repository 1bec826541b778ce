import Glibc
import MeshContract
import Platform

/// Names in DNS.
struct DNSProbe: Probe {
    static let kind = SubjectKind(
        "dns", "A name, asked in the system's way or of a named server.", mainParameter: "name",
        parameters: [
            .init("name", .text, "The name; for PTR an IP address will do.", isRequired: true),
            .init("type", .text, "Record type; A when it is not said.", choices: DNSType.allCases.map(\.rawValue)),
            .init(
                "server", .text, "ADDRESS or ADDRESS:PORT; `system`, which is the default, asks as all programs do.",
                form: .nameServer),
            .init("transport", .text, "To a named server; udp when it is not said.", choices: ["udp", "tcp"]),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is at least one record of the type."),
            .init("addresses", .list(.text), "The addresses of A and AAAA records, sorted."),
            .init("records", .list(.text), "The data of the records of the type, as zone files have it."),
            .init("aliases", .list(.text), "Targets of CNAME records on the way."),
            .init("rcode", .text, "NOERROR, NXDOMAIN, SERVFAIL, REFUSED …"),
            .init("server", .text, "Who was asked."),
            .init("truncated", .bool, "Whether the answer over UDP was cut off, and had to be asked for over TCP."),
            .init("duration", .duration, "From the question to the answer."),
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
                "duration": .duration(of: .since(started)), "answers": .integer(records.count),
            ],
            evidence: ["\(name) \(typeName) by \(asked): \(shown.shortened(to: 300))"])
    }

    private func ask(
        _ server: String, _ name: String, _ type: DNSType, _ request: ProbeRequest
    ) async throws(ProbeError) -> (DNSAnswer, Bool, String) {
        let endpoint = try Endpoint(server, standardPort: MeshPorts.dns)
        let transportName = try request.text("transport") ?? "udp"
        guard let transport = DNSClient.Transport(rawValue: transportName) else {
            throw ProbeError(.invalid, "read parameter transport", expected: "udp or tcp", found: "'\(transportName)'")
        }
        let client = DNSClient(
            server: endpoint, address: try await SystemNames.address(of: endpoint.host, until: request.deadline),
            loops: try await host.loops(for: request), deadline: request.deadline)
        let (answer, wasTruncated) = try await client.ask(name, type, over: transport)
        return (answer, wasTruncated, endpoint.description)
    }

    private func system(
        _ name: String, _ type: DNSType, _ request: ProbeRequest
    ) async throws(ProbeError) -> (DNSAnswer, Bool, String) {
        guard host.isThisMachine else {
            throw ProbeError(
                .unavailable, "look up \(name)", expected: "the machine that runs us", found: "files below \(host.root)"
            )
        }
        // The servers are asked in the system's way, and by whom makes no difference to them.
        guard type == .a || type == .aaaa else {
            let answer = try await BlockingPool.names.run("look up \(name)", until: request.deadline) {
                () throws(ProbeError) in try SystemNames.search(name, type)
            }
            return (answer, false, "system")
        }
        let family = type == .a ? AF_INET : AF_INET6
        let addresses = try await SystemNames.addresses(of: name, family: family, until: request.deadline)
        let records = addresses.filter { ($0.bitWidth == 32) == (type == .a) }.map { address in
            DNSRecord(name: name, type: type, timeToLive: 0, data: address.description, address: address)
        }
        let code = records.isEmpty ? "NXDOMAIN" : "NOERROR"
        return (DNSAnswer(code: code, isTruncated: false, records: records), false, "system")
    }
}
