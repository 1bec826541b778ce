import MeshContract
import Platform

/// Ports that somebody listens on.
struct PortProbe: Probe {
    static let kind = SubjectKind(
        "port", "A port of this machine and who listens on it.", mainParameter: "port",
        parameters: [
            .init("port", .integer, "The port, 1 to 65535.", isRequired: true, form: .port),
            .init("protocol", .text, "The transport; tcp when it is not said.", choices: ["tcp", "udp"]),
            .init("address", .text, "Only sockets that take what comes to this address."),
        ],
        attributes: [
            .init("listening", .bool, "Whether a socket waits there."),
            .init("addresses", .list(.text), "The addresses of the sockets; 0.0.0.0 and :: are all."),
            .init("loopback-only", .bool, "Whether only this machine can reach it; false when nothing listens."),
            .init("owner-executable", .text, "Path of the program that has the socket."),
            .init("owner-user", .text, "The user of the socket."),
            .init("owner-pid", .integer, "Number of the process that has the socket."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        guard let port = try request.port() else {
            throw ProbeError(.invalid, "read parameter port", expected: "a port", found: "nothing")
        }
        let name = try request.text("protocol") ?? "tcp"
        guard let transport = ListeningSocket.Transport(rawValue: name) else {
            throw ProbeError(.invalid, "read parameter protocol", expected: "tcp or udp", found: "'\(name)'")
        }
        var sockets = try await host.sockets(since: request.since).sockets(port: port, transport: transport)
        if let text = try request.text("address") {
            guard let wanted = IPAddress(text) else {
                throw ProbeError(.invalid, "read parameter address", expected: "an IP address", found: "'\(text)'")
            }
            sockets = sockets.filter { socket in
                // A socket of all IPv6 addresses mostly takes IPv4 as well; the kernel does not tell where it does not.
                socket.address.canonical == wanted.canonical
                    || socket.address.isUnspecified && (socket.address.bitWidth == 128 || wanted.bitWidth == 32)
            }
        }
        let addresses = sockets.map(\.address.description)
        var attributes: [String: Value] = [
            "listening": .bool(!sockets.isEmpty), "addresses": .texts(addresses),
            "loopback-only": .bool(!sockets.isEmpty && sockets.allSatisfy(\.address.isLoopback)),
        ]
        var evidence = [
            sockets.isEmpty
                ? "nothing listens on \(port)/\(name)" : "\(port)/\(name) on \(addresses.joined(separator: ", "))"
        ]
        guard let socket = sockets.first else { return Observation(attributes, evidence: evidence) }
        if request.wants("owner-user") {
            attributes["owner-user"] = .text(try await host.users(for: request).name(ofUser: socket.user))
        }
        if request.wants("owner-executable", "owner-pid") {
            let owner = try await owner(of: socket, request)
            attributes["owner-pid"] = .integer(owner?.pid)
            attributes["owner-executable"] = .text(orNull: owner?.shownExecutable)
            if let owner { evidence.append("owner \(owner.pid) \(owner.shownExecutable ?? owner.command)") }
        }
        return Observation(attributes, evidence: evidence)
    }

    private func owner(of socket: ListeningSocket, _ request: ProbeRequest) async throws(ProbeError) -> ProcessEntry? {
        let owners = try await host.socketOwners(since: request.since)
        if let pid = owners.processes[socket.inode] {
            return try await host.processes(for: request).entry(pid)
        }
        guard owners.isIncomplete else { return nil }
        throw ProbeError(
            .notPermitted, "find who listens on port \(socket.port)", expected: "a permission to see descriptors",
            found: "processes of other users")
    }
}
