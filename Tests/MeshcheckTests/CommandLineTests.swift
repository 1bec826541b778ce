import Foundation
import TestSupport
import XCTest

/// Options, exit statuses, and what goes where.
final class CommandLineTests: XCTestCase {
    func testExitStatusesFollowTheChecks() throws {
        let fixture = try MeshcheckFixture()
        let broken = try MeshcheckFixture.run(["run", fixture.scenarios])
        XCTAssertEqual(broken.status, 1, broken.errors)
        XCTAssertTrue(broken.output.contains("files.mark"), broken.output)
        XCTAssertTrue(broken.output.contains("FAILED"), broken.output)
        XCTAssertEqual(broken.errors, "")
        try fixture.makeMark()
        let healthy = try MeshcheckFixture.run(["run", fixture.scenarios])
        XCTAssertEqual(healthy.status, 0, healthy.output)
        XCTAssertTrue(healthy.output.contains("PASSED"), healthy.output)
        XCTAssertTrue(healthy.output.contains("1 warning"), healthy.output)
    }

    func testScenariosAreFoundInTheWorkingDirectory() throws {
        let fixture = try MeshcheckFixture()
        let result = try MeshcheckFixture.runUninstalled(["run"], workingDirectory: fixture.directory.path)
        XCTAssertEqual(result.status, 1, result.errors)
        let empty = try TemporaryDirectory()
        let nothing = try MeshcheckFixture.runUninstalled(["run"], workingDirectory: empty.path)
        XCTAssertEqual(nothing.status, 2)
        XCTAssertTrue(nothing.errors.contains("no-scenarios"), nothing.errors)
    }

    /// Wrong usage is status 2, says what was expected, and writes nothing to standard output.
    func testWrongUsageIsRefused() throws {
        let fixture = try MeshcheckFixture()
        let inventory = try fixture.directory.file("hosts.ini", "a\nb\n[web]\na\n")
        let cases: [(arguments: [String], text: String)] = [
            (["frobnicate"], "frobnicate"),
            (["run", "--frobnicate"], "frobnicate"),
            (["run", "--jobs", "0"], "must be >=1"),
            (["run", "--forks", "0"], "must be >=1"),
            (["run", "--connect-timeout", "0"], "must be >=1"),
            (["run", "--retry-for", "30"], "30"),
            (["run", "--retry-for", "-3s"], "retry-for"),
            (["run", "--timeout", "1 minute"], "1 minute"),
            (["run", "--format", "xml"], "xml"),
            (["run", "--format", "json="], "json="),
            (["run", "--format", "json", "--format", "tap"], "would both go to standard output"),
            (["run", "--format", "json=a", "--format", "tap=a"], "the file 'a'"),
            (["run", "--format", "json=a", "--output", "b"], "has no report to take"),
            (["run", "--format", "events=a"], "while the run goes on"),
            (["run", "--format", "events", "--target", "ssh://a"], "for one host"),
            (["run", "--var", "novalue", fixture.scenarios], "must be name=value"),
            (["run", "--var", "=x", fixture.scenarios], "must be name=value"),
            (["run", "--limit", "a", fixture.scenarios], "needs an --inventory"),
            (["run", "--target", "vm-1", fixture.scenarios], "ssh://[user@]host[:port]"),
            (["run", "--target", "ssh://-oProxyCommand=x", fixture.scenarios], "not beginning with '-'"),
            (["run", "--target", "ssh://a:0", fixture.scenarios], "a port from 1 to 65535"),
            (["run", "--target", "ssh://a:b:c", fixture.scenarios], "in brackets"),
            (["run", "--target", "ssh://a b", fixture.scenarios], "letters, digits"),
            (["run", "--target", "ssh://", fixture.scenarios], "letters, digits"),
            (["run", "--inventory", "/no/such/file", fixture.scenarios], "/no/such/file"),
            (["run", "--inventory", inventory, "--limit", "wep", fixture.scenarios], "did you mean 'web'?"),
            (["run", "--inventory", inventory, "--limit", "a,!a", fixture.scenarios], "leaves no host"),
            (["run", "/no/such/scenarios"], "/no/such/scenarios"),
            (["validate", "/no/such/scenarios"], "/no/such/scenarios"),
            (["schema", "nothing"], "nothing"),
            (["schema", "report", "--form", "markdown"], "of scenarios only"),
            (["serve", "--listen", "nowhere"], "nowhere"),
            (["serve", "--listen", "::1:80"], "::1:80"),
            (["watch", "--count", "0"], "must be >=1"),
            (["watch", "--interval", "5"], "5"),
        ]
        for (arguments, text) in cases {
            let result = try MeshcheckFixture.run(arguments)
            XCTAssertEqual(result.status, 2, "\(arguments): \(result.errors)")
            XCTAssertTrue(result.errors.contains(text), "\(arguments): \(result.errors)")
            XCTAssertEqual(result.output, "", "\(arguments)")
        }
    }

    func testSeveralReportsAreWrittenAtOnce() throws {
        let fixture = try MeshcheckFixture()
        let folder = fixture.directory.path
        let result = try MeshcheckFixture.run([
            "run", fixture.scenarios, "--format", "junit=\(folder)/r.xml", "--format", "json", "--format",
            "html=\(folder)/r.html", "--format", "prometheus=\(folder)/r.prom", "--format", "tap=\(folder)/r.tap",
        ])
        XCTAssertEqual(result.status, 1, result.errors)
        let json = try JSONSerialization.jsonObject(with: Data(result.standardOutput)) as? [String: Any]
        XCTAssertEqual(json?["version"] as? Int, 1)
        XCTAssertEqual((json?["checks"] as? [Any])?.count, 3)
        for (name, start) in [
            ("r.xml", "<?xml"), ("r.html", "<!DOCTYPE html>"), ("r.prom", "# HELP"), ("r.tap", "TAP version 14"),
        ] {
            let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
            XCTAssertTrue(text.hasPrefix(start), name)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        XCTAssertEqual(names.filter { $0.hasSuffix(".tmp") }, [], "temporary files are gone")
    }

    func testFilesAloneLeaveTheTerminalsReportUnlessQuiet() throws {
        let fixture = try MeshcheckFixture()
        let file = fixture.directory.path + "/r.json"
        let loud = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "json=\(file)"])
        XCTAssertTrue(loud.output.contains("FAILED"), loud.output)
        let quiet = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "json=\(file)", "--quiet"])
        XCTAssertEqual(quiet.output, "")
        let output = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "json", "--output", file])
        XCTAssertEqual(output.output, "")
        XCTAssertEqual(output.status, 1)
    }

    func testAReportThatCannotBeWrittenIsAFault() throws {
        let fixture = try MeshcheckFixture()
        let result = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "json=/no/such/folder/r.json"])
        XCTAssertEqual(result.status, 70)
        XCTAssertTrue(result.errors.contains("/no/such/folder"), result.errors)
        let device = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "json=/dev/null", "--quiet"])
        XCTAssertEqual(device.status, 1, device.errors)
        var status = stat()
        XCTAssertEqual(stat("/dev/null", &status), 0)
        XCTAssertEqual(status.st_mode & S_IFMT, S_IFCHR, "/dev/null is still a device")
    }

    func testEventsComeOneALine() throws {
        let fixture = try MeshcheckFixture()
        let result = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "events"])
        XCTAssertEqual(result.status, 1, result.errors)
        let events = try result.output.split(separator: "\n").map { line in
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        }
        XCTAssertEqual(
            events.map { $0?["event"] as? String }, ["started", "check", "check", "check", "finished"])
        XCTAssertEqual(events.first??["total"] as? Int, 3)
    }

    func testSelectionsRunWhatTheyNameAndNothingElse() throws {
        let fixture = try MeshcheckFixture()
        let tagged = try MeshcheckFixture.run(["run", fixture.scenarios, "--tag", "users", "--format", "tap"])
        XCTAssertEqual(tagged.status, 0, tagged.errors)
        XCTAssertTrue(tagged.output.contains("1..1\n"), tagged.output)
        let named = try MeshcheckFixture.run(["run", fixture.scenarios, "--id", "files.mark", "--format", "tap"])
        XCTAssertEqual(named.status, 1)
        XCTAssertTrue(named.output.contains("1..1\n"), named.output)
    }

    func testTheTimeLimitEndsTheRunWithItsOwnStatus() throws {
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        try fixture.addCommand(["sleep", "60"])
        let result = try MeshcheckFixture.run(["run", fixture.scenarios, "--timeout", "500ms"])
        XCTAssertEqual(result.status, 4, result.output + result.errors)
        XCTAssertTrue(result.errors.contains("time limit"), result.errors)
    }

    func testListAndValidateRunNothing() throws {
        let fixture = try MeshcheckFixture()
        let trace = fixture.directory.path + "/trace"
        try fixture.addCommand(["touch", trace])
        let list = try MeshcheckFixture.run(["list", fixture.scenarios])
        XCTAssertEqual(list.status, 0, list.errors)
        for id in ["files.passwd", "files.mark", "slow.command"] { XCTAssertTrue(list.output.contains(id), id) }
        let json = try MeshcheckFixture.run(["list", fixture.scenarios, "--format", "json", "--tag", "users"])
        let value = try JSONSerialization.jsonObject(with: Data(json.standardOutput)) as? [String: Any]
        XCTAssertEqual((value?["checks"] as? [[String: Any]])?.map { $0["id"] as? String }, ["files.passwd"])
        let valid = try MeshcheckFixture.run(["validate", fixture.scenarios])
        XCTAssertEqual(valid.status, 0, valid.errors)
        XCTAssertTrue(valid.output.hasPrefix("valid: 4 checks in 2 scenarios"), valid.output)
        XCTAssertFalse(FileManager.default.fileExists(atPath: trace))
    }

    func testMistakesAreShownInTheUsersOwnLines() throws {
        let fixture = try MeshcheckFixture()
        try fixture.directory.file("Scenarios/30-bad.yaml", "name: 30-bad\nchecks: [\n")
        for command in ["run", "validate", "list", "serve", "watch"] {
            let result = try MeshcheckFixture.run([command, fixture.scenarios])
            XCTAssertEqual(result.status, 2, command)
            XCTAssertTrue(result.errors.contains("30-bad.yaml:"), "\(command): \(result.errors)")
            XCTAssertEqual(result.output, "", command)
        }
        let json = try MeshcheckFixture.run(["validate", fixture.scenarios, "--format", "json"])
        let value = try JSONSerialization.jsonObject(with: Data(json.standardError)) as? [String: Any]
        XCTAssertNotNil(value?["diagnostics"])
    }

    func testHelpHasExamplesAndStatuses() throws {
        for command in [[], ["run"], ["serve"]] {
            let result = try MeshcheckFixture.run(command + ["--help"])
            XCTAssertEqual(result.status, 0)
            XCTAssertTrue(result.output.contains("EXAMPLES"), "\(command)")
            XCTAssertTrue(result.output.contains("EXIT STATUS"), "\(command)")
        }
        for command in ["list", "validate", "explain", "schema", "init", "watch", "version"] {
            let result = try MeshcheckFixture.run([command, "--help"])
            XCTAssertEqual(result.status, 0, command)
        }
    }

    func testTheVersionIsThePackages() throws {
        let workspace = try String(contentsOfFile: repositoryRoot + "/Packaging/workspace.yaml", encoding: .utf8)
        let line = workspace.split(separator: "\n").first { $0.contains("version:") }.map(String.init) ?? ""
        let version = line.split(separator: ":").last?.trimmingCharacters(in: CharacterSet(charactersIn: " \"'"))
        XCTAssertEqual(try MeshcheckFixture.run(["--version"]).output, "\(version ?? "?")\n")
        XCTAssertTrue(try MeshcheckFixture.run(["version"]).output.hasPrefix("meshcheck \(version ?? "?")\n"))
    }

    func testAReaderThatGoesAwayIsNoCrash() throws {
        let fixture = try MeshcheckFixture()
        let result = try TestSupport.run(
            "bash",
            [
                "-c", "set -o pipefail; \"$0\" run \"$1\" --format json | true", MeshcheckFixture.program,
                fixture.scenarios,
            ])
        XCTAssertTrue([0, 1, 70].contains(result.status), "\(result.status)")
    }

    func testColourIsForTerminalsOnly() throws {
        let fixture = try MeshcheckFixture()
        XCTAssertFalse(try MeshcheckFixture.run(["run", fixture.scenarios]).output.contains("\u{1B}"))
        // script(1) gives a terminal.
        let command = "\(MeshcheckFixture.program) run \(fixture.scenarios)"
        let onTerminal = try TestSupport.run(
            "script", ["-qec", command, "/dev/null"],
            environment: ["TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": ""])
        XCTAssertTrue(onTerminal.output.contains("\u{1B}[31m"), onTerminal.output)
        let plain = try TestSupport.run(
            "script", ["-qec", command, "/dev/null"],
            environment: ["TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"])
        XCTAssertFalse(plain.output.contains("\u{1B}[31m"), plain.output)
    }
}
