import Foundation
import Synchronization
import TestSupport
import XCTest

/// The scenarios against a machine: one test case for each check.
///
/// The machine is that of `MESHCHECK_TARGET`: `local`, or `ssh://user@host[:port]`. Without it the suite stands up servers
/// of its own and checks them, on this machine and through an sshd. Which checks there are is known when meshcheck has
/// read the scenarios, so the cases are added to the suite when it starts; `swift test --filter` knows of the class alone,
/// and `MESHCHECK_ARGUMENTS` (such as `--id 'dns.*'`) selects among the checks.
final class CheckTests: XCTestCase {
    /// Called for each test when XCTest makes up its list, before anything runs: the moment to listen for the suite.
    required init(name: String, testClosure: @escaping XCTestCaseClosure) {
        super.init(name: name, testClosure: testClosure)
        SuiteObserver.listen()
    }

    /// What XCTest finds by itself: the run as a whole.
    func testEveryMachineGivesAReport() throws {
        let outcomes = SuiteObserver.outcomes
        XCTAssertFalse(outcomes.isEmpty, "the checks were not run")
        for outcome in outcomes {
            switch outcome.run {
            case .success(let run):
                XCTAssertEqual(run.version, 1, outcome.name)
                XCTAssertFalse(run.checks.isEmpty, "no check was selected on \(outcome.name)")
                XCTAssertEqual(Set(run.checks.map(\.id)).count, run.checks.count, "ids are unique")
            case .failure(let error as XCTSkip): throw error
            case .failure(let error): XCTFail("\(outcome.name): \(error)")
            }
        }
    }
}

/// Adds the cases of the checks when the suite of `CheckTests` starts.
private final class SuiteObserver: NSObject, XCTestObservation, Sendable {
    private struct State {
        var isListening = false
        var outcomes: [MachineOutcome] = []
    }

    private static let state = Mutex(State())

    static var outcomes: [MachineOutcome] { state.withLock(\.outcomes) }

    /// Begins to listen; once.
    static func listen() {
        let isFirst = state.withLock { state in
            defer { state.isListening = true }
            return !state.isListening
        }
        if isFirst { XCTestObservationCenter.shared.addTestObserver(SuiteObserver()) }
    }

    func testSuiteWillStart(_ testSuite: XCTestSuite) {
        guard testSuite.name == "\(CheckTests.self)" else { return }
        let outcomes = MachineOutcome.all()
        Self.state.withLock { $0.outcomes = outcomes }
        for outcome in outcomes {
            guard case .success(let run) = outcome.run else { continue }
            for check in run.checks {
                let name = outcomes.count == 1 ? check.id : "\(outcome.name).\(check.id)"
                testSuite.addTest(CheckTests(name: name) { try Self.judge(check, in: run, by: $0) })
            }
        }
    }

    /// Passes, fails or skips a case as its check came out.
    private static func judge(_ check: CheckReport.Check, in run: CheckReport.Run, by test: XCTestCase) throws {
        let explanation = run.explanation(of: check)
        switch check.outcome {
        case "passed": return
        case "skipped": throw XCTSkip(reason(check.skip))
        case "error" where check.error?.reason == "not-permitted":
            throw XCTSkip("not permitted: \(check.error?.operation ?? "") (\(check.error?.found ?? ""))")
        case "failed", "error":
            // A warning does not fail a run of meshcheck either.
            guard check.severity == "error" else { throw XCTSkip("\(check.severity): \(explanation)") }
            let place = check.place.split(separator: ":")
            test.recordFailure(
                withDescription: explanation, inFile: place.first.map(String.init) ?? check.place,
                atLine: place.last.flatMap { Int($0) } ?? 0, expected: true)
        default: throw CheckReport.Missing(description: "unknown outcome '\(check.outcome)' of \(check.id)")
        }
    }

    private static func reason(_ skip: CheckReport.Check.Skip?) -> String {
        guard let skip else { return "skipped" }
        return switch skip.reason {
        case "needs": "needs " + (skip.needs ?? []).joined(separator: ", ")
        case "condition": skip.condition ?? "a condition does not hold"
        case "missing-capture": "no value for \(skip.name ?? "a capture")"
        default: skip.reason
        }
    }
}
