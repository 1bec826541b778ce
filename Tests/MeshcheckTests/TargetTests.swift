import Foundation
import TestSupport
import XCTest

/// Other machines: every one a real sshd on loopback.
final class TargetTests: XCTestCase {
    private func run(
        _ fixture: MeshcheckFixture, _ server: SSHServer, targets: [String]? = nil, _ arguments: [String] = []
    ) throws -> TestSupport.RunResult {
        try MeshcheckFixture.run(
            ["run", fixture.scenarios, "--ssh-config", server.clientConfiguration]
                + (targets ?? [server.target]).flatMap { ["--target", $0] } + arguments)
    }

    private func report(_ result: TestSupport.RunResult) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(result.standardOutput))
        return try XCTUnwrap(value as? [String: Any], result.errors)
    }

    private func hosts(_ result: TestSupport.RunResult) throws -> [[String: Any]] {
        try XCTUnwrap(report(result)["hosts"] as? [[String: Any]])
    }

    private func reason(_ result: TestSupport.RunResult) throws -> String? {
        (try hosts(result).first?["failure"] as? [String: Any])?["reason"] as? String
    }

    func testChecksRunThereAndAreSentOnce() throws {
        let fixture = try MeshcheckFixture()
        let server = try SSHServer()
        let first = try run(fixture, server, ["--format", "json"])
        XCTAssertEqual(first.status, 1, first.errors)
        let host = try XCTUnwrap(hosts(first).first)
        XCTAssertEqual(host["target"] as? String, "127.0.0.1:\(server.port)")
        let checks = try XCTUnwrap((host["run"] as? [String: Any])?["checks"] as? [[String: Any]])
        XCTAssertEqual(checks.map { $0["id"] as? String }, ["files.passwd", "files.mark", "files.extra"])
        let cache = server.cache + "/meshcheck"
        let kept = try FileManager.default.contentsOfDirectory(atPath: cache).sorted()
        XCTAssertEqual(kept.count, 2, "\(kept)")
        let mode = try FileManager.default.attributesOfItem(atPath: cache)[.posixPermissions] as? Int
        XCTAssertEqual(mode, 0o700)
        for name in kept {
            let permissions = try FileManager.default.attributesOfItem(atPath: cache + "/" + name)[.posixPermissions]
            XCTAssertEqual((permissions as? Int ?? 0o777) & 0o077, 0, name)
            let digest = try TestSupport.run("sha256sum", [cache + "/" + name])
            XCTAssertEqual(digest.output.prefix(64), name.prefix(64))
        }
        let inodes = try kept.map {
            try FileManager.default.attributesOfItem(atPath: cache + "/" + $0)[.systemFileNumber] as? Int
        }
        try fixture.makeMark()
        let second = try run(fixture, server)
        XCTAssertEqual(second.status, 0, second.output + second.errors)
        XCTAssertEqual(
            try kept.map {
                try FileManager.default.attributesOfItem(atPath: cache + "/" + $0)[.systemFileNumber] as? Int
            },
            inodes, "what is there is not sent again")
    }

    func testWhatWasTamperedWithIsSentAgain() throws {
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        let server = try SSHServer()
        XCTAssertEqual(try run(fixture, server).status, 0)
        let cache = server.cache + "/meshcheck"
        for name in try FileManager.default.contentsOfDirectory(atPath: cache) {
            try Data("#!/bin/sh\ntouch \(fixture.directory.path)/owned\n".utf8).write(
                to: URL(fileURLWithPath: cache + "/" + name))
        }
        let again = try run(fixture, server)
        XCTAssertEqual(again.status, 0, again.output + again.errors)
        XCTAssertFalse(FileManager.default.fileExists(atPath: fixture.directory.path + "/owned"))
    }

    func testVariablesTagsAndFilesGoAlong() throws {
        let fixture = try MeshcheckFixture()
        let name = #"it's "quoted" $HOME `id` ; ! \ é"#
        try fixture.directory.file(
            "Scenarios/20-variables.yaml",
            """
            name: 20-variables
            title: Variables arrive as they are
            tags: [variables]
            checks:
              - id: variables.all
                title: Every source of variables is there
                command: [printf, "%s/%s/%s", "${name}", "${colour}", "${shape}"]
                expect:
                  stdout: {equals: "${name}/${colour}/${shape}"}
              - id: variables.name
                title: The command line's is whole
                command: [test, "${name}/${colour}/${shape}", "=", "it's \\"quoted\\" $HOME `id` ; ! \\\\ é/blue/round"]
                expect:
                  exit-status: {equals: 0}

            """)
        let server = try SSHServer()
        let variables = try fixture.directory.file("vars.yaml", "colour: blue\n")
        let result = try MeshcheckFixture.run(
            [
                "run", fixture.scenarios, "--ssh-config", server.clientConfiguration, "--target", server.target,
                "--tag",
                "variables", "--vars", variables, "--var", "name=\(name)", "--format", "json",
            ], environment: ["MESHCHECK_VAR_shape": "round"])
        XCTAssertEqual(result.status, 0, result.output + result.errors)
        let checks = (try hosts(result).first?["run"] as? [String: Any])?["checks"] as? [[String: Any]]
        XCTAssertEqual(checks?.map { $0["id"] as? String }, ["variables.all", "variables.name"])
    }

    /// Values arrive, and meanwhile no list of processes, no environment and no file there has them.
    func testValuesAreSeenByNobody() throws {
        let fixture = try MeshcheckFixture()
        let (file, variable, mapped, plain) = ("pin4711file", "pin4712variable", "pin4713mapped", "pin4714plain")
        try fixture.addCommand(["sleep", "4"])
        try fixture.directory.file("seen", [file, variable, mapped, plain].joined(separator: "/"))
        try fixture.directory.file(
            "Scenarios/20-values.yaml",
            """
            name: 20-values
            title: Values arrive
            checks:
              - id: values.all
                title: All of them are there
                file: \(fixture.directory.path)/seen
                expect:
                  contents: {equals: "${one}/${two}/${three}/${four}"}

            """)
        let server = try SSHServer()
        let values = try fixture.directory.file("values", "# of the test\n\none=\(file)\n", mode: 0o600)
        let variables = try fixture.directory.file("vars.yaml", "three: \(mapped)\n", mode: 0o600)
        let program = try BackgroundProgram(
            MeshcheckFixture.program,
            [
                "run", fixture.scenarios, "--ssh-config", server.clientConfiguration, "--target", server.target,
                "--var-file", values, "--vars", variables, "--var", "four=\(plain)", "--id", "values.all", "--id",
                "slow.command", "--format", "json", "--verbose",
            ], environment: ["MESHCHECK_VAR_two": variable])
        XCTAssertTrue(waitUntil { Self.processes().contains { $0.command.starts(with: "sleep 4") } }, program.errors)
        let processes = Self.processes()
        for value in [file, variable, mapped, plain] {
            // The user's own command and environment have what the user has put there, and ssh inherits the latter.
            for process in processes where process.id != program.identifier {
                XCTAssertFalse(process.command.contains(value), "\(value): \(process.command)")
                if value == variable,
                    process.command.starts(with: "/usr/bin/ssh ") || process.command.starts(with: "ssh ")
                {
                    continue
                }
                XCTAssertFalse(process.environment.contains(value), "\(value): \(process.command)")
            }
            let kept = try TestSupport.run("grep", ["-r", "-l", value, server.cache + "/meshcheck"])
            XCTAssertFalse(kept.output.contains(".tar"), kept.output)
            if value != mapped { XCTAssertEqual(kept.output, "", "only files of --vars lie there while it runs") }
        }
        XCTAssertEqual(program.status(within: 60), 0, program.output + program.errors)
        let left = try TestSupport.run("grep", ["-r", "-l", mapped, server.cache])
        XCTAssertEqual(left.output, "", "nothing stays there")
        let kept = try FileManager.default.contentsOfDirectory(atPath: server.cache + "/meshcheck")
        XCTAssertFalse(kept.contains { $0.hasPrefix("run.") }, "\(kept)")
    }

    /// The processes that this user can look into.
    private static func processes() -> [(id: pid_t, command: String, environment: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.compactMap { id in
            func text(_ name: String) -> String? {
                FileManager.default.contents(atPath: "/proc/\(id)/\(name)").map {
                    String(decoding: $0, as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
                }
            }
            return text("cmdline").map { (id, $0, text("environ") ?? "") }
        }
    }

    /// The same values on this host alone: from a file, a pipe and with several lines.
    func testVariablesComeFromFilesAndStandardInput() throws {
        let fixture = try MeshcheckFixture()
        try fixture.directory.file("seen", "a=b\nc/d")
        try fixture.directory.file(
            "Scenarios/20-values.yaml",
            """
            name: 20-values
            title: Values arrive
            checks:
              - id: values.all
                title: All of them are there
                file: \(fixture.directory.path)/seen
                expect:
                  contents: {equals: "${one}/${two}"}

            """)
        let arguments = ["run", fixture.scenarios, "--id", "values.all", "--var-file", "-", "--var", "two=d"]
        let good = try TestSupport.run(
            MeshcheckFixture.program, arguments, input: Array("one=a=b\nc\0MESHCHECK_VAR_two=weak\0".utf8))
        XCTAssertEqual(good.status, 0, good.output + good.errors)
        for (text, message) in [("one=a\n\nhidden4711\n", "line 3 of '-'"), ("one=a\0two=hidden4711", "'-' is cut")] {
            let bad = try TestSupport.run(MeshcheckFixture.program, arguments, input: Array(text.utf8))
            XCTAssertEqual(bad.status, 2, bad.output + bad.errors)
            XCTAssertTrue(bad.errors.contains(message), bad.errors)
            XCTAssertFalse(bad.errors.contains("hidden4711"), bad.errors)
        }
        let absent = try MeshcheckFixture.run(["run", fixture.scenarios, "--var-file", "/no/such/file"])
        XCTAssertEqual(absent.status, 2, absent.errors)
    }

    func testALoginShellThatTalksDoesNoHarm() throws {
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        let noisy = try fixture.directory.file(
            "noisy",
            "#!/bin/sh\necho welcome\nprintf 'no newline {\"event\":\"finished\"}\\n'\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
            mode: 0o755)
        let server = try SSHServer(options: ["ForceCommand \(noisy)"])
        let result = try run(fixture, server)
        XCTAssertEqual(result.status, 0, result.output + result.errors)
    }

    func testTheCsShellIsGoodEnough() throws {
        try requireProgram("csh")
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        let forced = try fixture.directory.file(
            "csh", "#!/bin/sh\nexec csh -c \"$SSH_ORIGINAL_COMMAND\"\n", mode: 0o755)
        let server = try SSHServer(options: ["ForceCommand \(forced)"])
        let result = try run(fixture, server)
        XCTAssertEqual(result.status, 0, result.output + result.errors)
    }

    func testAChangedHostKeyIsNamed() throws {
        let fixture = try MeshcheckFixture()
        let server = try SSHServer()
        try server.changeHostKey()
        let result = try run(fixture, server, ["--format", "json"])
        XCTAssertEqual(result.status, 3, result.errors)
        XCTAssertEqual(try reason(result), "host-key-changed")
        let remedy = (try hosts(result).first?["failure"] as? [String: Any])?["remedy"] as? String
        XCTAssertTrue(remedy?.contains("ssh-keygen -R '[127.0.0.1]:\(server.port)'") ?? false, remedy ?? "")
    }

    func testAnUnknownHostKeyIsNamed() throws {
        let fixture = try MeshcheckFixture()
        let server = try SSHServer()
        try Data().write(to: URL(fileURLWithPath: server.knownHosts))
        let result = try run(fixture, server, ["--format", "json"])
        XCTAssertEqual(result.status, 3, result.errors)
        XCTAssertEqual(try reason(result), "host-key-unknown")
    }

    func testNobodyIsAskedForAPassword() throws {
        let fixture = try MeshcheckFixture()
        let server = try SSHServer(acceptsKey: false)
        let result = try run(fixture, server, ["--format", "json"])
        XCTAssertEqual(result.status, 3, result.errors)
        XCTAssertEqual(try reason(result), "authentication")
    }

    func testAMachineThatIsNotThereIsNamed() throws {
        let fixture = try MeshcheckFixture()
        let server = try SSHServer()
        server.stop()
        let refused = try run(fixture, server, ["--format", "json"])
        XCTAssertEqual(refused.status, 3, refused.errors)
        XCTAssertEqual(try reason(refused), "unreachable")
        let noName = try run(fixture, server, targets: ["ssh://no-such-machine.invalid"], ["--format", "json"])
        XCTAssertEqual(noName.status, 3, noName.errors)
        XCTAssertEqual(try reason(noName), "unreachable")
    }

    /// A listener that accepts and says nothing.
    func testASilentServerEndsInTime() throws {
        let fixture = try MeshcheckFixture()
        let server = try SSHServer()
        let listener = try BackgroundProgram(
            try XCTUnwrap(programPath("python3")),
            [
                "-u", "-c",
                "import socket,time\ns=socket.socket()\ns.bind(('127.0.0.1',0))\ns.listen(8)\nprint(s.getsockname()[1])\n"
                    + "time.sleep(120)",
            ])
        XCTAssertTrue(waitUntil { listener.output.hasSuffix("\n") })
        let port = listener.output.trimmingCharacters(in: .newlines)
        let result = try run(
            fixture, server, targets: ["ssh://127.0.0.1:\(port)"], ["--format", "json", "--connect-timeout", "1"])
        XCTAssertEqual(result.status, 3, result.errors)
        XCTAssertEqual(try reason(result), "unreachable")
    }

    func testAMachineThatDiesHalfWayKeepsWhatItSaid() throws {
        let fixture = try MeshcheckFixture()
        // The command ends the sshd of its own connection, as a machine that loses power would.
        let kill = try fixture.directory.file(
            "kill",
            """
            import os
            pid = os.getpid()
            while pid > 1:
                name = open(f'/proc/{pid}/comm').read().strip()
                if name.startswith('sshd'): os.kill(pid, 9); break
                pid = int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1])
            """)
        try fixture.addCommand(["python3", kill], id: "dies")
        let server = try SSHServer()
        let result = try run(fixture, server, ["--format", "json", "--jobs", "1"])
        XCTAssertEqual(result.status, 3, result.output + result.errors)
        XCTAssertEqual(try reason(result), "disconnected")
        let partial = try XCTUnwrap(hosts(result).first?["partialChecks"] as? [[String: Any]])
        XCTAssertTrue(partial.contains { $0["id"] as? String == "files.passwd" }, "\(partial)")
    }

    func testAMachineThatTakesTooLongIsLeft() throws {
        let fixture = try MeshcheckFixture()
        try fixture.addCommand(["sleep", "60"])
        let server = try SSHServer()
        let result = try run(fixture, server, ["--format", "json", "--host-timeout", "2s"])
        XCTAssertEqual(result.status, 4, result.output + result.errors)
        XCTAssertEqual(try reason(result), "timed-out")
    }

    func testScenariosThatAreWrongAreWrongEverywhere() throws {
        let fixture = try MeshcheckFixture()
        try fixture.directory.file("Scenarios/30-bad.yaml", "name: 30-bad\nchecks: [\n")
        let server = try SSHServer()
        let result = try run(fixture, server)
        XCTAssertEqual(result.status, 2, result.output + result.errors)
        XCTAssertTrue(result.output.contains("30-bad.yaml"), result.output)
    }

    func testSudoThatWantsAPasswordIsSaid() throws {
        let fixture = try MeshcheckFixture()
        let folder = try fixture.directory.directory("bin")
        try fixture.directory.file(
            "bin/sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n", mode: 0o755)
        let server = try SSHServer(options: ["SetEnv PATH=\(folder):/usr/bin:/bin XDG_CACHE_HOME=/tmp"])
        let result = try run(fixture, server, ["--sudo", "--format", "json"])
        XCTAssertEqual(try reason(result), "not-permitted", result.errors)
    }

    func testOneBrokenMachineOfThreeDoesNotHideTheOthers() throws {
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        let first = try SSHServer()
        let second = try SSHServer()
        let broken = try SSHServer(acceptsKey: false)
        let all = try fixture.directory.file(
            "ssh_config",
            """
            Host *
              UserKnownHostsFile \(first.knownHosts) \(second.knownHosts) \(broken.knownHosts)
              GlobalKnownHostsFile /dev/null
              IdentitiesOnly yes
              IdentityFile \(first.folder.path)/client
              IdentityFile \(second.folder.path)/client

            """, mode: 0o600)
        let inventory = try fixture.directory.file(
            "hosts.ini",
            """
            [mesh]
            vm-a ansible_host=127.0.0.1 ansible_port=\(first.port)
            vm-b ansible_host=127.0.0.1 ansible_port=\(second.port)
            vm-c ansible_host=127.0.0.1 ansible_port=\(broken.port)

            """)
        let arguments = ["run", fixture.scenarios, "--inventory", inventory, "--ssh-config", all]
        let result = try MeshcheckFixture.run(arguments)
        XCTAssertEqual(result.status, 3, result.output + result.errors)
        XCTAssertTrue(result.output.contains("vm-a +1"), result.output)
        XCTAssertTrue(result.output.contains("authentication: vm-c"), result.output)
        XCTAssertTrue(result.output.contains("INCOMPLETE"), result.output)
        let limited = try MeshcheckFixture.run(arguments + ["--limit", "mesh,!vm-c"])
        XCTAssertEqual(limited.status, 0, limited.output + limited.errors)
        try fixture.removeMark()
        XCTAssertEqual(
            try MeshcheckFixture.run(arguments).status, 1, "a failed check counts more than a missing machine")
    }
}
