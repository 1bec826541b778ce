import Foundation
import TestSupport
import XCTest

/// Pilot's answers, as curl gets them and as the originals gave them.
final class PilotTests: XCTestCase {
    func testRegistrationToTheByte() async throws {
        let mesh = try await RunningMesh()
        let known = try mesh.pilot("/v1/registration/istio-pilot.istio-system.svc.cluster.local|http-discovery")
        XCTAssertEqual(known.status, "200")
        XCTAssertEqual(known.type, "text/plain; charset=utf-8")
        XCTAssertEqual(
            known.body, "{\n  \"hosts\": [\n   {\n    \"ip_address\": \"10.60.1.4\",\n    \"port\": 8080\n   }\n  ]\n }"
        )
        XCTAssertEqual(
            try mesh.pilot("/v1/registration/istio-pilot.istio-system.svc.cluster.local%7Chttp-discovery").body,
            known.body)
        // Tags decide who is in the answer, and are not in it.
        let tagged = try mesh.pilot("/v1/registration/mysql.onprem.svc.cluster.local|mysql|version=v1").body
        XCTAssertTrue(tagged.contains("10.150.0.5") && !tagged.contains("tags"), tagged)
        for key in ["nobody|http", "istio-pilot.istio-system.svc.cluster.local|typo", "x", "|||"] {
            let answer = try mesh.pilot("/v1/registration/\(key)")
            XCTAssertEqual(answer.status, "200", key)
            XCTAssertEqual(answer.body, "{\n  \"hosts\": []\n }", key)
        }
        let list = try mesh.pilot("/v1/registration")
        XCTAssertEqual(list.type, "application/json")
        let entries = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(list.body.utf8)) as? [[String: Any]])
        XCTAssertEqual(
            entries.map { $0["service-key"] as? String },
            [
                "istio-pilot.istio-system.svc.cluster.local|http-discovery",
                "mysql.onprem.svc.cluster.local|http-admin", "mysql.onprem.svc.cluster.local|mysql",
            ])
    }

    func testWhatIsNoQuestion() async throws {
        let mesh = try await RunningMesh()
        for path in [
            "/", "/v1", "/v2/registration", "/v1/registration/a/b", "/v1/clusters/x",
            "/v1/listeners/istio-proxy/sidecar~1~2",
        ] {
            XCTAssertEqual(try mesh.pilot(path).status, "404", path)
        }
        XCTAssertEqual(try mesh.pilot("/v1/registration/%").status, "400")
        XCTAssertEqual(try mesh.pilot("/v1/registration", ["--request", "POST"]).status, "405")
        XCTAssertEqual(try mesh.pilot("/v1/registration", ["--head"]).status, "405")
        XCTAssertEqual(try mesh.pilot("/v3/discovery:clusters").status, "405")
        XCTAssertEqual(try mesh.pilot("/v3/discovery:clusters", ["--data", "{"]).status, "400")
        XCTAssertEqual(
            try mesh.pilot("/v3/discovery:clusters", ["--data", "{\"node\":{\"id\":\"a~b\"}}"]).status, "404")
        XCTAssertTrue(
            ["414", "431", "400"].contains(
                try mesh.pilot("/v1/registration/" + String(repeating: "a", count: 60_000)).status))
    }

    func testClassicDiscoveryForTheMachineThatIsRegistered() async throws {
        let mesh = try await RunningMesh()
        let node = "sidecar~10.150.0.5~demo-vm-1.default~default.svc.cluster.local"
        let clusters = try mesh.pilot("/v1/clusters/istio-proxy/\(node)").body
        XCTAssertTrue(clusters.contains("\"in.3306\"") && clusters.contains("tcp://127.0.0.1:3306"), clusters)
        XCTAssertTrue(clusters.contains("\"service_name\": \"mysql.onprem.svc.cluster.local|mysql\""), clusters)
        let others = try mesh.pilot(
            "/v1/clusters/istio-proxy/sidecar~10.150.0.99~other.default~default.svc.cluster.local")
        XCTAssertFalse(others.body.contains("in.3306"))
        let listeners = try mesh.pilot("/v1/listeners/istio-proxy/\(node)").body
        let object = try XCTUnwrap(
            JSONSerialization.jsonObject(with: Data(listeners.utf8)) as? [String: [[String: Any]]])
        let virtual = try XCTUnwrap(object["listeners"]?.first { $0["name"] as? String == "virtual" })
        XCTAssertEqual(virtual["address"] as? String, "tcp://0.0.0.0:15001")
        XCTAssertEqual(virtual["use_original_dst"] as? Bool, true)
        let routes = try mesh.pilot("/v1/routes/8080/istio-proxy/\(node)").body
        XCTAssertTrue(routes.contains("\"istio-pilot.istio-system\""), routes)
    }

    /// The data plane in the judgement of Envoy: its resources are accepted, and a request takes the whole way.
    func testEnvoyTakesTheResources() async throws {
        let envoy = try Envoy.path()
        let ports = try Envoy.freePorts(2)
        let page = try await RunningMesh()
        let backend = try page.address("productpage").components(separatedBy: ":")[1]
        let mesh = try await RunningMesh(
            RunningMesh.yaml + """
                  - hostname: productpage.bookinfo.svc.cluster.local
                    address: 10.63.240.10
                    ports: [{name: http, port: \(ports[0])}, {name: grpc-x, port: 9999}]
                    endpoints: [{address: 127.0.0.1, port: \(backend)}]

                """)
        // On loopback nothing is redirected, so the listeners are asked for from Pilot and bound here.
        let node = "sidecar~10.150.0.5~vm.default~default.svc.cluster.local"
        func resources(_ kind: String) throws -> [[String: Any]] {
            let answer = try mesh.pilot("/v3/discovery:\(kind)", ["--data", "{\"node\":{\"id\":\"\(node)\"}}"])
            XCTAssertEqual(answer.status, "200")
            let object = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
            XCTAssertEqual(
                object["version_info"] as? String,
                try
                    (JSONSerialization.jsonObject(
                        with: Data(
                            mesh.pilot("/v3/discovery:\(kind)", ["--data", "{\"node\":{\"id\":\"\(node)\"}}"]).body.utf8
                        ))
                    as? [String: Any])?["version_info"] as? String)
            return try XCTUnwrap(object["resources"] as? [[String: Any]]).map { resource in
                var resource = resource
                XCTAssertNotNil(resource.removeValue(forKey: "@type"))
                return resource
            }
        }
        var listeners = try resources("listeners")
        let wanted = try XCTUnwrap(listeners.firstIndex { $0["name"] as? String == "http_0.0.0.0_\(ports[0])" })
        listeners[wanted]["bind_to_port"] = true
        let virtual = try XCTUnwrap(listeners.firstIndex { $0["name"] as? String == "virtual" })
        XCTAssertEqual(listeners[virtual]["use_original_dst"] as? Bool, true)
        listeners[virtual]["bind_to_port"] = false
        let bootstrap: [String: Any] = [
            "admin": ["address": ["socket_address": ["address": "127.0.0.1", "port_value": ports[1]]]],
            "static_resources": ["listeners": listeners, "clusters": try resources("clusters")],
        ]
        let path = mesh.folder.path + "/envoy.json"
        try JSONSerialization.data(withJSONObject: bootstrap).write(to: URL(fileURLWithPath: path))
        let verdict = try TestSupport.run(envoy, ["--mode", "validate", "-c", path])
        XCTAssertEqual(verdict.status, 0, verdict.errors)
        let running = try BackgroundProgram(envoy, ["-c", path, "--use-dynamic-base-id", "--log-level", "warn"])
        try await poll("the page through Envoy") {
            try TestSupport.run(
                "curl",
                [
                    "--silent", "--max-time", "5", "--header", "Host: productpage.bookinfo",
                    "http://127.0.0.1:\(ports[0])/",
                ]
            ).output.contains("Simple Bookstore App")
        }
        XCTAssertTrue(running.isRunning)
        XCTAssertFalse(try resources("routes").isEmpty)
        XCTAssertFalse(try resources("endpoints").isEmpty)
    }

    func testFaultsTakeEffectAndGoAway() async throws {
        let mesh = try await RunningMesh()
        let key = "/v1/registration/istio-pilot.istio-system.svc.cluster.local|http-discovery"
        try mesh.fault("pilot-empty", "on")
        try await poll("no hosts") { try mesh.pilot(key).body == "{\n  \"hosts\": []\n }" }
        try mesh.fault("pilot-empty", "off")
        try await poll("hosts") { try mesh.pilot(key).body.contains("10.60.1.4") }
        try mesh.fault("pilot-503", "on")
        try await poll("503") { try mesh.pilot(key).status == "503" }
        try mesh.fault("pilot-503", "off")
        let address = try mesh.address("pilot")
        func connects() throws -> Bool {
            try TestSupport.run("curl", ["--silent", "--max-time", "5", "--output", "/dev/null", "http://\(address)/"])
                .status != 7
        }
        try mesh.fault("pilot-refuse", "on")
        try await poll("a closed port") { try !connects() }
        try mesh.fault("pilot-refuse", "off")
        try await poll("an open port") { try mesh.pilot(key).body.contains("10.60.1.4") }
        try mesh.fault("pilot-hang", "on")
        try await poll("silence") {
            try TestSupport.run("curl", ["--silent", "--max-time", "2", "http://\(mesh.address("pilot"))\(key)"]).status
                == 28
        }
        XCTAssertEqual(
            try TestSupport.run(productPath("mesh-lab"), ["fault", "nothing", "on", "--state", mesh.state]).status, 2)
    }

    func testConfigurationIsReadAgainAndABrokenOneIsNot() async throws {
        let mesh = try await RunningMesh()
        let config = mesh.folder.path + "/mesh.yaml"
        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: config)) }
        try write(RunningMesh.yaml.replacingOccurrences(of: "10.60.1.4", with: "10.60.1.5"))
        let key = "/v1/registration/istio-pilot.istio-system.svc.cluster.local|http-discovery"
        try await poll("the new address") { try mesh.pilot(key).body.contains("10.60.1.5") }
        try write("pilto: []\n")
        try await poll("the error") { mesh.program.errors.contains("did you mean 'pilot'?") }
        XCTAssertTrue(try mesh.pilot(key).body.contains("10.60.1.5"))
    }

    func testEndsBySignalWithStatusZero() async throws {
        let mesh = try await RunningMesh()
        mesh.program.signal(SIGTERM)
        let program = mesh.program
        try await poll("the end") { !program.isRunning }
        XCTAssertEqual(program.status(), 0)
    }
}
