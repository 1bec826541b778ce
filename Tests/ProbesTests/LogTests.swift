import Foundation
import Platform
import Probes
import TestSupport
import XCTest

@testable import Probes

final class LogTests: XCTestCase {
    private let healthy = [
        "I1013 21:32:29.469314    6941 main.go:66] Starting Node Agent",
        "I1013 21:32:29.469365    6941 nodeagent.go:96] Node Agent starts successfully.",
        "I1013 21:32:29.483324    6941 nodeagent.go:112] Sending CSR (retrial #0) ...",
        "I1013 21:32:29.862575    6941 nodeagent.go:128] CSR is approved successfully. Will renew cert in 29m59.137732603s",
    ]

    private func patterns(_ pairs: (String, String)...) -> Value {
        .list(pairs.map { .map(["name": .text($0.0), "pattern": .text($0.1)]) })
    }

    private var standard: Value {
        patterns(
            ("start", "Starting Node Agent"), ("csr", #"Sending CSR \(retrial #(\d+)\)"#),
            ("approved", #"CSR is approved successfully\. Will renew cert in (?<wait>\S+)"#))
    }

    func testFileOfAHealthyAgent() async throws {
        let folder = try TemporaryDirectory()
        let failing = "E1013 21:32:29.500000    6941 nodeagent.go:120] CSR signing failed: x. Will retry in 5s"
        var lines = healthy
        lines.insert(failing, at: 3)
        lines.append("E1013 22:00:00.000000    6941 nodeagent.go:120] CSR signing failed: y. Will retry in 10s")
        lines.append("no stamp here")
        let path = try folder.file("log", lines.joined(separator: "\n") + "\n")
        let seen = try await observe(
            "log", ["path": .text(path), "patterns": standard, "after": .text("approved")],
            ["found", "in-order", "captures", "errors", "lines", "first-line", "last"])
        XCTAssertEqual(seen["in-order"], .bool(true))
        for name in ["start", "csr", "approved"] { XCTAssertEqual(seen.entry("found", name), .bool(true)) }
        XCTAssertEqual(seen.entry("captures", "wait"), .text("29m59.137732603s"))
        XCTAssertEqual(seen.entry("captures", "approved"), .text("29m59.137732603s"))
        XCTAssertEqual(seen.entry("captures", "csr"), .text("0"))
        XCTAssertEqual(seen.entry("captures", "start"), .text("Starting Node Agent"))
        XCTAssertEqual(seen.texts("errors").count, 1)
        XCTAssertTrue(seen.texts("errors")[0].contains("failed: y"))
        XCTAssertEqual(seen["lines"], .integer(7))
        XCTAssertEqual(seen.text("first-line"), healthy[0])
        let reversed = try folder.file("reversed", healthy.reversed().joined(separator: "\r\n"))
        let other = try await observe("log", ["path": .text(reversed), "patterns": standard], ["in-order", "errors"])
        XCTAssertEqual(other["in-order"], .bool(false))
        XCTAssertEqual(other.entry("found", "start"), .bool(true))
        let none = try await observe("log", ["path": .text(folder.path + "/none"), "patterns": standard], ["found"])
        XCTAssertEqual(none["exists"], .bool(false))
    }

    func testLaterFormat() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file(
            "log",
            """
            2020-02-11T12:53:43.831908Z\tinfo\tNode Agent starts successfully.
            2020-02-11T12:53:44Z\terror\tfailed to fetch token from file
            2020-02-11T12:53:45.5Z\tfatal\tgone

            """)
        let seen = try await observe(
            "log", ["path": .text(path), "patterns": patterns(("ok", "starts successfully"))], ["errors", "last"])
        XCTAssertEqual(seen.texts("errors").count, 2)
        XCTAssertEqual(seen.entry("last", "ok"), .time(1_581_425_623_831_908_000))
    }

    func testSinceAndRotation() async throws {
        let folder = try TemporaryDirectory()
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "MMdd HH:mm:ss.SSSSSS"
        func line(_ secondsAgo: Double, _ text: String) -> String {
            "I\(format.string(from: Date(timeIntervalSinceNow: -secondsAgo)))    6941 main.go:66] \(text)\n"
        }
        try folder.file("log.1", line(7200, "oldest") + line(1800, "Starting Node Agent") + "at no time\n")
        let path = try folder.file("log", line(600, "Sending CSR (retrial #0) ..."))
        func look(_ since: String) async throws -> Observation {
            try await observe(
                "log",
                [
                    "path": .text(path), "since": .text(since),
                    "patterns": patterns(("start", "Starting Node Agent"), ("csr", "Sending CSR"), ("old", "oldest")),
                ], ["found", "lines", "first-line"])
        }
        let hour = try await look("1h")
        XCTAssertEqual(hour.entry("found", "start"), .bool(true), "moved away by logrotate")
        XCTAssertEqual(hour.entry("found", "old"), .bool(false))
        XCTAssertEqual(hour["lines"], .integer(3))
        let minutes = try await look("20m")
        XCTAssertEqual(minutes.entry("found", "start"), .bool(false))
        XCTAssertEqual(minutes.entry("found", "csr"), .bool(true))
        let all = try await look("all")
        XCTAssertEqual(all.entry("found", "start"), .bool(false))
        for text in ["10", "yesterday", "-5m", "0s"] {
            let error = try await failure("log", ["path": .text(path), "since": .text(text)], ["lines"])
            XCTAssertEqual(error?.reason, .invalid, text)
        }
        let systemd = try await failure("log", ["path": .text(path), "since": .text("unit-start")], ["lines"])
        XCTAssertEqual(systemd?.reason, .invalid)
    }

    /// Two gigabytes without a byte on the disk, a binary file, a line without an end.
    func testHugeAndBinaryFiles() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/sparse"
        XCTAssertEqual(try TestSupport.run("truncate", ["-s", "2G", path]).status, 0)
        let handle = try XCTUnwrap(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(("\n" + healthy[3] + "\n").utf8))
        try handle.close()
        // One pattern: each goes through all of it.
        let wait = patterns(("approved", #"CSR is approved successfully\. Will renew cert in (?<wait>\S+)"#))
        let sparse = try await observe(
            "log", ["path": .text(path), "patterns": wait], ["found"], within: .seconds(600))
        XCTAssertEqual(sparse.entry("captures", "wait"), .text("29m59.137732603s"))
        XCTAssertEqual(sparse["size-bytes"], .integer(2_147_483_648 + Int64(healthy[3].utf8.count) + 2))
        var generator = SeededGenerator(seed: 3)
        var bytes = generator.bytes(3_000_000)
        bytes.insert(contentsOf: Array(("\n" + healthy[0] + "\n").utf8), at: (1 << 20) - 20)
        let binary = try folder.file("binary", bytes: bytes)
        let seen = try await observe(
            "log", ["path": .text(binary), "patterns": standard], ["found", "errors", "lines", "last"])
        XCTAssertEqual(seen.entry("found", "start"), .bool(true), "across the edge of a block")
        XCTAssertEqual(
            seen["lines"], .integer(Int64(bytes.filter { $0 == 10 }.count) + (bytes.last == 10 ? 0 : 1)))
        let late = try await failure(
            "log", ["path": .text(path), "patterns": standard], ["lines"], within: .milliseconds(1))
        XCTAssertEqual(late?.reason, .timedOut)
    }

    /// grep(1) is the oracle, for patterns with and without a text that can be looked for first.
    func testPatternsAsGrepFindsThem() async throws {
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 5)
        let words = ["alpha", "beta", "gamma", "αβγ", "x1", "[error]", "a.b", "", "tab\there", "retrial #3"]
        let lines = (0..<5000).map { _ in
            (0..<Int.random(in: 0...6, using: &generator)).map { _ in words.randomElement(using: &generator) ?? "" }
                .joined(separator: " ")
        }
        let path = try folder.file("log", lines.joined(separator: "\n") + "\n")
        for pattern in [
            "alpha", "alpha beta", "alpha.*gamma", "^alpha", "gamma$", "(alpha|beta) x1", "alpha|x1", "αβγ", "a\\.b",
            "\\[error\\]", "x1 ?beta", "(gamma )+beta", "retrial #[0-9]+", "^$", "bet?a", "b{1}eta", "[ab]lpha", "α{2}",
            "gamma *x1", "x1( beta)?$",
        ] {
            let seen = try await observe(
                "log", ["path": .text(path), "patterns": patterns(("p", pattern))], ["counts"])
            let grep = try TestSupport.run("grep", ["-c", "-E", pattern, path], environment: ["LC_ALL": "C.UTF-8"])
            let expected = Int64(grep.output.trimmingCharacters(in: .whitespacesAndNewlines))
            XCTAssertEqual(seen.entry("counts", "p"), expected.map { .integer($0) }, pattern)
        }
        let bad = try await failure("log", ["path": .text(path), "patterns": patterns(("p", "(a"))], ["found"])
        XCTAssertEqual(bad?.reason, .invalid)
    }

    /// date(1) is the oracle for the moment of a line that has no year.
    func testYearsOfLines() throws {
        func seconds(_ text: String) throws -> Int64 {
            let output = try TestSupport.run("date", ["-d", text, "+%s"]).output.trimmingCharacters(
                in: .whitespacesAndNewlines)
            return try XCTUnwrap(Int64(output), text)
        }
        let cases = [
            ("2026-01-01 00:00:10", "I1231 23:59:59.000000       1 a.go:1] x", "2025-12-31 23:59:59"),
            ("2026-01-01 00:00:10", "I0101 00:00:09.000000       1 a.go:1] x", "2026-01-01 00:00:09"),
            // A clock that was a little ahead.
            ("2025-12-31 23:59:59", "I0101 00:00:01.000000       1 a.go:1] x", "2026-01-01 00:00:01"),
            ("2026-06-01 12:00:00", "I0601 12:00:00.000000       1 a.go:1] x", "2026-06-01 12:00:00"),
            ("2026-06-01 12:00:00", "I0603 12:00:00.000000       1 a.go:1] x", "2025-06-03 12:00:00"),
            ("2026-03-01 12:00:00", "I0229 12:00:00.000000       1 a.go:1] x", "2024-02-29 12:00:00"),
            ("2024-02-29 12:00:00", "I0229 11:00:00.000000       1 a.go:1] x", "2024-02-29 11:00:00"),
            ("2103-01-01 12:00:00", "I0229 11:00:00.000000       1 a.go:1] x", "2096-02-29 11:00:00"),
        ]
        for (now, line, expected) in cases {
            let moment = LogTime.nanoseconds(Array(line.utf8), now: try seconds(now) * 1_000_000_000)
            XCTAssertEqual(moment, try seconds(expected) * 1_000_000_000, "\(line) at \(now)")
        }
        XCTAssertNil(LogTime.nanoseconds(Array("I0230 11:00:00.000000       1 a.go:1] x".utf8), now: 1 << 60))
        for text in [
            "2020-13-11T12:53:43Z\tinfo", "2020-02-30T12:53:43Z", "2020-02-11 12:53:43Z", "2020-02-11T12:53:43",
        ] {
            XCTAssertNil(LogTime.nanoseconds(Array(text.utf8), now: 1 << 60), text)
        }
    }

    /// Entries as journalctl prints them: a message in UTF-8, one in bytes, one that was too large.
    func testJournalEntries() throws {
        let output = """
            {"__REALTIME_TIMESTAMP":"1507930349469314","PRIORITY":"6","MESSAGE":"Starting Node Agent"}
            {"__REALTIME_TIMESTAMP":"1507930349469315","PRIORITY":"3","MESSAGE":[73,255,10]}
            {"__REALTIME_TIMESTAMP":"1507930349469316","MESSAGE":null}

            """
        let entries = try Journal.parse(Array(output.utf8), of: "x.service")
        XCTAssertEqual(entries.map(\.message), ["Starting Node Agent", "I\u{fffd}\n", ""])
        XCTAssertEqual(entries.map(\.isError), [false, true, false])
        XCTAssertEqual(entries[0].time, 1_507_930_349_469_314_000)
        XCTAssertThrowsError(try Journal.parse(Array("[1]\n".utf8), of: "x.service"))
    }

    func testFileThatGoesWhileItIsRead() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("log", String(repeating: "line\n", count: 1 << 20))
        let wanted = patterns(("x", "xyz"))
        async let seen = observe("log", ["path": .text(path), "patterns": wanted], ["lines"])
        try Data().write(to: URL(fileURLWithPath: path))
        let lines = try await seen.integer("lines")
        XCTAssertNotNil(lines)
    }

    /// An expression on which the engine could work for years ends the look with an error, and no other look.
    func testPatternsThatNeverEnd() async throws {
        let folder = try TemporaryDirectory()
        let line = String(repeating: "a", count: 60) + "!\n"
        let path = try folder.file("log", String(repeating: line, count: 100))
        let host = Host()
        let error = try await failure(
            "log", ["path": .text(path), "patterns": patterns(("x", "^(a+)+$"))], ["found"], on: host)
        XCTAssertEqual(error?.reason, .invalid)
        XCTAssertEqual(error?.found, "'^(a+)+$': it takes too many steps")
        let seen = try await observe(
            "log", ["path": .text(path), "patterns": patterns(("x", "a!"))], ["counts"], on: host)
        XCTAssertEqual(seen.entry("counts", "x"), .integer(100))
        let file = try await observe("file", ["path": .text(path)], ["exists", "size"], on: host)
        XCTAssertEqual(file["size"], .integer(6200))
    }
}
