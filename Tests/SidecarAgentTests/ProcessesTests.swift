import Foundation
import Processes
import TestSupport
import XCTest

final class ProcessesTests: XCTestCase {
    private func shell(_ script: String) -> SpawnOptions {
        SpawnOptions(executable: "/bin/sh", arguments: ["-c", script])
    }

    func testCollectsBothOutputsAndTheStatus() async throws {
        let output = try await ChildProcess.run(shell("echo out; echo err >&2; exit 7"))
        XCTAssertEqual(output.status, .exited(7))
        XCTAssertEqual(output.reason, .ended)
        XCTAssertEqual(output.standardOutput, Array("out\n".utf8))
        XCTAssertEqual(output.standardError, Array("err\n".utf8))
    }

    func testFeedsStandardInputUntilItsEnd() async throws {
        let input = [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
        let output = try await ChildProcess.run(
            SpawnOptions(executable: "/usr/bin/wc", arguments: ["-c"]), input: input)
        XCTAssertEqual(String(decoding: output.standardOutput, as: UTF8.self), "\(3 << 20)\n")
    }

    func testProgramThatDoesNotReadItsInputDoesNotEndUs() async throws {
        let input = [UInt8](repeating: 0, count: 1 << 20)
        let output = try await ChildProcess.run(shell("exec 0<&-; sleep 0.1; exit 3"), input: input)
        XCTAssertEqual(output.status, .exited(3))
    }

    func testOutputIsBoundedAndStillDrained() async throws {
        let output = try await ChildProcess.run(
            shell("head -c 5000000 /dev/zero"), limits: RunLimits(outputBytes: 1000))
        XCTAssertEqual(output.standardOutput.count, 1000)
        XCTAssertTrue(output.isTruncated)
        XCTAssertEqual(output.status, .exited(0))
    }

    func testExecFailureIsAnErrorWithItsNumber() async throws {
        for (path, number) in [("/nonexistent/program", ENOENT), ("/etc/passwd", EACCES), ("/etc", EACCES)] {
            do {
                _ = try await ChildProcess.spawn(SpawnOptions(executable: path))
                XCTFail("\(path) was executed")
            } catch {
                XCTAssertEqual(error, ProcessError(step: .execute, subject: path, errno: number))
            }
        }
        var options = shell("true")
        options.workingDirectory = "/nonexistent"
        do {
            _ = try await ChildProcess.spawn(options)
            XCTFail("started in a directory that is not there")
        } catch {
            XCTAssertEqual(error, ProcessError(step: .directory, subject: "/nonexistent", errno: ENOENT))
        }
    }

    func testTextThatCStringsCannotCarryIsRefused() async throws {
        do {
            _ = try await ChildProcess.spawn(shell("echo a\0b"))
            XCTFail("a byte 0 was passed")
        } catch {
            XCTAssertEqual(error.step, .prepare)
        }
    }

    func testTimeLimitEndsTheWholeGroup() async throws {
        let folder = try TemporaryDirectory()
        let marker = folder.path + "/pid"
        // The background process ignores SIGTERM, so only SIGKILL to the group ends it.
        let output = try await ChildProcess.run(
            shell("(trap '' TERM; exec sleep 600) & echo $! >\(marker); trap '' TERM; wait; wait"),
            limits: RunLimits(time: .seconds(2), grace: .milliseconds(200)))
        XCTAssertEqual(output.reason, .timeLimit)
        XCTAssertEqual(output.status, .signalled(.kill, dumpedCore: false))
        let sleeper = try XCTUnwrap(Int32(String(contentsOfFile: marker, encoding: .utf8).dropLast()))
        try await poll("process \(sleeper) to end") { kill(sleeper, 0) != 0 || isZombie(sleeper) }
    }

    func testDescendantsOfAProgramThatEndsAreKilled() async throws {
        let output = try await ChildProcess.run(shell("sleep 601 & echo $!"))
        let pid = try XCTUnwrap(Int32(String(decoding: output.standardOutput.dropLast(), as: UTF8.self)))
        try await poll("process \(pid) to end") { kill(pid, 0) != 0 || isZombie(pid) }
    }

    func testDaemonThatKeepsThePipesOpenHoldsUpNobody() async throws {
        let folder = try TemporaryDirectory()
        let output = try await ChildProcess.run(
            shell(
                "cd \(folder.path); setsid sh -c 'echo $$; : >told; exec sleep 602' & until [ -e told ]; do :; done; exit 0"
            ))
        XCTAssertEqual(output.status, .exited(0))
        let pid = try XCTUnwrap(Int32(String(decoding: output.standardOutput.dropLast(), as: UTF8.self)))
        kill(pid, SIGKILL)
    }

    func testCancellingATaskEndsItsProgram() async throws {
        let folder = try TemporaryDirectory()
        let options = shell(": >\(folder.path)/started; exec sleep 603")
        let task = Task { try await ChildProcess.run(options, limits: RunLimits(time: .seconds(600))) }
        try await poll("the program to start") { FileManager.default.fileExists(atPath: folder.path + "/started") }
        task.cancel()
        let output = try await task.value
        XCTAssertEqual(output.reason, .cancelled)
        XCTAssertEqual(output.status, .signalled(.terminate, dumpedCore: false))
    }

    func testCancelledWaitLeavesTheProgramAlone() async throws {
        let child = try await ChildProcess.spawn(SpawnOptions(executable: "/bin/sleep", arguments: ["604"]))
        let task = Task { try await child.wait() }
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("the wait went on")
        } catch { XCTAssertTrue(error is CancellationError) }
        XCTAssertNil(child.exitStatus)
        try child.signal(.kill)
        let status = try await child.wait()
        XCTAssertEqual(status, .signalled(.kill, dumpedCore: false))
        XCTAssertFalse(try child.signal(.kill), "a process that has ended was signalled")
    }

    func testProgramBeginsWithNothingThatIsOurs() async throws {
        let pipe = Pipe()
        defer { try? pipe.fileHandleForReading.close() }
        signal(SIGUSR1, SIG_IGN)
        defer { signal(SIGUSR1, SIG_DFL) }
        var options = shell(
            "ls -l /proc/self/fd | wc -l; cat /proc/self/status | grep -E '^Sig(Blk|Ign)'; pwd; echo $A")
        options.workingDirectory = "/usr"
        options.environment = ["A=b c", "PATH=/usr/bin:/bin"]
        let output = try await ChildProcess.run(options)
        let lines = String(decoding: output.standardOutput, as: UTF8.self).split(separator: "\n").map(String.init)
        // ls itself has the folder open: 0, 1, 2, 3 and the line with the total.
        XCTAssertEqual(lines.first, "5")
        XCTAssertEqual(
            lines.dropFirst().map { line in
                // 32 and 33 are the C library's own, which it lets nobody touch.
                guard line.hasPrefix("SigIgn:"), let mask = UInt64(line.suffix(16), radix: 16) else { return line }
                return "SigIgn:\t\(mask & ~(3 << 31))"
            },
            ["SigBlk:\t0000000000000000", "SigIgn:\t0", "/usr", "b c"])
    }

    func testStreamsMayBeSwapped() async throws {
        let folder = try TemporaryDirectory()
        let paths = ["first", "second"].map { folder.path + "/" + $0 }
        let descriptors = paths.map { open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        defer { for descriptor in descriptors { close(descriptor) } }
        var options = shell("echo out; echo err >&2")
        options.standardOutput = .descriptor(descriptors[1])
        options.standardError = .descriptor(descriptors[0])
        let status = try await ChildProcess.spawn(options).wait()
        XCTAssertEqual(status, .exited(0))
        XCTAssertEqual(try paths.map { try String(contentsOfFile: $0, encoding: .utf8) }, ["err\n", "out\n"])
    }

    func testRunsAsAnotherUser() async throws {
        try requireRoot()
        var options = SpawnOptions(executable: "/usr/bin/id", arguments: [])
        options.user = SpawnOptions.User(id: 65534, group: 65534, supplementaryGroups: [12345])
        let output = try await ChildProcess.run(options)
        let text = String(decoding: output.standardOutput, as: UTF8.self)
        XCTAssertTrue(text.hasPrefix("uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup),12345"), text)
    }

    func testManyProgramsAtOnceLeaveNoZombieAndNoDescriptor() async throws {
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        let clock = ContinuousClock()
        let started = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<1000 {
                if index >= 32 { try await group.next() }
                group.addTask {
                    let output = try await ChildProcess.run(SpawnOptions(executable: "/bin/true"))
                    XCTAssertEqual(output.status, .exited(0))
                }
            }
            try await group.waitForAll()
        }
        print("1,000 programs: \(clock.now - started)")
        let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        XCTAssertLessThanOrEqual(after, before + 4)
        let children = try String(contentsOfFile: "/proc/self/task/\(getpid())/children", encoding: .utf8)
        XCTAssertEqual(children.split(separator: " ").filter { isZombie(Int32($0) ?? 0) }, [])
    }

    func testSignalsArriveAsValues() async throws {
        let stream = try SignalStream.of([Signal(rawValue: SIGUSR2)])
        defer { signal(SIGUSR2, SIG_DFL) }
        kill(getpid(), SIGUSR2)
        for await signal in stream {
            XCTAssertEqual(signal.rawValue, SIGUSR2)
            break
        }
    }

    private func isZombie(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return status.split(separator: ")").last?.hasPrefix(" Z") ?? false
    }
}
