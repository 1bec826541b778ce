import Foundation
import TestSupport
import XCTest

/// An API server of the test, whose objects are files, and the real kubectl towards it.
final class Cluster {
    private let folder: TemporaryDirectory
    private let server: BackgroundProgram
    private let kubeconfig: String

    static var fixtures: String { (#filePath as NSString).deletingLastPathComponent + "/Fixtures" }

    init() async throws {
        try requireProgram("kubectl")
        try requireProgram("python3")
        folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: folder.path + "/objects", withIntermediateDirectories: true)
        // What stands on PATH may be a script that starts it and would survive it.
        let python = try TestSupport.run("python3", ["-c", "import sys; print(sys.executable)"]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        server = try BackgroundProgram(
            python, ["-u", Self.fixtures + "/apiserver.py", folder.path + "/objects"])
        let program = server
        try await poll("the port of the API server") { program.output.hasSuffix("\n") }
        let port = program.output.trimmingCharacters(in: .whitespacesAndNewlines)
        kubeconfig = folder.path + "/kubeconfig"
        try Self.configuration(port: port).write(toFile: kubeconfig, atomically: true, encoding: .utf8)
    }

    deinit { server.end() }

    static func configuration(port: String) -> String {
        """
        {"apiVersion": "v1", "kind": "Config", "current-context": "test",
         "clusters": [{"name": "test", "cluster": {"server": "http://127.0.0.1:\(port)"}}],
         "users": [{"name": "test", "user": {}}],
         "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}
        """
    }

    /// A folder for what is written.
    var output: String { folder.path }

    /// meshex towards this cluster.
    func meshex(_ arguments: [String], timeout: Int = 20) throws -> RunResult {
        try TestSupport.run(
            productPath("meshex"), arguments + ["--kubeconfig", kubeconfig, "--timeout", String(timeout)],
            environment: ["HOME": folder.path, "KUBECONFIG": "/nowhere"])
    }

    /// Puts an object, or a fixture's items, there.
    func put(_ namespace: String, _ resource: String, _ name: String, _ json: String) throws {
        let place = folder.path + "/objects/\(namespace)/\(resource)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try json.write(toFile: place + "/\(name).json", atomically: true, encoding: .utf8)
    }

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
        let path = folder.path + "/objects/\(namespace)/\(resource)/\(name).json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any]
    }

    /// Every object that there is.
    var objects: [String] {
        (FileManager.default.enumerator(atPath: folder.path + "/objects")?.allObjects as? [String] ?? [])
            .filter { $0.hasSuffix(".json") }.sorted()
    }

    func forbid() { FileManager.default.createFile(atPath: folder.path + "/objects/forbidden", contents: nil) }

    func silence(_ isSilent: Bool) {
        if isSilent {
            FileManager.default.createFile(atPath: folder.path + "/objects/silent", contents: nil)
        } else {
            try? FileManager.default.removeItem(atPath: folder.path + "/objects/silent")
        }
    }

    func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: folder.path + "/" + file) }

    func text(_ file: String) throws -> String { try String(contentsOfFile: folder.path + "/" + file, encoding: .utf8) }
}
