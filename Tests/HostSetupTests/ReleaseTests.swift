import Foundation
import TestSupport
import XCTest

/// Releases from a real HTTP server.
final class ReleaseTests: XCTestCase {
    private final class Release {
        let folder: TemporaryDirectory
        let server: BackgroundProgram
        let url: String

        init() throws {
            try requireProgram("python3")
            try requireProgram("curl")
            folder = try TemporaryDirectory()
            let port = try SSHServer.freePort()
            let url = "http://127.0.0.1:\(port)"
            self.url = url
            let site = try folder.directory("site")
            let names = ["istio-agent", "istio-auth-node-agent", "istio-proxy"]
            try SetupFixture.build(names, in: site, folder, payload: 100_000)
            let sums = try TestSupport.run(
                "sha256sum", names.map { "\($0)_0.3.0_all.deb" }, workingDirectory: site)
            try folder.file("site/SHA256SUMS", sums.output)
            for name in names {
                try FileManager.default.linkItem(
                    atPath: site + "/\(name)_0.3.0_all.deb", toPath: site + "/\(name).deb")
            }
            try folder.file(
                "site/istio.VERSION",
                "export ISTIO_VM_VERSION=\"0.3.0\"\n"
                    + ["PILOT", "AUTH", "PROXY"].map { "export \($0)_DEBIAN_URL=\"\(url)\"\n" }.joined())
            let authority = try OpenSSLAuthority("root", in: folder)
            let pair = try authority.issueWorkload("vm")
            try folder.directory("certs")
            for (source, name) in [
                (pair.key, "key.pem"), (pair.certificate, "cert-chain.pem"),
                (authority.pair.certificate, "root-cert.pem"),
            ] { try FileManager.default.copyItem(atPath: source, toPath: folder.path + "/certs/" + name) }
            try folder.file("cluster.env", "ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
            try folder.file("kubedns", SetupFixture.kubedns)
            server = try BackgroundProgram(
                programPath("python3") ?? "python3",
                ["-m", "http.server", "--bind", "127.0.0.1", "--directory", site, String(port)])
            XCTAssertTrue(waitUntil { SSHServer.canConnect(port) })
        }

        func fetch() throws -> RunResult {
            try TestSupport.run(
                productPath("meshex"),
                [
                    "machine-setup", "--dry-run", "--certs", "certs", "--release", url, "--cache", "cache",
                    "root@192.0.2.1",
                ], workingDirectory: folder.path)
        }

        var requests: Int { server.errors.split(separator: "\n").count { $0.contains(".deb HTTP") } }

        func replace(_ name: String, _ bytes: [UInt8]) throws {
            try FileManager.default.removeItem(atPath: folder.path + "/site/" + name)
            try folder.file("site/" + name, bytes: bytes)
        }
    }

    func testDownloadsAndKeeps() throws {
        let release = try Release()
        let first = try release.fetch()
        XCTAssertEqual(first.status, 0, first.errors)
        XCTAssertTrue(first.output.contains("istio-proxy.deb"), first.output)
        XCTAssertEqual(release.requests, 3, release.server.errors)
        let second = try release.fetch()
        XCTAssertEqual(second.status, 0, second.errors)
        XCTAssertEqual(release.requests, 3, release.server.errors)
    }

    func testNotFound() throws {
        let release = try Release()
        try FileManager.default.removeItem(atPath: release.folder.path + "/site/istio-proxy.deb")
        let result = try release.fetch()
        XCTAssertEqual(result.status, 3, result.errors)
        XCTAssertTrue(result.errors.contains("istio-proxy.deb: the server answers with status 404"), result.errors)
    }

    func testTruncatedAndChanged() throws {
        let release = try Release()
        let whole = try contents(release.folder.path + "/site/istio-proxy.deb")
        try release.replace("istio-proxy.deb", Array(whole.prefix(5000)))
        let result = try release.fetch()
        XCTAssertEqual(result.status, 3, result.errors)
        XCTAssertTrue(result.errors.contains("it has 5000 bytes and SHA-256"), result.errors)
        try release.replace("istio-proxy.deb", Array("<html>an error page</html>".utf8))
        let page = try release.fetch()
        XCTAssertEqual(page.status, 3, page.errors)
        XCTAssertTrue(page.errors.contains("it begins with '<html>"), page.errors)
        let left = try FileManager.default.contentsOfDirectory(atPath: release.folder.path + "/cache")
        XCTAssertFalse(left.contains { $0.hasSuffix(".part") || $0.hasSuffix(".tmp") }, "\(left)")
    }

    func testNobodyThere() throws {
        let release = try Release()
        release.server.end()
        let result = try release.fetch()
        XCTAssertEqual(result.status, 3, result.errors)
    }
}
