import Foundation
import Platform
import TestSupport
import XCTest

@testable import MeshProbes
@testable import Probes

/// Routes, policy rules and packet filter rules that keep a user's packets on the host. The kernel is the oracle of routes.
final class ObstacleTests: XCTestCase {
    private func address(_ text: String) throws -> IPAddress { try XCTUnwrap(IPAddress(text)) }

    /// Every route and rule is decided as the kernel decides it, for each user.
    func testRoutesAsTheKernelTakesThem() throws {
        try requireRoot()
        try requireProgram("ip")
        let space = "test-" + UUID().uuidString.prefix(8).lowercased()
        let made = try TestSupport.run("ip", ["netns", "add", space])
        if made.status != 0 { throw XCTSkip("no network namespaces here: \(made.errors)") }
        defer { _ = try? TestSupport.run("ip", ["netns", "delete", space]) }
        func ip(_ words: String) throws -> RunResult {
            try TestSupport.run("ip", ["-n", space, "-4"] + words.components(separatedBy: " "))
        }
        for line in [
            "link set lo up", "link add d0 type veth peer name d1", "address add 10.1.0.5/16 dev d0", "link set d0 up",
            "link set d1 up",
            "route add default via 10.1.0.1", "route add prohibit 10.9.0.1", "route add blackhole 10.9.1.0/24",
            "route add unreachable 10.9.2.0/24 metric 50", "route add 10.9.1.128/25 via 10.1.0.2",
            "route add throw 10.9.3.0/24 table 70", "route add unreachable default table 70",
            "rule add pref 90 uidrange 4000-4999 lookup 70", "rule add pref 95 to 10.9.4.0/24 prohibit",
            "rule add pref 96 uidrange 5000-5000 to 10.9.5.0/24 blackhole",
            "rule add pref 97 ipproto udp dport 53 unreachable",
            "rule add pref 98 from 10.1.0.5 to 10.9.6.0/24 prohibit",
            "rule add pref 99 fwmark 0x7/0xf to 10.9.7.7 prohibit",
            "address add 10.8.8.8/32 dev lo", "route add 10.9.8.0/24 via 10.1.0.1 src 10.8.8.8",
            "rule add pref 100 from 10.8.8.8 blackhole",
        ] { try ip(line).check() }
        let tables = RouteTables(
            rules: Array(try ip("rule show").check().utf8),
            routes: Array(try ip("-o route show table all").check().utf8))
        let places = [
            "10.1.0.5", "10.1.7.7", "10.9.0.1", "10.9.0.2", "10.9.1.1", "10.9.1.200", "10.9.2.9", "10.9.3.3",
            "10.9.4.4",
            "10.9.5.5", "192.0.2.1", "127.0.0.1",
        ]
        let errors = [
            "Permission denied": "prohibit", "Invalid argument": "blackhole", "No route to host": "unreachable",
        ]
        for place in places {
            for user in [0, 4100, 5000, 65534] as [UInt32] {
                let asked = try ip("route get \(place) uid \(user)")
                var wanted = asked.output.hasPrefix("local") ? "local" : "unicast"
                if asked.status != 0 {
                    wanted = try XCTUnwrap(errors.first { asked.errors.contains($0.key) }?.value, asked.errors)
                }
                let decision = tables.decision(to: try address(place), user: user, port: 80)
                XCTAssertEqual(decision.type, wanted, "\(place) as \(user): \(asked.output)\(asked.errors)")
            }
        }
        let dns = tables.decision(to: try address("10.9.0.2"), user: 0, port: 53, transport: "udp")
        XCTAssertEqual(dns.type, "unreachable")
        XCTAssertTrue(dns.isByPolicy)
        for mark in [0, 7, 0x17, 8] as [UInt32] {
            let asked = try ip("route get 10.9.7.7 mark \(mark)")
            let decision = tables.decision(to: try address("10.9.7.7"), user: 0, port: 80, mark: mark)
            XCTAssertEqual(decision.isPassable, asked.status == 0, "mark \(mark): \(asked.output)\(asked.errors)")
        }
        // A socket gets its address by the first look-up, and the rules see it with that.
        for (place, source) in [("10.9.6.6", "10.1.0.5"), ("10.9.7.7", "10.1.0.5"), ("10.9.8.8", "10.8.8.8")] {
            let asked = try ip("route get \(place) from \(source)")
            let decision = tables.decision(to: try address(place), user: 0, port: 80)
            XCTAssertEqual(decision.isPassable, asked.status == 0, "\(place): \(asked.output)\(asked.errors)")
        }
        XCTAssertEqual(
            tables.decision(to: try address("192.0.2.1"), user: 0, port: 80).source?.description, "10.1.0.5")
        XCTAssertEqual(tables.addresses(of: "d0").map(\.description), ["10.1.0.5"])
        // What is printed names the route to the kernel as well.
        let prohibit = try XCTUnwrap(tables.decision(to: try address("10.9.0.1"), user: 0, port: 80).route)
        try ip("route del " + prohibit.selector).check()
    }

    private func obstacle(
        _ rules: [String], policies: [String: String] = [:], in chain: String = "OUTPUT", _ packet: FilteredPacket
    ) throws -> FilterObstacle? {
        let table = try XCTUnwrap(
            SavedTable.parse(
                Array(
                    (["*filter", ":OUTPUT ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":firm - [0:0]"] + rules)
                        .joined(separator: "\n").utf8), table: "filter"))
        var walk = IptablesWalk(program: "iptables", name: "filter", table: table, policies: policies)
        return walk.obstacle(in: chain, to: packet)
    }

    func testRulesOfIptables() throws {
        let packet = FilteredPacket(
            direction: .output, peer: try address("10.150.0.8"), port: 9091, user: 998, userName: "istio-proxy",
            interface: "eth0")
        let stopping = [
            "-A OUTPUT -d 10.150.0.8/32 -m owner --uid-owner 998 -j DROP",
            "-A OUTPUT -p tcp -m multiport --dports 80,9000:9100 -j REJECT --reject-with icmp-port-unreachable",
            "-A OUTPUT ! -d 10.63.240.0/20 -p tcp -j DROP",
            "-A OUTPUT -o eth+ -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
            "-A OUTPUT -m conntrack --ctstate NEW -m comment --comment \"not -j ACCEPT\" -j DROP",
            "-A OUTPUT -m owner --uid-owner 900-999 -j REJECT",
            "-A OUTPUT -p tcp -m owner --uid-owner 998 -j REDIRECT --to-ports 15009",
            "-A OUTPUT -d 10.150.0.8/32 -p tcp -m tcp --dport 9091 -j DNAT --to-destination 10.150.0.77",
        ]
        for rule in stopping {
            let found = try XCTUnwrap(try obstacle([rule], packet), rule)
            XCTAssertTrue(found.isCertain, rule)
            XCTAssertTrue(found.text.contains(rule), found.text)
        }
        let passing = [
            "-A OUTPUT -d 10.150.0.9/32 -j DROP", "-A OUTPUT -m owner --uid-owner 0 -j DROP",
            "-A OUTPUT -m owner ! --uid-owner 998 -j DROP", "-A OUTPUT -p udp -j DROP", "-A OUTPUT -o lo -j DROP",
            "-A OUTPUT -p tcp -m tcp --dport 9092 -j DROP", "-A OUTPUT -m conntrack --ctstate INVALID -j DROP",
            "-A OUTPUT -d 10.150.0.8/32 -j LOG",
        ]
        for rule in passing { XCTAssertNil(try obstacle([rule], packet), rule) }
        // An exception comes first, a chain returns, a condition that only the kernel knows stays uncertain.
        XCTAssertNil(try obstacle(["-A OUTPUT -d 10.150.0.0/24 -j ACCEPT", "-A OUTPUT -j DROP"], packet))
        XCTAssertNil(
            try obstacle(["-A firm -p tcp -j RETURN", "-A firm -j DROP", "-A OUTPUT -j firm"], packet))
        XCTAssertEqual(
            try obstacle(["-A firm -j DROP", "-A OUTPUT -p tcp -j firm"], packet)?.text, "filter: -A firm -j DROP")
        XCTAssertEqual(try obstacle(["-A OUTPUT -m set --match-set mesh dst -j DROP"], packet)?.isCertain, false)
        XCTAssertEqual(
            try obstacle(["-A OUTPUT -o lo -j ACCEPT"], policies: ["OUTPUT": "DROP"], packet)?.text,
            "filter: -P OUTPUT DROP")
    }

    /// A rule about a group holds for its members, and one about a single other host not for what anybody may send.
    func testGroupsAndSingleHosts() throws {
        var packet = FilteredPacket(
            direction: .output, peer: try address("10.63.240.10"), port: 9080, user: 1000, userName: "person",
            group: 1000,
            interface: "eth0")
        XCTAssertEqual(try obstacle(["-A OUTPUT -m owner --gid-owner 1000 -j DROP"], packet)?.isCertain, true)
        XCTAssertEqual(try obstacle(["-A OUTPUT -m owner --gid-owner 990-1010 -j DROP"], packet)?.isCertain, true)
        XCTAssertNil(try obstacle(["-A OUTPUT -m owner --gid-owner 33 -j DROP"], packet))
        packet = FilteredPacket(direction: .input, port: 15001)
        XCTAssertNil(try obstacle(["-A INPUT -s 192.0.2.1/32 -j DROP"], in: "INPUT", packet))
        XCTAssertEqual(try obstacle(["-A INPUT ! -s 192.0.2.1/32 -j DROP"], in: "INPUT", packet)?.isCertain, true)
        XCTAssertNotNil(try obstacle(["-A INPUT -s 10.0.0.0/8 -j DROP"], in: "INPUT", packet))
    }

    func testQueuesThatStarve() {
        for line in [
            "class htb 1:20 root prio 0 rate 8bit ceil 8bit burst 10b cburst 10b",
            "class htb 1:20 parent 1: rate 32Kbit ceil 1Gbit",
        ] { XCTAssertTrue(ObstacleSearch.isSlow(line, "class"), line) }
        for line in [
            "class htb 1:10 root prio 0 rate 1Gbit ceil 1Gbit burst 1375b", "qdisc fq_codel 0: root", "class x rate",
        ] {
            XCTAssertFalse(ObstacleSearch.isSlow(line, "class"), line)
        }
        XCTAssertTrue(ObstacleSearch.isSlow("qdisc tbf 8001: root rate 1Kbit burst 5Kb lat 50ms", "tbf"))
    }

    func testSourcesOfNames() {
        for words in [
            ["files", "dns"], ["files", "myhostname", "dns"], ["files", "mdns4_minimal", "[NOTFOUND=return]", "dns"],
            ["mymachines", "resolve", "[!UNAVAIL=return]", "dns"],
        ] {
            XCTAssertTrue(NameSearch.comesToDNS(words), "\(words)")
        }
        for words in [["files"], ["files", "[NOTFOUND=return]", "dns"], []] {
            XCTAssertFalse(NameSearch.comesToDNS(words), "\(words)")
        }
    }

    /// What Envoy is to get and another program's rule takes, by a table of nftables' own.
    func testRulesOfArp() throws {
        let text = """
            table arp guard {
            \tchain out { # handle 1
            \t\ttype filter hook output priority filter; policy accept;
            \t\tarp daddr ip 10.150.0.9 drop # handle 2
            \t}
            }
            """
        let rules = try NftRuleset(json: Array("{\"nftables\": []}".utf8), text: Array(text.utf8))
        XCTAssertEqual(rules.arpRule(for: "10.150.0.9")?.undo, "nft delete rule arp guard out handle 2")
        XCTAssertNil(rules.arpRule(for: "10.150.0.8"))
    }

    func testHoldersOfLocks() {
        let table = """
            1: FLOCK  ADVISORY  WRITE 1234 00:19:5678 0 EOF
            1: -> FLOCK  ADVISORY  WRITE 99 00:19:5678 0 EOF
            2: POSIX  ADVISORY  READ  77 08:01:5678 0 EOF
            """
        XCTAssertEqual(FileLocks.holders(in: Array(table.utf8), of: "00:19:5678"), [1234])
        XCTAssertEqual(FileLocks.holders(in: Array(table.utf8), of: "08:01:5678"), [77])
    }

    /// Rules about what only later packets have stop no connection from being opened, and may stop what follows.
    func testRulesAboutLaterPackets() throws {
        var packet = FilteredPacket(
            direction: .output, peer: try address("10.150.0.9"), port: 8060, user: 998, interface: "eth0")
        let rules = [
            "-A OUTPUT -d 10.150.0.9/32 -m length --length 400:65535 -j DROP",
            "-A OUTPUT -p tcp -m tcp --dport 8060 -m string --string \"/v1\" --algo bm -j DROP",
            "-A OUTPUT -p tcp -m connbytes --connbytes 600 --connbytes-mode bytes --connbytes-dir reply -j DROP",
            "-A OUTPUT -d 10.150.0.9/32 -m conntrack --ctstate RELATED,ESTABLISHED -j DROP",
        ]
        for rule in rules {
            packet.isLater = false
            XCTAssertNil(try obstacle([rule], packet), rule)
            packet.isLater = true
            XCTAssertNotNil(try obstacle([rule], packet), rule)
        }
        // What changes addresses has done so with the first packet.
        XCTAssertNil(try obstacle(["-A OUTPUT -p tcp -j DNAT --to-destination 127.0.0.1:9911"], packet))
        // A firewall that lets known connections through is not suspected.
        XCTAssertNil(
            try obstacle(
                ["-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A OUTPUT -j DROP"], packet))
    }

    /// What keeps a packet from coming back, or from the nat table.
    func testRulesThatChangeThePacket() throws {
        var packet = FilteredPacket(
            direction: .output, peer: try address("10.150.0.8"), port: 9091, user: 998, interface: "eth0")
        packet.ownAddresses = [try address("10.150.0.5")]
        let foreign = "-A OUTPUT -d 10.150.0.8/32 -j SNAT --to-source 10.150.0.250"
        XCTAssertEqual(try obstacle([foreign], packet)?.text, "filter: \(foreign)")
        for rule in [
            "-A OUTPUT -o eth0 -j MASQUERADE", "-A OUTPUT -j SNAT --to-source 10.150.0.5:1024-65535",
            "-A OUTPUT -j CT --notrack",
        ] { XCTAssertNil(try obstacle([rule], packet), rule) }
        packet.redirectedTo = 15001
        XCTAssertNotNil(try obstacle(["-A OUTPUT -d 10.0.0.0/8 -j CT --notrack"], packet))
        XCTAssertNil(try obstacle(["-A OUTPUT -j CT --zone 3"], packet))
        let table = SavedTable(
            chains: ["OUTPUT"],
            rules: [
                "-A OUTPUT -d 10.150.0.9/32 -j MARK --set-xmark 0x1/0xffffffff",
                "-A OUTPUT -d 10.150.0.8/32 -j MARK --set-xmark 0x7/0xffffffff",
            ])
        let walk = IptablesWalk(program: "iptables", name: "mangle", table: table, policies: [:])
        XCTAssertEqual(walk.mark(in: "OUTPUT", of: packet)?.mark, 7)
        packet.peer = try address("10.150.0.6")
        XCTAssertNil(walk.mark(in: "OUTPUT", of: packet))
    }

    /// What ends the way of a connection through the nat table before the mesh's rules see it leads it past Envoy.
    func testRulesThatLeadPastEnvoy() throws {
        let mesh = [
            "-A OUTPUT -p tcp -j ISTIO_OUTPUT", "-A ISTIO_OUTPUT -m owner --uid-owner 998 -j RETURN",
            "-A ISTIO_OUTPUT -d 10.63.240.0/20 -j ISTIO_REDIRECT", "-A ISTIO_OUTPUT -j RETURN",
            "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001",
        ]
        func found(_ rule: String, _ redirected: UInt16?) throws -> FilterObstacle? {
            let table = SavedTable(
                chains: ["OUTPUT", "ISTIO_OUTPUT", "ISTIO_REDIRECT", "other"],
                rules: ["-A other -p tcp -j RETURN", rule] + mesh)
            var walk = IptablesWalk(program: "iptables", name: "nat", table: table, policies: [:])
            var packet = FilteredPacket(
                direction: .output, peer: try address("10.63.240.9"), port: 9080, user: 65534, interface: "eth0")
            packet.redirectedTo = redirected
            return walk.obstacle(in: "OUTPUT", to: packet)
        }
        for rule in ["-A OUTPUT -d 10.63.240.0/20 -p tcp -j ACCEPT", "-A OUTPUT -m owner --uid-owner 65534 -j RETURN"] {
            let obstacle = try XCTUnwrap(try found(rule, 15001), rule)
            XCTAssertEqual(obstacle.text, "nat: \(rule)")
            XCTAssertEqual(obstacle.undo, "iptables -t nat -D \(rule.dropFirst(3))")
            XCTAssertNil(try found(rule, nil), "who is not led to Envoy is not led past it")
        }
        XCTAssertEqual(
            try found("-A OUTPUT -p tcp -j ACCEPT", 15001)?.undo,
            "iptables -t nat -I OUTPUT 1 -p tcp -d 10.63.240.9 --dport 9080 -j ISTIO_OUTPUT")
        for rule in ["-A OUTPUT -p udp -j ACCEPT", "-A OUTPUT -p tcp -j other", "-A OUTPUT -d 10.1.0.0/16 -j ACCEPT"] {
            XCTAssertNil(try found(rule, 15001), rule)
        }
    }

    /// A rule that is about the packet alone goes; a rule that forbids all that is not allowed stays.
    func testRemediesTakeNoFirewallDown() throws {
        let packet = FilteredPacket(
            direction: .output, peer: try address("10.150.0.8"), port: 9091, user: 998, interface: "eth0")
        XCTAssertEqual(
            try obstacle(["-A OUTPUT -d 10.150.0.8/32 -j DROP"], packet)?.undo,
            "iptables -t filter -D OUTPUT -d 10.150.0.8/32 -j DROP")
        XCTAssertEqual(
            try obstacle(["-A OUTPUT -j REJECT"], packet)?.undo,
            "iptables -t filter -I OUTPUT 1 -p tcp -d 10.150.0.8 --dport 9091 -j ACCEPT")
        // iptables(8) does not find a rule with such a condition by its own words.
        XCTAssertEqual(
            try obstacle(["-A OUTPUT -d 10.150.0.8/32 -m connlimit --connlimit-above 1 -j REJECT"], packet)?.undo,
            "iptables -t filter -I OUTPUT 1 -p tcp -d 10.150.0.8 --dport 9091 -j ACCEPT")
        // A rule against all users but some is against everything that a service sends.
        let others = "-A OUTPUT -o eth0 -m owner ! --uid-owner 0 -j REJECT"
        var ofEnvoy = packet
        ofEnvoy.userName = "istio-proxy"
        XCTAssertEqual(
            try obstacle([others], ofEnvoy)?.undo,
            "iptables -t filter -I OUTPUT 1 -m owner --uid-owner istio-proxy -j ACCEPT")
        XCTAssertEqual(
            try obstacle([others], packet)?.undo,
            "iptables -t filter -I OUTPUT 1 -p tcp -d 10.150.0.8 --dport 9091 -j ACCEPT")
        let inbound = FilteredPacket(direction: .input, port: 15001)
        XCTAssertEqual(
            try obstacle([], policies: ["INPUT": "DROP"], in: "INPUT", inbound)?.undo,
            "iptables -t filter -I INPUT 1 -p tcp --dport 15001 -j ACCEPT")
    }

    /// What nft(8) prints of a table of its own.
    func testRulesOfNftables() throws {
        let json = """
            {"nftables": [{"metainfo": {}}, {"table": {"family": "inet", "name": "fw", "handle": 1}},
            {"chain": {"family": "inet", "table": "fw", "name": "out", "handle": 1, "type": "filter", "hook": "output",
            "prio": 0, "policy": "accept"}},
            {"rule": {"family": "inet", "table": "fw", "chain": "out", "handle": 7, "expr": [
            {"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": "istio-proxy"}},
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}},
            "right": {"prefix": {"addr": "10.150.0.0", "len": 24}}}},
            {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
            "right": {"set": [80, {"range": [9000, 9100]}]}}}, {"counter": {"packets": 0, "bytes": 0}}, {"drop": null}]}}]}
            """
        let text = "table inet fw { # handle 1\n\tchain out { # handle 1\n\t\tmeta skuid 998 drop # handle 7\n\t}\n}\n"
        let rules = try NftRuleset(json: Array(json.utf8), text: Array(text.utf8))
        var packet = FilteredPacket(
            direction: .output, peer: try address("10.150.0.8"), port: 9091, user: 998, userName: "istio-proxy")
        let found = try XCTUnwrap(rules.obstacle(hooks: ["output"], to: packet))
        XCTAssertEqual(found.text, "nft inet fw out: meta skuid 998 drop")
        XCTAssertEqual(found.undo, "nft delete rule inet fw out handle 7")
        XCTAssertNil(rules.obstacle(hooks: ["input"], to: packet))
        packet.port = 53
        XCTAssertNil(rules.obstacle(hooks: ["output"], to: packet))
    }

    /// Sets, maps of states and chains of an interface, in a namespace where nft(8) itself reads and prints them.
    func testRulesetsOfNft() throws {
        try requireRoot()
        try requireProgram("nft")
        let space = "test-" + UUID().uuidString.prefix(8).lowercased()
        let made = try TestSupport.run("ip", ["netns", "add", space])
        if made.status != 0 { throw XCTSkip("no network namespaces here: \(made.errors)") }
        defer { _ = try? TestSupport.run("ip", ["netns", "delete", space]) }
        func ruleset(_ text: String) throws -> NftRuleset {
            func nft(_ arguments: [String]) throws -> String {
                try TestSupport.run("ip", ["netns", "exec", space, "nft"] + arguments).check()
            }
            _ = try nft(["flush ruleset; " + text])
            return try NftRuleset(
                json: Array(try nft(["-j", "list", "ruleset"]).utf8),
                text: Array(try nft(["-a", "list", "ruleset"]).utf8))
        }
        var packet = FilteredPacket(
            direction: .output, peer: try address("10.150.0.6"), port: 8080, user: 998, interface: "lo")
        let set = try ruleset(
            """
            table inet t { set blocked { type ipv4_addr; flags interval; elements = { 10.150.0.6, 192.0.2.0/24 }; }
            chain o { type filter hook output priority 0; ip daddr @blocked reject; }; }
            """)
        let found = try XCTUnwrap(set.obstacle(hooks: ["output"], to: packet))
        XCTAssertTrue(found.isCertain)
        // The list is somebody's: it stays, and this packet is let through before it.
        XCTAssertEqual(found.undo, "nft insert rule inet t o ip daddr 10.150.0.6 tcp dport 8080 accept")
        packet.peer = try address("10.150.0.7")
        XCTAssertNil(set.obstacle(hooks: ["output"], to: packet))
        let states = try ruleset(
            """
            table inet t { chain i { type filter hook input priority 0; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }; tcp dport 22 accept; }; }
            """)
        packet.direction = .answer
        XCTAssertNil(states.obstacle(hooks: ["input"], to: packet))
        packet.direction = .input
        XCTAssertEqual(states.obstacle(hooks: ["input"], to: packet)?.isCertain, true)
        let unknown = try ruleset(
            """
            table inet t { chain a { accept; };
            chain i { type filter hook input priority 0; policy drop; tcp dport vmap { 8080 : jump a }; }; }
            """)
        XCTAssertNil(unknown.obstacle(hooks: ["input"], to: packet))
        let edge = try ruleset(
            "table netdev e { chain i { type filter hook ingress device lo priority 0; ip saddr 10.150.0.7 drop; }; }")
        packet.direction = .answer
        XCTAssertEqual(edge.obstacle(hooks: ["ingress"], to: packet)?.text, "nft netdev e i: ip saddr 10.150.0.7 drop")
        let mark = try ruleset(
            "table ip m { chain o { type route hook output priority -150; ip daddr 10.150.0.7 meta mark set 0x7; }; }")
        packet.direction = .output
        XCTAssertEqual(mark.mark(of: packet)?.mark, 7)
    }
}
