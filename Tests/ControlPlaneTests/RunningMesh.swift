import Foundation
import TestSupport
import XCTest

/// mesh-lab with a mesh on ports of loopback that the kernel chose.
final class RunningMesh {
    let folder: TemporaryDirectory
    let program: BackgroundProgram
    let state: String

    static let yaml = """
        pilot: [127.0.0.1:0, 127.0.0.2:0]
        ca: [127.0.0.1:0]
        mixer: [127.0.0.1:0]
        productpage: [127.0.0.1:0]
        certificate-lifetime: 10m
        services:
          - hostname: istio-pilot.istio-system.svc.cluster.local
            address: 10.63.247.248
            ports: [{name: http-discovery, port: 8080}]
            endpoints: [{address: 10.60.1.4, port: 8080}]
          - hostname: mysql.onprem.svc.cluster.local
            address: 10.63.240.9
            ports: [{name: mysql, port: 3306}, {name: http-admin, port: 8081}]
            endpoints:
              - {address: 10.150.0.5, port: 3306, port-name: mysql, tags: [version=v1]}
              - {address: 10.150.0.5, port: 8081, port-name: http-admin}

        """

    init(_ yaml: String = RunningMesh.yaml, _ arguments: [String] = []) async throws {
        folder = try TemporaryDirectory()
        state = folder.path + "/state"
        let config = try folder.file("mesh.yaml", yaml)
        program = try BackgroundProgram(
            productPath("mesh-lab"), ["run", "--config", config, "--state", state] + arguments)
        try await poll("all addresses") { [state] in
            guard let data = FileManager.default.contents(atPath: state + "/addresses.json"),
                let roles = try JSONSerialization.jsonObject(with: data) as? [String: [String]]
            else { return false }
            return (roles["pilot"]?.count, roles["ca"]?.count, roles["productpage"]?.count, roles["mixer"]?.count)
                == (2, 1, 1, 1)
        }
    }

    /// The address that a role has now.
    func address(_ role: String, _ index: Int = 0) throws -> String {
        let data = try XCTUnwrap(FileManager.default.contents(atPath: state + "/addresses.json"))
        let roles = try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: [String]])
        return try XCTUnwrap(roles[role]?[index])
    }

    /// What curl gets from Pilot: the status and the bytes.
    func pilot(_ path: String, _ arguments: [String] = []) throws -> (status: String, type: String, body: String) {
        let address = try address("pilot")
        let result = try TestSupport.run(
            "curl",
            [
                "--silent", "--max-time", "20", "--path-as-is", "--globoff", "--write-out",
                "\n%{http_code}\n%{content_type}",
            ] + arguments + ["http://\(address)\(path)"])
        var lines = result.output.components(separatedBy: "\n")
        let type = lines.popLast() ?? ""
        let status = lines.popLast() ?? ""
        return (status, type, lines.joined(separator: "\n"))
    }

    func fault(_ name: String, _ state: String) throws {
        let result = try TestSupport.run(productPath("mesh-lab"), ["fault", name, state, "--state", self.state])
        XCTAssertEqual(result.status, 0, result.errors)
    }

    /// The three files of a machine.
    func issue(_ arguments: [String] = []) throws -> String {
        let out = folder.path + "/certs-\(UUID().uuidString.prefix(8))"
        let result = try TestSupport.run(
            productPath("mesh-lab"),
            ["issue", "--service-account", "vm", "--namespace", "default", "--out", out, "--state", state] + arguments)
        XCTAssertEqual(result.status, 0, result.errors)
        return out
    }
}
