import MeshContract
import TestSupport
import XCTest

@testable import SidecarAgent

final class SettingsTests: XCTestCase {
    private func resolve(
        _ environment: [String: String] = ["INSTANCE_IP": "10.150.0.5"],
        _ change: (inout ProxyOptions) -> Void = { _ in }
    ) async throws -> ResolvedSettings {
        var options = ProxyOptions()
        change(&options)
        return try await SettingsResolver.resolve(options, environment: environment)
    }

    private func assertRefused(_ name: String, _ change: @escaping (inout ProxyOptions) -> Void) async {
        do {
            _ = try await resolve(["INSTANCE_IP": "10.150.0.5"], change)
            XCTFail("\(name) was taken")
        } catch {
            XCTAssertEqual((error as? SettingsError)?.name, name)
        }
    }

    func testDefaultsAreThoseOfTheContract() async throws {
        let environment = ["INSTANCE_IP": "10.150.0.5", "POD_NAME": "demo-vm-1", "POD_NAMESPACE": "onprem"]
        let settings = try await resolve(environment).settings
        XCTAssertEqual(settings.node.description, "sidecar~10.150.0.5~demo-vm-1.onprem~onprem.svc.cluster.local")
        XCTAssertEqual(
            settings.command(epoch: 1).arguments,
            [
                "-c", "/etc/istio/proxy/envoy-rev1.json", "--restart-epoch", "1", "--drain-time-s", "2",
                "--parent-shutdown-time-s", "3", "--service-cluster", "istio-proxy", "--service-node",
                "sidecar~10.150.0.5~demo-vm-1.onprem~onprem.svc.cluster.local",
            ])
        XCTAssertEqual(settings.discovery.description, "istio-pilot:8080")
        XCTAssertEqual(settings.adminPort, 15000)
        XCTAssertEqual(settings.certificateBatch, .seconds(10))
    }

    func testMachineIsNamedAfterItsHostWithoutPodName() async throws {
        let settings = try await resolve().settings
        let host = try TestSupport.run("hostname", ["--short"]).output.dropLast()
        XCTAssertEqual(settings.node.id, "\(host).default")
        XCTAssertEqual(settings.node.domain, "default.svc.cluster.local")
    }

    func testAddressIsThatOfTheRouteAndNeverLoopback() async throws {
        let route = try TestSupport.run("ip", ["-j", "route", "get", "192.0.2.1"])
        guard route.status == 0,
            let source = route.output.range(of: "\"prefsrc\":\"").map({ route.output[$0.upperBound...] })
        else { throw XCTSkip("this machine has no default route") }
        let expected = String(source.prefix { $0 != "\"" })
        for environment in [[:], ["INSTANCE_IP": ""], ["INSTANCE_IP": "127.0.1.1"]] {
            let resolved = try await resolve(environment) { $0.discoveryAddress = "192.0.2.1:8080" }
            XCTAssertEqual(resolved.settings.node.address, expected)
            XCTAssertEqual(resolved.warnings.count, environment["INSTANCE_IP"] == "127.0.1.1" ? 1 : 0)
        }
        // Neither a control plane on this machine nor a name that nobody knows leads to loopback.
        for discovery in ["127.0.0.1:8080", "no-such-host.invalid:8080"] {
            let settings = try await resolve([:]) { $0.discoveryAddress = discovery }.settings
            XCTAssertEqual(settings.node.address, expected)
        }
    }

    func testPortsOfProtocols() async throws {
        let settings = try await resolve { $0.discoveryProtocol = .ads }.settings
        XCTAssertEqual(settings.discovery.description, "istio-pilot:15010")
    }

    func testWrongValuesAreRefusedByName() async {
        await assertRefused("--serviceregistry") { $0.serviceRegistry = "Consul" }
        for address in ["", "10.0.0.1 10.0.0.2", "10.0.0", "0.0.0.0", "224.0.0.1", "host", "1.2.3.4\r\n", "::"] {
            await assertRefused("--ip") { $0.address = address }
        }
        for id in ["", "a~b", "a b", "a\r\n", "é", String(repeating: "a", count: 254)] {
            await assertRefused("--id") { $0.id = id }
        }
        for address in [
            "istio-pilot", ":8080", "a:0", "a:65536", "a:8080x", "a b:80", "::1:80", "[::1", "a/\u{301}:80", "-a:1",
        ] {
            await assertRefused("--discoveryAddress") { $0.discoveryAddress = address }
        }
        for duration in ["2", "", "2.5s", "-1s", "1500ms", "25h", "s"] {
            await assertRefused("--drainDuration") { $0.drainDuration = duration }
        }
        await assertRefused("--parentShutdownDuration") { $0.drainDuration = "3s" }
        await assertRefused("--connectTimeout") { $0.connectTimeout = "0" }
        await assertRefused("--discoveryRefreshDelay") { $0.discoveryRefreshDelay = "never" }
        for path in ["", "proxy", "/../..", "/a\0b"] {
            await assertRefused("--configPath") { $0.configurationFolder = path }
        }
        await assertRefused("--proxyAdminPort") { $0.adminPort = 0 }
        await assertRefused("--statsdUdpAddress") { $0.statsdUDPAddress = "statsd" }
        await assertRefused("--envoyArgument") { $0.envoyArguments = ["--restart-epoch=7"] }
        await assertRefused("--certBatchDuration") { $0.certificateBatchDuration = "x" }
    }

    func testErrorsSayWhatWasExpectedAndFound() async {
        do {
            _ = try await resolve { $0.drainDuration = "1500ms\n" }
            XCTFail("taken")
        } catch {
            XCTAssertEqual(
                "\(error)",
                "--drainDuration: expected a duration of whole seconds from 1s to 24h, such as 2s or 1m, found '1500ms\\u{a}'"
            )
        }
    }

    func testCommandRefusesWithStatusTwo() throws {
        for arguments in [
            ["proxy", "--ip", "x"], ["proxy", "nobody"], ["bootstrap", "--xds", "x"], ["nothing"], ["request", "GET"],
        ] {
            let result = try TestSupport.run(productPath("pilot-agent"), arguments)
            XCTAssertEqual(result.status, 2, "\(arguments): \(result.errors)")
            XCTAssertEqual(result.output, "")
            XCTAssertFalse(result.errors.isEmpty)
        }
    }

    func testFoldersThatLeadToAFile() throws {
        let folder = try TemporaryDirectory()
        try folder.directory("real/certs")
        symlink("real/certs", folder.path + "/link")
        symlink("../../elsewhere/key.pem", folder.path + "/real/certs/key.pem")
        let folders = DirectoryWatch.folders(folder.path + "/link/key.pem")
        XCTAssertTrue(folders.contains(folder.path))
        XCTAssertTrue(folders.contains(folder.path + "/real"))
        XCTAssertTrue(folders.contains(folder.path + "/real/certs"))
        symlink("loop", folder.path + "/loop")
        XCTAssertLessThan(DirectoryWatch.folders(folder.path + "/loop/key.pem").count, 100)
    }
}
