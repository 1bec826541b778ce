import Foundation
import TestSupport
import XCTest

/// Publications that are killed while clients read.
final class KillTests: XCTestCase {
    /// How often: KILLED_PUBLISHES, or 50.
    private var rounds: Int {
        ProcessInfo.processInfo.environment["KILLED_PUBLISHES"].flatMap(Int.init) ?? 50
    }

    func testAKillAtAnyMomentLeavesAValidState() async throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\n")
        let seed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? 20_261_130
        var generator = SeededGenerator(seed: seed)
        try fixture.repo("add", fixture.root, fixture.package("base")).check()
        let keyring = try TestSupport.run(
            "gpg", ["--export", fixture.keys.main], environment: fixture.keys.environment
        ).standardOutput
        let server = try WebServer(fixture.root)
        let loops = try (0..<2).map { _ in try ClientLoop(server.url, keyring: keyring) }
        let started = ContinuousClock.now
        try fixture.repo("resign", fixture.root).check()
        // Kills fall into the whole of a run, and behind it.
        let length = (ContinuousClock.now - started) * 1.5
        var killed = 0
        for round in 0..<rounds {
            let file = try fixture.package("round-\(round)")
            let program = try BackgroundProgram(
                productPath("debbuild"), ["repo", "add", fixture.root, file], environment: fixture.keys.environment)
            let part = Double.random(in: 0...1, using: &generator)
            try await Task.sleep(for: length * part)
            if program.isRunning { killed += 1 }
            program.end()
        }
        for loop in loops {
            let (updates, failures) = loop.stop()
            XCTAssertEqual(failures, [], "seed \(seed)")
            XCTAssertGreaterThan(updates, 0)
        }
        XCTAssertGreaterThan(killed, 0)
        // What killed processes have left is taken up.
        try fixture.repo(
            ["add", fixture.root] + (0..<rounds).map { fixture.folder.path + "/out/round-\($0)_1.0_amd64.deb" }
        ).check()
        XCTAssertEqual(try fixture.packages().count, rounds + 1)
        try fixture.assertSound()
        print("killed \(killed) of \(rounds), seed \(seed)")
    }
}

/// A client that updates and downloads a package again and again.
private final class ClientLoop: @unchecked Sendable {
    private let lock = NSLock()
    private var updates = 0
    private var failures: [String] = []
    private var isStopped = false
    private let client: AptClient
    private let done = DispatchSemaphore(value: 0)

    init(_ url: String, keyring: [UInt8]) throws {
        let client = try AptClient(url, keyring: keyring)
        self.client = client
        Thread { [self] in
            while !lock.withLock({ isStopped }) {
                for step in [["update", "--error-on=any"], ["install", "--download-only", "--yes", "base"]] {
                    do {
                        let result = try TestSupport.run(
                            "apt-get", ["--quiet"] + step,
                            environment: ["APT_CONFIG": self.client.folder.path + "/apt.conf", "LC_ALL": "C"])
                        if result.status != 0 { lock.withLock { failures.append(result.output + result.errors) } }
                    } catch {
                        lock.withLock { failures.append("\(error)") }
                    }
                }
                lock.withLock { updates += 1 }
            }
            done.signal()
        }.start()
    }

    func stop() -> (updates: Int, failures: [String]) {
        lock.withLock { isStopped = true }
        done.wait()
        return lock.withLock { (updates, failures) }
    }
}
