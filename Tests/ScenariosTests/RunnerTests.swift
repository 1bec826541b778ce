import Foundation
import MeshChecks
import Probes
import Scenarios
import Synchronization
import TestSupport
import XCTest

/// Runs of real checks: what hangs, fails or vanishes stays the trouble of its own check.
final class RunnerTests: XCTestCase {
    private struct Ran {
        let result: Scenarios.RunResult
        let began: [String]

        subscript(id: String) -> CheckResult {
            get throws { try XCTUnwrap(result.checks.first { $0.id == id }, id) }
        }

        func outcome(_ id: String) throws -> Outcome { try self[id].outcome }
    }

    private static func run(
        _ checks: String, options: RunOptions = RunOptions(), in folder: TemporaryDirectory,
        onEvent: @escaping @Sendable (RunEvent) -> Void = { _ in }
    ) async throws -> Ran {
        let suite: ScenarioSuite
        do {
            suite = try await ScenarioSuite.load(
                paths: [try folder.file("t.yaml", "name: t\nchecks:\n" + checks)], host: Host(), kinds: .mesh)
        } catch let error as ScenarioLoadError {
            XCTFail(error.description)
            throw error
        }
        let began = Events()
        let result = await Runner(suite: suite, diagnoses: nil, host: Host(), options: options).run { event in
            if case .began(let id, _) = event { began.ids.withLock { $0.append(id) } }
            onEvent(event)
        }
        return Ran(result: result, began: began.ids.withLock { $0 })
    }

    private static func begin(
        _ checks: String, in folder: TemporaryDirectory, _ note: @escaping @Sendable (RunEvent) -> Void
    ) -> Task<Ran, any Error> {
        Task.detached { try await RunnerTests.run(checks, in: folder, onEvent: note) }
    }

    private final class Events: Sendable {
        let ids = Mutex<[String]>([])
    }

    private func command(_ id: String, _ script: String, _ more: String = "") -> String {
        // A dollar sign of the shell is none of a variable's.
        let script = script.replacing("$", with: "$$")
        let words = "[sh, -c, \"\(script.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"]"
        return "  - id: \(id)\n    title: T\n    command: \(words)\n"
            + more.split(separator: "\n").map { "    \($0)\n" }.joined() + "    expect: {exit-status: 0}\n"
    }

    private func file(_ id: String, _ path: String, _ more: String = "") -> String {
        "  - id: \(id)\n    title: T\n    file: \(path)\n"
            + more.split(separator: "\n").map { "    \($0)\n" }.joined() + "    expect: {exists: true}\n"
    }

    private func reason(_ outcome: Outcome) -> ProbeError.Reason? {
        if case .error(let error) = outcome { error.reason } else { nil }
    }

    /// What hangs ends at its limit, and what it started with it; the others never notice.
    func testWhatHangsHurtsNobody() async throws {
        let folder = try TemporaryDirectory()
        let ran = try await Self.run(
            command("hangs", "trap '' TERM; echo $$ >\(folder.path)/pid; sleep 1000", "timeout: 3s")
                + (0..<30).map { file("file-\($0)", "/etc/passwd") }.joined()
                + file("needs-it", "/etc/passwd", "needs: [hangs]") + file("after-it", "/etc/passwd", "after: [hangs]")
                + file("needs-that", "/etc/passwd", "needs: [needs-it]"),
            options: RunOptions(jobs: 4), in: folder)
        XCTAssertEqual(reason(try ran.outcome("hangs")), .timedOut)
        for index in 0..<30 { XCTAssertEqual(try ran.outcome("file-\(index)"), .passed) }
        XCTAssertEqual(try ran.outcome("after-it"), .passed)
        // The root is named, not what was skipped for it.
        XCTAssertEqual(try ran.outcome("needs-it"), .skipped(.needs(["hangs"])))
        XCTAssertEqual(try ran.outcome("needs-that"), .skipped(.needs(["hangs"])))
        XCTAssertTrue(ran.result.hasFailed)
        let text = try String(contentsOfFile: folder.path + "/pid", encoding: .utf8)
        let pid = try XCTUnwrap(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        try await poll("the end of the command") { kill(pid, 0) != 0 }
    }

    /// It passes as soon as it can, and where it never does the last look counts.
    func testEventually() async throws {
        let folder = try TemporaryDirectory()
        let count = "n=$(cat \(folder.path)/n 2>/dev/null || echo 0); n=$((n+1)); echo $n >\(folder.path)/n; "
        let ran = try await Self.run(
            command("third", count + "test $n -ge 3", "eventually: {within: 60s, every: 10ms}")
                + command("never", "echo no; exit 7", "eventually: {within: 3s, every: 20ms}")
                + command("hangs", "sleep 1000", "timeout: 100ms\neventually: {within: 3s, every: 20ms}"),
            in: folder)
        XCTAssertEqual(try ran.outcome("third"), .passed)
        XCTAssertEqual(try ran["third"].attempts, 3)
        XCTAssertEqual(try ran.outcome("never"), .failed)
        XCTAssertGreaterThan(try ran["never"].attempts, 1)
        XCTAssertEqual(try ran["never"].expectations.first?.found, "7")
        XCTAssertEqual(reason(try ran.outcome("hangs")), .timedOut)
        XCTAssertGreaterThan(try ran["hangs"].attempts, 1)
    }

    /// A file that goes while it is waited for is seen to go.
    func testWhatVanishes() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("there", "")
        let ran = try await Self.run(
            "  - id: gone\n    title: T\n    file: \(path)\n    eventually: {within: 60s, every: 10ms}\n"
                + "    expect: {exists: false}\n"
                + command("removes", "rm \(path)"), in: folder)
        XCTAssertEqual(try ran.outcome("gone"), .passed)
        XCTAssertEqual(try ran.outcome("removes"), .passed)
    }

    func testRetryFor() async throws {
        let folder = try TemporaryDirectory()
        let count = "n=$(cat \(folder.path)/n 2>/dev/null || echo 0); n=$((n+1)); echo $n >\(folder.path)/n; "
        let ran = try await Self.run(
            command("second", count + "test $n -ge 2") + file("passes", "/etc/passwd"),
            options: RunOptions(retryFor: .seconds(60)), in: folder)
        XCTAssertEqual(try ran.outcome("second"), .passed)
        XCTAssertEqual(try ran["second"].attempts, 2)
        XCTAssertEqual(try ran["passes"].attempts, 1)
    }

    /// What one check has captured another one uses; what was not captured skips who needs it, and says so.
    func testCaptures() async throws {
        let folder = try TemporaryDirectory()
        let ran = try await Self.run(
            command("source", "echo port=8080", "capture: {p: {from: stdout, matches: 'port=([0-9]+)'}}")
                + "  - id: user\n    title: T\n    needs: [source]\n"
                + "    command: [printf, '${p}']\n    expect: {stdout: \"8080\"}\n"
                + command("empty", "echo nothing", "capture: {q: {from: stdout, matches: 'port=([0-9]+)'}}")
                + "  - id: loser\n    title: T\n    needs: [empty]\n    command: [printf, '${q}']\n"
                + "    expect: {stdout: x}\n", in: folder)
        XCTAssertEqual(try ran.outcome("user"), .passed)
        XCTAssertEqual(try ran.outcome("empty"), .passed)
        XCTAssertEqual(try ran.outcome("loser"), .skipped(.missingCapture(name: "q", from: "empty")))
    }

    func testSeverities() async throws {
        let folder = try TemporaryDirectory()
        let ran = try await Self.run(
            file("warns", "/no/such", "severity: warning") + file("tells", "/no/such", "severity: info"), in: folder)
        XCTAssertEqual(try ran.outcome("warns"), .failed)
        XCTAssertEqual(try ran.outcome("tells"), .failed)
        XCTAssertFalse(ran.result.hasFailed)
    }

    /// The first failure of weight ends everything at once, also what hangs.
    func testFailFast() async throws {
        let folder = try TemporaryDirectory()
        let ran = try await Self.run(
            command("hangs", "echo $$ >\(folder.path)/pid; exec sleep 1000", "timeout: 10m")
                + file("warns", "/no/such", "severity: warning")
                + command(
                    "fails", "while ! test -s \(folder.path)/pid; do sleep 0.02; done; exit 1",
                    "timeout: 60s\nafter: [warns]")
                + file("waits", "/etc/passwd", "after: [fails]"),
            options: RunOptions(failFast: true), in: folder)
        XCTAssertEqual(try ran.outcome("fails"), .failed)
        XCTAssertEqual(try ran.outcome("warns"), .failed)
        XCTAssertEqual(try ran.outcome("hangs"), .skipped(.stopped))
        XCTAssertEqual(try ran.outcome("waits"), .skipped(.stopped))
        let text = try String(contentsOfFile: folder.path + "/pid", encoding: .utf8)
        let pid = try XCTUnwrap(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        try await poll("the end of the command") { kill(pid, 0) != 0 }
    }

    func testJobs() async throws {
        let folder = try TemporaryDirectory()
        let alone = "mkdir \(folder.path)/lock || exit 1; sleep 0.02; rmdir \(folder.path)/lock"
        let one = try await Self.run(
            (0..<5).map { command("c\($0)", alone, "timeout: 60s") }.joined(), options: RunOptions(jobs: 1), in: folder)
        for index in 0..<5 { XCTAssertEqual(try one.outcome("c\(index)"), .passed) }
        XCTAssertEqual(one.began, (0..<5).map { "c\($0)" })
        // Each waits for all the others: with fewer jobs this would not end well.
        let together = (0..<5).map { index in
            command(
                "c\(index)",
                "touch \(folder.path)/m\(index); until test -e \(folder.path)/m0 -a -e \(folder.path)/m1 "
                    + "-a -e \(folder.path)/m2 -a -e \(folder.path)/m3 -a -e \(folder.path)/m4; do sleep 0.02; done",
                "timeout: 60s")
        }
        let five = try await Self.run(together.joined(), options: RunOptions(jobs: 5), in: folder)
        for index in 0..<5 { XCTAssertEqual(try five.outcome("c\(index)"), .passed) }
    }

    /// Expressions on which the engine could work for years end within their limit; others are not held up.
    /// Real values are compared, and none of a secret is in the result, whatever its path and its neighbours.
    func testSecretsAreComparedAndNotShown() async throws {
        let folder = try TemporaryDirectory()
        let body = (0..<3).map { _ in "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" } + ["c2hvcnQ="]
        let pem = (["-----BEGIN PRIVATE KEY-----"] + body + ["-----END PRIVATE KEY-----"]).joined(separator: "\n")
        let key = try folder.file("key.pem", pem + "\n")
        let settings = try folder.file("x.env", "DB_PASSWORD=hunter2\n")
        let ran = try await Self.run(
            """
              - {id: key, title: T, file: \(key), expect: {contents: {not: {contains: BEGIN PRIVATE KEY}}}}
              - {id: lines, title: T, file: \(key), expect: {"lines[4]": x, lines: {count: 7}}}
              - {id: holds, title: T, file: \(key), expect: {"lines[4]": c2hvcnQ=}}
              - {id: name, title: T, environment-file: \(settings), expect: {values.DB_PASSWORD: hunter3}}
              - {id: map, title: T, environment-file: \(settings), expect: {values: {empty: true}}}
              - {id: same, title: T, environment-file: \(settings), expect: {values.DB_PASSWORD: hunter2}}

            """, in: folder)
        for id in ["key", "lines", "name", "map"] { XCTAssertEqual(try ran.outcome(id), .failed, id) }
        for id in ["holds", "same"] { XCTAssertEqual(try ran.outcome(id), .passed, id) }
        let shown = ran.result.checks.flatMap { check in
            check.evidence + check.expectations.flatMap { [$0.expected, $0.found] }
        }.joined(separator: " ")
        for secret in ["hunter", "MIIE"] { XCTAssertFalse(shown.contains(secret), shown) }
        XCTAssertEqual(try ran["lines"].expectations.map(\.found).joined().contains("c2hv"), false)
    }

    /// What an expression cannot be matched with satisfies neither it nor its opposite.
    func testTextsThatAreTooLong() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("big", String(repeating: "x\n", count: 700_000) + "BAD\n")
        let ran = try await Self.run(
            """
              - id: not
                title: T
                file: {path: \(path), max-bytes: 4000000}
                expect: {contents: {not: {matches: BAD}}}
              - id: contains
                title: T
                file: {path: \(path), max-bytes: 4000000}
                expect: {contents: {not: {contains: BAD}}}
              - {id: cut, title: T, file: \(path), expect: {contents: {not: {contains: BAD}}}}
              - {id: number, title: T, command: [echo, '42'], expect: {stdout: {number: {above: 41}, matches: '^\\d+$'}}}

            """, in: folder)
        XCTAssertEqual(reason(try ran.outcome("not")), .invalid)
        XCTAssertEqual(try ran.outcome("contains"), .failed)
        XCTAssertEqual(reason(try ran.outcome("cut")), .invalid)
        XCTAssertEqual(try ran.outcome("number"), .passed)
    }

    func testEndlessMatches() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("text", String(repeating: "a", count: 60) + "!\n")
        let checks =
            "  - id: endless\n    title: T\n    file: \(path)\n    eventually: {within: 30s, every: 1s}\n"
            + "    expect: {contents: {matches: '^(a+)+$'}}\n"
            + "  - id: captured\n    title: T\n    file: \(path)\n    expect: {exists: true}\n"
            + "    capture: {x: {from: contents, matches: '^((a|aa)+)+$'}}\n"
            + "  - id: user\n    title: T\n    needs: [captured]\n    file: '/${x}'\n    expect: {exists: true}\n"
            + "  - id: fine\n    title: T\n    file: \(path)\n    expect: {contents: {matches: '^(a+)+!'}}\n"
            + (0..<20).map { file("file-\($0)", "/etc/passwd") }.joined()
        let ran = try await Self.run(checks, in: folder)
        for id in ["endless", "captured"] {
            guard case .error(let error) = try ran.outcome(id) else {
                XCTFail("\(id): \(try ran.outcome(id))")
                continue
            }
            XCTAssertEqual(error.reason, .invalid)
            XCTAssertTrue(error.description.contains("too many steps"), error.description)
            XCTAssertEqual(try ran[id].attempts, 1, "another look would end like this one")
        }
        XCTAssertEqual(try ran.outcome("user"), .skipped(.needs(["captured"])))
        XCTAssertEqual(try ran.outcome("fine"), .passed)
        for index in 0..<20 { XCTAssertEqual(try ran.outcome("file-\(index)"), .passed) }
    }

    /// A run that is cancelled gives its result at once, with what it did not see as not seen.
    func testCancelledRun() async throws {
        let folder = try TemporaryDirectory()
        let started = Events()
        let checks = command("hangs", "sleep 1000", "timeout: 10m") + file("waits", "/etc/passwd", "needs: [hangs]")
        let note: @Sendable (RunEvent) -> Void = { event in
            if case .began(let id, _) = event { started.ids.withLock { $0.append(id) } }
        }
        let task = Self.begin(checks, in: folder, note)
        try await poll("the start of the check") { started.ids.withLock { !$0.isEmpty } }
        task.cancel()
        let ran = try await task.value
        XCTAssertEqual(try ran.outcome("hangs"), .skipped(.stopped))
        XCTAssertNotEqual(try ran.outcome("waits"), .passed)
    }
}
