import TestSupport
import XCTest

@testable import Probes

/// Lines as programs of these days write them, and how bad they say that they are.
final class LevelTests: XCTestCase {
    private let errors = [
        "[2026-11-29 08:00:00.123][4711][error][config] [source/server.cc:1] no such file",
        "[2026-11-29 08:00:00.123][4711][critical][main] assert failure",
        #"{"level":"error","ts":"2026-11-29T08:00:00Z","msg":"boom"}"#, #"{"severity": "ERROR", "message": "boom"}"#,
        #"{"level":50,"msg":"pino"}"#, "E1129 08:00:00.123456       1 main.go:66] boom",
        "E20261129 08:00:00.123456 4711 main.cc:66] boom", "F1129 08:00:00.123456 1 main.go:66] boom",
        "2026-11-29T08:00:00.123Z\terror\tenvoy config\tboom", "2026-11-29T08:00:00.123456Z error boom",
        "2026-11-29 08:00:00,123 ERROR [main] com.example.App - boom", "2026-11-29 08:00:00 +0000 ERROR boom",
        "ERROR: boom", "error: boom", "ERROR boom", "2026/11/29 08:00:00 [error] 12#12: *1 open() failed",
        "[Sun Nov 29 08:00:00.1 2026] [core:error] [pid 1] boom", "time=2026-11-29T08:00:00Z level=error msg=boom",
        #"ts=1 level="error" msg=boom"#, "Nov 29 08:00:00 host sshd[12]: error: boom", "CRITICAL:root:boom",
        "2026-11-29T08:00:00.000000Z ERROR istio: boom", "[FATAL] boom",
    ]
    private let others = [
        "[2026-11-29 08:00:00.123][4711][info][config] error_log is set",
        #"{"level":"info","msg":"error"}"#, #"{"level":30,"msg":"an error"}"#,
        "I1129 08:00:00.123456       1 main.go:66] error: none", "W1129 08:00:00.123456 1 main.go:66] ERROR ahead",
        "2026-11-29T08:00:00.123Z\tinfo\tthe word\terror\tbetween tabs", "INFO no ERROR here", "there was no error",
        "GET /error HTTP/1.1 200", "level=info msg=error", "Everything is fine", "", "Error",
        "2026-11-29 08:00:00,123 WARN [main] ERROR 17 of the upstream", "2026/11/29 08:00:00 [warn] 1#1: error",
    ]

    func testLevels() {
        for line in errors { XCTAssertTrue(LogLevel.isError(Array(line.utf8)[...]), line) }
        for line in others { XCTAssertFalse(LogLevel.isError(Array(line.utf8)[...]), line) }
    }

    /// The quick search passes over none of them.
    func testErrorsOfFiles() async throws {
        let folder = try TemporaryDirectory()
        let lines = zip(errors, others + Array(repeating: "x", count: errors.count)).flatMap { [$1, $0] }
        let path = try folder.file("log", lines.joined(separator: "\n") + "\n")
        let seen = try await observe("log", ["path": .text(path)], ["error-count", "errors"])
        XCTAssertEqual(seen["error-count"], .integer(Int64(errors.count)))
        XCTAssertEqual(seen.texts("errors"), errors)
    }
}
