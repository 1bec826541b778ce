import Foundation
import TestSupport
import XCTest

@testable import Probes

/// What a program's last messages say about why it failed.
final class FailureTests: XCTestCase {
    // MARK: - one message

    func testEveryExpressionIsUsed() {
        XCTAssertEqual(FailureReason.usable.patterns, FailureReason.usable.words)
    }

    /// The C library's own words for errors, and the names that some languages give instead.
    func testErrorsOfTheSystem() {
        let table: [(Int32, FailureReason)] = [
            (EROFS, .readOnly), (ENOSPC, .noSpace), (EDQUOT, .quota), (EMFILE, .tooManyFiles), (ENFILE, .tooManyFiles),
            (ENOMEM, .noMemory), (EADDRINUSE, .addressInUse), (EADDRNOTAVAIL, .addressMissing),
            (ENOEXEC, .programFormat),
            (ECONNREFUSED, .refused), (EHOSTUNREACH, .unreachable), (ENETUNREACH, .unreachable), (ETIMEDOUT, .timedOut),
            (ECONNRESET, .reset), (EPIPE, .reset), (EIO, .inputOutput), (EUCLEAN, .inputOutput), (EACCES, .permission),
            (EPERM, .permission), (ENOENT, .noFile),
        ]
        for (number, reason) in table {
            let text = String(cString: strerror(number))
            for message in ["write /etc/certs/key.pem: \(text)", text.uppercased(), text.lowercased() + "."] {
                XCTAssertEqual(FailureReason(of: message), reason, message)
            }
        }
        for (message, reason) in [
            ("Error: EACCES: open '/x'", FailureReason.permission), ("listen EADDRINUSE 0.0.0.0:80", .addressInUse),
            ("Os { code: 30, kind: ReadOnlyFilesystem, message: \"Read-only file system\" }", .readOnly),
            ("failed (os error 28)", .noSpace),
        ] { XCTAssertEqual(FailureReason(of: message), reason, message) }
    }

    /// Lines of TLS libraries, gRPC, systemd, Envoy and our own agents.
    func testMessagesOfPrograms() {
        let table: [(String, FailureReason)] = [
            ("x509: certificate signed by unknown authority", .unknownAuthority),
            ("x509: certificate has expired or is not yet valid", .expired),
            ("x509: certificate is valid for istio-ca, not istio-other", .wrongName),
            ("cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs", .addressDialled),
            ("tls: first record does not look like a TLS handshake", .notTLS),
            ("OPENSSL_internal:WRONG_VERSION_NUMBER", .notTLS),
            ("TLS error: 268436496:SSL routines:OPENSSL_internal:SSLV3_ALERT_BAD_CERTIFICATE", .clientRefused),
            ("remote error: tls: unknown certificate authority", .clientRefused),
            ("OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED", .expired),
            ("tls: private key does not match public key", .pair),
            ("error:0B080074:x509 certificate routines:X509_check_private_key:key values mismatch", .pair),
            ("rpc error: code = Unavailable desc = transport is closing", .reset),
            ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", .timedOut),
            ("rpc error: code = PermissionDenied desc = caller is not authorized", .denied),
            ("rpc error: code = Unimplemented desc = unknown service istio.v1.auth", .unimplemented),
            ("rpc error: code = ResourceExhausted desc = too many", .overloaded),
            ("rpc error: code = Unauthenticated desc = request authenticate failure", .clientRefused),
            ("dial tcp: lookup istio-ca on 127.0.0.1:53: no such host", .lookup),
            ("istio.service: Failed to determine user credentials: No such process", .noUser),
            ("istio.service: Main process exited, code=exited, status=217/USER", .noUser),
            ("istio.service: Failed at step EXEC spawning /x: Exec format error", .programFormat),
            ("node_agent: error while loading shared libraries: libm.so.6: cannot open shared object file", .library),
            ("/x: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /x)", .library),
            ("istio.service: Main process exited, code=killed, status=9/KILL", .killed),
            ("istio.service: Main process exited, code=dumped, status=11/SEGV", .crashed),
            ("istio.service: A process of this unit has been killed by the OOM killer.", .noMemory),
            ("istio-start.sh: 3: Cannot fork", .tooManyTasks),
            ("istio.service: Failed at step EXEC spawning /x: Resource temporarily unavailable", .tooManyTasks),
            ("bash: fork: retry: Resource temporarily unavailable", .tooManyTasks),
            ("runtime/cgo: pthread_create failed: Resource temporarily unavailable", .tooManyTasks),
            ("error: unexpected argument '--renew-early'", .invalidOption),
            ("flag provided but not defined: -x", .invalidOption),
            ("the private key is encrypted", .encryptedKey),
            ("cannot bind '127.0.0.1:15000': Address already in use", .addressInUse),
            ("istio-start.sh: must be run by root or istio-proxy, not by nobody", .wrongUser),
            ("istio-start.sh: /usr/local/bin/pilot-agent is not a program that istio-proxy can run", .permission),
        ]
        for (message, reason) in table { XCTAssertEqual(FailureReason(of: message), reason, message) }
    }

    /// What only sounds like one.
    func testHarmlessMessages() {
        for message in [
            "", "all is well", "Started istio.service", "CSR is approved successfully. Will renew cert in 29m",
            "starting main dispatch loop", "loading 2 listener(s)", "listener has the EOFS filter", "the file is there",
        ] { XCTAssertNil(FailureReason(of: message), message) }
        let long = String(repeating: "x", count: 100_000) + " Permission denied"
        XCTAssertNil(FailureReason(of: long), "what nobody reads decides nothing")
    }

    /// What real programs say when they fail as services do.
    func testRealPrograms() throws {
        let folder = try TemporaryDirectory()
        func said(_ script: String) throws -> String {
            try TestSupport.run("bash", ["-c", script], environment: ["LC_ALL": "C"]).errors
        }
        try folder.file("plain", "not a program", mode: 0o755)
        try folder.file("mode", "#!/bin/sh\n", mode: 0o644)
        try folder.file("elf", bytes: Array("\u{7f}ELF".utf8) + [2, 1, 1] + [UInt8](repeating: 0, count: 64))
        chmod(folder.path + "/elf", 0o755)
        var table: [(String, FailureReason)] = [
            ("cat /no/such/file", .noFile), ("\(folder.path)/mode", .permission),
            ("\(folder.path)/elf", .programFormat),
            ("echo x >/dev/full", .noSpace), ("ulimit -n 3; cat /etc/passwd", .tooManyFiles),
            ("exec 3<>/dev/tcp/127.0.0.1/1", .refused),
        ]
        if programPath("openssl") != nil {
            table.append(("openssl verify \(folder.path)/mode", .noFile))
            let authority = try OpenSSLAuthority("one", in: folder)
            let pair = try authority.issueWorkload("leaf")
            let other = try OpenSSLAuthority("two", in: folder)
            table[table.count - 1] = (
                "openssl verify -CAfile \(other.pair.certificate) \(pair.certificate)", .unknownAuthority
            )
            let late = try authority.issueWorkload(
                "late", notBefore: Date(timeIntervalSinceNow: -7200), notAfter: Date(timeIntervalSinceNow: -3600))
            table.append(("openssl verify -CAfile \(authority.pair.certificate) \(late.certificate)", .expired))
            table.append(
                (
                    "openssl pkey -in \(pair.key) -aes256 -passout pass:a -out \(folder.path)/k && "
                        + "openssl pkey -in \(folder.path)/k -passin pass:b", .encryptedKey
                ))
        }
        for (script, reason) in table {
            let text = try said(script)
            let reasons = text.split(separator: "\n").compactMap { FailureReason(of: String($0)) }
            XCTAssertTrue(reasons.contains(reason), "\(script): \(text)")
        }
    }

    // MARK: - a run

    private func lines(_ texts: [String]) -> [FailureLines.Line] {
        texts.enumerated().map { FailureLines.Line(text: $0.element, time: Int64($0.offset) * 1_000_000_000) }
    }

    func testTheLastKnownErrorOfARun() {
        let run = FailureLines(
            lines([
                "Started istio.service - Istio sidecar.", "connection refused, trying again", "open: Permission denied",
                "istio.service: Main process exited, code=exited, status=1/FAILURE",
                "istio.service: Failed with result 'exit-code'.",
                "istio.service: Scheduled restart job, restart counter is at 3.", "Stopped istio.service.",
            ]))
        XCTAssertEqual(run.reason, .permission)
        XCTAssertEqual(run.line, "open: Permission denied")
    }

    func testWhatIsOldIsNoReason() {
        let run = FailureLines([
            FailureLines.Line(text: "open: Permission denied", time: 0),
            FailureLines.Line(text: "error: the frobnicator is missing", time: 70_000_000_000),
        ])
        XCTAssertNil(run.reason)
        XCTAssertEqual(run.line, "error: the frobnicator is missing")
    }

    func testHowAProcessEnded() {
        let killed = FailureLines(
            lines(["loading 2 listeners", "istio.service: Main process exited, code=killed, status=9/KILL"]))
        XCTAssertEqual(killed.reason, .killed)
        let crashed = FailureLines(
            lines(["loading 2 listeners", "istio.service: Main process exited, code=dumped, status=6/ABRT"]))
        XCTAssertEqual(crashed.reason, .crashed)
        let undumped = FailureLines(lines(["istio.service: Main process exited, code=killed, status=11/SEGV"]))
        XCTAssertEqual(undumped.reason, .crashed)
        // Under a limit of its memory, it is that.
        let limited = UnitProperties(values: ["LimitAS": "16777216", "LimitDATA": "infinity"])
        XCTAssertEqual(UnitProbe.limits(limited, .crashed)?.texts, ["(LimitAS=16777216)"])
        XCTAssertNil(UnitProbe.limits(limited, .permission))
        XCTAssertNil(UnitProbe.limits(UnitProperties(values: ["LimitAS": "infinity"]), .killed))
        let files = UnitProbe.limits(UnitProperties(values: ["LimitNOFILE": "12"]), .crashed)
        XCTAssertEqual(files?.reason, .tooManyFiles)
        XCTAssertNil(UnitProbe.limits(UnitProperties(values: ["LimitNOFILE": "1024"]), .crashed))
        // A message of its own says more than how it ended.
        let full = FailureLines(
            lines(["write: No space left on device", "istio.service: Main process exited, code=killed, status=6/ABRT"]))
        XCTAssertEqual(full.reason, .noSpace)
    }

    func testUnknownErrorsAreQuoted() {
        let summary = FailureLines(lines(["error: the moon is full", "Giving up after 5 failures"]))
        XCTAssertEqual(summary.line, "error: the moon is full")
        XCTAssertNil(summary.reason)
        let plain = FailureLines(lines(["the moon is full", "x.service: Failed with result 'exit-code'."]))
        XCTAssertEqual(plain.line, "the moon is full")
        let nothing = FailureLines(lines(["x.service: Failed with result 'exit-code'."]))
        XCTAssertEqual(nothing.line, "x.service: Failed with result 'exit-code'.")
        XCTAssertNil(FailureLines([]).line)
    }

    /// The end of a log in several formats, from the start of a run on.
    func testLinesOfAFile() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file(
            "istio.log",
            """
            2026-11-28T11:00:00.000000Z\terror\tthe run before
            2026-11-28T12:00:01.000000Z\tinfo\tstarting
            a line without a time
            [2026-11-28 12:00:02.500][17][critical][main] cannot bind '127.0.0.1:15000': Address already in use

            """)
        let start = try XCTUnwrap(ISO8601DateFormatter().date(from: "2026-11-28T12:00:00Z")).timeIntervalSince1970
        let lines = try FailureLines.lines(ofFile: path, since: Int64(start) * 1_000_000_000)
        XCTAssertEqual(
            lines.map { String($0.text.prefix(24)) },
            ["2026-11-28T12:00:01.0000", "a line without a time", "[2026-11-28 12:00:02.500"])
        XCTAssertEqual(lines.last?.time, Int64(start * 1000 + 2500) * 1_000_000)
        XCTAssertEqual(FailureLines(lines).reason, .addressInUse)
        XCTAssertEqual(try FailureLines.lines(ofFile: folder.path + "/none", since: 0), [])
        // A crash in the middle of nothing, behind lines of another run.
        let crash = try folder.file(
            "crash.log", "2026-11-28T11:00:00.000000Z\tinfo\tx\nFatal error: too many open files\n")
        let said = try FailureLines.lines(ofFile: crash, since: Int64(start) * 1_000_000_000)
        XCTAssertEqual(said.map(\.text), ["Fatal error: too many open files"])
        XCTAssertEqual(FailureLines(said).reason, .tooManyFiles)
        // Only the end of a large one is read.
        let large = try folder.file(
            "large.log", String(repeating: "2026-11-28T12:00:01.000000Z\tinfo\tx\n", count: 10_000))
        XCTAssertLessThan(try FailureLines.lines(ofFile: large, since: 0).count, 4000)
    }
}
