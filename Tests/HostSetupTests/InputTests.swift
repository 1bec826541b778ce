import Foundation
import HostSetup
import TestSupport
import XCTest

/// Inputs that are refused before any machine is asked: the address is one where nobody is.
final class InputTests: XCTestCase {
    private func inputs(lifetime: Double = 3600) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        let authority = try OpenSSLAuthority("root", in: folder)
        let pair = try authority.issueWorkload("vm", notAfter: Date(timeIntervalSinceNow: lifetime))
        try folder.directory("certs")
        for (source, name) in [
            (pair.key, "key.pem"), (pair.certificate, "cert-chain.pem"), (authority.pair.certificate, "root-cert.pem"),
        ] { try FileManager.default.copyItem(atPath: source, toPath: folder.path + "/certs/" + name) }
        try folder.file("cluster.env", "ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
        try folder.file("kubedns", SetupFixture.kubedns)
        try folder.directory("packages")
        try SetupFixture.build(
            ["istio-agent", "istio-auth-node-agent", "istio-proxy"], in: folder.path + "/packages", folder, payload: 100
        )
        return folder
    }

    private func refused(_ folder: TemporaryDirectory, _ words: String..., line: UInt = #line) throws {
        let result = try TestSupport.run(
            productPath("meshex"),
            [
                "machine-setup", "--dry-run", "--certs", "certs", "--packages", "packages", "root@192.0.2.1",
            ], workingDirectory: folder.path)
        XCTAssertEqual(result.status, 2, result.errors, line: line)
        XCTAssertEqual(result.output, "", line: line)
        for word in words { XCTAssertTrue(result.errors.contains(word), "\(word): \(result.errors)", line: line) }
    }

    func testCertificates() throws {
        let other = try inputs()
        let folder = try inputs()
        let key = try String(contentsOfFile: other.path + "/certs/key.pem", encoding: .utf8)
        try folder.file("certs/key.pem", key)
        try refused(folder, "private key does not match public key", "meshex certs")
        try folder.file("certs/key.pem", "garbage")
        try refused(folder, "private key")
        try FileManager.default.removeItem(atPath: folder.path + "/certs/key.pem")
        try refused(folder, "key.pem")
        try refused(try inputs(lifetime: 60), "more seconds")
        try refused(try inputs(lifetime: -1), "expired")
    }

    func testConfiguration() throws {
        let folder = try inputs()
        try folder.file("kubedns", SetupFixture.kubedns + "address=/istio-ca/\n")
        try folder.file("cluster.env", "ISTIO_SERVICE_CIDR=10.63.240.0/99\n")
        // Every mistake at once.
        try refused(folder, "line 8", "ISTIO_SERVICE_CIDR")
    }

    func testPackages() throws {
        let folder = try inputs()
        try folder.file("packages/istio-proxy_0.3.0_all.deb", "<html>404 not found</html>")
        try refused(folder, "it begins with '<html>404", "expected a Debian package")
        let second = try inputs()
        try second.file("packages/SHA256SUMS", String(repeating: "0", count: 64) + "  istio-agent_0.3.0_all.deb\n")
        try refused(second, "its SHA-256 is")
        let third = try inputs()
        try FileManager.default.removeItem(atPath: third.path + "/packages/istio-agent_0.3.0_all.deb")
        try refused(third, "no file istio-agent_VERSION_ARCHITECTURE.deb")
    }

    func testScriptIsThePublishedOne() throws {
        let result = try TestSupport.run(productPath("meshex"), ["machine-script"])
        XCTAssertEqual(result.status, 0)
        let path = repositoryRoot + "/Scripts/setupIstioVM.sh"
        XCTAssertEqual(result.output, try String(contentsOfFile: path, encoding: .utf8))
        XCTAssertEqual(result.output, String(decoding: SetupScript.bytes, as: UTF8.self))
        try requireProgram("shellcheck")
        let checked = try TestSupport.run("shellcheck", [path])
        XCTAssertEqual(checked.status, 0, checked.output)
    }

    func testUsage() throws {
        for arguments in [["--certs", "c", "--packages", "p"], ["--certs", "c", "h"], ["--packages", "p", "h"]] {
            let result = try TestSupport.run(productPath("meshex"), ["machine-setup"] + arguments)
            XCTAssertEqual(result.status, 2, result.errors)
        }
    }
}
