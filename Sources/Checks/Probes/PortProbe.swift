import Glibc
import Platform

/// Ports that somebody listens on.
struct PortProbe: Probe {
    static let kind = SubjectKind(
        "port", "A port of the host and the process that listens on it.", mainParameter: "port",
        parameters: [
            .init("port", .integer, "The port, 1 to 65535.", isRequired: true, form: .port),
            .init("protocol", .text, "The transport; tcp by default.", choices: ["tcp", "udp"]),
            .init("address", .text, "Only sockets that accept traffic to this address."),
        ],
        attributes: [
            .init("listening", .bool, "Whether a socket listens on it."),
            .init("addresses", .list(.text), "The addresses of the sockets; 0.0.0.0 and :: mean all."),
            .init("loopback-only", .bool, "Whether only the host itself can reach it; false if nothing listens."),
            .init("owner-executable", .text, "Path of the program that owns the socket."),
            .init("owner-user", .text, "The user of the socket."),
            .init("owner-pid", .integer, "Number of the process that owns the socket."),
            .init(
                "used-by", .list(.text),
                "TCP connections that have the port on this side while nobody listens, each with its process."),
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
                // A socket of all IPv6 addresses takes IPv4 as well unless it has IPV6_V6ONLY (ipv6(7)).
                socket.address.canonical == wanted.canonical
                    || socket.address.isUnspecified
                        && (socket.address.bitWidth == wanted.bitWidth
                            || socket.address.bitWidth == 128 && !socket.isVersion6Only)
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
        guard let socket = sockets.first else {
            if request.wants("used-by"), transport == .tcp {
                let users = try await users(of: port, request)
                attributes["used-by"] = .texts(users)
                evidence += users
            }
            return Observation(attributes, evidence: evidence)
        }
        if request.wants("owner-user") {
            attributes["owner-user"] = .text(try await host.users(for: request).name(ofUser: socket.user))
        }
        if request.wants("owner-executable", "owner-pid") {
            let owner = try await owner(of: socket, request)
            attributes["owner-pid"] = .integer(owner?.pid)
            attributes["owner-executable"] = .text(orNull: owner?.executable)
            if let owner { evidence.append("owner \(owner.pid) \(owner.executable ?? owner.command)") }
        }
        return Observation(attributes, evidence: evidence)
    }

    /// The connections that go out from a port, whose owners keep others from listening on it.
    private func users(of port: Int, _ request: ProbeRequest) async throws(ProbeError) -> [String] {
        let proc = host.path("/proc")
        let connections = try await BlockingPool.files.run("read connections", until: request.deadline) {
            () throws(ProbeError) in try SocketTable.connections(proc: proc, port: port)
        }
        let owners = try await host.socketOwners(since: request.since)
        var found: [String] = []
        for connection in connections.prefix(8) {
            var text = "\(connection.local) to \(connection.peer)"
            if let pid = owners.processes[connection.inode] {
                let process = try await host.processes(for: request).entry(pid)
                text += " of process \(pid) \(process?.executable ?? process?.command ?? "")"
            }
            found.append(text)
        }
        return found
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

/// A socket that waits for others.
package struct ListeningSocket: Sendable, Hashable {
    /// The transport.
    package enum Transport: String, Sendable, Hashable, CaseIterable {
        case tcp, udp
    }

    var transport: Transport
    var address: IPAddress
    var port: UInt16
    var user: UInt32
    var inode: UInt64
    /// Whether a socket of all IPv6 addresses takes no IPv4.
    var isVersion6Only = false

    /// Its address in text.
    package var shownAddress: String { address.description }
    /// Whether what is sent to 127.0.0.1 comes to it.
    package var takesLoopback: Bool {
        let address = address.canonical
        return address.isUnspecified || address.bitWidth == 32 && address.isLoopback
    }
}

/// The listening TCP sockets and the unconnected UDP sockets of a network namespace (proc(5), /proc/net/tcp).
package struct SocketTable: Sendable {
    private var byPort: [UInt16: [ListeningSocket]] = [:]

    init(_ sockets: [ListeningSocket]) {
        for socket in sockets { byPort[socket.port, default: []].append(socket) }
    }

    /// All of them.
    var all: [ListeningSocket] { byPort.values.flatMap { $0 } }

    /// The sockets of a port.
    package func sockets(port: Int, transport: ListeningSocket.Transport) -> [ListeningSocket] {
        (byPort[UInt16(truncatingIfNeeded: port)] ?? []).filter { $0.transport == transport }
    }

    /// Reads the four tables.
    static func read(proc: String) throws(ProbeError) -> SocketTable {
        var sockets: [ListeningSocket] = []
        for (name, transport) in [("tcp", .tcp), ("tcp6", .tcp), ("udp", .udp), ("udp6", .udp)]
            as [(String, ListeningSocket.Transport)]
        {
            // A kernel without IPv6 has no table of it.
            if let bytes = try SystemFile.read("\(proc)/net/\(name)", limit: 256 << 20) {
                sockets += parse(bytes, transport: transport)
            }
        }
        if proc == "/proc", sockets.contains(where: { $0.address.bitWidth == 128 && $0.address.isUnspecified }) {
            let only = SocketDiagnosis.version6Only()
            for index in sockets.indices where only.contains(sockets[index].inode) {
                sockets[index].isVersion6Only = true
            }
        }
        return SocketTable(sockets)
    }

    /// The sockets of a table that wait: state 0A (listen) for TCP, 07 (unconnected) for UDP.
    static func parse(_ bytes: [UInt8], transport: ListeningSocket.Transport) -> [ListeningSocket] {
        let wanted = Array((transport == .tcp ? "0A" : "07").utf8)
        var sockets: [ListeningSocket] = []
        for line in bytes.split(separator: Ascii.newline).dropFirst() {
            let fields = line.split(separator: Ascii.space, maxSplits: 10)
            guard fields.count >= 10, fields[3].elementsEqual(wanted) else { continue }
            let local = fields[1].split(separator: UInt8(ascii: ":"))
            guard local.count == 2, let address = address(local[0]), let port = Bytes.hexadecimal(local[1]),
                let user = Bytes.decimal(fields[7]), let inode = Bytes.decimal(fields[9])
            else { continue }
            sockets.append(
                ListeningSocket(
                    transport: transport, address: address, port: UInt16(truncatingIfNeeded: port),
                    user: UInt32(truncatingIfNeeded: user), inode: UInt64(inode)))
        }
        return sockets
    }

    /// A connection of TCP.
    struct Connection: Sendable, Hashable {
        var local: NetworkEndpoint
        var peer: NetworkEndpoint
        var inode: UInt64
    }

    /// The connections that have a port on this side, whatever their state.
    static func connections(proc: String, port: Int) throws(ProbeError) -> [Connection] {
        var found: [Connection] = []
        for name in ["tcp", "tcp6"] {
            for line in Bytes.lines(try SystemFile.read("\(proc)/net/\(name)", limit: 256 << 20) ?? []).dropFirst() {
                let fields = line.split(separator: Ascii.space, maxSplits: 10)
                guard fields.count >= 10, !fields[3].elementsEqual("0A".utf8), let local = endpoint(fields[1]),
                    Int(local.port) == port, let peer = endpoint(fields[2]), let inode = Bytes.decimal(fields[9])
                else { continue }
                found.append(Connection(local: local, peer: peer, inode: UInt64(inode)))
            }
        }
        return found
    }

    private static func endpoint(_ text: ArraySlice<UInt8>) -> NetworkEndpoint? {
        let parts = text.split(separator: UInt8(ascii: ":"))
        guard parts.count == 2, let address = address(parts[0]), let port = Bytes.hexadecimal(parts[1]) else {
            return nil
        }
        return NetworkEndpoint(host: address.canonical.description, port: UInt16(truncatingIfNeeded: port))
    }

    /// An address as the kernel prints it: words of 32 bits in the machine's byte order.
    private static func address(_ hexadecimal: ArraySlice<UInt8>) -> IPAddress? {
        guard hexadecimal.count == 8 || hexadecimal.count == 32 else { return nil }
        var bytes: [UInt8] = []
        var rest = hexadecimal
        while !rest.isEmpty {
            guard let word = Bytes.hexadecimal(rest.prefix(8)) else { return nil }
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: word)) { bytes += $0 }
            rest = rest.dropFirst(8)
        }
        return IPAddress(bytes: bytes)
    }
}

/// Which process has a socket open.
struct SocketOwners: Sendable {
    /// The process by the socket's inode.
    var processes: [UInt64: Int32] = [:]
    /// Whether there are processes whose descriptors this user may not see.
    var isIncomplete = false

    /// Reads the descriptors of all processes.
    static func read(proc: String) throws(ProbeError) -> SocketOwners {
        var owners = SocketOwners()
        let prefix = "socket:["
        for pid in try SystemFile.processIdentifiers(in: proc).sorted() {
            let folder = "\(proc)/\(pid)/fd"
            do throws(ProbeError) {
                for name in try SystemFile.names(in: folder) ?? [] {
                    guard let target = try SystemFile.link(folder + "/" + name), target.startsBytewise(prefix),
                        let inode = Bytes.decimal(target.utf8.dropFirst(prefix.utf8.count).dropLast())
                    else { continue }
                    if owners.processes[UInt64(inode)] == nil { owners.processes[UInt64(inode)] = pid }
                }
            } catch {
                guard error.reason == .notPermitted else { throw error }
                owners.isIncomplete = true
            }
        }
        return owners
    }
}

extension Host {
    /// The sockets that wait, read once.
    package nonisolated func sockets(since: ContinuousClock.Instant?) async throws(ProbeError) -> SocketTable {
        let proc = path("/proc")
        return try await systemFact("sockets", "read \(proc)/net", since: since) { () throws(ProbeError) in
            try SocketTable.read(proc: proc)
        }
    }

    /// Who has which socket, read once.
    nonisolated func socketOwners(since: ContinuousClock.Instant?) async throws(ProbeError) -> SocketOwners {
        let proc = path("/proc")
        return try await systemFact("socket-owners", "read \(proc)", since: since) { () throws(ProbeError) in
            try SocketOwners.read(proc: proc)
        }
    }
}

/// The ports on which some processes listen, for scenarios that are drafted from a host.
public enum ListeningPorts {
    /// A port.
    public struct Port: Sendable, Hashable {
        /// The number.
        public var number: Int
        /// `tcp` or `udp`.
        public var transport: String
        /// Whether only the host itself can reach it.
        public var isLoopbackOnly: Bool
    }

    /// The ports of processes, by number. UDP sockets are left out above 32767: that is where the kernel takes them
    /// from for clients.
    public static func owned(by processes: Set<Int64>, on host: Host) async throws(ProbeError) -> [Port] {
        let sockets = try await host.sockets(since: nil).all
        let owners = try await host.socketOwners(since: nil).processes
        var loopback: [Port: Bool] = [:]
        for socket in sockets {
            guard let owner = owners[socket.inode], processes.contains(Int64(owner)),
                socket.transport == .tcp || socket.port < 32768
            else { continue }
            let key = Port(number: Int(socket.port), transport: socket.transport.rawValue, isLoopbackOnly: false)
            loopback[key] = (loopback[key] ?? true) && socket.address.isLoopback
        }
        return loopback.map { key, isLoopback in
            Port(number: key.number, transport: key.transport, isLoopbackOnly: isLoopback)
        }.sorted { ($0.number, $0.transport) < ($1.number, $1.transport) }
    }
}
