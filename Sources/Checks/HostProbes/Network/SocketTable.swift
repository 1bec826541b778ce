import Glibc
import MeshContract
import Platform

/// A socket that waits for others.
struct ListeningSocket: Sendable, Hashable {
    /// The transport.
    enum Transport: String, Sendable, Hashable, CaseIterable {
        case tcp, udp
    }

    var transport: Transport
    var address: IPAddress
    var port: UInt16
    var user: UInt32
    var inode: UInt64
}

/// The listening TCP sockets and the unconnected UDP sockets of a network namespace (proc(5), /proc/net/tcp).
struct SocketTable: Sendable {
    private var byPort: [UInt16: [ListeningSocket]] = [:]

    init(_ sockets: [ListeningSocket]) {
        for socket in sockets { byPort[socket.port, default: []].append(socket) }
    }

    /// All of them.
    var all: [ListeningSocket] { byPort.values.flatMap { $0 } }

    /// The sockets of a port.
    func sockets(port: Int, transport: ListeningSocket.Transport) -> [ListeningSocket] {
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
        return SocketTable(sockets)
    }

    /// The sockets of a table that wait: state 0A (listen) for TCP, 07 (unconnected) for UDP.
    static func parse(_ bytes: [UInt8], transport: ListeningSocket.Transport) -> [ListeningSocket] {
        let wanted = Array((transport == .tcp ? "0A" : "07").utf8)
        var sockets: [ListeningSocket] = []
        for line in bytes.split(separator: Bytes.newline).dropFirst() {
            let fields = line.split(separator: Bytes.space, maxSplits: 10)
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
    nonisolated func sockets(since: ContinuousClock.Instant?) async throws(ProbeError) -> SocketTable {
        let proc = path("/proc")
        return try await fact("sockets", since: since) { () async throws(ProbeError) in
            try await BlockingPool.files.run("read \(proc)/net", until: .now + .seconds(10)) {
                () throws(ProbeError) in try SocketTable.read(proc: proc)
            }
        }
    }

    /// Who has which socket, read once.
    nonisolated func socketOwners(since: ContinuousClock.Instant?) async throws(ProbeError) -> SocketOwners {
        let proc = path("/proc")
        return try await fact("socket-owners", since: since) { () async throws(ProbeError) in
            try await BlockingPool.files.run("read \(proc)", until: .now + .seconds(10)) {
                () throws(ProbeError) in try SocketOwners.read(proc: proc)
            }
        }
    }
}
