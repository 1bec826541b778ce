import MeshContract
import TestSupport
import WorkloadCertificates
import XCTest

@testable import SidecarAgent

/// Envoy itself says whether a bootstrap is right.
final class BootstrapTests: XCTestCase {
    private func settings(_ change: (inout ProxyOptions) -> Void) async throws -> ProxySettings {
        var options = ProxyOptions()
        options.address = "10.1.2.3"
        options.id = "vm.default"
        change(&options)
        return try await SettingsResolver.resolve(options, environment: [:]).settings
    }

    func testEnvoyAcceptsEveryVariant() async throws {
        let envoy = try Envoy.path()
        let folder = try TemporaryDirectory()
        let variants: [(String, (inout ProxyOptions) -> Void)] = [
            ("plain", { _ in }),
            ("ingress", { $0.role = .ingress }),
            ("egress", { $0.role = .egress }),
            ("ads", { $0.discoveryProtocol = .ads }),
            ("address", { $0.discoveryAddress = "10.150.0.6:8080" }),
            ("version 6", { $0.discoveryAddress = "[2001:db8::6]:8080" }),
            ("statsd", { $0.statsdUDPAddress = "10.150.0.6:9125" }),
            ("zipkin", { $0.zipkinAddress = "zipkin.istio-system:9411" }),
            (
                "times",
                {
                    $0.connectTimeout = "1m1.5s"; $0.discoveryRefreshDelay = "250ms"
                }
            ),
            ("no log", { $0.accessLog = "" }),
            ("errors", { $0.accessLog = "/dev/stderr" }),
            ("file", { $0.accessLog = folder.path + "/access.log" }),
            (
                "all",
                {
                    $0.discoveryProtocol = .ads
                    $0.statsdUDPAddress = "127.0.0.1:8125"
                    $0.zipkinAddress = "10.0.0.1:9411"
                }
            ),
        ]
        for (name, change) in variants {
            for certificates in [nil, CertificateFiles(directory: folder.path)] {
                let json = try BootstrapBuilder.json(try await settings(change), certificates: certificates)
                let path = try folder.file("bootstrap.json", bytes: json)
                let result = try TestSupport.run(envoy, ["--mode", "validate", "-c", path])
                XCTAssertEqual(result.status, 0, "\(name): \(result.errors)")
                XCTAssertTrue(result.output.contains("OK"), "\(name): \(result.output)")
            }
        }
    }

    func testNodeAndAddressesAreWhereEnvoyLooksForThem() async throws {
        let settings = try await settings { $0.role = .ingress }
        let json = try BootstrapBuilder.json(settings, certificates: nil)
        let query =
            #"[.node.id, .node.metadata.NAMESPACE, .admin.address.socket_address.address, "#
            + #".dynamic_resources.lds_config.api_config_source.refresh_delay] | join(" ")"#
        let result = try TestSupport.run("jq", ["-r", query], input: json)
        XCTAssertEqual(result.output, "ingress~10.1.2.3~vm.default~default.svc.cluster.local default 127.0.0.1 1s\n")
    }

    func testCommandPrintsTheSameBytesTwice() throws {
        let arguments = ["bootstrap", "--ip", "10.1.2.3", "--id=vm.default", "--certPath", "/nonexistent"]
        let first = try TestSupport.run(productPath("pilot-agent"), arguments)
        XCTAssertEqual(first.status, 0, first.errors)
        XCTAssertEqual(first.standardOutput, try TestSupport.run(productPath("pilot-agent"), arguments).standardOutput)
        XCTAssertEqual(first.standardOutput.last, UInt8(ascii: "\n"))
    }
}
