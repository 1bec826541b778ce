import Foundation
import MeshContract
import Processes
import TestSupport
import XCTest

/// The agent as a program, with the real Envoy.
final class ProxyTests: XCTestCase {
    private var harness: AgentHarness!

    override func setUp() async throws {
        _ = try Envoy.path()
        try requireProgram("openssl")
        harness = try AgentHarness()
    }

    override func tearDown() async throws { await harness?.stop() }

    func testRunsEnvoyWithTheArgumentsOfTheContract() async throws {
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        let envoy = try XCTUnwrap(harness.envoys().first)
        XCTAssertEqual(
            Array(envoy.arguments.dropFirst().prefix(14)),
            [
                "-c", harness.configPath + "/envoy-rev0.json", "--restart-epoch", "0", "--drain-time-s", "2",
                "--parent-shutdown-time-s", "3", "--service-cluster", "istio-proxy", "--service-node", harness.node,
                "--base-id", String(harness.baseID),
            ])
        XCTAssertEqual(envoy.parent, harness.agent?.pid)
        let mode = try FileManager.default.attributesOfItem(atPath: harness.configPath + "/envoy-rev0.json")
        XCTAssertEqual(mode[.posixPermissions] as? Int, 0o640)
        let served = try TestSupport.run("curl", ["-s", "http://127.0.0.1:\(harness.listenerPort)/"])
        XCTAssertEqual(served.output, "served")
        XCTAssertEqual(harness.messages.first, "Starting proxy agent")
        XCTAssertTrue(harness.messages.contains("Envoy proxy is ready"))
    }

    func testTerminationLeavesNothing() async throws {
        try await harness.startDiscovery()
        for signal in [Signal.terminate, .interrupt] {
            try await harness.startAgent()
            try await harness.waitForEpoch(0)
            let agent = try XCTUnwrap(harness.agent)
            try agent.signal(signal)
            let status = try await agent.wait()
            XCTAssertEqual(status, .exited(0), harness.log)
            XCTAssertEqual(harness.envoys().map(\.pid), [])
            XCTAssertEqual(harness.configurations(), [])
        }
    }

    func testEnvoyDoesNotOutliveAnAgentThatIsKilled() async throws {
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        try harness.agent?.signal(.kill)
        try await poll("no Envoy") { harness.envoys().isEmpty }
        XCTAssertEqual(harness.configurations(), ["envoy-rev0.json"])
        // The next one tidies up and is not held up by what is left.
        try await harness.startAgent()
        try await poll("Envoy serves") { try self.isServing() }
    }

    /// What Envoy has started, here by a script in its place, even in a session and group of its own.
    func testNothingOutlivesAnAgentThatIsKilled() async throws {
        let mark = "sleep-\(UUID().uuidString)"
        let script = try harness.folder.file(
            "envoy.sh",
            """
            #!/bin/bash
            bash -c 'exec -a "$0" sleep 3600' \(mark)-same &
            setsid bash -c 'exec -a "$0" sleep 3600' \(mark)-own &
            exec sleep 3600
            """, mode: 0o755)
        func descendants() throws -> [String] {
            try TestSupport.run("pgrep", ["--full", "--", "^" + mark]).output.split(separator: "\n").map(String.init)
        }
        for signal in [Signal.kill, .terminate] {
            try await harness.startAgent(["--binaryPath", script])
            try await poll("two descendants") { try descendants().count == 2 }
            try harness.agent?.signal(signal)
            try await poll("nothing after \(signal)") { try descendants().isEmpty }
        }
    }

    func testHangUpLooksAtTheCertificatesAtOnce() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        try await harness.startAgent(["--certBatchDuration", "1h"])
        try await harness.waitForEpoch(0)
        // Nothing has changed: nothing happens.
        try harness.agent?.signal(.hangUp)
        try await poll("the signal") { harness.messages.contains("Received SIGHUP") }
        try harness.renewCertificates(serial: 2)
        try harness.agent?.signal(.hangUp)
        try await harness.waitForEpoch(1)
    }

    func testFlagsOfFormerAgentsAreTaken() throws {
        for arguments in [
            ["version"], ["--log_output_level", "default:info", "-v", "2", "version", "--short"],
            ["version", "--log_target=stdout", "--logtostderr=true", "--availabilityZone", "a"],
        ] {
            let result = try harness.command(arguments)
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(result.output.split(separator: "\n").count, 1, result.output)
        }
        let former = ["--availabilityZone", "z", "-v", "2", "--log_as_json", "--log_rotate_max_age=30"]
        let bootstrap = try harness.command(["bootstrap", "--ip", "10.1.2.3"] + former)
        XCTAssertEqual(bootstrap.status, 0, bootstrap.errors)
        let refused = try harness.command(["bootstrap", "--ip", "10.1.2.3", "--drainDuration", "0s"])
        XCTAssertEqual(refused.status, 2)
        XCTAssertTrue(
            refused.errors.contains("--drainDuration: expected a duration of whole seconds from 1s"), refused.errors)
    }

    func testNewCertificatesReplaceEnvoyWithoutLosingARequest() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        try await poll("the listener") { try self.isServing() }
        let client = try await harness.startScript(
            Scripts.steadyClient, [String(harness.listenerPort)], input: .pipe)
        for epoch in 1...4 {
            try harness.renewCertificates(serial: 1 + epoch)
            try await harness.waitForEpoch(epoch)
        }
        client.child.standardInput?.close()
        let status = try await client.child.wait()
        XCTAssertEqual(status, .exited(0))
        let lines = try String(contentsOfFile: client.output, encoding: .utf8).split(separator: "\n")
        print("steady client over 4 restarts: \(lines.last ?? "")")
        struct Counts: Decodable {
            var answers: [Int]
            var failures: [String]
        }
        let counts = try JSONDecoder().decode(Counts.self, from: Data(try XCTUnwrap(lines.last).utf8))
        XCTAssertEqual(counts.failures, [])
        XCTAssertTrue(counts.answers.allSatisfy { $0 > 100 }, "\(counts.answers)")
        let secrets = try harness.command([
            "request", "GET", "/config_dump?resource=static_secrets", "--proxyAdminPort", String(harness.adminPort),
        ])
        XCTAssertTrue(secrets.output.contains("\"name\": \"ROOTCA\""), secrets.output)
    }

    func testCertificatesMayComeLaterAndTheFolderMayBeReplaced() async throws {
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        XCTAssertFalse(try configuration(0).contains("ROOTCA"))
        try harness.renewCertificates(serial: 1)
        try await harness.waitForEpoch(1)
        XCTAssertTrue(try configuration(1).contains("ROOTCA"))
        // The folder becomes a link to another one.
        rename(harness.certificates, harness.folder.path + "/first")
        try harness.renewCertificates(serial: 2)
        rename(harness.certificates, harness.folder.path + "/second")
        symlink("second", harness.certificates)
        try await harness.waitForEpoch(2)
        symlink("first", harness.folder.path + "/next")
        rename(harness.folder.path + "/next", harness.certificates)
        try await harness.waitForEpoch(3)
    }

    func testCertificatesThatCannotBeUsedLeaveEnvoyAlone() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        let kept = try String(contentsOfFile: harness.certificates + "/cert-chain.pem", encoding: .utf8)
        try "-----BEGIN CERTIFICATE-----\nno\n".write(
            toFile: harness.certificates + "/cert-chain.pem", atomically: true, encoding: .utf8)
        try await poll("the warning") {
            harness.messages.contains { $0.contains("cannot be used; Envoy keeps those it has") }
        }
        XCTAssertEqual(harness.envoys().map(\.epoch), [0])
        // As it was: nothing to do.
        try kept.write(toFile: harness.certificates + "/cert-chain.pem", atomically: true, encoding: .utf8)
        try harness.renewCertificates(serial: 2)
        try await harness.waitForEpoch(1)
    }

    func testOldEpochServesWhileTheControlPlaneIsAway() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        try await harness.startAgent(["--discoveryRefreshDelay", "100ms"])
        try await harness.waitForEpoch(0)
        try await poll("the listener") { try self.isServing() }
        try await harness.stopDiscovery()
        try harness.renewCertificates(serial: 2)
        // Envoy's own limit for a first configuration, after which it would serve with none, is 15 s.
        try await poll("the warning") { harness.messages.contains { $0.hasPrefix("Epoch 1 has no configuration") } }
        XCTAssertTrue(try isServing())
        XCTAssertEqual(harness.envoys().map(\.epoch), [0, 1])
        try await harness.startDiscovery()
        try await harness.waitForEpoch(1)
        XCTAssertTrue(try isServing())
    }

    func testNamesOfClustersMayHaveDots() async throws {
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        let statistics = try harness.command(
            ["request", "GET", "/stats/prometheus", "--proxyAdminPort", String(harness.adminPort)])
        XCTAssertTrue(
            statistics.output.contains(#"envoy_cluster_membership_total{envoy_cluster_name="istio-pilot""#),
            String(statistics.output.prefix(2000)))
    }

    func testEnvoyThatCrashesIsStartedAgain() async throws {
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        let first = try XCTUnwrap(harness.envoys().first?.pid)
        kill(first, SIGKILL)
        try await poll("another Envoy") { harness.envoys().contains { $0.pid != first } }
        try await harness.waitForEpoch(0)
        XCTAssertTrue(harness.messages.contains("Epoch 0 failed: killed by SIGKILL"), harness.log)
        XCTAssertTrue(harness.messages.contains("Trying again in 200ms (budget 9)"), harness.log)
    }

    func testNewEpochThatFailsLeavesTheOldOneAlone() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        // A link, so that the program can be replaced by one that fails.
        let envoy = harness.folder.path + "/envoy"
        symlink(try Envoy.path(), envoy)
        try await harness.startAgent(["--binaryPath", envoy])
        try await harness.waitForEpoch(0)
        let serving = try XCTUnwrap(harness.envoys().first?.pid)
        symlink("/bin/false", envoy + ".next")
        rename(envoy + ".next", envoy)
        try harness.renewCertificates(serial: 2)
        try await poll("three failures") {
            harness.messages.filter { $0 == "Epoch 1 failed: exit status 1" }.count >= 3
        }
        XCTAssertEqual(harness.envoys().map(\.pid), [serving])
        XCTAssertTrue(try isServing())
        symlink(try Envoy.path(), envoy + ".next")
        rename(envoy + ".next", envoy)
        try await harness.waitForEpoch(1)
        XCTAssertTrue(try isServing())
    }

    func testEpochThatIsKilledWhileItStartsLeavesTheOldOneAlone() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        try harness.renewCertificates(serial: 2)
        try await poll("epoch 1") { harness.envoys().contains { $0.epoch == 1 } }
        if let starting = harness.envoys().first(where: { $0.epoch == 1 }) { kill(starting.pid, SIGKILL) }
        // Whether it was live already or not, what runs in the end is one Envoy with the new certificates.
        try await poll("one live Envoy after a failure") {
            let messages = harness.messages
            guard let failure = messages.lastIndex(where: { $0.contains("failed: killed by SIGKILL") }) else {
                return false
            }
            return messages[failure...].contains { $0.hasSuffix("is live") } && harness.envoys().count == 1
        }
        XCTAssertTrue(try isServing())
    }

    func testAgentWithoutAWorkingEnvoyEndsWithAnError() async throws {
        try await harness.startAgent(["--binaryPath", "/nonexistent/envoy"])
        try await poll("two retries") { harness.messages.filter { $0.hasPrefix("Trying again in") }.count >= 2 }
        let waits = harness.messages.filter { $0.hasPrefix("Trying again in") }
        XCTAssertEqual(
            waits.prefix(2), ["Trying again in 200ms (budget 9)", "Trying again in 400ms (budget 8)"])
        XCTAssertTrue(
            harness.messages.contains(
                "Epoch 0 failed: cannot execute '/nonexistent/envoy': No such file or directory"), harness.log)
        try harness.agent?.signal(.terminate)
        let status = try await harness.agent?.wait()
        XCTAssertEqual(status, .exited(0))
    }

    func testTwoAgentsDoNotShareAFolder() async throws {
        try await harness.startDiscovery()
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        let second = try harness.command(try harness.arguments())
        XCTAssertEqual(second.status, 2)
        XCTAssertTrue(second.errors.contains("another pilot-agent uses '\(harness.configPath)'"), second.errors)
        XCTAssertEqual(harness.envoys().count, 1)
    }

    func testStatusAndRequest() async throws {
        try harness.renewCertificates(serial: 1)
        try await harness.startDiscovery()
        let places = [
            "--configPath", harness.configPath, "--certPath", harness.certificates, "--proxyAdminPort",
            String(harness.adminPort),
        ]
        XCTAssertEqual(try harness.command(["status"] + places).status, 3)
        try await harness.startAgent()
        try await harness.waitForEpoch(0)
        let json = try harness.command(["status", "--format", "json"] + places)
        XCTAssertEqual(json.status, 0, json.output)
        let object = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(json.standardOutput)) as? [String: Any])
        let envoys = try XCTUnwrap(object["envoys"] as? [[String: Any]])
        XCTAssertEqual(envoys.map { $0["pid"] as? Int }, harness.envoys().map { Int($0.pid) })
        XCTAssertEqual((object["admin"] as? [String: Any])?["state"] as? String, "LIVE")
        let listeners = (object["discovery"] as? [String: Any])?["listeners"] as? [String: Any]
        XCTAssertNotNil(listeners?["lastUpdate"] as? String)
        let certificate = try XCTUnwrap(object["certificate"] as? [String: Any])
        XCTAssertEqual(certificate["identities"] as? [String], ["spiffe://cluster.local/ns/default/sa/vm"])
        let left = try XCTUnwrap(certificate["secondsLeft"] as? Int)
        XCTAssertTrue((86_000...86_400).contains(left), "\(left)")
        let text = try harness.command(["status"] + places)
        XCTAssertEqual(text.status, 0)
        XCTAssertTrue(text.output.contains("LIVE (epoch 0)"), text.output)

        let port = ["--proxyAdminPort", String(harness.adminPort)]
        let stats = try harness.command(
            ["request", "GET", #"/stats?filter=^listener_manager\.lds\.update_(success|rejected)$"#] + port)
        XCTAssertEqual(stats.status, 0, stats.errors)
        XCTAssertTrue(stats.output.hasPrefix("listener_manager.lds.update_rejected: 0\n"), stats.output)
        XCTAssertEqual(try harness.command(["request", "GET", "/nothing"] + port).status, 1)
        XCTAssertEqual(try harness.command(["request", "GET", "stats"] + port).status, 2)
    }

    private func isServing() throws -> Bool {
        let answer = try TestSupport.run("curl", ["-s", "-m", "5", "http://127.0.0.1:\(harness.listenerPort)/"])
        return answer.output == "served"
    }

    private func configuration(_ epoch: Int) throws -> String {
        try String(contentsOfFile: harness.configPath + "/envoy-rev\(epoch).json", encoding: .utf8)
    }
}
