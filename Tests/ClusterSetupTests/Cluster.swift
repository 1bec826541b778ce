import Foundation
import TestSupport
import XCTest

/// A cluster with nothing in it, and meshex towards it by the real kubectl: a small API server of the test, or a real one
/// where `KUBE_APISERVER` names the program.
final class Cluster {
    private let folder: TemporaryDirectory
    private let server: any APIServer

    static var fixtures: String { (#filePath as NSString).deletingLastPathComponent + "/Fixtures" }

    init() async throws {
        try requireProgram("kubectl")
        folder = try TemporaryDirectory()
        if let program = ProcessInfo.processInfo.environment["KUBE_APISERVER"] {
            server = try await KubernetesServer(program, in: folder)
        } else {
            server = try await ObjectServer(in: folder)
        }
    }

    static func configuration(server: String, user: String = "{}") -> String {
        """
        {"apiVersion": "v1", "kind": "Config", "current-context": "test",
         "clusters": [{"name": "test", "cluster": {"server": "\(server)", "insecure-skip-tls-verify": true}}],
         "users": [{"name": "test", "user": \(user)}],
         "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}
        """
    }

    /// Gives the context a namespace.
    func setNamespace(_ name: String) throws {
        let text = try String(contentsOfFile: server.kubeconfig, encoding: .utf8)
        try text.replacingOccurrences(of: "\"context\": {", with: "\"context\": {\"namespace\": \"\(name)\", ")
            .write(toFile: server.kubeconfig, atomically: true, encoding: .utf8)
    }

    /// A folder for what is written.
    var output: String { folder.path }

    /// Whether the API server checks what it is given.
    var isReal: Bool { server is KubernetesServer }

    /// meshex towards this cluster.
    func meshex(_ arguments: [String], timeout: Int = 20) throws -> RunResult {
        try TestSupport.run(
            productPath("meshex"), arguments + ["--kubeconfig", server.kubeconfig, "--timeout", String(timeout)],
            environment: ["HOME": folder.path, "KUBECONFIG": "/nowhere"])
    }

    /// Puts an object there.
    func put(_ namespace: String, _ resource: String, _ name: String, _ json: String) throws {
        try server.put(namespace, resource, name, json)
    }

    /// Puts a recorded object there.
    func putFixture(_ file: String, _ namespace: String, _ resource: String, _ name: String) throws {
        try put(namespace, resource, name, String(contentsOfFile: Self.fixtures + "/" + file, encoding: .utf8))
    }

    /// The load balancers as they were recorded.
    func putLoadBalancers() throws {
        let list = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: Self.fixtures + "/services-istio-system.json")))
        let items = (list as? [String: Any])?["items"] as? [[String: Any]] ?? []
        for item in items {
            let name = (item["metadata"] as? [String: Any])?["name"] as? String ?? ""
            let text = String(decoding: try JSONSerialization.data(withJSONObject: item), as: UTF8.self)
            try put("istio-system", "services", name, text)
        }
        try putFixture("service-dns-ilb.json", "kube-system", "services", "dns-ilb")
    }

    func object(_ namespace: String, _ resource: String, _ name: String) throws -> [String: Any]? {
        try server.object(namespace, resource, name)
    }

    /// Every object that was put there, as NAMESPACE/RESOURCE/NAME.json.
    var objects: [String] { get throws { try server.objects() } }

    func forbid() throws { try server.forbid() }

    func silence(_ isSilent: Bool) throws { try server.silence(isSilent) }

    func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: folder.path + "/" + file) }

    func text(_ file: String) throws -> String { try String(contentsOfFile: folder.path + "/" + file, encoding: .utf8) }
}
