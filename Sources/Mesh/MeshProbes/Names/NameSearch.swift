import Files
import Glibc
import MeshContract
import Platform
import Probes

/// Why a layer answers differently from the one below it.
struct NameVerdict: Sendable {
    var layer: NameLayer
    var cause: NameCause
    var why: [String] = []
    var undo: [String] = []
}

/// Looks for the first layer that differs, and for what makes it differ.
struct NameSearch {
    let host: Host
    let request: ProbeRequest
    let look: NameLook

    /// The layer at fault; nil when everybody finds what is right.
    func verdict() async throws(ProbeError) -> NameVerdict? {
        let wanted = look.wanted.map { look.found[$0].addresses }
        let right = look.reference
        let known = right ?? look.forwarderAnswer.addresses
        let ignorant = look.others.filter { $0.answer.addresses != known }
        if !known.isEmpty, let first = ignorant.first {
            return NameVerdict(
                layer: .resolvConf, cause: .rotation,
                why: [
                    "/etc/resolv.conf: options rotate, nameserver \(look.resolver.nameservers.joined(separator: ", "))",
                    "\(first.server): \(first.answer)",
                ], undo: ["sed -i.bak '/^options/s/ *\\brotate\\b//' /etc/resolv.conf"])
        }
        // Programs that take addresses of either kind get those of the file alone, and find none of the mesh's among them.
        if let line = try await hostsLineOfSix() { return hostsVerdict(line, .library, and: []) }
        // What works is right, whatever it looks like below.
        if wanted.allSatisfy({ !$0.isEmpty && (right == nil || $0 == right) }) { return nil }
        if let serverAnswer = look.serverAnswer, serverAnswer.addresses.isEmpty, look.expected == nil {
            if let server = look.server {
                let obstacles = try await obstacles(to: server, look.lookers.first)
                if obstacles.kind != nil { return obstacle(obstacles, .server) }
            }
            return NameVerdict(
                layer: .server, cause: .server, why: ["\(look.server?.description ?? ""): \(serverAnswer)"])
        }
        let forwarded = look.forwarderAnswer.addresses
        let root = look.found.first?.addresses ?? []
        // Somebody for whom it works shows that the layers below him do.
        let worksForRoot = !root.isEmpty && (right == nil || root == right)
        if !worksForRoot {
            if forwarded.isEmpty || right != nil && forwarded != right { return try await forwarder() }
            if let first = look.firstAnswer, first.addresses != forwarded {
                return NameVerdict(
                    layer: .resolvConf, cause: .resolvConf,
                    why: ["/etc/resolv.conf: nameserver \(look.resolver.nameservers.joined(separator: ", "))"],
                    undo: [
                        "{ echo nameserver \(look.forwarder); cat /etc/resolv.conf; } >/etc/resolv.conf.new; "
                            + "mv --backup /etc/resolv.conf.new /etc/resolv.conf"
                    ])
            }
            return try await library()
        }
        return try await user()
    }

    // MARK: - the forwarder

    private func forwarder() async throws(ProbeError) -> NameVerdict {
        let dnsmasq = try await host.dnsmasq(for: request)
        var verdict = NameVerdict(layer: .forwarder, cause: .forwarder)
        let restart = "systemctl restart dnsmasq"
        guard let instance = dnsmasq.instances.first(where: { takes($0) }) ?? dnsmasq.instances.first else {
            verdict.cause = dnsmasq.holders.isEmpty ? .notRunning : .otherProgram
            verdict.why = dnsmasq.holders.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            verdict.undo = [restart]
            return verdict
        }
        let places = instance.options(
            "port", "interface", "except-interface", "listen-address", "bind-interfaces", "bind-dynamic")
        if case .failed = look.forwarderAnswer {
            if !takes(instance) || places.contains(where: { $0.name != "bind-interfaces" && $0.name != "bind-dynamic" })
            {
                verdict.cause = .elsewhere
                verdict.why = ["dnsmasq (pid \(instance.pid)) listens on \(instance.sockets.joined(separator: ", "))"]
                verdict.why += places.map(\.description)
                verdict.undo = Self.commentedOut(places) + [restart]
                return verdict
            }
            let obstacles = try await obstacles(to: look.forwarder, look.lookers.first)
            if obstacles.kind != nil { return obstacle(obstacles, .forwarder) }
            // It knows this name itself; who answers here waits for somebody there.
            let local = await NameProbe.ask(look.forwarder, "localhost", until: .now + .seconds(1))
            if case .failed? = local {} else { return try await answered(instance, verdict, restart) }
            if let found = try await obstaclesOfForwarder(instance) { return found }
            verdict.cause = .silent
            verdict.why = ["dnsmasq (pid \(instance.pid)) does not answer"]
            verdict.undo = [restart]
            return verdict
        }
        if let holder = dnsmasq.holders.first(where: { Self.takes($0.key, look.forwarder, 53) }),
            !holder.value.startsBytewise("dnsmasq "), !takes(instance)
        {
            verdict.cause = .otherProgram
            verdict.why = ["\(holder.key): \(holder.value)"]
            verdict.undo = ["ss -lnptu 'sport = :53'", restart]
            return verdict
        }
        return try await answered(instance, verdict, restart)
    }

    /// dnsmasq answers, and says something else.
    private func answered(
        _ instance: DnsmasqInstances.Instance, _ start: NameVerdict, _ restart: String
    ) async throws(ProbeError) -> NameVerdict {
        var verdict = start
        let path = MeshPaths.kubeDNS
        let hasFile = try await contents(path) != nil
        if !hasFile, look.expected == nil || look.serverAnswer != nil {
            verdict.cause = .noFile
            verdict.why = ["\(path): does not exist"]
            return verdict
        }
        if hasFile, !instance.files.contains(path) {
            verdict.cause = .unread
            let folders = instance.options("conf-dir", "conf-file").map(\.description)
            verdict.why = ["dnsmasq (pid \(instance.pid)) does not read \(path)"] + folders
            let main = instance.options("conf-file").first?.value ?? "/etc/dnsmasq.conf"
            verdict.undo = ["echo conf-file=\(path) >>\(main)", restart]
            return verdict
        }
        if !instance.changed.isEmpty {
            verdict.cause = .stale
            verdict.why = instance.changed.map { "\($0) was changed after dnsmasq had read it" }
            verdict.undo = [restart]
            return verdict
        }
        let others = instance.options.filter { $0.file != path && overrides($0, in: instance) }
        if !others.isEmpty {
            verdict.cause = .overridden
            verdict.why = others.map(\.description)
            verdict.undo = Self.commentedOut(others) + [restart]
            return verdict
        }
        if let line = try await hostsLine(in: try await hostsFiles(of: instance)) {
            return hostsVerdict(line, .forwarder, and: [restart])
        }
        if let option = instance.options("stop-dns-rebind").first {
            verdict.cause = .rebind
            verdict.why = [option.description]
            verdict.undo = ["echo rebind-domain-ok=/\(KubeDNSFile.clusterDomain)/ >>\(path)", restart]
            return verdict
        }
        if let found = try await obstaclesOfForwarder(instance) { return found }
        if let line = await misledLine(of: instance) {
            verdict.why = [line]
            return verdict
        }
        verdict.undo = [restart]
        return verdict
    }

    /// The line that names a server for the name which does not know it, though the cluster's DNS does.
    private func misledLine(of instance: DnsmasqInstances.Instance) async -> String? {
        for option in instance.options("server") where domainLength(of: option) != nil {
            let target =
                option.value.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last ?? []
            let parts = target.prefix { $0 != UInt8(ascii: "@") }.split(separator: UInt8(ascii: "#"))
            guard let address = parts.first.flatMap({ IPAddress(Ascii.text($0)) }) else { continue }
            let port = parts.count > 1 ? Bytes.decimal(parts[1]).map { UInt16(clamping: $0) } ?? 53 : 53
            guard address != look.server || port != DNSClient.standardPort,
                let answer = await NameProbe.ask(address, look.name, port: port, until: .now + .seconds(1)),
                answer.addresses != look.reference ?? []
            else { continue }
            return "\(option.description): \(answer)"
        }
        return nil
    }

    /// What keeps the forwarder, as the user that it runs as, from the server that root reaches.
    private func obstaclesOfForwarder(_ instance: DnsmasqInstances.Instance) async throws(ProbeError) -> NameVerdict? {
        let name = instance.options("user").first?.value ?? "dnsmasq"
        let user = try await host.user(name, for: request)
        if let server = look.server,
            let own = try await ObstacleSearch(host: host, request: request).restriction(
                of: "dnsmasq.service", to: server, port: 53, user: user?.uid ?? 0, transport: "udp")
        {
            return obstacle(own, .forwarder)
        }
        guard let server = look.server, let user else { return nil }
        let obstacles = try await obstacles(to: server, .init(name: name, uid: user.uid, role: name))
        return obstacles.kind == nil ? nil : obstacle(obstacles, .forwarder)
    }

    private func takes(_ instance: DnsmasqInstances.Instance) -> Bool {
        instance.sockets.contains { Self.takes($0, look.forwarder, 53) }
    }

    /// Whether a socket takes what is sent to an address and port.
    static func takes(_ socket: String, _ address: IPAddress, _ port: UInt16) -> Bool {
        let parts = socket.utf8.split(separator: UInt8(ascii: ":"))
        guard let last = parts.last, Bytes.decimal(last) == Int64(port) else { return false }
        let host = Ascii.text(socket.utf8.dropLast(last.count + 1))
        return IPAddress(host).map { $0.canonical == address.canonical || $0.isUnspecified } ?? false
    }

    /// Whether an option can give this name another answer than the file of the cluster's names does: of several domains
    /// that hold the name, dnsmasq takes the longest.
    private func overrides(_ option: DnsmasqInstances.Option, in instance: DnsmasqInstances.Instance) -> Bool {
        switch option.name {
        case "server", "local", "address", "synth-domain", "auth-zone":
            guard let length = domainLength(of: option) else { return false }
            let ours = instance.options.filter { $0.file == MeshPaths.kubeDNS }.compactMap { domainLength(of: $0) }
                .max()
            return length >= ours ?? 0
        case "host-record", "cname":
            let name = Self.complete(look.name)
            return option.value.utf8.split(separator: UInt8(ascii: ",")).contains { Ascii.text($0) == name }
        case "bogus-nxdomain", "ignore-address":
            guard let right = look.reference,
                let range = CIDR(Ascii.text(option.value.utf8.prefix { $0 != UInt8(ascii: ",") }))
            else { return true }
            return right.contains { range.contains($0) }
        case "alias", "filter-A", "dns-loop-detect": return true
        default: return false
        }
    }

    /// How long the longest domain of an option is that holds the name; nil when none does.
    private func domainLength(of option: DnsmasqInstances.Option) -> Int? {
        guard ["server", "local", "address", "synth-domain", "auth-zone"].contains(option.name) else { return nil }
        let fields = option.value.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard fields.count >= 3 else { return nil }
        let name = Self.complete(look.name)
        return fields[1..<(fields.count - 1)].map { Ascii.text($0) }.filter { Self.isBelow(name, $0) }
            .map { $0 == "#" ? 0 : $0.utf8.count }.max()
    }

    static func complete(_ name: String) -> String {
        name.endsBytewise(".") ? Ascii.text(name.utf8.dropLast()) : name
    }

    private static func isBelow(_ name: String, _ domain: String) -> Bool {
        domain == "#" || name == domain || name.endsBytewise("." + domain)
    }

    /// Commands that turn lines of files into comments and keep the files as they were beside them.
    private static func commentedOut(_ options: [DnsmasqInstances.Option]) -> [String] {
        var lines: [String: [Int]] = [:]
        for option in options { if let file = option.file { lines[file, default: []].append(option.line) } }
        return lines.sorted { $0.key < $1.key }.map { file, numbers in
            let edits = numbers.sorted().map { "\($0)s/^/# /" }.joined(separator: ";")
            // dnsmasq would read a copy in the same folder.
            return "cp --backup=numbered \(file) /root/ && sed -i '\(edits)' \(file)"
        }
    }

    // MARK: - the C library

    private func library() async throws(ProbeError) -> NameVerdict {
        var verdict = NameVerdict(layer: .library, cause: .library)
        if let line = try await hostsLine(in: ["/etc/hosts"]) { return hostsVerdict(line, .library, and: []) }
        // Its questions may go another way than ours to the same server.
        if look.transport != "udp" {
            let obstacles = try await obstacles(
                to: look.firstServer ?? look.forwarder, look.lookers.first, over: look.transport)
            if obstacles.kind != nil { return obstacle(obstacles, .library) }
            let first = look.firstServer ?? look.forwarder
            let answer = await NameProbe.ask(first, look.name, overTCP: true, until: .now + .seconds(1))
            if answer?.addresses != look.forwarderAnswer.addresses {
                var why = [
                    "/etc/resolv.conf: options use-vc", "\(first) over TCP: \(answer?.description ?? "no answer")",
                ]
                if let server = look.server {
                    let there = await NameProbe.ask(server, look.name, overTCP: true, until: .now + .seconds(1))
                    why.append("\(server) over TCP: \(there?.description ?? "no answer")")
                }
                return NameVerdict(
                    layer: .library, cause: .stream, why: why,
                    undo: ["sed -i.bak '/^options/s/ *\\buse-vc\\b//' /etc/resolv.conf"])
            }
        }
        let sources = try await hostSources()
        if let remembered = try await remembered() { return remembered }
        if !look.name.endsBytewise("."), !look.resolver.search.isEmpty || !look.resolver.options.isEmpty {
            let complete = await NameProbe.getent(look.name + ".", as: nil, until: request.deadline)
            if complete.addresses == look.forwarderAnswer.addresses {
                verdict.cause = .search
                verdict.why = [
                    "/etc/resolv.conf: search \(look.resolver.search.joined(separator: " ")), "
                        + "options \(look.resolver.options.joined(separator: " "))",
                    "\(look.name). with a final dot: \(complete)",
                ]
                verdict.undo = ["echo 'options ndots:0' >>/etc/resolv.conf"]
                return verdict
            }
        }
        if let sources, !Self.comesToDNS(sources.words) {
            verdict.cause = .nsswitch
            verdict.why = ["/etc/nsswitch.conf: hosts: \(sources.words.joined(separator: " "))"]
            verdict.undo = ["sed -i.bak 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf"]
            return verdict
        }
        let lines = look.resolver.options.filter { ["use-vc", "edns0", "trust-ad", "no-aaaa"].contains($0) }
        verdict.why = ["/etc/resolv.conf: options \(lines.joined(separator: " "))"]
        return verdict
    }

    /// Whether the C library comes to DNS for every name that its other sources do not have (nsswitch.conf(5)).
    static func comesToDNS(_ words: [String]) -> Bool {
        var former = ""
        for word in words {
            if word == "dns" || word == "resolve" { return true }
            // What returns for names of its own kind alone, such as mdns4_minimal, is in nobody's way.
            let isEnd = word.startsBytewise("[") && word.containsBytewise("return") && !word.containsBytewise("!")
            if isEnd, !former.startsBytewise("mdns") { return false }
            former = word
        }
        return false
    }

    /// The answer of nscd(8), which the C library asks first wherever its socket is.
    private func remembered() async throws(ProbeError) -> NameVerdict? {
        let paths = ["/run/nscd/socket", "/var/run/nscd/socket"].map { host.path($0) }
        let socket = try await host.pool(for: request).run("look for nscd", until: request.deadline) {
            () throws(ProbeError) -> String? in
            do throws(FileError) {
                for path in paths where try FileStatus.ofIfExists(path, followLinks: true) != nil { return path }
                return nil
            } catch { throw ProbeError(error) }
        }
        guard let socket else { return nil }
        // Where a search domain gives the same answer, that is the reason, whoever remembers it.
        let given = look.found.first?.addresses ?? []
        for domain in look.resolver.search {
            let complete = await NameProbe.getent("\(look.name).\(domain).", as: nil, until: request.deadline)
            if !given.isEmpty, complete.addresses == given { return nil }
        }
        return NameVerdict(
            layer: .library, cause: .cache, why: ["nscd answers the C library (\(socket))"],
            undo: ["nscd --invalidate=hosts"])
    }

    /// The sources of host names in nsswitch.conf(5); nil when it names none.
    private func hostSources() async throws(ProbeError) -> (words: [String], text: String)? {
        guard let bytes = try await contents("/etc/nsswitch.conf") else { return nil }
        for line in Bytes.lines(bytes) {
            let words = Ascii.words(line.prefix { $0 != UInt8(ascii: "#") }).map { Ascii.text($0) }
            if words.first == "hosts:" { return (Array(words.dropFirst()), Ascii.text(line)) }
        }
        return nil
    }

    // MARK: - the user

    private func user() async throws(ProbeError) -> NameVerdict {
        let kept = look.wanted.filter { look.found[$0].addresses != look.found[0].addresses }
        guard let first = kept.first else { return NameVerdict(layer: .user, cause: .user) }
        let looker = look.lookers[first]
        var verdict = NameVerdict(layer: .user, cause: .user)
        var asUser = request
        asUser.user = looker.role
        for path in ["/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf"] {
            do throws(ProbeError) {
                _ = try await host.contents(of: path, limit: 1 << 20, for: asUser)
            } catch {
                guard error.reason == .notPermitted || error.reason == .denied else { throw error }
                verdict.why.append("\(path): \(looker.name) cannot read it")
                verdict.undo.append("chmod a+r \(path)")
            }
        }
        if !verdict.why.isEmpty {
            verdict.cause = .unreadable
            return verdict
        }
        let server = look.firstServer ?? look.forwarder
        let obstacles = try await obstacles(to: server, looker, over: look.transport)
        if obstacles.kind != nil { return obstacle(obstacles, .user) }
        verdict.why = ["root finds what \(looker.name) does not"]
        return verdict
    }

    private func obstacles(
        to server: IPAddress, _ looker: ReachProbe.Looker?, over transport: String = "udp"
    ) async throws(ProbeError) -> Obstacles {
        try await ObstacleSearch(host: host, request: request).obstacles(
            to: server, port: DNSClient.standardPort, transport: transport, user: looker?.uid ?? 0,
            userName: looker?.name)
    }

    private func obstacle(_ obstacles: Obstacles, _ layer: NameLayer) -> NameVerdict {
        NameVerdict(layer: layer, cause: .obstacle, why: obstacles.lines, undo: obstacles.undo)
    }

    func contents(_ path: String) async throws(ProbeError) -> [UInt8]? {
        var own = request
        own.user = nil
        return try await host.contents(of: path, limit: 4 << 20, for: own)
    }
}
