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
        var walk = FilterWalk(program: "iptables", name: "filter", table: table, policies: policies)
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
}
