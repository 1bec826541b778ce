import Foundation
import TestSupport
import XCTest

/// The certificate authority, in the judgement of openssl and of node_agent.
final class AuthorityTests: XCTestCase {
    private func openssl(_ arguments: String...) throws -> RunResult { try TestSupport.run("openssl", arguments) }

    func testBootstrapFilesAreSound() async throws {
        let mesh = try await RunningMesh()
        let folder = try mesh.issue()
        let verified = try openssl(
            "verify", "-CAfile", folder + "/root-cert.pem", "-untrusted", folder + "/cert-chain.pem",
            folder + "/cert-chain.pem")
        XCTAssertEqual(verified.status, 0, verified.output + verified.errors)
        let text = try openssl("x509", "-in", folder + "/cert-chain.pem", "-noout", "-text").output
        XCTAssertTrue(text.contains("URI:spiffe://cluster.local/ns/default/sa/vm"), text)
        XCTAssertTrue(text.contains("CA:FALSE"), text)
        let key = try openssl("pkey", "-in", folder + "/key.pem", "-pubout").output
        XCTAssertEqual(key, try openssl("x509", "-in", folder + "/cert-chain.pem", "-noout", "-pubkey").output)
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/key.pem")[.posixPermissions] as? Int
        XCTAssertEqual(mode, 0o600)
        for (name, expected) in [("ca", 0o700), ("ca/root.key.pem", 0o600), ("ca/intermediate.key.pem", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: mesh.state + "/" + name)
            XCTAssertEqual(attributes[.posixPermissions] as? Int, expected, name)
        }
    }

    func testHandshakeShowsTheNameAndAsksForACertificate() async throws {
        let mesh = try await RunningMesh()
        let folder = try mesh.issue()
        let address = try mesh.address("ca")
        let arguments = [
            "s_client", "-connect", address, "-servername", "istio-ca", "-CAfile", folder + "/root-cert.pem",
            "-verify_hostname", "istio-ca", "-verify_return_error", "-alpn", "h2",
        ]
        let with = try TestSupport.run(
            "openssl", arguments + ["-cert", folder + "/cert-chain.pem", "-key", folder + "/key.pem"], input: [])
        XCTAssertTrue(with.output.contains("Verify return code: 0 (ok)"), with.output + with.errors)
        XCTAssertTrue(with.output.contains("ALPN protocol: h2"), with.output)
    }

    /// The agent of this repository renews against it, for every fault and without.
    func testNodeAgentRenews() async throws {
        try requireRoot()
        let mesh = try await RunningMesh()
        let folder = try mesh.issue(["--lifetime", "1h"])
        let before = try openssl("x509", "-in", folder + "/cert-chain.pem", "-noout", "-serial").output
        let port = try mesh.address("ca").components(separatedBy: ":")[1]
        func agent(port: String) throws -> BackgroundProgram { try Self.agent(folder, port: port, in: mesh) }
        let first = try agent(port: port)
        try await poll("approval") { first.errors.contains("CSR is approved successfully. Will renew cert in 4m5") }
        XCTAssertNotEqual(try openssl("x509", "-in", folder + "/cert-chain.pem", "-noout", "-serial").output, before)
        for (fault, message) in [
            ("ca-deny", "request not approved"), ("ca-expired", "Will retry in 5s"), ("ca-no-san", "Will retry in 5s"),
            ("ca-refuse", "connection refused"), ("ca-hang", "CSR signing failed"),
        ] {
            try mesh.fault(fault, "on")
            // Listeners close a moment after the fault is on.
            if fault == "ca-refuse" {
                try await poll("a closed port") { mesh.program.errors.contains("ca is closed") }
            }
            let failing = try agent(port: try mesh.address("ca").components(separatedBy: ":")[1])
            try await poll("\(fault): \(message)") { failing.errors.contains(message) }
            XCTAssertFalse(failing.errors.contains("approved successfully"), fault)
            try mesh.fault(fault, "off")
        }
        try await poll("an open port") { mesh.program.errors.components(separatedBy: "ca answers at").count == 3 }
        let root = try String(contentsOfFile: folder + "/root-cert.pem", encoding: .utf8)
        let newPort = try mesh.address("ca").components(separatedBy: ":")[1]
        try mesh.fault("ca-new-root", "on")
        let last = try agent(port: newPort)
        try await poll("approval by the new root") { last.errors.contains("CSR is approved successfully") }
        let roots = try String(contentsOfFile: folder + "/root-cert.pem", encoding: .utf8)
        XCTAssertTrue(roots.contains(root.trimmingCharacters(in: .whitespacesAndNewlines)))
        XCTAssertEqual(roots.components(separatedBy: "BEGIN CERTIFICATE").count, 3)
    }

    /// The authority's certificate names istio-ca, so that name is dialled: in a mount namespace where it is loopback.
    static func agent(_ folder: String, port: String, in mesh: RunningMesh) throws -> BackgroundProgram {
        let hosts = try mesh.folder.file("hosts", "127.0.0.1 localhost istio-ca\n")
        return try BackgroundProgram(
            try XCTUnwrap(programPath("unshare")),
            [
                "--mount", "--propagation", "private", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"",
                hosts,
                productPath("node_agent"), "--logtostderr", "--ca-address", "istio-ca:\(port)", "--key",
                folder + "/key.pem", "--cert-chain", folder + "/cert-chain.pem", "--root-cert",
                folder + "/root-cert.pem", "--rpc-timeout", "5s",
            ])
    }

    func testWrongUsageSaysWhat() throws {
        let folder = try TemporaryDirectory()
        let config = try folder.file("mesh.yaml", "pilot: [localhost]\nca: []\nservices:\n  - hostnme: x\n")
        let result = try TestSupport.run(
            productPath("mesh-lab"), ["run", "--config", config, "--state", folder.path + "/state"])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("mesh.yaml:1:9"), result.errors)
        XCTAssertTrue(result.errors.contains("did you mean 'hostname'?"), result.errors)
        XCTAssertFalse(FileManager.default.fileExists(atPath: folder.path + "/state"))
        let identity = try TestSupport.run(
            productPath("mesh-lab"),
            [
                "issue", "--service-account", "a/b", "--namespace", "x", "--out", folder.path + "/o", "--state",
                folder.path,
            ])
        XCTAssertNotEqual(identity.status, 0)
        XCTAssertTrue(identity.errors.contains("SPIFFE"), identity.errors)
    }
}
