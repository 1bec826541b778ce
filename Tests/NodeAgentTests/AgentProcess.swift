import Foundation
import Platform
import TestSupport
import WorkloadCertificates
import XCTest

/// The real program, running.
final class AgentProcess {
    let process = Process()
    private let logPath: String
    private let folder: TemporaryDirectory

    /// Starts it on files and an authority on a port of loopback.
    init(
        _ files: CertificateFiles, port: Int, host: String = "localhost", _ arguments: [String] = [],
        wrapper: [String] = []
    ) throws {
        folder = try TemporaryDirectory()
        logPath = try folder.file("log", "")
        let command =
            wrapper + [
                productPath("node_agent"), "--logtostderr", "--key", files.key, "--cert-chain", files.chain,
                "--root-cert", files.root, "--ca-address", "\(host):\(port)",
            ] + arguments
        guard let program = programPath(command[0]) else { throw XCTSkip("\(command[0]) is not installed") }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = Array(command.dropFirst())
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard let log = FileHandle(forWritingAtPath: logPath) else { throw CocoaError(.fileWriteUnknown) }
        process.standardError = log
        try process.run()
    }

    deinit { if process.isRunning { end(SIGKILL) } }

    /// What it has logged so far.
    var log: String { (try? String(decoding: contents(logPath), as: UTF8.self)) ?? "" }

    /// The messages of the log; every line has to be glog's.
    func messages(file: StaticString = #filePath, line: UInt = #line) -> [String] {
        log.split(separator: "\n").compactMap { text in
            guard let parsed = GlogLine(text) else {
                XCTFail("no line of glog: \(text)", file: file, line: line)
                return nil
            }
            return parsed.message
        }
    }

    /// Waits until the log has a message that begins so, so many times.
    func expect(
        _ prefix: String, count: Int = 1, within seconds: Double = patience, file: StaticString = #filePath,
        line: UInt = #line
    ) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while messages(file: file, line: line).count(where: { $0.hasPrefix(prefix) }) < count {
            guard Date() < end, process.isRunning else {
                XCTFail("no message '\(prefix)' in:\n\(log)", file: file, line: line)
                throw CocoaError(.fileReadUnknown)
            }
            usleep(5000)
        }
    }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Sends a signal and waits for the end; the status, or 128 and the signal's number.
    @discardableResult
    func end(_ number: Int32) -> Int32 {
        signal(number)
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }
}

/// Whether openssl(1) sees one public key in both files, and trusts the chain.
func assertPair(_ files: CertificateFiles, file: StaticString = #filePath, line: UInt = #line) throws {
    let key = try openssl(["pkey", "-in", files.key, "-pubout"]).output
    let certificate = try openssl(["x509", "-in", files.chain, "-noout", "-pubkey"]).output
    XCTAssertEqual(key, certificate, "key and certificate do not match", file: file, line: line)
    let verdict = try TestSupport.run(
        "openssl", ["verify", "-CAfile", files.root, "-untrusted", files.chain, files.chain])
    XCTAssertEqual(verdict.status, 0, verdict.errors, file: file, line: line)
}
