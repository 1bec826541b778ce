import Files
import Platform

/// The dnsmasq(8) processes of the host, and the lines of the files that they read at their start.
package struct DnsmasqInstances: Sendable, Hashable {
    /// A line of a file, or an option of the command line.
    package struct Option: Sendable, Hashable {
        /// The long name, such as `server`.
        package var name: String
        /// What stands behind `=`; empty for a flag.
        package var value: String
        /// The file; nil for the command line.
        package var file: String?
        /// The line from 1.
        package var line: Int

        /// For people.
        package var description: String {
            let text = value.isEmpty ? name : "\(name)=\(value)"
            return file.map { "\($0):\(line): \(text)" } ?? "command line: --\(text)"
        }
    }

    /// A process.
    package struct Instance: Sendable, Hashable {
        /// Its number.
        package var pid: Int32
        /// When it started, in nanoseconds since 1970.
        package var started: Int64
        /// All that it was told.
        package var options: [Option]
        /// The files that it reads.
        package var files: [String]
        /// Those of them that were written after it had read them.
        package var changed: [String]
        /// Where it listens: `ADDRESS:PORT` over UDP.
        package var sockets: [String]

        /// The options of some names.
        package func options(_ names: String...) -> [Option] { options.filter { names.contains($0.name) } }
    }

    /// Those that run.
    package var instances: [Instance]
    /// The programs that answer on UDP port 53, by `ADDRESS:PORT`.
    package var holders: [String: String]

    private static let shortNames: [UInt8: String] = [
        UInt8(ascii: "7"): "conf-dir", UInt8(ascii: "C"): "conf-file", UInt8(ascii: "p"): "port",
        UInt8(ascii: "i"): "interface", UInt8(ascii: "I"): "except-interface", UInt8(ascii: "a"): "listen-address",
        UInt8(ascii: "S"): "server", UInt8(ascii: "A"): "address", UInt8(ascii: "h"): "no-hosts",
        UInt8(ascii: "H"): "addn-hosts", UInt8(ascii: "r"): "resolv-file", UInt8(ascii: "R"): "no-resolv",
        UInt8(ascii: "D"): "domain-needed", UInt8(ascii: "b"): "bogus-priv", UInt8(ascii: "z"): "bind-interfaces",
        UInt8(ascii: "V"): "alias", UInt8(ascii: "B"): "bogus-nxdomain", UInt8(ascii: "u"): "user",
        UInt8(ascii: "x"): "pid-file",
    ]
    private static let flags: Set = ["no-hosts", "no-resolv", "domain-needed", "bogus-priv", "bind-interfaces"]

    /// Options of a command line.
    static func options(ofArguments arguments: [String]) -> [Option] {
        var options: [Option] = []
        var rest = arguments.dropFirst()
        while let word = rest.popFirst() {
            let bytes = Array(word.utf8)
            if word.startsBytewise("--") {
                let parts = bytes.dropFirst(2).split(separator: UInt8(ascii: "="), maxSplits: 1)
                guard let name = parts.first else { continue }
                options.append(
                    Option(
                        name: Ascii.text(name), value: parts.count > 1 ? Ascii.text(parts[1]) : "", file: nil, line: 0))
            } else if bytes.count > 1, bytes[0] == UInt8(ascii: "-"), let name = shortNames[bytes[1]] {
                var value = Ascii.text(bytes.dropFirst(2))
                if value.isEmpty, !flags.contains(name) { value = rest.popFirst() ?? "" }
                options.append(Option(name: name, value: value, file: nil, line: 0))
            }
        }
        return options
    }

    /// Options of a file.
    static func options(of bytes: [UInt8], file: String) -> [Option] {
        var options: [Option] = []
        for (number, line) in Bytes.lines(bytes).enumerated() {
            // A comment begins with a # at the start or behind a blank: `server=/x/10.0.0.1#53` has none.
            var content: [UInt8] = []
            for byte in line {
                if byte == UInt8(ascii: "#"), content.last.map(Ascii.isBlank) ?? true { break }
                content.append(byte)
            }
            let parts = Ascii.trimmed(content[...]).split(separator: UInt8(ascii: "="), maxSplits: 1)
            guard let name = parts.first, !name.isEmpty else { continue }
            options.append(
                Option(
                    name: Ascii.text(Ascii.trimmed(name)),
                    value: parts.count > 1 ? Ascii.text(Ascii.trimmed(parts[1])) : "", file: file, line: number + 1))
        }
        return options
    }

    /// What a process reads: the files that its command line and they themselves name.
    static func configuration(
        _ arguments: [String], read: (String) throws(ProbeError) -> [UInt8]?,
        list: (String) throws(ProbeError) -> [String]?
    ) throws(ProbeError) -> (options: [Option], files: [String]) {
        var all: [Option] = []
        var files: [String] = []
        let own = options(ofArguments: arguments)
        var waiting = own
        if !own.contains(where: { $0.name == "conf-file" }) {
            waiting.insert(Option(name: "conf-file", value: "/etc/dnsmasq.conf", file: nil, line: 0), at: 0)
        }
        while !waiting.isEmpty, files.count < 512 {
            let option = waiting.removeFirst()
            all.append(option)
            var paths: [String] = []
            if option.name == "conf-file" || option.name == "servers-file" {
                paths = [option.value]
            } else if option.name == "conf-dir" {
                let parts = option.value.utf8.split(separator: UInt8(ascii: ",")).map { Ascii.text($0) }
                guard let folder = parts.first else { continue }
                for name in (try list(folder) ?? []).sorted() where isRead(name, parts.dropFirst()) {
                    paths.append(folder + "/" + name)
                }
            }
            for path in paths where !files.contains(path) {
                guard let bytes = try read(path) else { continue }
                files.append(path)
                waiting += options(of: bytes, file: path)
            }
        }
        return (all, files)
    }

    /// Whether a file of a conf-dir is read: `*END` are the only ends that are, others are left out (dnsmasq(8)).
    static func isRead(_ name: String, _ ends: ArraySlice<String>) -> Bool {
        if name.endsBytewise("~") || name.startsBytewise(".") || name.startsBytewise("#") && name.endsBytewise("#") {
            return false
        }
        let wanted = ends.filter { $0.startsBytewise("*") }.map { Ascii.text($0.utf8.dropFirst()) }
        if !wanted.isEmpty { return wanted.contains { name.endsBytewise($0) } }
        return !ends.contains { name.endsBytewise($0) }
    }
}

extension Host {
    /// The dnsmasq processes that run, read once.
    package nonisolated func dnsmasq(for request: ProbeRequest) async throws(ProbeError) -> DnsmasqInstances {
        let table = try await processes(for: request)
        let sockets = try await sockets(since: request.since)
        let owners = try await socketOwners(since: request.since)
        let root = self
        var holders: [String: String] = [:]
        for socket in sockets.sockets(port: 53, transport: .udp) {
            let owner = owners.processes[socket.inode].flatMap { table.entry($0) }
            holders["\(socket.address):53"] =
                owner.map { "\($0.command) (pid \($0.pid))" } ?? "a program that cannot be seen"
        }
        let listening = sockets.all.filter { $0.transport == .udp && $0.port < 32768 }
        let found = table.entries.filter { $0.command == "dnsmasq" && !$0.isZombie }
        // A helper that dnsmasq starts for its scripts is a copy of it.
        let main = found.filter { entry in !found.contains { $0.pid == entry.parent } }
        let instances = try await BlockingPool.files.run("read dnsmasq's files", until: request.deadline) {
            () throws(ProbeError) in
            var instances: [DnsmasqInstances.Instance] = []
            for entry in main {
                let (options, files) = try DnsmasqInstances.configuration(entry.arguments) { path throws(ProbeError) in
                    // `--conf-file=/dev/null` stands for none.
                    guard try FileFacts.read(root.path(path), followLinks: true)?.type == "file" else { return nil }
                    return try FileTree.readIfExists(root.path(path), limit: 1 << 20)
                } list: { path throws(ProbeError) in
                    try SystemFile.names(in: root.path(path))
                }
                // The kernel's ticks and the clock of files differ by a little.
                let started = table.started(entry) &+ 1_000_000_000
                var changed: [String] = []
                for path in files {
                    let facts = try FileFacts.read(root.path(path), followLinks: true)
                    if let facts, facts.modified > started { changed.append(path) }
                }
                let own = listening.filter { owners.processes[$0.inode] == entry.pid }
                instances.append(
                    .init(
                        pid: entry.pid, started: table.started(entry), options: options, files: files,
                        changed: changed, sockets: own.map { "\($0.address):\($0.port)" }.sorted()))
            }
            return instances
        }
        return DnsmasqInstances(instances: instances, holders: holders)
    }
}
