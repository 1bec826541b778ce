import Foundation
import MeshChecks
import Scenarios
import TestSupport
import XCTest

@testable import Reports

/// Reports for people: the terminal and the page.
final class PageTests: XCTestCase {
    func testThePageIsAloneAndHarmless() throws {
        // Every element has to be closed in its order, and nothing may be loaded or run.
        let program = """
            import sys
            from html.parser import HTMLParser
            VOID = {'meta', 'input', 'line', 'circle', 'path', 'link', 'br', 'img'}
            class Reader(HTMLParser):
                def __init__(self):
                    super().__init__(); self.stack = []; self.tags = set()
                def handle_starttag(self, tag, attributes):
                    self.tags.add(tag)
                    for name, value in attributes:
                        assert not name.startswith('on') and name not in ('src', 'srcset', 'style'), name
                        assert name != 'href' or value.startswith(('http://', 'https://')), value
                    if tag not in VOID: self.stack.append(tag)
                def handle_startendtag(self, tag, attributes): self.tags.add(tag)
                def handle_endtag(self, tag):
                    if tag in VOID: return
                    assert self.stack and self.stack[-1] == tag, (tag, self.stack[-3:])
                    self.stack.pop()
            text = sys.stdin.buffer.read().decode('utf-8')
            reader = Reader(); reader.feed(text); reader.close()
            assert not reader.stack, reader.stack
            assert not reader.tags & {'script', 'img', 'iframe', 'link', 'object', 'base', 'form'}, reader.tags
            assert '@import' not in text and 'url(' not in text
            assert '\\x1b' not in text and '\\x00' not in text
            """
        for run in [Fixture.broken, Fixture.healthy, Fixture.hostileRun] {
            _ = try Python.run(program, on: HTMLRenderer(route: .mesh).render(run))
        }
        _ = try Python.run(program, on: HTMLRenderer(route: .mesh, refreshSeconds: 30).render(Fixture.fleet))
    }

    func testTheMapMarksTheFirstBrokenLink() {
        let route = RouteReport(.mesh, Fixture.broken.checks)
        XCTAssertEqual(route.stops.map(\.state), [.warned, .broken, .broken, .unknown, .unknown])
        XCTAssertEqual(route.firstBroken, 1)
        XCTAssertEqual(
            HTMLRenderer(route: .mesh).render(Fixture.broken).components(separatedBy: "class=\"break\"").count, 2)
        XCTAssertEqual(
            HTMLRenderer(route: .mesh).render(Fixture.healthy).components(separatedBy: "class=\"break\"").count, 1)
        XCTAssertNil(RouteReport(.mesh, Fixture.healthy.checks).firstBroken)
    }

    func testTheTerminalShowsNothingThatDrivesIt() {
        for width in [nil, 40, 80, 200] {
            let plain = TerminalRenderer(usesSymbols: true, width: width, isVerbose: true)
            for text in [plain.render(Fixture.hostileRun), plain.render(Fixture.fleet)] {
                for scalar in text.unicodeScalars where scalar != "\n" {
                    XCTAssertFalse(scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value), "\(scalar.value)")
                    XCTAssertNotEqual(scalar.value, 0x202e)
                }
            }
        }
    }

    func testLinesKeepToTheWidth() {
        for width in [40, 60, 80, 120] {
            for result in [Fixture.broken, Fixture.hostileRun] {
                let text = TerminalRenderer(usesSymbols: true, width: width, isVerbose: true).render(result)
                for line in text.split(separator: "\n") {
                    XCTAssertLessThanOrEqual(TerminalText.columns(String(line)), width, String(line))
                }
            }
        }
    }

    func testTheCauseAndItsRemedyStandAtTheEnd() {
        let text = TerminalRenderer(usesSymbols: true, width: 100).render(Fixture.broken)
        let tail = text.split(separator: "\n").suffix(8).joined(separator: "\n")
        XCTAssertTrue(tail.contains("systemctl disable --now systemd-resolved"), text)
        XCTAssertTrue(tail.contains("FAILED"), text)
        XCTAssertTrue(tail.contains("MX0405"), text)
        XCTAssertFalse(TerminalRenderer().render(Fixture.broken).contains("\u{1B}"))
        XCTAssertTrue(TerminalRenderer(usesColor: true).render(Fixture.broken).contains("\u{1B}[31m"))
    }

    /// The last lines of a small terminal say every root cause, as long as there is a line for each, and what to do.
    func testTheLastScreenHasTheRootCauses() {
        for width in [nil, 60, 80, 120] {
            for count in 1...40 {
                var run = Fixture.broken
                run.diagnoses = (1...count).map { number in
                    DiagnosisResult(
                        code: "MX\(1000 + number)", severity: number > 8 ? .warning : .error,
                        cause: "cause number \(number)", evidence: (1...7).map { "line \($0) of \(number)" },
                        remedy: ["first \(number)", "second \(number)"], documentation: "docs", checks: ["dns"])
                }
                let text = TerminalRenderer(usesSymbols: true, width: width).render(run)
                let screen = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().suffix(23)
                    .joined(separator: "\n")
                for number in 1...min(count, 8) {
                    XCTAssertTrue(screen.contains("cause number \(number)"), "\(count) causes, \(number): \(screen)")
                }
                XCTAssertTrue(screen.contains("FAILED"), screen)
                for number in 1...min(count, 3) {
                    XCTAssertTrue(screen.contains("first \(number)"), "\(count) causes, \(number): \(screen)")
                }
                if count > 12 { XCTAssertTrue(screen.contains("more causes, see above"), screen) }
            }
        }
    }

    func testTheLastScreenOfAFleetHasTheCausesOfMostHosts() {
        var fleet = Fixture.fleet
        var run = Fixture.broken
        run.diagnoses = (1...9).map { number in
            DiagnosisResult(
                code: "MX\(1000 + number)", severity: .error, cause: "cause number \(number)", evidence: ["seen"],
                remedy: ["do \(number)"], documentation: "docs", checks: ["dns"])
        }
        fleet.hosts = ["a", "b", "c"].map { HostResult(target: $0, outcome: .success(run)) }
        run.diagnoses = [run.diagnoses[8]]
        fleet.hosts.append(HostResult(target: "d", outcome: .success(run)))
        let lines = TerminalRenderer(width: 80).render(fleet).split(separator: "\n", omittingEmptySubsequences: false)
        let screen = lines.dropLast().suffix(23)
        XCTAssertEqual(
            screen.first { $0.hasPrefix("MX") }, "MX1009 cause number 9 (4 hosts: a, b, c and 1 more)",
            lines.joined(separator: "\n"))
        XCTAssertEqual(screen.count { $0.hasPrefix("MX") }, 9)
    }

    /// What was skipped for failures elsewhere has not passed.
    func testAStepThatWasMostlySkippedHasNotPassed() {
        func status(passed: Int, needs: Int, conditions: Int) -> CheckStatus {
            func checks(_ count: Int, _ outcome: Outcome) -> [CheckResult] {
                (0..<count).map { Fixture.check("c\($0)", "title", step: "10-dns", outcome: outcome) }
            }
            return StepReport.grouped(
                checks(passed, .passed) + checks(needs, .skipped(.needs(["x"])))
                    + checks(conditions, .skipped(.condition("no")))
            )[0].status
        }
        XCTAssertEqual(status(passed: 1, needs: 5, conditions: 0), .skipped)
        XCTAssertEqual(status(passed: 3, needs: 2, conditions: 9), .passed)
        XCTAssertEqual(status(passed: 1, needs: 0, conditions: 9), .passed)
        XCTAssertEqual(status(passed: 0, needs: 0, conditions: 2), .skipped)
    }

    func testMachinesThatFailAlikeShareARow() {
        let matrix = FleetMatrix(Fixture.fleet)
        XCTAssertEqual(matrix.rows.map(\.hosts), [["vm-a", "vm-c"], ["vm-b"]])
        XCTAssertEqual(matrix.rows.map(\.status), [.failed, .passed])
        XCTAssertEqual(matrix.absences.map(\.hosts), [["vm-d"], ["vm-e"]])
    }

    /// The whole text of each report as it is; when it changes on purpose, RECORD=1 writes it again and fails once.
    func testReportsAreAsRecorded() throws {
        let documents: [(String, String)] = [
            ("broken.txt", TerminalRenderer(usesSymbols: true, width: 100).render(Fixture.broken)),
            ("broken-verbose-ascii.txt", TerminalRenderer(width: 60, isVerbose: true).render(Fixture.broken)),
            ("healthy.txt", TerminalRenderer(usesSymbols: true, width: 100).render(Fixture.healthy)),
            ("fleet.txt", TerminalRenderer(usesSymbols: true, width: 80).render(Fixture.fleet)),
            ("broken.json", JSONRenderer().render(Fixture.broken)),
            ("broken.tap", TAPRenderer().render(Fixture.broken)),
            ("broken.xml", JUnitRenderer().render(Fixture.broken)),
            ("broken.prom", PrometheusRenderer().render(Fixture.broken)),
            ("fleet.tap", TAPRenderer().render(Fixture.fleet)), ("fleet.json", JSONRenderer().render(Fixture.fleet)),
            ("broken.html", HTMLRenderer(route: .mesh).render(Fixture.broken)),
            ("fleet.html", HTMLRenderer(route: .mesh).render(Fixture.fleet)),
        ]
        let folder = repositoryRoot + "/Tests/ReportsTests/Recorded"
        for (name, text) in documents {
            if ProcessInfo.processInfo.environment["RECORD"] != nil {
                try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
                XCTFail("\(name) was recorded again")
            } else {
                XCTAssertEqual(try String(contentsOfFile: folder + "/" + name, encoding: .utf8), text, name)
            }
        }
    }

    /// The samples of docs/meshcheck.md are what the renderers write; a line `…` stands for lines that are left out.
    func testTheSamplesInTheDocumentsAreRendered() throws {
        let text = try String(contentsOfFile: repositoryRoot + "/docs/meshcheck.md", encoding: .utf8)
        let start = try XCTUnwrap(text.range(of: "```\n$ meshcheck run\n"))
        let sample = text[start.upperBound...].prefix(while: { $0 != "`" }).split(
            separator: "\n", omittingEmptySubsequences: false
        ).dropLast()
        var rest = TerminalRenderer(usesSymbols: true).render(Fixture.broken).split(
            separator: "\n", omittingEmptySubsequences: false)[...]
        var mayLeaveOut = false
        for line in sample {
            if line == "…" {
                mayLeaveOut = true
                continue
            }
            if mayLeaveOut { rest = rest.drop { $0 != line } }
            XCTAssertEqual(rest.first, line)
            rest = rest.dropFirst()
            mayLeaveOut = false
        }
        XCTAssertEqual(rest, [""])
        let json = try XCTUnwrap(text.range(of: "```json\n"))
        let object = text[json.upperBound...].prefix(while: { $0 != "`" })
        XCTAssertNoThrow(try ReportReader.run(object.utf8))
        let folder = try TemporaryDirectory()
        let schema = try folder.file("schema.json", ReportSchema.json.pretty)
        _ = try Python.run(JSONTests.validate, on: String(object), arguments: [schema])
    }
}
