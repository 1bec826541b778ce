import Foundation
import Scenarios
import TestSupport
import XCTest

@testable import Reports

/// Formats for programs, read by the programs.
final class MachineFormatTests: XCTestCase {
    private static let counts = """
        import sys, xml.etree.ElementTree as tree
        root = tree.fromstring(sys.stdin.buffer.read())
        assert root.tag == 'testsuites'
        for suite in root:
            cases = suite.findall('testcase')
            assert int(suite.get('tests')) == len(cases), suite.get('name')
            for name, tag in (('failures', 'failure'), ('errors', 'error'), ('skipped', 'skipped')):
                assert int(suite.get(name)) == sum(1 for case in cases if case.find(tag) is not None), name
        print(sum(len(suite.findall('testcase')) for suite in root))
        for failure in root.iter('failure'): print(failure.get('type'), failure.get('message'))
        """

    func testJUnitIsCountedAsItSays() throws {
        let output = try Python.run(Self.counts, on: JUnitRenderer().render(Fixture.broken))
        XCTAssertEqual(
            output, "11\nMX0405 active: expected 'active', found 'failed'\n")
        XCTAssertEqual(
            try Python.run(Self.counts, on: JUnitRenderer().render(Fixture.hostileRun)).prefix(3), "33\n")
        XCTAssertEqual(try Python.run(Self.counts, on: JUnitRenderer().render(Fixture.fleet)).prefix(3), "29\n")
    }

    /// The schemas of Ant (windyroad/JUnit-Schema) and Jenkins (xunit-plugin) are not ours to ship: name their files in
    /// JUNIT_SCHEMAS, with colons between.
    func testJUnitIsValidForBothSchemas() throws {
        try requireProgram("xmllint")
        guard let schemas = ProcessInfo.processInfo.environment["JUNIT_SCHEMAS"] else {
            throw XCTSkip("JUNIT_SCHEMAS names no schema")
        }
        let folder = try TemporaryDirectory()
        for (index, run) in [Fixture.broken, Fixture.hostileRun, Fixture.healthy].enumerated() {
            let file = try folder.file("\(index).xml", JUnitRenderer().render(run))
            for schema in schemas.split(separator: ":").map(String.init) {
                let result = try TestSupport.run("xmllint", ["--noout", "--schema", schema, file])
                XCTAssertEqual(result.status, 0, "\(schema): \(result.errors.prefix(2000))")
            }
        }
        let fleet = try folder.file("fleet.xml", JUnitRenderer().render(Fixture.fleet))
        for schema in schemas.split(separator: ":").map(String.init) {
            let result = try TestSupport.run("xmllint", ["--noout", "--schema", schema, fleet])
            XCTAssertEqual(result.status, 0, "\(schema): \(result.errors.prefix(2000))")
        }
    }

    /// `prove` runs a test program; a shell prints the report.
    private func prove(_ text: String) throws -> (status: Int32, output: String) {
        try requireProgram("prove")
        let folder = try TemporaryDirectory()
        let file = try folder.file("report.tap", text)
        let arguments = ["--exec", "cat", "--verbose", "--nocolor", file]
        var result = try TestSupport.run("prove", arguments)
        if result.output.contains("don't know about versions later than 13") {
            // Perl before 5.40 reads what both versions have in common, but not the new number.
            try folder.file("report.tap", text.replacingOccurrences(of: "TAP version 14", with: "TAP version 13"))
            result = try TestSupport.run("prove", arguments)
        }
        return (result.status, result.output + result.errors)
    }

    func testTAPIsReadByProve() throws {
        let healthy = try prove(TAPRenderer().render(Fixture.healthy))
        XCTAssertEqual(healthy.status, 0, healthy.output)
        XCTAssertTrue(healthy.output.contains("Result: PASS"), healthy.output)
        let broken = try prove(TAPRenderer().render(Fixture.broken))
        XCTAssertEqual(broken.status, 1, broken.output)
        XCTAssertTrue(broken.output.contains("Failed 2/11 subtests"), broken.output)
        XCTAssertFalse(broken.output.contains("Parse errors"), broken.output)
        let fleet = try prove(TAPRenderer().render(Fixture.fleet))
        XCTAssertTrue(fleet.output.contains("Failed 4/5 subtests"), fleet.output)
        XCTAssertFalse(fleet.output.contains("Parse errors"), fleet.output)
    }

    func testHostileTextCannotForgeATest() throws {
        let result = try prove(TAPRenderer().render(Fixture.hostileRun))
        XCTAssertFalse(result.output.contains("Parse errors"), result.output)
        XCTAssertFalse(result.output.contains("\nBail out"), result.output)
        XCTAssertTrue(result.output.contains("Failed 22/33 subtests"), result.output)
    }

    func testTheYAMLBlocksOfTAPAreYAML() throws {
        let program = """
            import sys, yaml
            text = sys.stdin.read().split('\\n')
            blocks, block = [], None
            for line in text:
                if line == '  ---': block = []
                elif line == '  ...': blocks.append(yaml.safe_load('\\n'.join(block))); block = None
                elif block is not None: block.append(line)
            print(len(blocks), blocks[0]['diagnosis'], blocks[0]['expectations'][0]['found'], blocks[0]['evidence'])
            """
        let check = try TestSupport.run("python3", ["-c", "import yaml"])
        if check.status != 0 { throw XCTSkip("python3-yaml is not installed") }
        XCTAssertEqual(
            try Python.run(program, on: TAPRenderer().render(Fixture.broken)),
            "5 MX0405 'failed' port 53 is held by systemd-resolve (pid 612)\n")
    }

    func testMetricsAreAcceptedByPromtool() throws {
        guard let promtool = ProcessInfo.processInfo.environment["PROMTOOL"] ?? programPath("promtool") else {
            throw XCTSkip("promtool is not installed")
        }
        let texts = [
            PrometheusRenderer().render(Fixture.broken), PrometheusRenderer().render(Fixture.hostileRun),
            PrometheusRenderer().render(Fixture.healthy), PrometheusRenderer().render(Fixture.fleet),
        ]
        for text in texts {
            let result = try TestSupport.run(promtool, ["check", "metrics"], input: Array(text.utf8))
            XCTAssertEqual(result.status, 0, result.output + result.errors + text)
        }
    }

    func testMetricsSayWhatTheRunSays() {
        let text = PrometheusRenderer().render(Fixture.broken)
        for line in [
            #"meshcheck_healthy{host="demo-vm-1",profile="classic"} 0"#,
            #"meshcheck_check_passed{host="demo-vm-1",step="10-dns",check="dns.dnsmasq.active",severity="error"} 0"#,
            #"meshcheck_check_passed{host="demo-vm-1",step="10-dns",check="dns.dnsmasq.file",severity="error"} 1"#,
            #"meshcheck_diagnosis{host="demo-vm-1",code="MX0405",severity="error"} 1"#,
            #"meshcheck_run_timestamp_seconds{host="demo-vm-1"} 1795409793.123456"#,
        ] { XCTAssertTrue(text.contains(line + "\n"), line) }
        XCTAssertFalse(text.contains("certs.files"), "what may not be seen is neither 0 nor 1")
        XCTAssertTrue(text.hasSuffix("\n"))
        XCTAssertTrue(
            PrometheusRenderer().render(Fixture.fleet).contains("meshcheck_reachable{host=\"vm-d\"} 0\n"))
    }
}
