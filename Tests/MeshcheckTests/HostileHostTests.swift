import Foundation
import TestSupport
import XCTest

/// Hosts behind ssh that do not say what our program says.
final class HostileHostTests: XCTestCase {
    /// What a host answers, as a Python program: `check(id)` and `finished(ids)` print events.
    private func run(_ body: String, limit: String = "20s") throws -> TestSupport.RunResult {
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        let peer = try fixture.directory.file(
            "peer.py",
            """
            import json, os, sys, time
            def say(text): sys.stdout.write(text + '\\n'); sys.stdout.flush()
            def one(id, text=''): return {'id': id, 'title': 't', 'step': 's', 'place': 's.yaml:1', 'kind': 'command',
                'subject': 'c', 'tags': [], 'severity': 'error', 'outcome': 'passed', 'attempts': 1,
                'durationNanoseconds': 1, 'expectations': [], 'evidence': [text] if text else []}
            def check(id, text=''): say(json.dumps({'event': 'check', 'check': one(id, text)}))
            def started(total): say(json.dumps({'event': 'started', 'version': 1, 'total': total}))
            def finished(ids): say(json.dumps({'event': 'finished', 'run': {'version': 1, 'host': 'h', 'profile': 'classic',
                'startedAt': '2026-11-23T04:56:33Z', 'durationNanoseconds': 1, 'summary': {'total': len(ids),
                'passed': len(ids), 'failed': 0, 'errors': 0, 'warnings': 0, 'infos': 0, 'notPermitted': 0, 'skipped': 0,
                'verdict': 'passed'}, 'diagnoses': [], 'checks': [one(id) for id in ids]}}))
            def begin(): say('MESHCHECK-REMOTE ready 1 ' + os.uname().machine + ' no no'); say('MESHCHECK-REMOTE running')
            \(body)
            """)
        let forced = try fixture.directory.file("peer", "#!/bin/sh\nexec python3 \(peer)\n", mode: 0o755)
        let server = try SSHServer(options: ["ForceCommand \(forced)"])
        return try MeshcheckFixture.run([
            "run", fixture.scenarios, "--ssh-config", server.clientConfiguration, "--target", server.target,
            "--host-timeout", limit, "--format", "json",
        ])
    }

    private func host(_ result: TestSupport.RunResult) throws -> [String: Any] {
        let report = try JSONSerialization.jsonObject(with: Data(result.standardOutput)) as? [String: Any]
        return try XCTUnwrap((report?["hosts"] as? [[String: Any]])?.first, result.errors)
    }

    private func failure(_ result: TestSupport.RunResult) throws -> (reason: String, found: String, remedy: String) {
        let failure = try XCTUnwrap(host(result)["failure"] as? [String: Any], result.output)
        func text(_ key: String) -> String { failure[key] as? String ?? "" }
        return (text("reason"), text("found"), text("remedy"))
    }

    func testAnHonestHostIsTaken() throws {
        let result = try run("begin(); started(2); check('a'); check('b'); finished(['a', 'b'])")
        XCTAssertEqual(result.status, 0, result.output + result.errors)
    }

    /// More than was announced, the same again, something after the result, or nothing at all.
    func testWhatOurProgramWouldNotSayIsRefused() throws {
        for (body, words) in [
            ("begin(); started(1)\nwhile True: check('a' + str(time.time_ns()), 'x' * 1000)", "more checks than"),
            ("begin(); started(9)\nwhile True: check('a', 'x' * 1000)", "more checks than the 9"),
            ("begin()\nwhile True: check('a')", "more checks than the 0"),
            ("begin(); started(1); finished(['a']); finished(['a'])", "more after its result"),
            ("begin(); started(0); finished([])", "a result without checks"),
            ("begin(); sys.stdout.write('x' * (70 << 20)); say('')", "bytes"),
        ] {
            let result = try run(body)
            XCTAssertEqual(result.status, 3, "\(body): \(result.errors)")
            let failure = try failure(result)
            XCTAssertEqual(failure.reason, "malformed", body)
            XCTAssertTrue(failure.found.contains(words), "\(body): \(failure.found)")
            XCTAssertLessThan(result.standardOutput.count, 1 << 20, body)
        }
    }

    /// Talking all the time does not make the time limit longer.
    func testAFloodEndsAtTheTimeLimit() throws {
        let begin = ContinuousClock.now
        let result = try run(
            "begin(); started(90000)\nfor i in range(90000): check('a%d' % i); time.sleep(0.0005)", limit: "3s")
        XCTAssertEqual(try failure(result).reason, "timed-out", result.errors)
        XCTAssertLessThan(ContinuousClock.now - begin, .seconds(60))
    }

    func testAResultCountsAlthoughTheConnectionHangs() throws {
        let result = try run("begin(); started(1); check('a'); finished(['a']); time.sleep(1000)", limit: "5s")
        XCTAssertEqual(result.status, 0, result.output + result.errors)
    }

    /// What a host names does not become a second command of a remedy.
    func testARemedyHasOneWordFromTheHost() throws {
        let result = try run("say('MESHCHECK-REMOTE no-folder /tmp/x; touch /tmp/owned $(id)'); sys.exit(76)")
        let failure = try failure(result)
        XCTAssertTrue(failure.remedy.hasSuffix("'/tmp/x; touch /tmp/owned $(id)'"), failure.remedy)
    }
}
