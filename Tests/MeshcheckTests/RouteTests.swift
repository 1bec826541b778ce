import Foundation
import TestSupport
import XCTest

/// Routes and rules of a network namespace of the test's own, as ip(8) makes them.
final class RouteTests: XCTestCase {
    private static let topology = """
        set -e
        ip link set lo up
        ip link add wire type veth peer name other && ip link set wire up && ip link set other up
        ip addr add 10.9.0.2/24 dev wire
        ip -6 addr add fd09::2/64 dev wire nodad
        ip route add default via 10.9.0.1
        ip -6 route add default via fd09::1
        ip route add 10.8.0.0/16 via 10.9.0.7 metric 50 mtu 1300
        ip route add blackhole 10.7.0.0/24
        ip route add unreachable 10.7.1.0/24
        ip route add prohibit 10.7.2.0/24
        ip route add 10.6.0.0/16 via 10.9.0.6 table 77
        ip rule add uidrange 1-1 lookup 77
        """

    func testRoutes() throws {
        try requireRoot()
        for program in ["ip", "unshare"] { try requireProgram(program) }
        let folder = try TemporaryDirectory()
        func check(_ id: String, _ route: String, _ expect: String) -> String {
            "  - {id: \(id), title: \(id), route: {\(route)}, expect: {\(expect)}}\n"
        }
        let nothing = "exists: false, type"
        let scenario = try folder.file(
            "routes.yaml",
            "name: routes\nchecks:\n"
                + check(
                    "far", "to: 192.0.2.1",
                    "exists: true, type: unicast, gateway: 10.9.0.1, device: wire, source: 10.9.0.2")
                + check("far6", "to: 2001:db8::1", "exists: true, gateway: fd09::1, device: wire")
                + check("near", "to: 10.9.0.99", "exists: true, gateway: {present: false}, device: wire")
                + check("own", "to: 10.9.0.2", "exists: true, type: local, device: lo")
                + check("hole", "to: 10.7.0.1", "\(nothing): blackhole")
                + check("unreachable", "to: 10.7.1.1", "\(nothing): unreachable")
                + check("prohibited", "to: 10.7.2.1", "\(nothing): prohibit")
                + check("of-a-user", "to: 10.6.0.1, as: daemon", "gateway: 10.9.0.6, table: '77'")
                + check("of-others", "to: 10.6.0.1", "gateway: 10.9.0.1, table: {present: false}")
                + check("default", "to: default", "exists: true, gateway: 10.9.0.1, table: main")
                + check("default6", "to: default, family: ipv6", "exists: true, gateway: fd09::1")
                + check("entry", "to: 10.8.0.0/16", "gateway: 10.9.0.7, metric: 50, mtu: 1300")
                + check("entry-77", "to: 10.6.0.0/16, table: '77'", "gateway: 10.9.0.6")
                + check("no-entry", "to: 10.6.0.0/16", "\(nothing): none")
                + check("no-table", "to: 10.6.0.0/16, table: '78'", "\(nothing): none")
                + check("hole-entry", "to: 10.7.0.0/24", "\(nothing): blackhole"))
        let result = try TestSupport.run(
            "unshare",
            [
                "--net", "sh", "-c", Self.topology + "\nexec \"$0\" run \"$1\" --format tap", productPath("meshcheck"),
                scenario,
            ])
        XCTAssertEqual(result.status, 0, result.output + result.errors)
        XCTAssertEqual(result.output.components(separatedBy: "\nok ").count, 17, result.output)
    }
}
