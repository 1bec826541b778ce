import MeshChecks
import Probes
import Scenarios
import TestSupport
import XCTest

@testable import Reports

/// Nothing that hosts say drives the terminal, whatever the format.
final class HostileReportTests: XCTestCase {
    /// A run in which every text is the given one.
    private func run(_ text: String) -> Scenarios.RunResult {
        var run = Fixture.broken
        run.host = text
        run.profile = text
        for index in run.checks.indices {
            run.checks[index].id += "[\(text)]"
            run.checks[index].title = text
            run.checks[index].step += " " + text
            run.checks[index].place = text
            run.checks[index].subject = text
            run.checks[index].tags = [text]
            run.checks[index].evidence = [text]
            run.checks[index].diagnosis = run.checks[index].diagnosis.map { _ in text }
            for number in run.checks[index].expectations.indices {
                run.checks[index].expectations[number].attribute = text
                run.checks[index].expectations[number].expected = text
                run.checks[index].expectations[number].found = text
            }
            switch run.checks[index].outcome {
            case .skipped(.needs): run.checks[index].outcome = .skipped(.needs([text]))
            case .skipped(.condition): run.checks[index].outcome = .skipped(.condition(text))
            case .error(let error):
                run.checks[index].outcome = .error(ProbeError(error.reason, text, expected: text, found: text))
            default: break
            }
        }
        run.checks[0].outcome = .skipped(.missingCapture(name: text, from: text))
        for index in run.diagnoses.indices {
            run.diagnoses[index].code = text
            run.diagnoses[index].cause = text
            run.diagnoses[index].evidence = [text]
            run.diagnoses[index].remedy = [text]
            run.diagnoses[index].documentation = text
            run.diagnoses[index].checks = [text]
        }
        return run
    }

    private func fleet(_ text: String) -> FleetResult {
        let failure = HostFailure(.malformed, text, found: text, remedy: text)
        return FleetResult(
            hosts: [
                HostResult(target: text, groups: [text], outcome: .success(run(text))),
                HostResult(target: text, outcome: .failure(failure), partialChecks: run(text).checks),
            ], startedAt: 0, duration: .zero)
    }

    private let renderers: [any Renderer] = [
        TerminalRenderer(usesSymbols: true, width: 80, isVerbose: true), TerminalRenderer(), JSONRenderer(),
        JUnitRenderer(), TAPRenderer(), PrometheusRenderer(), HTMLRenderer(route: .mesh),
    ]

    func testNoFormatDrivesTheTerminal() {
        for (name, text) in HostileText.all {
            for renderer in renderers {
                let output = renderer.render(run(text)) + renderer.render(fleet(text))
                XCTAssertEqual(HostileText.harm(in: Array(output.utf8)), [], "\(name) in \(renderer)")
            }
            let changes = ChangeReport(from: Fixture.broken, to: run(text)).text(color: false)
            let events = run(text).checks.map { EventLine.check($0).text } + [EventLine.finished(run(text)).text]
            XCTAssertEqual(HostileText.harm(in: Array((changes + events.joined()).utf8)), [], name)
        }
    }

    /// A line that comes from a host is no line of a format that has its meaning in lines.
    func testLinesStayWhereTheyAre() {
        for renderer in [TAPRenderer(), PrometheusRenderer()] as [any Renderer] {
            for (name, text) in HostileText.all {
                for (hostile, plain) in [(renderer.render(run(text)), renderer.render(run("a")))] {
                    XCTAssertEqual(hostile.split(separator: "\n").count, plain.split(separator: "\n").count, name)
                }
                let lines = renderer.render(fleet(text)).split(separator: "\n").count
                XCTAssertEqual(lines, renderer.render(fleet("a")).split(separator: "\n").count, name)
            }
        }
    }

    /// Every text of a run is masked, of whatever field.
    func testEveryFieldIsMasked() {
        let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
        for renderer in renderers {
            let output = renderer.render(run(secret)) + renderer.render(fleet(secret))
            XCTAssertFalse(output.contains("0123456789abcdefghij"), "\(renderer)")
        }
        XCTAssertFalse(EventLine.finished(run(secret)).text.contains("0123456789abcdefghij"))
    }
}
