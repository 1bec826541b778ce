import Files
import Glibc
import Platform

/// Unix sockets.
struct SocketProbe: Probe {
    static let kind = SubjectKind(
        "socket", "A Unix socket of the host and the process that owns it (unix(7)).", mainParameter: "path",
        parameters: [
            .init("path", .text, "Absolute path; `@NAME` is an abstract one.", isRequired: true, form: .socketPath)
        ],
        attributes: [
            .init("exists", .bool, "Whether a socket of this path is open, or was left in the file system."),
            .init(
                "listening", .bool,
                "Whether somebody takes connections at it, or messages where it has none. False for one that was left behind."
            ),
            .init("type", .text, "stream, datagram or seqpacket; null if it is not open."),
            .init("connections", .integer, "How many connections to it are open."),
            .init("owner-executable", .text, "Path of the program that owns it."),
            .init("owner-user", .text, "The user of the process that owns it."),
            .init("owner-pid", .integer, "Number of the process that owns it."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.requiredText("path")
        guard SocketPath.isValid(path) else { throw SocketPath.fault(path) }
        let host = host
        let isAbstract = path.utf8.first == UInt8(ascii: "@")
        let (open, isFile) = try await BlockingPool.files.run("look for \(path)", until: request.deadline) {
            () throws(ProbeError) in
            let table = try SystemFile.read(host.path("/proc/net/unix"), limit: 64 << 20) ?? []
            let wanted = isAbstract ? path : SocketPath.real(host.path(path))
            let open = UnixSocket.parse(table).filter { socket in
                socket.path == path
                    || !isAbstract && socket.path.utf8.first == UInt8(ascii: "/")
                        && LexicalPath.split(socket.path).name == LexicalPath.split(path).name
                        && SocketPath.real(host.path(socket.path)) == wanted
            }
            if isAbstract { return (open, false) }
            return (open, try FileFacts.read(host.path(path), followLinks: true)?.type == "socket")
        }
        guard let socket = open.first(where: \.isListening) ?? open.first(where: { !$0.isConnected }) else {
            return Observation(
                ["exists": .bool(isFile), "listening": .bool(false), "type": .null, "connections": .integer(0)],
                evidence: [isFile ? "\(path) was left behind: nobody has it open" : "no socket \(path)"])
        }
        let connections = open.filter(\.isConnected).count
        var attributes: [String: Value] = [
            "exists": .bool(true), "listening": .bool(socket.isListening || socket.type == "datagram"),
            "type": .text(socket.type), "connections": .integer(connections),
        ]
        var evidence = ["\(path): \(socket.type), \(connections) connections"]
        if request.wants("owner-executable", "owner-user", "owner-pid") {
            let owner = try await owner(of: socket, path, request)
            attributes["owner-pid"] = .integer(owner?.pid)
            attributes["owner-executable"] = .text(orNull: owner?.executable)
            let users = try await host.users(for: request)
            attributes["owner-user"] = .text(orNull: owner.map { users.name(ofUser: $0.user) })
            if let owner { evidence.append("owner \(owner.pid) \(owner.executable ?? owner.command)") }
        }
        return Observation(attributes, evidence: evidence)
    }

    private func owner(
        of socket: UnixSocket, _ path: String, _ request: ProbeRequest
    ) async throws(ProbeError) -> ProcessEntry? {
        let owners = try await host.socketOwners(since: request.since)
        if let pid = owners.processes[socket.inode] { return try await host.processes(for: request).entry(pid) }
        guard owners.isIncomplete else { return nil }
        throw ProbeError(
            .notPermitted, "find who has \(path) open", expected: "a permission to see descriptors",
            found: "processes of other users")
    }
}

/// A line of /proc/net/unix (proc(5)).
struct UnixSocket: Sendable, Hashable {
    var path: String
    var inode: UInt64
    var type: String
    /// Whether it waits for connections (`__SO_ACCEPTCON`).
    var isListening: Bool
    /// Whether it is one end of a connection.
    var isConnected: Bool

    /// The sockets that have a path.
    static func parse(_ table: [UInt8]) -> [UnixSocket] {
        var sockets: [UnixSocket] = []
        for line in table.split(separator: Ascii.newline).dropFirst() {
            // Num RefCount Protocol Flags Type St Inode Path; a path may have spaces in it.
            let fields = line.split(separator: Ascii.space, maxSplits: 7, omittingEmptySubsequences: true)
            guard fields.count == 8, let flags = Bytes.hexadecimal(fields[3]), let kind = Bytes.hexadecimal(fields[4]),
                let state = Bytes.hexadecimal(fields[5]), let inode = Bytes.decimal(fields[6]),
                let type = [1: "stream", 2: "datagram", 5: "seqpacket"][kind]
            else { continue }
            sockets.append(
                UnixSocket(
                    path: Ascii.text(fields[7].drop { $0 == Ascii.space }), inode: UInt64(inode), type: type,
                    isListening: flags & 0x10000 != 0,
                    // SS_CONNECTED of linux/net.h; a datagram socket keeps its path while it sends elsewhere.
                    isConnected: state == 3 && type != "datagram"))
        }
        return sockets
    }
}

/// Paths of Unix sockets.
private enum SocketPath {
    static func isValid(_ path: String) -> Bool {
        switch path.utf8.first {
        case UInt8(ascii: "@"): path.utf8.count > 1
        case UInt8(ascii: "/"): !path.utf8.contains(0)
        default: false
        }
    }

    static func fault(_ path: String) -> ProbeError {
        ProbeError(
            .invalid, "read parameter path", expected: "an absolute path, or @ and a name",
            found: "'\(path.shortened())'")
    }

    /// The path without links in its folders, as the kernel does not keep it (/var/run is /run).
    static func real(_ path: String) -> String {
        let (folder, name) = LexicalPath.split(path)
        guard let resolved = realpath(folder.isEmpty ? "/" : folder, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved) + "/" + name
    }
}

extension ParameterForm {
    /// The path or abstract name of a Unix socket.
    fileprivate static let socketPath = ParameterForm { request throws(ProbeError) in
        let path = try request.requiredText(name)
        guard SocketPath.isValid(path) else { throw SocketPath.fault(path) }
    }
}
