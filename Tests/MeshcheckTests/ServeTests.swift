import Foundation
import TestSupport
import XCTest

/// The server, asked by curl.
final class ServeTests: XCTestCase {
    private final class Server {
        let program: BackgroundProgram
        let url: String

        init(_ arguments: [String]) throws {
            program = try BackgroundProgram(
                MeshcheckFixture.program, ["serve", "--listen", "127.0.0.1:0"] + arguments)
            let program = program
            XCTAssertTrue(
                waitUntil { program.output.hasSuffix("\n") || !program.isRunning }, program.errors)
            url = String(program.output.trimmingCharacters(in: .newlines).dropFirst("listening on ".count))
        }

        /// The status and the body.
        func get(_ path: String, _ options: [String] = []) throws -> (status: String, body: String, type: String) {
            let result = try TestSupport.run(
                "curl",
                ["--silent", "--show-error", "--max-time", "60", "-w", "\n%{http_code} %{content_type}"] + options + [
                    url + path
                ])
            XCTAssertEqual(result.status, 0, result.errors)
            let split = result.output.range(of: "\n", options: .backwards)
            let body = split.map { String(result.output[..<$0.lowerBound]) } ?? ""
            let last = split.map { String(result.output[$0.upperBound...]) } ?? ""
            return (String(last.prefix(3)), body, String(last.dropFirst(4)))
        }
    }

    func testHealthFollowsTheChecks() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        let server = try Server(["--cache", "1ms", fixture.scenarios])
        let broken = try server.get("/healthz")
        XCTAssertEqual(broken.status, "503")
        XCTAssertTrue(broken.body.hasPrefix("failed: 1 passed, 1 failed"), broken.body)
        try fixture.makeMark()
        let healthy = try server.get("/healthz")
        XCTAssertEqual(healthy.status, "200", healthy.body)
        XCTAssertTrue(healthy.body.hasPrefix("ok: "), healthy.body)
        XCTAssertEqual(try server.get("/healthz", ["--head"]).status, "200")
        XCTAssertEqual(try server.get("/nothing").status, "404")
        XCTAssertEqual(try server.get("/healthz", ["--request", "POST"]).status, "404")
        server.program.signal(SIGTERM)
        XCTAssertEqual(server.program.status(), 0, server.program.errors)
    }

    /// What drives a terminal, breaks a line or is a secret does not get out, whichever page is asked for.
    func testCausesAreShownHarmlessly() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        try fixture.directory.file(
            "Scenarios/diagnoses.yaml",
            #"""
            retired: []
            diagnoses:
              - code: MX9001
                cause: "The mark \e[31m\x9b\u202e\r\n200 OK is gone, password=hunter2"
                explanation: It is a test.
                when: {check: files.mark}
                remedy: ["touch \u2028 it"]
              - code: MX9002
                cause: Something else
                explanation: It is a test.
                remedy: [look]

            """#)
        let server = try Server([fixture.scenarios])
        for page in ["/healthz", "/metrics", "/report", "/report.json"] {
            let answer = try server.get(page)
            XCTAssertEqual(HostileText.harm(in: Array(answer.body.utf8)), [], page)
            XCTAssertFalse(answer.body.contains("hunter2"), page)
        }
        let health = try server.get("/healthz").body
        XCTAssertTrue(health.contains("MX9001: The mark \\u{1b}[31m"), health)
        XCTAssertFalse(health.contains("\n200 OK"), health)
    }

    func testEveryPageHasItsType() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        let server = try Server([fixture.scenarios])
        let metrics = try server.get("/metrics")
        XCTAssertEqual(metrics.type, "text/plain; version=0.0.4; charset=utf-8")
        XCTAssertTrue(metrics.body.contains("meshcheck_healthy{"), metrics.body)
        let page = try server.get("/report")
        XCTAssertEqual(page.type, "text/html; charset=utf-8")
        XCTAssertTrue(page.body.contains("http-equiv=\"refresh\" content=\"30\""))
        let json = try server.get("/report.json")
        XCTAssertEqual(json.type, "application/json")
        XCTAssertNotNil(try JSONSerialization.jsonObject(with: Data(json.body.utf8)) as? [String: Any])
        XCTAssertTrue(try server.get("/").body.contains("/healthz"))
    }

    func testResultsAreKeptForTheirTime() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        let server = try Server(["--cache", "1h", fixture.scenarios])
        XCTAssertEqual(try server.get("/healthz").status, "503")
        try fixture.makeMark()
        XCTAssertEqual(try server.get("/healthz").status, "503", "the hour is not over")
    }

    /// Every run leaves a line when it begins and when it ends: two that overlap would begin twice in a row.
    func testRunsNeverOverlap() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        let trace = fixture.directory.path + "/trace"
        let script = try fixture.directory.file(
            "slow.sh", "#!/bin/sh\necho begin >>\(trace)\nsleep 0.3\necho end >>\(trace)\n", mode: 0o755)
        try fixture.addCommand(["sh", script])
        let server = try Server(["--cache", "1ms", fixture.scenarios])
        let clients = try (0..<12).map { index in
            try BackgroundProgram(
                try XCTUnwrap(programPath("curl")),
                ["--silent", "--max-time", "60", server.url + (index % 2 == 0 ? "/healthz" : "/metrics")])
        }
        for client in clients { XCTAssertEqual(client.status(), 0, client.errors) }
        let lines = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        XCTAssertFalse(lines.isEmpty)
        for (index, line) in lines.enumerated() { XCTAssertEqual(line, index % 2 == 0 ? "begin" : "end") }
        XCTAssertLessThan(lines.count, 24, "those who wait share a run")
    }

    /// The last result is given out while a check hangs, and nothing keeps the server from ending.
    func testHangingCheckHoldsNothingUp() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        let flag = fixture.directory.path + "/hang"
        let script = try fixture.directory.file(
            "hang.sh", "#!/bin/sh\n[ ! -e \(flag) ] || exec sleep 1000\n", mode: 0o755)
        try fixture.addCommand(["sh", script])
        let server = try Server(["--cache", "1ms", fixture.scenarios])
        XCTAssertTrue(try server.get("/healthz").body.hasPrefix("failed: 2 passed, 1 failed"))
        try fixture.directory.file("hang", "")
        let stale = try server.get("/healthz", ["--include"]).body
        XCTAssertTrue(stale.contains("\nfailed: 2 passed, 1 failed"), stale)
        let age = stale.split(separator: "\r\n").first { $0.hasPrefix("Age: ") }.flatMap { Int($0.dropFirst(5)) }
        XCTAssertGreaterThanOrEqual(try XCTUnwrap(age), 5, "the request waited that long for a newer one")
        server.program.signal(SIGTERM)
        XCTAssertEqual(server.program.status(within: 5), 0, server.program.errors)
    }

    func testAFirstRunThatHangsIsSaid() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        try fixture.addCommand(["sleep", "1000"])
        let server = try Server([fixture.scenarios])
        for path in ["/healthz", "/metrics"] {
            let answer = try server.get(path)
            XCTAssertEqual(answer.status, "503")
            XCTAssertTrue(answer.body.hasPrefix("unknown: the first run has not ended after "), answer.body)
        }
        server.program.signal(SIGTERM)
        XCTAssertEqual(server.program.status(within: 5), 0, server.program.errors)
    }

    /// Clients that connect and say nothing leave room for those who ask.
    func testSilentConnectionsMakeWay() throws {
        try requireProgram("curl")
        try requireProgram("python3")
        let fixture = try MeshcheckFixture()
        let server = try Server([fixture.scenarios])
        let address = server.url.dropFirst("http://".count).split(separator: ":")
        let silent = try BackgroundProgram(
            try XCTUnwrap(programPath("python3")),
            [
                "-c",
                """
                import socket, sys, time
                held = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(400)]
                print(len(held), flush=True)
                time.sleep(1000)
                """, String(address[0]), String(address[1]),
            ])
        XCTAssertTrue(waitUntil(within: 20) { silent.output == "400\n" || !silent.isRunning }, silent.errors)
        XCTAssertEqual(try server.get("/healthz").status, "503")
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.program.identifier)/fd").count
        XCTAssertLessThan(open, 300)
        silent.signal(SIGKILL)
    }

    func testScenariosThatBreakLaterAreSaid() throws {
        try requireProgram("curl")
        let fixture = try MeshcheckFixture()
        let server = try Server(["--cache", "1ms", fixture.scenarios])
        XCTAssertEqual(try server.get("/healthz").status, "503")
        try fixture.directory.file("Scenarios/30-bad.yaml", "name: [\n")
        let broken = try server.get("/healthz")
        XCTAssertEqual(broken.status, "503")
        XCTAssertTrue(broken.body.contains("meshcheck validate"), broken.body)
        XCTAssertEqual(try server.get("/metrics").status, "500")
    }

    func testAnAddressThatIsTakenIsStatus3() throws {
        let fixture = try MeshcheckFixture()
        let first = try Server([fixture.scenarios])
        let address = String(first.url.dropFirst("http://".count))
        let second = try BackgroundProgram(
            MeshcheckFixture.program, ["serve", "--listen", address, fixture.scenarios])
        XCTAssertEqual(second.status(), 3, second.errors)
        XCTAssertTrue(second.errors.contains("cannot listen on"), second.errors)
    }
}
