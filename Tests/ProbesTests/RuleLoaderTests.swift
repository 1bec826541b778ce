import Foundation
import TestSupport
import XCTest

@testable import MeshProbes
@testable import Probes

/// What empties the nat table, and whether the mesh's rules are there when it does.
final class RuleLoaderTests: XCTestCase {
    private func loaders(_ files: [String: String]) throws -> RuleLoaders {
        let folder = try TemporaryDirectory()
        for (name, text) in files { try folder.file(name, text) }
        return RuleLoaders(HostJobs.read(path: { folder.path + $0 }))
    }

    private func empties(_ line: String, _ others: [String: String] = [:]) throws -> Bool {
        let unit = ["etc/systemd/system/x.service": "[Service]\nExecStart=/opt/x\n", "opt/x": "#!/bin/sh\n\(line)\n"]
        return try !loaders(unit.merging(others) { $1 }).lines.isEmpty
    }

    func testCommands() throws {
        let emptying = [
            "iptables -t nat -F", "iptables --table=nat --flush OUTPUT",
            "/usr/sbin/iptables-legacy -t nat -F PREROUTING",
            "nft flush ruleset", "nft 'flush ruleset; include \"/etc/x\"'", "nft delete table ip nat",
            "nft flush table nat",
            "sh -c \"iptables -t nat -X; iptables -t nat -F\"", "iptables-restore </unknown", "nft -f /unknown",
            "shorewall restart",
            "for t in filter nat; do iptables -t $t -F; done", "cat /x | iptables-restore",
            "nft -f - <<E\nflush ruleset\nE",
            "iptables -t nat -D OUTPUT -p tcp -j ISTIO_OUTPUT",
        ]
        for line in emptying { XCTAssertTrue(try empties(line), line) }
        let leaving = [
            "iptables -F", "iptables -t mangle -F", "iptables -t nat -F DOCKER", "iptables -t nat -A OUTPUT -j LOG",
            "iptables-restore --noflush </unknown", "iptables-restore -T filter </unknown", "nft flush table inet own",
            "nft add table ip own", "nft list ruleset", "echo flush ruleset", "iptables -t nat -L", "flush ruleset",
        ]
        for line in leaving { XCTAssertFalse(try empties(line), line) }
    }

    func testWhatIsLoaded() throws {
        let nat = "*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
        XCTAssertTrue(try empties("iptables-restore </etc/r", ["etc/r": nat]))
        XCTAssertTrue(try empties("R=/etc/r\niptables-restore \"$R\"", ["etc/r": nat]))
        XCTAssertFalse(try empties("iptables-restore </etc/r", ["etc/r": "*filter\nCOMMIT\n"]))
        // Who has saved the mesh's rules loads them again.
        XCTAssertFalse(try empties("iptables-restore </etc/r", ["etc/r": nat + "-A OUTPUT -p tcp -j ISTIO_OUTPUT\n"]))
        XCTAssertTrue(try empties("nft -f /etc/n", ["etc/n": "#!/usr/sbin/nft -f\nflush ruleset\n"]))
        XCTAssertFalse(try empties("nft -f /etc/n", ["etc/n": "table inet own {\n}\n"]))
        XCTAssertTrue(
            try empties(
                "systemctl reload nftables",
                ["usr/lib/systemd/system/nftables.service": "[Service]\nExecStart=/usr/sbin/nft -f /gone\n"]))
        XCTAssertFalse(try empties("systemctl reload nginx"))
        // The mesh's own scripts do it for the mesh.
        XCTAssertTrue(
            try loaders([
                "etc/systemd/system/istio.service": "[Service]\nExecStopPost=+/usr/local/bin/istio-iptables.sh clean\n",
                "usr/local/bin/istio-iptables.sh": "iptables -t nat -F ISTIO_OUTPUT\n",
            ]).lines.isEmpty)
    }

    func testTheNextBoot() throws {
        func order(_ wants: String, after: String = "", triggered: String = "") -> BootOrder {
            BootOrder(
                Array(
                    """
                    Id=multi-user.target
                    Names=multi-user.target default.target
                    Wants=istio.service cron.service tidy.timer \(wants)

                    Id=istio.service
                    Names=istio.service
                    After=early.service

                    Id=x.service
                    Names=x.service
                    After=\(after)
                    TriggeredBy=\(triggered)

                    Id=early.service
                    Names=early.service
                    After=x.service

                    Id=tidy.timer
                    Names=tidy.timer

                    Id=cron.service
                    Names=cron.service

                    """.utf8))
        }
        let unit = ["etc/systemd/system/x.service": "[Service]\nExecStart=/opt/x\n", "opt/x": "nft flush ruleset\n"]
        let loaders = try loaders(unit)
        let after = loaders.late(order("x.service", after: "istio.service"))
        XCTAssertEqual(after.map(\.text), ["/opt/x:1: nft flush ruleset (by x.service, after istio.service)"])
        XCTAssertTrue(
            after[0].undo[0].contains("ExecStartPost=+systemctl --no-block try-restart istio.service"), "\(after)")
        let unordered = loaders.late(order("x.service"))
        XCTAssertEqual(unordered.count, 1)
        XCTAssertTrue(unordered[0].undo[0].contains("Before=istio.service"), "\(unordered)")
        // Ordered before it through what is started as well; not started at all; started by a timer.
        XCTAssertEqual(loaders.late(order("x.service early.service")), [])
        XCTAssertEqual(loaders.late(order("")), [])
        XCTAssertEqual(loaders.late(order("", triggered: "tidy.timer")).count, 1)
        XCTAssertEqual(loaders.late(order("", triggered: "never.timer")), [])
        // What lets the mesh set its rules again does no harm, nor what is run for the unit's end.
        let again = try self.loaders(
            unit.merging([
                "etc/systemd/system/x.service.d/istio.conf":
                    "[Service]\nExecStartPost=+systemctl --no-block try-restart istio.service\n"
            ]) { $1 })
        XCTAssertEqual(again.late(order("x.service", after: "istio.service")), [])
        let end = try self.loaders([
            "etc/systemd/system/x.service": "[Service]\nExecStart=/bin/true\nExecStop=/opt/x\n",
            "opt/x": "nft flush ruleset\n",
        ])
        XCTAssertEqual(end.late(order("x.service", after: "istio.service")), [])
        let cron = try self.loaders(["etc/cron.d/tidy": "@reboot root sleep 60; iptables -t nat -F\n"])
        XCTAssertEqual(cron.late(order("")).count, 1)
    }
}
