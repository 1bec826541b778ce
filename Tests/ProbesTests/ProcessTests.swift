import Foundation
import MeshProbes
import Probes
import TestSupport
import XCTest

final class ProcessTests: XCTestCase {
    /// ps(1) is the oracle.
    func testAttributes() async throws {
        try requireProgram("ps")
        let folder = try TemporaryDirectory()
        let program = folder.path + "/a (b) sleep"
        try FileManager.default.copyItem(atPath: try XCTUnwrap(programPath("sleep")), toPath: program)
        let service = try Service(program, ["1000.25"], environment: ["ENVOY_X": "1", "MY_TOKEN": "hidden"])
        let all: Set = [
            "exists", "count", "pids", "executable", "arguments", "user", "group", "parent", "parent-pid", "cgroup",
            "unit", "started", "age", "deleted", "limits", "environment", "threads", "resident-bytes", "processes",
        ]
        let seen = try await observe("process", ["executable": .text(program)], all)
        XCTAssertEqual(seen["exists"], .bool(true))
        XCTAssertEqual(seen["pids"], .list([.integer(Int64(service.pid))]))
        XCTAssertEqual(seen.texts("arguments"), [program, "1000.25"])
        XCTAssertEqual(seen["deleted"], .bool(false))
        XCTAssertEqual(seen["parent-pid"], .integer(Int64(getpid())))
        XCTAssertEqual(seen.entry("environment", "ENVOY_X"), .text("1"))
        XCTAssertEqual(seen.entry("environment", "MY_TOKEN"), .text("hidden"))
        let ps = try TestSupport.run("ps", ["-o", "user=,group=,nlwp=,lstart=", "-p", String(service.pid)])
        let words = ps.output.split(separator: " ").map(String.init)
        XCTAssertEqual(seen.text("user"), words[0])
        XCTAssertEqual(seen.text("group"), words[1])
        XCTAssertEqual(seen.integer("threads"), Int64(words[2]))
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        guard case .map(let files)? = seen.entry("limits", "nofile") else { return XCTFail("\(seen)") }
        XCTAssertEqual(files["soft"], .integer(Int64(limits.rlim_cur)))
        let started = try XCTUnwrap(seen.seconds("started"))
        XCTAssertEqual(started, Date.now.timeIntervalSince1970, accuracy: 120)
        // Through a link, as /bin/sleep is one on a host with merged /usr.
        let link = folder.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: program)
        let linked = try await observe("process", ["executable": .text(link)], ["exists", "executable"])
        XCTAssertEqual(linked.text("executable"), program)
        // By its last part, by user, by parent.
        for parameters in [
            ["executable": .text("a (b) sleep")], ["arguments-contain": .list([.text("1000.25")])],
            ["executable": .text(program), "user": .text(String(getuid()))], ["name": .text("a (b) sleep")],
        ] as [[String: Value]] {
            let again = try await observe("process", parameters, ["exists"])
            XCTAssertEqual(again["pids"], .list([.integer(Int64(service.pid))]), "\(parameters)")
        }
        for parameters in [
            ["executable": .text(program), "user": .text("nobody")], ["executable": .text("/no/such/program")],
            ["executable": .text(program), "user": .text("no-such-user")],
            ["executable": .text(program), "arguments-contain": .list([.text("1000.25"), .text("x")])],
            ["executable": .text(program), "parent-executable": .text("/sbin/init-of-another-machine")],
        ] as [[String: Value]] {
            let none = try await observe("process", parameters, ["exists"])
            XCTAssertEqual(none["exists"], .bool(false), "\(parameters)")
            XCTAssertEqual(none["count"], .integer(0))
        }
        try FileManager.default.removeItem(atPath: program)
        let deleted = try await observe("process", ["executable": .text(program)], ["deleted"])
        XCTAssertEqual(deleted["deleted"], .bool(true))
        service.stop()
        let gone = try await observe("process", ["executable": .text(program)], ["exists"])
        XCTAssertEqual(gone["exists"], .bool(false))
    }

    /// Facts are read once, unless a check that is tried again asks for newer ones.
    func testFactsAreShared() async throws {
        let host = Host()
        let mark = "1000.\(UInt32.random(in: 1_000_000 ... .max))"
        let parameters: [String: Value] = ["arguments-contain": .list([.text(mark)])]
        let before = try await observe("process", parameters, ["exists"], on: host)
        XCTAssertEqual(before["exists"], .bool(false))
        let service = try Service("sleep", [mark])
        let same = try await observe("process", parameters, ["exists"], on: host)
        XCTAssertEqual(same["exists"], .bool(false))
        let type = try XCTUnwrap(ProbeCatalogue.mesh.probe("process"))
        let again = try await type.init(host: host).observe(
            ProbeRequest(parameters: parameters, attributes: ["exists"], deadline: .now + .seconds(30), since: .now))
        XCTAssertEqual(again["exists"], .bool(true))
        service.stop()
    }

    func testProcessesThatVanishWhileTheyAreRead() async throws {
        let python = """
            import os, sys
            print(0, flush=True)
            while True:
                for _ in range(20):
                    if os.fork() == 0: os._exit(0)
                for _ in range(20): os.wait()
            """
        let (service, _) = try pythonServer(python)
        for _ in 0..<40 {
            let seen = try await observe("process", ["name": .text("python3")], ["exists", "environment", "limits"])
            XCTAssertNotNil(seen["exists"])
            _ = try await observe("port", ["port": .integer(1)], ["owner-pid"])
        }
        service.stop()
    }

    func testZombiesDoNotRun() async throws {
        let mark = "zombie-\(UInt32.random(in: 0 ... .max))"
        let program =
            "import os, sys, time\npid = os.fork()\nif pid == 0: os._exit(0)\nprint(pid, flush=True)\ntime.sleep(1000)"
        let (service, pid) = try pythonServer(program, arguments: [mark])
        try await poll("a zombie") {
            try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).contains(") Z ")
        }
        let seen = try await observe("process", ["executable": .text("python3")], ["pids"])
        XCTAssertFalse("\(seen["pids"] ?? .null)".contains("(\(pid))"))
        // It has a name alone, that of the program which it was.
        let name = try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let named = try await observe("process", ["executable": .text(name)], ["zombies", "stopped"])
        guard case .list(let zombies)? = named["zombies"] else { return XCTFail("\(named)") }
        XCTAssertTrue(zombies.contains(.integer(Int64(pid))), "\(zombies)")
        XCTAssertEqual(named["stopped"], .list([]))
        service.stop()
    }

    /// Stopped by a signal and let go on: ps(1) is the oracle.
    func testStoppedProcesses() async throws {
        try requireProgram("ps")
        let folder = try TemporaryDirectory()
        let program = folder.path + "/stopped"
        try FileManager.default.copyItem(atPath: try XCTUnwrap(programPath("sleep")), toPath: program)
        let one = try Service(program, ["1000"])
        let other = try Service(program, ["1001"])
        func letter(_ service: Service) throws -> String {
            String(try TestSupport.run("ps", ["-o", "stat=", "-p", String(service.pid)]).output.prefix(1))
        }
        func look() async throws -> Observation {
            try await observe("process", ["executable": .text(program)], ["stopped", "state", "count", "zombies"])
        }
        let running = try await look()
        XCTAssertEqual(running["stopped"], .list([]))
        kill(one.pid, SIGSTOP)
        try await poll("a process that is stopped") { try letter(one) == "T" }
        let stopped = try await look()
        XCTAssertEqual(stopped["stopped"], .list([.integer(Int64(one.pid))]))
        XCTAssertEqual(stopped["count"], .integer(2))
        XCTAssertTrue(
            stopped.evidence.contains { $0.contains("\(one.pid)") && $0.contains("stopped") }, "\(stopped.evidence)")
        kill(other.pid, SIGSTOP)
        try await poll("a process that is stopped") { try letter(other) == "T" }
        let both = try await look()
        XCTAssertEqual(both.text("state"), "stopped")
        guard case .list(let all)? = both["stopped"] else { return XCTFail("\(both)") }
        XCTAssertEqual(all.count, 2)
        for service in [one, other] { kill(service.pid, SIGCONT) }
        try await poll("processes that go on") { try letter(one) != "T" && letter(other) != "T" }
        let again = try await look()
        XCTAssertEqual(again["stopped"], .list([]))
        one.stop()
        other.stop()
    }

    func testNothingChosenIsAnError() async throws {
        let error = try await failure("process", [:], ["exists"])
        XCTAssertEqual(error?.reason, .invalid)
    }

    func testUsers() async throws {
        let root = try await observe("user", ["name": .text("root")], ["uid"])
        XCTAssertEqual(root["uid"], .integer(0))
        XCTAssertEqual(root["system"], .bool(true))
        let id = try TestSupport.run("id", ["-Gn", "root"]).output.split(whereSeparator: \.isWhitespace).map(
            String.init)
        XCTAssertEqual(Set(root.texts("groups")), Set(id))
        let none = try await observe("user", ["name": .text("no-such-user")], ["uid"])
        XCTAssertEqual(none["exists"], .bool(false))
        let byNumber = try await observe("user", ["name": .integer(0)], ["uid"])
        XCTAssertEqual(byNumber.text("name"), "root")
    }
}
