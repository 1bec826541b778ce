import Foundation
import MeshContract
import Platform
import TestSupport
import WorkloadCertificates
import XCTest

@testable import NodeAgent
@testable import node_agent

final class CommandLineTests: XCTestCase {
    private func normalised(_ arguments: [String]) throws -> [String] {
        try GoFlags.normalised(arguments, flags: ["v", "org", "ca-address", "env"], booleans: GoFlags.logSwitches)
    }

    func testFlagsOfGoBecomeOurs() throws {
        XCTAssertEqual(
            try normalised(["-logtostderr", "-v=2", "-ca-address", "istio-ca:8060"]),
            ["--logtostderr", "--v=2", "--ca-address", "istio-ca:8060"])
        XCTAssertEqual(try normalised(["--logtostderr=true", "--v", "2"]), ["--logtostderr", "--v", "2"])
        XCTAssertEqual(try normalised(["-logtostderr=false", "--alsologtostderr=0"]), [])
        // A value that looks like a flag is a value.
        XCTAssertEqual(try normalised(["--org", "-v=2", "-org=-x"]), ["--org", "-v=2", "--org=-x"])
        XCTAssertEqual(try normalised(["--", "-v=2"]), ["--", "-v=2"])
        XCTAssertEqual(try normalised(["-h", "--unknown=1", "-", "--", "x"]), ["-h", "--unknown=1", "-", "--", "x"])
        XCTAssertThrowsError(try normalised(["--logtostderr=maybe"])) {
            let fault = $0 as? GoFlags.BadBoolean
            XCTAssertEqual(fault.map { [$0.flag, $0.found] }, ["--logtostderr", "maybe"])
        }
    }

    func testWithoutFlagsItIsTheContractsConfiguration() throws {
        let configuration = try NodeAgentCommand.parse([]).agentConfiguration
        XCTAssertEqual(configuration, AgentConfiguration())
        XCTAssertEqual(configuration.files.key, "/etc/certs/key.pem")
        XCTAssertEqual(configuration.authority.description, "istio-ca:8060")
        XCTAssertEqual(configuration.key, .rsa(bits: 2048))
    }

    /// What scripts and units of 0.2 to 1.0 pass.
    func testFlagsOfFormerAgentsAreTaken() throws {
        for arguments in [
            ["--logtostderr", "--vmodule", "a=1", "-log_dir=/tmp", "version"],
            [
                "--log_output_level", "default:info", "--log_as_json", "--log_target=stdout", "--platform", "vm",
                "version",
            ],
        ] {
            let result = try TestSupport.run(productPath("node_agent"), arguments)
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(result.output, ProductVersion.text + "\n")
        }
        XCTAssertEqual(
            GoFlags.without(
                ["--log_target", "x", "-v=2", "--a", "--", "--log_dir=x"], flags: GoFlags.logFlags, booleans: []),
            ["-v=2", "--a", "--", "--log_dir=x"])
        let former = try NodeAgentCommand.parse(["--env", "unspecified", "--key-size", "1024"])
        XCTAssertEqual(former.agentConfiguration.key, .rsa(bits: 2048))
        XCTAssertEqual(former.agentConfiguration.requestedLifetime, GoDuration(.seconds(3600)))
    }

    func testAddressesOfTheAuthority() {
        XCTAssertEqual(NetworkEndpoint("istio-ca", defaultPort: 8060), NetworkEndpoint(host: "istio-ca", port: 8060))
        XCTAssertEqual(NetworkEndpoint("10.0.0.9:81", defaultPort: 8060), NetworkEndpoint(host: "10.0.0.9", port: 81))
        XCTAssertEqual(
            NetworkEndpoint("[2001:db8::1]:81", defaultPort: 8060), NetworkEndpoint(host: "2001:db8::1", port: 81))
        XCTAssertEqual(NetworkEndpoint("[::1]", defaultPort: 8060)?.description, "[::1]:8060")
        XCTAssertEqual(NetworkEndpoint("::1", defaultPort: 8060)?.description, "[::1]:8060")
        for bad in [
            "", ":1", "a:", "a:0", "a:65536", "a:1x", "a b:1", "a:1:2", "[::1", "[x]:1", "[::1]x", "a/b:1",
            "a:\u{301}1",
        ] {
            XCTAssertNil(NetworkEndpoint(bad, defaultPort: 8060), bad)
        }
    }

    func testWrongUsageSaysWhatIsExpected() throws {
        for (arguments, words) in [
            (["--env", "gcp"], ["'gcp' is not supported", "onprem"]), (["-env=aws"], ["'aws' is not supported"]),
            (["--key-size", "512"], ["--key-size", "1024 to 8192", "512"]),
            (["--key-type", "ecdsa-p256", "--key-size", "2048"], ["--key-size is for RSA"]),
            (["--grace-percent", "100"], ["1 to 99", "100"]), (["--rpc-timeout", "0s"], ["1ms to 10m", "0s"]),
            (["--workload-cert-ttl", "30s"], ["at least", "30s"].dropFirst() + ["1m to 87600h"]),
            (["--ca-address", "a:b:c"], ["a:b:c"]), (["--logtostderr=maybe"], ["maybe"]),
            (["--nonsense"], ["nonsense"]),
            (["--key", "/tmp/x", "--cert-chain", "/tmp/x"], ["three files"]),
        ] as [([String], [String])] {
            let result = try TestSupport.run(productPath("node_agent"), arguments)
            XCTAssertEqual(result.status, 2, "\(arguments): \(result.errors)")
            XCTAssertEqual(result.output, "")
            for word in words { XCTAssertTrue(result.errors.contains(word), "\(arguments): \(result.errors)") }
        }
    }

    func testHelpIsComplete() throws {
        let result = try TestSupport.run(productPath("node_agent"), ["-help"])
        XCTAssertEqual(result.status, 0)
        for word in [
            "--org", "--key-size", "--key-type", "--cert-chain", "--key", "--root-cert", "--ca-address", "--env",
            "--workload-cert-ttl", "--grace-percent", "--jitter-percent", "--rpc-timeout", "--log-format",
            "--logtostderr",
            "SIGHUP", "ENVIRONMENT", "EXIT STATUS", "255", "EXAMPLES",
        ] {
            XCTAssertTrue(result.output.contains(word), word)
        }
        for line in result.output.split(separator: "\n") { XCTAssertLessThanOrEqual(line.count, 80, "\(line)") }
    }

    func testLogLinesAreOneLineWhateverTheySay() throws {
        let entry = AgentLog.Entry(
            .error, "a \"quoted\" \\ text\nI1013 21:32:29.469314    6941 main.go:66] forged \u{1b}[31m")
        let time: Int64 = 1_700_000_000_123_456_789
        let glog = AgentLog(format: .glog).text(entry, at: time, process: 42)
        XCTAssertFalse(glog.utf8.contains { $0 < 0x20 })
        let parsed = try XCTUnwrap(GlogLine(glog))
        XCTAssertEqual(parsed.severity, .error)
        XCTAssertEqual(parsed.thread, 42)
        XCTAssertEqual(parsed.file, "CommandLineTests.swift")
        let json = AgentLog(format: .json).text(entry, at: time, process: 42)
        XCTAssertFalse(json.utf8.contains { $0 < 0x20 })
        let object = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
        XCTAssertEqual(object["message"], entry.message)
        XCTAssertEqual(object["time"], "2023-11-14T22:13:20.123456Z")
        XCTAssertEqual(object["level"], "error")
    }
}
