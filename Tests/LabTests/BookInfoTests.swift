import Foundation
import TestSupport
import XCTest

/// The guide's walk with a real MariaDB on the machine.
final class BookInfoTests: XCTestCase {
    private let url = "http://productpage.bookinfo.svc.cluster.local:9080/productpage"

    func testPageHasItsStarsFromTheMachinesDatabase() throws {
        try requireProgram("mariadb")
        let lab = try Lab(name: "books")
        try lab.install()
        try lab.waitForGreen("vm1")
        let made = try lab.command("bookinfo", "vm1")
        // A mirror that is away, or a host of another Debian, is no fault of ours.
        if made.status == 70 { throw XCTSkip("MariaDB cannot be fetched: \(made.errors.suffix(400))") }
        XCTAssertEqual(made.status, 0, made.output + made.errors)

        let folder = try TemporaryDirectory()
        let tap = folder.path + "/report.tap"
        let checked = try lab.command([
            "check", "vm1", "--tag", "bookinfo", "--format", "tap=\(tap)", "--var", "bookinfo.url=\(url)", "--var",
            "bookinfo.client=mariadb", "--var", "bookinfo.change=yes",
        ])
        XCTAssertEqual(checked.status, 0, checked.output + checked.errors)
        let lines = try String(contentsOfFile: tap, encoding: .utf8).components(separatedBy: "\n")
        for id in ["mysql", "rows", "inbound", "registered", "page", "change", "change.shown", "change.undone"] {
            let line = try XCTUnwrap(lines.first { $0.contains("bookinfo.\(id):") }, "\(id): \(lines)")
            // TAP's indented lines are those of a machine.
            XCTAssertTrue(line.drop { $0 == " " }.hasPrefix("ok "), line)
            XCTAssertFalse(line.contains("# SKIP"), line)
        }

        // MariaDB listens on the machine's loopback alone: what comes from a pod comes through Envoy.
        let stats = "curl --silent 127.0.0.1:15000/stats | grep 'cluster.in.3306.upstream_cx_total'"
        XCTAssertFalse(try lab.on(stats).check().hasSuffix(": 0\n"))
        XCTAssertEqual(
            try lab.on("ss --no-header --listening --tcp --numeric sport = :3306 | awk '{print $4}'").check(),
            "127.0.0.1:3306\n")
        // Without Envoy there is no way to it.
        try lab.on("systemctl stop istio").check()
        XCTAssertTrue(try lab.run("operator", "curl", "--silent", "10.60.2.7:9080/productpage").contains("unavailable"))
        try lab.on("systemctl start istio").check()
        try lab.wait(for: 60, "su person -c 'curl --silent --max-time 10 \(url)' | grep -q glyphicon-star")
        try lab.waitForGreen("vm1")
    }
}
