import Glibc
import MeshContract
import Platform
import Probes

// What is between a route and the wire: neighbours, queues, encryption.
extension ObstacleSearch {
    func addNeighbour(
        of route: RouteTables.Route, _ tables: RouteTables, _ address: IPAddress, _ decision: RouteTables.Decision,
        _ found: inout Obstacles
    ) async throws(ProbeError) {
        let next = route.gateway ?? address.description
        guard let line = try await host.neighbour(next, for: request) else { return }
        let words = Bytes.lines(of: line).first.map { Ascii.words(Array($0.utf8)[...]).map { Ascii.text($0) } } ?? []
        let state = words.last ?? ""
        let device = route.device ?? "eth0"
        if state == "PERMANENT" {
            found.kind = .neighbour
            found.lines = ["neighbour: \(line)", "route: \(route.text)"]
            found.undo = ["ip neigh del \(next) dev \(device)"]
        } else if state == "FAILED" || state == "INCOMPLETE" {
            if let rule = try await filterState()?.nft?.arpRule(for: next) {
                found.kind = .packetFilter
                found.lines = [rule.text, "neighbour: \(line)"]
                found.undo = [rule.undo, "ip neigh flush to \(next)"]
                return
            }
            // The kernel's own route of a link is right; who does not answer there is away himself, unless it is a bridge of
            // this host, such as a container engine's, that was given the addresses of somebody else.
            if route.gateway == nil, route.text.containsBytewise("proto kernel") {
                guard access("/sys/class/net/\(device)/bridge", F_OK) == 0,
                    let other = tables.alternative(to: route, for: address), other.device != device
                else { return }
                found.kind = .route
                found.lines = [
                    "route: \(route.text)",
                    "nobody answers as \(next) on the bridge \(device), and another route leads there: \(other.text)",
                ]
                found.undo = ["ip route del \(route.selector)"]
                return
            }
            found.kind = .neighbour
            found.lines = ["route: \(route.text)", "nobody answers as \(next) on \(device)"]
            if decision.isByPolicy {
                found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) to \(address) lookup main"]
            } else if tables.alternative(to: route, for: address) != nil {
                found.undo = ["ip route del \(route.selector)"]
            }
        }
    }

    /// A policy rule that takes packets another way than the main table would, as those of a VPN do.
    func addDetour(
        _ decision: RouteTables.Decision, _ tables: RouteTables, _ address: IPAddress, _ found: inout Obstacles
    ) {
        guard decision.isByPolicy, let route = decision.route, let main = tables.mainRoute(to: address),
            main.type == "unicast", main.device != route.device
        else { return }
        found.kind = .policy
        found.lines = [
            "policy rule \(decision.preference): \(decision.rule): \(route.text)", "the main table has \(main.text)",
        ]
        found.undo = ["ip rule add pref \(max(1, decision.preference - 1)) to \(address) lookup main"]
    }

    /// Whether an address is on a link of this host, and nobody there answers for it.
    func isNobody(_ address: IPAddress, user: UInt32) async throws(ProbeError) -> Bool {
        let decision = try await host.routeTables(for: request).decision(to: address, user: user, port: 0)
        guard decision.type == "unicast", let route = decision.route, route.gateway == nil,
            let line = try await host.neighbour(address.description, for: request)
        else { return false }
        return line.endsBytewise("FAILED") || line.endsBytewise("INCOMPLETE")
    }

    func addQueue(of route: RouteTables.Route, _ found: inout Obstacles) async throws(ProbeError) {
        guard let device = route.device, Tool.path("tc") != nil else { return }
        // What loses packets, what lets hardly any through, and what a filter drops.
        let looks: [(arguments: [String], root: String, isBad: (String) -> Bool)] = [
            (["qdisc", "show", "dev", device], "root", { $0.containsBytewise("netem") || Self.isSlow($0, "tbf") }),
            (["class", "show", "dev", device], "root", { Self.isSlow($0, "class") }),
            (["filter", "show", "dev", device], "root", Self.drops),
            (["filter", "show", "dev", device, "egress"], "clsact", Self.drops),
            (["filter", "show", "dev", device, "ingress"], "ingress", Self.drops),
        ]
        for look in looks where found.kind == nil {
            let run = try await Tool.run("tc", look.arguments, until: .now + .seconds(3))
            guard run.status == 0 else { continue }
            let lines = Bytes.lines(run.output).map { Ascii.text(Ascii.trimmed($0[...])) }
            guard let line = lines.first(where: look.isBad) else { continue }
            found.kind = .queue
            found.lines = ["queue of \(device): \(line)"]
            found.undo = ["tc qdisc del dev \(device) \(look.root)"]
        }
    }

    /// Whether a class or a bucket lets less than a modem through: `rate 8bit`, `rate 4Kbit`.
    static func isSlow(_ line: String, _ kind: String) -> Bool {
        let words = Ascii.words(Array(line.utf8)[...]).map { Ascii.text($0) }
        guard line.containsBytewise(kind), let place = words.firstIndex(of: "rate"), place + 1 < words.count else {
            return false
        }
        let digits = words[place + 1].utf8.prefix { Ascii.isDigit($0) }
        let unit = Ascii.text(words[place + 1].utf8.dropFirst(digits.count))
        guard let number = Bytes.decimal(digits) else { return false }
        return unit == "bit" && number < 64_000 || unit == "Kbit" && number < 64 || unit == "bps" && number < 8000
    }

    static func drops(_ line: String) -> Bool {
        line.containsBytewise("action drop") || line.containsBytewise("action order") && line.containsBytewise("drop")
    }

    /// A policy of IPsec (ip-xfrm(8)) for packets to an address, and no association that it could use.
    func addEncryption(to address: IPAddress, _ found: inout Obstacles) async throws(ProbeError) {
        let run = try await Tool.run("ip", ["xfrm", "policy"], until: .now + .seconds(2))
        guard run.status == 0, !run.output.isEmpty else { return }
        let states = try await Tool.run("ip", ["xfrm", "state"], until: .now + .seconds(2))
        var selector: [String]?
        for line in Bytes.lines(run.output) {
            let words = Ascii.words(line[...]).map { Ascii.text($0) }
            if words.first == "src", words.count >= 4, line.first != Ascii.space, line.first != Ascii.tab {
                selector = CIDR(words[3])?.contains(address) == true ? words : nil
            } else if words.first == "dir", words.count > 1, words[1] != "out" {
                selector = nil
            } else if words.first == "tmpl", let policy = selector, words.count >= 5 {
                let isAgreed = Bytes.lines(states.output).contains {
                    Ascii.text($0).containsBytewise("dst \(words[4])")
                }
                if isAgreed { continue }
                let text = "\(policy[0]) \(policy[1]) \(policy[2]) \(policy[3])"
                found.kind = .encryption
                found.lines = ["IPsec policy out: \(text) (\(words.joined(separator: " "))), and no association"]
                found.undo = ["ip xfrm policy delete dir out \(text)"]
                return
            }
        }
    }
}
