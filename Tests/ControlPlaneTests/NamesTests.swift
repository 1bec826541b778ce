import Foundation
import TestSupport
import XCTest

/// The cluster's names, served by the real dnsmasq and asked for with dig.
final class NamesTests: XCTestCase {
    func testDnsmasqServesTheNames() async throws {
        try requireProgram("dnsmasq")
        let folder = try TemporaryDirectory()
        let config = try folder.file("mesh.yaml", RunningMesh.yaml)
        let out = folder.path + "/cluster.conf"
        let made = try TestSupport.run(
            productPath("mesh-lab"), ["dns", "--config", config, "--out", out, "--state", folder.path + "/state"])
        XCTAssertEqual(made.status, 0, made.errors)
        let port = try Envoy.freePorts(1)[0]
        let dnsmasq = try BackgroundProgram(
            try XCTUnwrap(programPath("dnsmasq")),
            [
                "--keep-in-foreground", "--conf-file=\(out)", "--no-resolv", "--no-hosts", "--port=\(port)",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=",
            ])
        func dig(_ name: String, _ type: String) throws -> String {
            try TestSupport.run(
                "dig",
                ["+tries=1", "+time=2", "+noall", "+comments", "+answer", "-p", "\(port)", "@127.0.0.1", name, type]
            ).output
        }
        let pilot = "istio-pilot.istio-system.svc.cluster.local"
        try await poll("an answer") { try dig(pilot, "A").contains("10.63.247.248") }
        XCTAssertTrue(dnsmasq.isRunning)
        // An empty answer and not "no such name", which resolvers would believe of the address as well.
        XCTAssertTrue(try dig(pilot, "AAAA").contains("status: NOERROR"))
        XCTAssertTrue(try dig("nobody.svc.cluster.local", "A").contains("status: NXDOMAIN"))
    }
}
