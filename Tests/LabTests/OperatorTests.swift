import Foundation
import TestSupport
import XCTest

/// The operator's way from the cluster to machines in the mesh, where packages come from a release, from an apt
/// repository, and by the commands of setupMeshEx.sh.
final class OperatorTests: XCTestCase {
    private static let url = "http://10.150.0.2:8000"

    func testFromTheClusterToMachinesByReleaseRepositoryAndOldNames() throws {
        for program in ["kubectl", "apt-ftparchive", "python3", "scp"] { try requireProgram(program) }
        let lab = try Lab(["--vms", "3"], name: "operator")
        let folder = try TemporaryDirectory()
        try lab.run("files", folder.path + "/lab")
        let published = folder.path + "/published"
        let packages = try RealPackages.build(into: published, arguments: ["--fast", "--release-url", Self.url])
        try FileManager.default.removeItem(atPath: try XCTUnwrap(packages["debbuild"]))
        let index = try TestSupport.run("sh", ["-c", "cd \"$0\" && apt-ftparchive packages . >Packages", published])
        XCTAssertEqual(index.status, 0, index.errors)
        let python = try TestSupport.run("python3", ["-c", "import sys; print(sys.executable)"]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let server = try lab.start([
            "operator", python, "-m", "http.server", "--bind", "10.150.0.2", "--directory", published, "8000",
        ])
        defer { server.end() }
        try lab.command(
            "operator", "curl", "--silent", "--fail", "--retry", "60", "--retry-delay", "1", "--retry-connrefused",
            "--output", "/dev/null", Self.url
        ).check()
        let cluster = try self.cluster(lab, folder, python)
        defer { cluster.end() }

        // What the guide's functions make of the cluster.
        let work = folder.path + "/work"
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        func old(_ arguments: String...) throws -> RunResult {
            try lab.command(
                [
                    "operator", "env", "--chdir", work, "KUBECONFIG=\(folder.path)/kubeconfig",
                    "MESHEX=\(productPath("meshex"))", "ISTIO_STAGING=\(published)",
                    "ISTIO_CP=scp -q -F \(lab.sshConfiguration)", "ISTIO_RUN=ssh -F \(lab.sshConfiguration)",
                    repositoryRoot + "/Scripts/setupMeshEx.sh",
                ] + arguments)
        }
        for function in ["generateClusterEnv", "generateDnsmasq"] {
            let result = try old(function)
            XCTAssertEqual(result.status, 0, result.output + result.errors)
        }
        for name in ["cluster.env", "kubedns"] {
            func settings(_ path: String) throws -> [String] {
                try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
                    .filter { !$0.isEmpty && !$0.hasPrefix("#") }.sorted()
            }
            XCTAssertEqual(try settings(work + "/" + name), try settings(folder.path + "/lab/" + name), name)
        }
        let byOldNames = try old("machineSetup", "vm3")
        XCTAssertEqual(byOldNames.status, 0, byOldNames.output + byOldNames.errors)
        try lab.waitForGreen("vm3")

        func setUp(_ machine: String, _ source: [String]) throws -> RunResult {
            try lab.command(
                [
                    "operator", productPath("meshex"), "machine-setup", "--certs", work, "--cluster-env",
                    work + "/cluster.env", "--kubedns", work + "/kubedns", "--ssh-config", lab.sshConfiguration,
                    "--cache", folder.path + "/cache",
                ] + source + [machine])
        }
        let released = try setUp("vm1", ["--release", Self.url])
        XCTAssertEqual(released.status, 0, released.output + released.errors)
        try lab.waitForGreen("vm1")
        let source = try folder.file("mesh.list", "deb [trusted=yes] \(Self.url) ./\n")
        let subscribed = try setUp("vm2", ["--apt-source", source])
        XCTAssertEqual(subscribed.status, 0, subscribed.output + subscribed.errors)
        try lab.waitForGreen("vm2")
        let policy = try lab.on("apt-cache policy istio-proxy", machine: "vm2").check()
        XCTAssertTrue(policy.contains(Self.url), policy)

        // A package that is not what was released goes nowhere.
        let proxy = try XCTUnwrap(packages["istio-proxy"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: proxy))
        try (bytes.dropLast(1) + [bytes.last.map { $0 ^ 1 } ?? 0]).write(to: URL(fileURLWithPath: proxy))
        try FileManager.default.removeItem(atPath: folder.path + "/cache")
        let changed = try setUp("vm1", ["--release", Self.url])
        XCTAssertNotEqual(changed.status, 0, changed.output)
        XCTAssertTrue(changed.errors.contains("SHA-256"), changed.output + changed.errors)
        try lab.waitForGreen("vm1")
    }

    /// An API server on the operator's host with the lab's load balancers and the machines' secret, and its kubeconfig.
    private func cluster(
        _ lab: Lab, _ folder: TemporaryDirectory, _ python: String
    ) throws -> BackgroundProgram {
        let fixtures = repositoryRoot + "/Tests/ClusterSetupTests/Fixtures"
        let objects = folder.path + "/objects"
        func put(_ object: [String: Any], _ namespace: String, _ resource: String) throws {
            let place = objects + "/\(namespace)/\(resource)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let name = try XCTUnwrap((object["metadata"] as? [String: Any])?["name"] as? String)
            try JSONSerialization.data(withJSONObject: object).write(
                to: URL(fileURLWithPath: "\(place)/\(name).json"))
        }
        func fixture(_ name: String) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(fileURLWithPath: fixtures + "/" + name))
            return try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        for service in try XCTUnwrap(fixture("services-istio-system.json")["items"] as? [[String: Any]]) {
            try put(service, "istio-system", "services")
        }
        try put(try fixture("service-dns-ilb.json"), "kube-system", "services")
        let data = try Dictionary(
            uniqueKeysWithValues: ["key.pem", "cert-chain.pem", "root-cert.pem"].map {
                let file = URL(fileURLWithPath: folder.path + "/lab/certs/" + $0)
                return ($0, try Data(contentsOf: file).base64EncodedString())
            })
        let secret: [String: Any] = [
            "apiVersion": "v1", "kind": "Secret", "type": "istio.io/key-and-cert", "data": data,
            "metadata": ["name": "istio.default", "namespace": "default"],
        ]
        try put(secret, "default", "secrets")
        let server = try lab.start(["operator", python, "-u", fixtures + "/apiserver.py", objects])
        XCTAssertTrue(waitUntil { server.output.hasSuffix("\n") }, server.errors)
        let port = server.output.trimmingCharacters(in: .whitespacesAndNewlines)
        try folder.file(
            "kubeconfig",
            """
            {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
             "clusters": [{"name": "lab", "cluster": {"server": "http://127.0.0.1:\(port)"}}],
             "users": [{"name": "lab", "user": {}}],
             "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]}
            """)
        return server
    }
}
