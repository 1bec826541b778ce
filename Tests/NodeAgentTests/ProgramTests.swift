import Files
import Foundation
import Glibc
import MeshContract
import Platform
import TestSupport
import WorkloadCertificates
import XCTest

/// The real program, with signals, kills and folders that cannot be written.
final class ProgramTests: XCTestCase {
    private let quick = ["--key-type", "ecdsa-p256"]

    func testAHealthyRunIsTheContractsJournal() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let agent = try AgentProcess(files, port: authority.port)
        try agent.expect(NodeAgentMessage.approvedPrefix)
        XCTAssertEqual(agent.end(SIGTERM), 0)
        let messages = agent.messages()
        XCTAssertEqual(
            Array(messages.prefix(3)),
            [NodeAgentMessage.starting, NodeAgentMessage.started, NodeAgentMessage.sending(retrial: 0)])
        let wait = try XCTUnwrap(GoDuration(messages[3].dropFirst(NodeAgentMessage.approvedPrefix.count)))
        XCTAssertEqual(wait.seconds, 1799, accuracy: 10)
        try assertPair(files)
        XCTAssertEqual(try FileStatus.of(files.key, followLinks: false).permissions, 0o600)
        XCTAssertTrue(try openssl(["rsa", "-in", files.key, "-noout", "-text"]).output.contains("(2048 bit"))
        await authority.stop()
    }

    func testTheLogAsJSON() async throws {
        let authority = try await TestAuthority(.deny(remark: "a \"quoted\" reason"))
        let agent = try AgentProcess(try authority.bootstrap(), port: authority.port, quick + ["--log-format=json"])
        XCTAssertTrue(waitUntil { agent.log.contains("Will retry in 5s") }, agent.log)
        XCTAssertEqual(agent.end(SIGINT), 0)
        let objects = try agent.log.split(separator: "\n").map {
            try XCTUnwrap(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String])
        }
        XCTAssertEqual(objects.first?["message"], NodeAgentMessage.starting)
        XCTAssertTrue(
            objects.contains {
                $0["message"] == "CSR signing failed: request not approved. Will retry in 5s" && $0["level"] == "error"
            })
        XCTAssertTrue(objects.contains { $0["message"]?.contains("a \"quoted\" reason") == true })
        await authority.stop()
    }

    func testHangupRenewsNow() async throws {
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let agent = try AgentProcess(files, port: authority.port, quick)
        for count in 1...5 {
            try agent.expect(NodeAgentMessage.approvedPrefix, count: count)
            let before = try contents(files.chain)
            agent.signal(SIGHUP)
            try agent.expect(NodeAgentMessage.approvedPrefix, count: count + 1)
            XCTAssertNotEqual(try contents(files.chain), before)
        }
        XCTAssertEqual(agent.end(SIGTERM), 0)
        try assertPair(files)
        await authority.stop()
    }

    func testATerminationEndsAHangingRequestAtOnce() async throws {
        let authority = try await TestAuthority(.hang)
        let files = try authority.bootstrap()
        let agent = try AgentProcess(files, port: authority.port, quick + ["--rpc-timeout", "10m"])
        XCTAssertTrue(waitUntil { !authority.received.isEmpty }, agent.log)
        XCTAssertEqual(authority.received.count, 1)
        XCTAssertEqual(agent.end(SIGTERM), 0)
        await authority.stop()
    }

    func testAHangingRequestIsGivenUpAtItsLimit() async throws {
        let authority = try await TestAuthority(.hang)
        let agent = try AgentProcess(try authority.bootstrap(), port: authority.port, quick + ["-rpc-timeout=500ms"])
        try agent.expect("CSR signing failed: rpc error: code = DeadlineExceeded")
        XCTAssertEqual(agent.end(SIGTERM), 0)
        await authority.stop()
    }

    func testItRenewsBeforeEveryEnd() async throws {
        let authority = try await TestAuthority()
        authority.lifetime = 3
        let files = try authority.bootstrap()
        let agent = try AgentProcess(files, port: authority.port, quick)
        try agent.expect(NodeAgentMessage.approvedPrefix, count: 4)
        try assertPair(files)
        XCTAssertEqual(agent.end(SIGTERM), 0)
        await authority.stop()
    }

    func testAReadOnlyFolderIsSaidAndThePairStays() async throws {
        try requireRoot()
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let folder = LexicalPath.split(files.key).folder
        guard try TestSupport.run("mount", ["--bind", folder, folder]).status == 0 else {
            throw XCTSkip("bind mounts are not possible here")
        }
        defer { _ = try? TestSupport.run("umount", [folder]) }
        guard try TestSupport.run("mount", ["-o", "remount,bind,ro", folder]).status == 0 else {
            throw XCTSkip("bind mounts cannot be made read-only here")
        }
        let before = try contents(files.chain)
        let agent = try AgentProcess(files, port: authority.port, quick)
        try agent.expect("CSR signing failed: the signed certificate cannot be stored: cannot create '\(folder)/")
        XCTAssertTrue(agent.log.contains("Read-only file system. Will retry in 5s"), agent.log)
        XCTAssertEqual(agent.end(SIGTERM), 0)
        XCTAssertEqual(try contents(files.chain), before)
        await authority.stop()
    }

    func testAFullDiskIsSaidAndThePairStays() async throws {
        try requireRoot()
        let authority = try await TestAuthority()
        let source = try authority.bootstrap()
        let disk = try authority.folder.directory("disk")
        guard try TestSupport.run("mount", ["-t", "tmpfs", "-o", "size=32k", "tmpfs", disk]).status == 0 else {
            throw XCTSkip("a tmpfs cannot be mounted here")
        }
        defer { _ = try? TestSupport.run("umount", [disk]) }
        let files = CertificateFiles(directory: disk)
        for (from, to) in [(source.key, files.key), (source.chain, files.chain), (source.root, files.root)] {
            try FileManager.default.copyItem(atPath: from, toPath: to)
        }
        XCTAssertTrue(FileManager.default.createFile(atPath: disk + "/filler", contents: nil))
        let filler = try XCTUnwrap(FileHandle(forWritingAtPath: disk + "/filler"))
        // Until nothing fits any more.
        while (try? filler.write(contentsOf: Data(repeating: 1, count: 4096))) != nil {}
        try filler.close()
        let agent = try AgentProcess(files, port: authority.port, quick)
        try agent.expect("CSR signing failed: the signed certificate cannot be stored")
        XCTAssertTrue(agent.log.contains("No space left on device"), agent.log)
        try assertPair(files)
        // Space comes back, and so does the renewal.
        try FileManager.default.removeItem(atPath: disk + "/filler")
        agent.signal(SIGHUP)
        try agent.expect(NodeAgentMessage.approvedPrefix)
        XCTAssertEqual(agent.end(SIGTERM), 0)
        try assertPair(files)
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: disk).sorted(),
            ["cert-chain.pem", "key.pem", "root-cert.pem"])
        await authority.stop()
    }

    func testItNeedsNoPrivilege() async throws {
        try requireRoot()
        try requireProgram("setpriv")
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let folder = LexicalPath.split(files.key).folder
        chmod(authority.folder.path, 0o755)
        chmod(folder, 0o750)
        for path in [folder, files.key, files.chain] { chown(path, 4321, 4321) }
        // What root put there may be read and replaced all the same: the folder is the agent's.
        let agent = try AgentProcess(
            files, port: authority.port, quick,
            wrapper: [
                "setpriv", "--reuid", "4321", "--regid", "4321", "--clear-groups", "--bounding-set", "-all",
                "--inh-caps", "-all", "--no-new-privs",
            ])
        try agent.expect(NodeAgentMessage.approvedPrefix)
        authority.behaviour = .newRoot
        agent.signal(SIGHUP)
        try agent.expect(NodeAgentMessage.approvedPrefix, count: 2)
        XCTAssertEqual(agent.end(SIGTERM), 0)
        XCTAssertEqual(try FileStatus.of(files.key, followLinks: false).owner, 4321)
        XCTAssertEqual(try RootFile(path: files.root).certificates().count, 2)
        try assertPair(files)
        await authority.stop()
    }

    func testAfterTheLastRepetitionTheStatusIs255() async throws {
        guard ProcessInfo.processInfo.environment["SLOW_TESTS"] == "1" else {
            throw XCTSkip("takes 155 seconds; set SLOW_TESTS=1 to run it")
        }
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        await authority.stop()
        let agent = try AgentProcess(files, port: authority.port, quick)
        agent.process.waitUntilExit()
        XCTAssertEqual(agent.process.terminationStatus, 255)
        let messages = agent.messages()
        XCTAssertEqual(messages.last, NodeAgentMessage.terminated(retries: 5))
        for wait in ["5s", "10s", "20s", "40s", "1m20s"] {
            XCTAssertTrue(messages.contains { $0.hasSuffix("connection refused. Will retry in \(wait)") }, wait)
        }
    }

    /// Kills at random moments: of the start, of a renewal, and, most of them, of the replacement itself. 100 of them, or
    /// 500 with SLOW_TESTS=1.
    func testNoKillLeavesAPairThatDoesNotMatch() async throws {
        let rounds = ProcessInfo.processInfo.environment["SLOW_TESTS"] == "1" ? 500 : 100
        let authority = try await TestAuthority()
        let files = try authority.bootstrap()
        let folder = LexicalPath.split(files.key).folder
        var generator = SeededGenerator(seed: UInt64(getpid()))
        let span = try renewalSpan(files, authority.port)
        var (halfway, interrupted) = (0, 0)
        for round in 0..<rounds {
            let arrivals = try Arrivals(in: folder)
            let agent = try AgentProcess(files, port: authority.port, quick)
            switch round % 5 {
            case 0: usleep(UInt32.random(in: 0..<span, using: &generator))
            case 1:
                try agent.expect(NodeAgentMessage.approvedPrefix)
                agent.signal(SIGHUP)
                usleep(UInt32.random(in: 0..<span / 2, using: &generator))
            default:
                // From the moment on in which the new chain is there.
                XCTAssertTrue(arrivals.wait(for: ".cert-chain.pem.next", seconds: 60), agent.log)
                let until = DispatchTime.now() + .microseconds(Int.random(in: 0..<1500, using: &generator))
                while DispatchTime.now() < until {}
            }
            XCTAssertEqual(agent.end(SIGKILL), 128 + SIGKILL)
            if try FileManager.default.contentsOfDirectory(atPath: folder).count > 3 { interrupted += 1 }
            if !isMatching(files) {
                halfway += 1
                let next = try AgentProcess(files, port: authority.port, quick)
                try next.expect("Finished a replacement of the certificates that was interrupted")
                XCTAssertEqual(next.end(SIGTERM), 0)
            }
            XCTAssertTrue(isMatching(files), "round \(round)")
        }
        try assertPair(files)
        let last = try AgentProcess(files, port: authority.port, quick)
        try last.expect(NodeAgentMessage.approvedPrefix)
        XCTAssertEqual(last.end(SIGTERM), 0)
        try assertPair(files)
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted(),
            ["cert-chain.pem", "key.pem", "root-cert.pem"])
        print(
            "\(rounds) kills: \(interrupted) left a replacement unfinished, \(halfway) of them between the two renames; "
                + "\(authority.received.count) requests")
        await authority.stop()
    }

    /// Microseconds from a start to the end of its renewal, on this machine.
    private func renewalSpan(_ files: CertificateFiles, _ port: Int) throws -> UInt32 {
        let start = DispatchTime.now()
        let agent = try AgentProcess(files, port: port, quick)
        try agent.expect(NodeAgentMessage.approvedPrefix)
        let nanoseconds = DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds
        XCTAssertEqual(agent.end(SIGTERM), 0)
        return UInt32(clamping: max(1000, nanoseconds / 1000))
    }

    private func isMatching(_ files: CertificateFiles) -> Bool {
        guard let certificates = try? WorkloadCertificates.load(files) else { return false }
        return certificates.keyFault == nil
    }
}

/// Names that are renamed to in a folder (inotify(7)).
private final class Arrivals {
    private let descriptor: Int32

    init(in folder: String) throws {
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0, inotify_add_watch(descriptor, folder, UInt32(IN_MOVED_TO)) >= 0 else {
            throw CocoaError(.fileReadUnknown)
        }
    }

    deinit { close(descriptor) }

    /// Waits until something gets this name.
    func wait(for name: String, seconds: Double) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while Date() < end {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, 100) > 0 else { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0, String(decoding: buffer[..<count], as: UTF8.self).contains(name) { return true }
        }
        return false
    }
}
