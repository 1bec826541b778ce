import MeshContract
import Platform
import Probes

/// A packet as the rules of a packet filter see it.
struct FilteredPacket: Sendable, Hashable {
    /// Where in the kernel it is.
    enum Direction: Sendable, Hashable {
        /// On its way out of this host.
        case output
        /// The answer to one that went out.
        case answer
        /// The first packet of a connection that another host opens.
        case input
    }

    var direction: Direction
    var transport = "tcp"
    /// The other host; nil for any.
    var peer: IPAddress?
    /// The port of the service, whichever side it is on.
    var port: UInt16
    /// The user whose socket it is; nil for what comes in.
    var user: UInt32?
    /// The name of that user.
    var userName: String?
    /// The group of the socket; nil when it is not known.
    var group: UInt32?
    /// The interface; nil when it is not known.
    var interface: String?
    /// Whether it is a packet with data of a connection that is open.
    var isLater = false
    /// The port of this host that the nat table is to lead it to; nil when it is left alone.
    var redirectedTo: UInt16?
    /// The address of this host that it is sent from or to; nil when it is not known.
    var local: IPAddress?
    /// The unit whose program sends it; nil when it is not known.
    var unit: String?
    /// The addresses of this host; none when they do not matter.
    var ownAddresses: Set<IPAddress> = []

    /// Whether it stands for what any host may send: a rule about a single one is not about it.
    var isOfAnybody: Bool { direction == .input && peer == nil }
    /// What connection tracking makes of it.
    var state: String { direction == .answer || isLater ? "ESTABLISHED" : "NEW" }
    /// Whether it has nothing in it but headers.
    var isEmpty: Bool { transport == "tcp" && !isLater }

    /// Whether a control group that a rule names is that of the unit.
    func isSent(fromGroup path: String) -> FilterMatch {
        guard let unit else { return .maybe }
        return FilterMatch(path.utf8.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual(unit.utf8) })
    }
}

/// A rule that stops packets.
struct FilterObstacle: Sendable, Hashable {
    /// Where it is and what it says, as the tool that lists it prints it.
    var text: String
    /// The command that takes it out of the way and nothing else.
    var undo: String
    /// Whether it is certain that it holds; other rules have conditions that only the kernel can judge.
    var isCertain: Bool

    /// Whether it holds for some connections and not for others of the same kind: it counts, draws lots or looks at the
    /// clock.
    var isForSome: Bool {
        [
            "-m connlimit", "-m limit", "-m hashlimit", "-m recent", "-m statistic", "-m quota", "-m time", "ct count",
            "limit rate", "numgen ", "quota over", "quota until", "meta hour", "meta time",
        ].contains { text.containsBytewise($0) }
    }
}

extension FilterObstacle {
    /// Whether it leads packets to somebody else, and does not only stop them or let them through.
    var isDiversion: Bool {
        ["-j REDIRECT", "-j DNAT", "-j NETMAP", " redirect", " dnat "].contains { text.containsBytewise($0) }
    }
}

/// Three answers to whether a rule holds for a packet.
enum FilterMatch: Sendable, Hashable {
    case yes, no, maybe

    static func && (left: FilterMatch, right: FilterMatch) -> FilterMatch {
        if left == .no || right == .no { return .no }
        return left == .yes && right == .yes ? .yes : .maybe
    }

    static prefix func ! (match: FilterMatch) -> FilterMatch {
        switch match {
        case .yes: .no
        case .no: .yes
        case .maybe: .maybe
        }
    }

    init(_ holds: Bool) { self = holds ? .yes : .no }
}

/// The way of a packet through the chains of one table of iptables.
struct IptablesWalk {
    /// The program whose rules they are, such as `iptables`.
    let program: String
    /// The table's name.
    let name: String
    let table: SavedTable
    /// What becomes of packets at the end of the kernel's chains.
    let policies: [String: String]
    private(set) var possible: [FilterObstacle] = []

    init(program: String, name: String, table: SavedTable, policies: [String: String]) {
        self.program = program
        self.name = name
        self.table = table
        self.policies = policies
    }

    private enum End { case accepted, stopped(FilterObstacle), returned }
    private static let depthLimit = 32

    /// The rule of a chain of the kernel that stops a packet; one that only may, where none does for certain.
    mutating func obstacle(in chain: String, to packet: FilteredPacket) -> FilterObstacle? {
        possible = []
        switch walk(chain, packet, depth: 0) {
        case .stopped(let obstacle): return obstacle
        case .accepted: return possible.first
        case .returned:
            if let first = possible.first { return first }
            guard let policy = policies[chain], policy == "DROP" else { return nil }
            return FilterObstacle(
                text: "\(name): -P \(chain) \(policy)", undo: exemption(for: packet, in: chain), isCertain: true)
        }
    }

    private mutating func walk(_ chain: String, _ packet: FilteredPacket, depth: Int) -> End {
        guard depth < Self.depthLimit else { return .returned }
        for rule in table.rules(of: chain) {
            let words = SavedTable.words(rule)
            let match = Self.match(words, packet)
            guard match != .no, let target = SavedTable.target(of: rule) else { continue }
            switch target {
            case "ACCEPT", "RETURN":
                guard match == .yes else { continue }
                if leadsPastEnvoy(chain, target, packet, depth) {
                    return .stopped(
                        FilterObstacle(
                            text: "\(name): \(rule)", undo: undo(rule, words, packet, chain), isCertain: true))
                }
                return target == "ACCEPT" ? .accepted : .returned
            case "SNAT" where !Self.isForeign(words, packet): if match == .yes { return .accepted }
            case "CT" where !(words.contains("--notrack") && packet.redirectedTo != nil): continue
            // The nat table sees the first packet of a connection alone.
            case _ where packet.isLater && Self.changesAddresses(target): continue
            case "DROP", "REJECT", "NFQUEUE", "TARPIT", "DNAT", "REDIRECT", "NETMAP", "TPROXY", "SNAT", "CT":
                // The mesh's own chain leads to Envoy, which is where its traffic is to go.
                if InterceptionRules.chains.contains(chain) { return .accepted }
                let obstacle = FilterObstacle(
                    text: "\(name): \(rule)", undo: undo(rule, words, packet, chain), isCertain: match == .yes)
                if match == .yes { return .stopped(obstacle) }
                possible.append(obstacle)
            default:
                guard table.chains.contains(target) else { continue }
                let before = possible.count
                switch walk(target, packet, depth: depth + 1) {
                case .stopped(var obstacle):
                    if match == .yes { return .stopped(obstacle) }
                    obstacle.isCertain = false
                    possible.append(obstacle)
                case .accepted where match == .yes && possible.count == before: return .accepted
                case .accepted: continue
                case .returned: if match == .yes, words.contains("-g") { return .returned }
                }
            }
        }
        return .returned
    }

    /// Whether somebody else's rule ends the way of a connection through the nat table before the mesh's rules see it.
    private func leadsPastEnvoy(_ chain: String, _ target: String, _ packet: FilteredPacket, _ depth: Int) -> Bool {
        guard name == "nat", packet.redirectedTo != nil, !InterceptionRules.chains.contains(chain) else { return false }
        return target == "ACCEPT" || depth == 0
    }

    private static func changesAddresses(_ target: String) -> Bool {
        ["DNAT", "REDIRECT", "NETMAP", "SNAT"].contains(target)
    }

    /// Whether a rule gives packets an address that is not this host's, so that no answer comes back to it.
    private static func isForeign(_ words: [String], _ packet: FilteredPacket) -> Bool {
        guard let place = words.firstIndex(of: "--to-source"), place + 1 < words.count, !packet.ownAddresses.isEmpty,
            let address = IPAddress(
                Ascii.text(
                    words[place + 1].utf8.prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }))
        else { return false }
        return !packet.ownAddresses.contains(address)
    }

    /// What the rules of a chain mark a packet with, beside the mark that it has.
    func mark(in chain: String, of packet: FilteredPacket) -> (mark: UInt32, rule: String)? {
        var marked: (mark: UInt32, rule: String)?
        for rule in table.rules(of: chain) {
            let words = SavedTable.words(rule)
            guard SavedTable.target(of: rule) == "MARK", Self.match(words, packet) == .yes,
                let place = words.firstIndex(of: "--set-xmark"), place + 1 < words.count
            else { continue }
            let parts = words[place + 1].utf8.split(separator: UInt8(ascii: "/")).map { part in
                Bytes.hexadecimal(part.dropFirst(2)).map { UInt32(truncatingIfNeeded: $0) }
            }
            guard let value = parts.first ?? nil else { continue }
            let mask = parts.count > 1 ? parts[1] ?? .max : .max
            marked = ((marked?.mark ?? 0) & ~mask ^ value, "\(name): \(rule)")
        }
        return marked
    }

    /// A rule about us alone is deleted; one that forbids what is not allowed stays, with an exception before it.
    private func undo(_ rule: String, _ words: [String], _ packet: FilteredPacket, _ chain: String) -> String {
        let isAboutUs = words.contains {
            ["-d", "-s", "--uid-owner", "--gid-owner", "--dport", "--dports"].contains($0)
        }
        let isNegated = words.contains("!")
        // iptables finds no rule again whose conditions keep a state.
        let hasState = words.contains { ["connlimit", "hashlimit", "recent", "quota"].contains($0) }
        guard isAboutUs, !isNegated, !hasState else {
            // What forbids it to all users but some forbids a service all of it.
            let isAboutUsers = words.contains("--uid-owner") && packet.userName == MeshNames.user
            return isAboutUsers && packet.direction == .output
                ? "\(program) -t \(name) -I \(chain) 1 -m owner --uid-owner \(MeshNames.user) -j ACCEPT"
                : exemption(for: packet, in: chain)
        }
        let kept = String(decoding: Array(rule.utf8).dropFirst("-A ".utf8.count), as: UTF8.self)
        return "\(program) -t \(name) -D \(kept)"
    }

    private func exemption(for packet: FilteredPacket, in chain: String) -> String {
        let place = "\(program) -t \(name) -I \(chain) 1"
        // In the nat table, what the mesh takes goes to the mesh's chains.
        let isForMesh = name == "nat" && packet.redirectedTo != nil
        switch packet.direction {
        case .output:
            let peer = packet.peer.map { " -d \($0)" } ?? ""
            let target = isForMesh ? InterceptionRules.outputChain : "ACCEPT"
            return "\(place) -p \(packet.transport)\(peer) --dport \(packet.port) -j \(target)"
        case .answer:
            let peer = packet.peer.map { " -s \($0)" } ?? ""
            return "\(place) -p \(packet.transport)\(peer) --sport \(packet.port) -j ACCEPT"
        case .input:
            let target = isForMesh ? InterceptionRules.inboundChain : "ACCEPT"
            return "\(place) -p \(packet.transport) --dport \(packet.port) -j \(target)"
        }
    }

    // MARK: - conditions

    /// Whether the conditions of a rule hold, as far as they can be told.
    static func match(_ words: [String], _ packet: FilteredPacket) -> FilterMatch {
        var result = FilterMatch.yes
        var isNegated = false
        var index = 2  // behind -A CHAIN
        func value() -> String { index + 1 < words.count ? words[index + 1] : "" }
        while index < words.count {
            let word = words[index]
            if word == "!" {
                isNegated = true
                index += 1
                continue
            }
            if word == "-j" || word == "-g" { break }
            var match = FilterMatch.yes
            switch word {
            case "-p": match = FilterMatch(value() == packet.transport || value() == "all")
            case "-d": match = Self.address(value(), packet.direction == .output ? packet.peer : packet.local)
            case "-s":
                match =
                    packet.isOfAnybody && Self.isOneHost(value())
                    ? .no : Self.address(value(), packet.direction == .output ? packet.local : packet.peer)
            case "--path": match = packet.isSent(fromGroup: value())
            case "-o":
                match = packet.direction == .output ? Self.interface(value(), packet.interface) : .no
            case "-i":
                match = packet.direction == .output ? .no : Self.interface(value(), packet.interface)
            case "--dport", "--dports":
                match = packet.direction == .answer ? .maybe : FilterMatch(Self.ports(value(), packet.port))
            case "--sport", "--sports":
                match = packet.direction == .answer ? FilterMatch(Self.ports(value(), packet.port)) : .maybe
            case "--uid-owner": match = Self.owner(value(), packet.user, packet.userName, packet)
            case "--gid-owner": match = Self.owner(value(), packet.group, nil, packet)
            case "--ctstate", "--state":
                match = FilterMatch(
                    value().utf8.split(separator: UInt8(ascii: ",")).contains { Ascii.text($0) == packet.state })
            case "--tcp-flags":
                // Of a SYN, of the SYN and ACK that answers it, of data.
                let flags: Set<String> =
                    packet.isLater ? ["ACK", "PSH"] : packet.direction == .answer ? ["SYN", "ACK"] : ["SYN"]
                let mask = Set(value().utf8.split(separator: UInt8(ascii: ",")).map { Ascii.text($0) })
                let set = index + 2 < words.count ? words[index + 2] : ""
                let wanted = Set(
                    set.utf8.split(separator: UInt8(ascii: ",")).map { Ascii.text($0) }.filter { $0 != "NONE" })
                match = FilterMatch(flags.intersection(mask) == wanted)
                index += 1
            // What opens a connection is small and has nothing in it that could be looked for.
            case "--length": match = packet.isEmpty ? FilterMatch(Self.ports(value(), 60)) : .maybe
            case "--string", "--hex-string": match = packet.isEmpty ? .no : .maybe
            case "--connbytes":
                let least = value().utf8.split(separator: UInt8(ascii: ":")).first.flatMap { Bytes.decimal($0) }
                match = packet.isEmpty && least ?? 0 > 200 ? .no : .maybe
            case "--comment": break
            case "-m" where value() == "cgroup": break
            case "-m", "-f":
                match =
                    [
                        "statistic", "limit", "recent", "set", "hashlimit", "time", "bpf", "u32",
                        "connlimit", "addrtype",
                    ].contains(value()) ? .maybe : .yes
            default: if word.startsBytewise("--") { match = .maybe } else { index -= 1 }
            }
            result = result && (isNegated ? !match : match)
            isNegated = false
            index += 2
        }
        return result
    }

    private static func isOneHost(_ text: String) -> Bool {
        !text.utf8.contains(UInt8(ascii: "/")) || text.endsBytewise("/32")
    }

    private static func address(_ text: String, _ address: IPAddress?) -> FilterMatch {
        guard let address, let network = CIDR(text.utf8.contains(UInt8(ascii: "/")) ? text : text + "/32") else {
            return text == "0.0.0.0/0" ? .yes : .maybe
        }
        return FilterMatch(network.contains(address))
    }

    private static func interface(_ pattern: String, _ name: String?) -> FilterMatch {
        guard let name else { return pattern == "lo" ? .no : .maybe }
        if pattern.endsBytewise("+") { return FilterMatch(name.utf8.starts(with: pattern.utf8.dropLast())) }
        return FilterMatch(pattern == name)
    }

    static func ports(_ text: String, _ port: UInt16) -> Bool {
        text.utf8.split(separator: UInt8(ascii: ",")).contains { part in
            let bounds = part.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map { Bytes.decimal($0) }
            guard let first = bounds.first, let last = bounds.last else { return false }
            return Int64(port) >= first ?? 0 && Int64(port) <= last ?? 65535
        }
    }

    private static func owner(
        _ text: String, _ number: UInt32?, _ name: String?, _ packet: FilteredPacket
    ) -> FilterMatch {
        guard let number else { return packet.direction == .input ? .no : .maybe }
        let bounds = text.utf8.split(separator: UInt8(ascii: "-")).compactMap { Bytes.decimal($0) }
        guard let first = bounds.first, let last = bounds.last else { return FilterMatch(text == name) }
        return FilterMatch((first...max(first, last)).contains(Int64(number)))
    }
}
