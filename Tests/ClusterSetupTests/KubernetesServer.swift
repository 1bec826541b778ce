import Foundation
import TestSupport
import XCTest

/// A real kube-apiserver with an etcd of its own, on ports of loopback; no controller runs.
final class KubernetesServer: APIServer {
    private static let resources = ["services", "endpoints", "secrets", "workloadentries", "serviceentries"]
    private static let kinds = ["workloadentries": "WorkloadEntry", "serviceentries": "ServiceEntry"]

    private let store: BackgroundProgram
    private let server: BackgroundProgram
    private let administrator: String
    private(set) var kubeconfig: String
    private let forbidden: String
    /// What a cluster has by itself.
    private var present: Set<String> = []

    init(_ program: String, in folder: TemporaryDirectory) async throws {
        try requireProgram("etcd")
        try requireProgram("openssl")
        let place = try folder.directory("kubernetes")
        let ports = try Envoy.freePorts(3)
        let etcd = "http://127.0.0.1:\(ports[0])"
        store = try BackgroundProgram(
            XCTUnwrap(programPath("etcd")),
            [
                "--data-dir", place + "/etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
                "--listen-peer-urls", "http://127.0.0.1:\(ports[1])", "--initial-advertise-peer-urls",
                "http://127.0.0.1:\(ports[1])", "--initial-cluster", "default=http://127.0.0.1:\(ports[1])",
            ])
        let key = place + "/accounts.key"
        try TestSupport.run("openssl", ["genrsa", "-out", key, "2048"]).check()
        let tokens = try folder.file(
            "kubernetes/tokens", "first,administrator,1,\"system:masters\"\nsecond,somebody,2\n")
        server = try BackgroundProgram(
            program,
            [
                "--etcd-servers=\(etcd)", "--bind-address=127.0.0.1", "--secure-port=\(ports[2])",
                "--cert-dir=\(place)/certificates", "--token-auth-file=\(tokens)", "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.63.240.0/20", "--service-account-issuer=https://test.invalid",
                "--service-account-signing-key-file=\(key)", "--service-account-key-file=\(key)",
                "--disable-admission-plugins=ServiceAccount",
            ])
        func configuration(_ name: String, _ token: String) throws -> String {
            try folder.file(
                "kubernetes/" + name,
                Cluster.configuration(server: "https://127.0.0.1:\(ports[2])", user: "{\"token\": \"\(token)\"}"))
        }
        administrator = try configuration("administrator", "first")
        forbidden = try configuration("somebody", "second")
        kubeconfig = administrator
        try await poll("the API server") { try self.kubectl(["get", "--raw", "/readyz"]).status == 0 }
        for namespace in ["istio-system", "onprem"] {
            try kubectl(["create", "namespace", namespace]).check()
        }
        for (plural, kind) in Self.kinds.sorted(by: { $0.key < $1.key }) {
            try kubectl(["create", "--filename", "-"], input: Self.definition(plural, kind)).check()
        }
        try await poll("Istio's resources, and the namespace of the system") {
            try self.kubectl(["get", Self.resources.joined(separator: ",")]).status == 0
                && self.kubectl(["get", "namespace", "kube-system"]).status == 0
                && self.kubectl(["get", "endpoints", "kubernetes"]).status == 0
        }
        present = Set(try objects())
    }

    deinit {
        server.end()
        store.end()
    }

    /// A definition that takes any spec.
    private static func definition(_ plural: String, _ kind: String) -> String {
        """
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
         "metadata": {"name": "\(plural).networking.istio.io"},
         "spec": {"group": "networking.istio.io", "scope": "Namespaced",
          "names": {"plural": "\(plural)", "singular": "\(kind.lowercased())", "kind": "\(kind)"},
          "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
           {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}
        """
    }

    private func kubectl(_ arguments: [String], input: String = "") throws -> RunResult {
        let words = ["--kubeconfig", administrator, "--cache-dir", administrator + ".cache"] + arguments
        return try TestSupport.run("kubectl", words, input: Array(input.utf8))
    }

    func put(_ namespace: String, _ resource: String, _ name: String, _ json: String) throws {
        var object = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        var metadata = try XCTUnwrap(object["metadata"] as? [String: Any])
        metadata["namespace"] = namespace
        metadata["name"] = name
        // What a server gives itself.
        for key in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink"] { metadata[key] = nil }
        object["metadata"] = metadata
        if var spec = object["spec"] as? [String: Any] {
            for key in ["clusterIP", "clusterIPs", "healthCheckNodePort"] { spec[key] = nil }
            spec["ports"] = (spec["ports"] as? [[String: Any]])?.map { $0.filter { $0.key != "nodePort" } }
            object["spec"] = spec
        }
        let status = object.removeValue(forKey: "status")
        func text(_ object: [String: Any]) throws -> String {
            String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
        }
        try kubectl(["delete", "--namespace", namespace, resource, name, "--ignore-not-found"]).check()
        try kubectl(["create", "--filename", "-"], input: text(object)).check()
        guard let status, var made = try self.object(namespace, resource, name) else { return }
        made["status"] = status
        let path = "/api/v1/namespaces/\(namespace)/\(resource)/\(name)/status"
        try kubectl(["replace", "--raw", path, "--filename", "-"], input: text(made)).check()
    }

    func object(_ namespace: String, _ resource: String, _ name: String) throws -> [String: Any]? {
        let found = try kubectl([
            "get", "--namespace", namespace, resource, name, "--output", "json", "--ignore-not-found",
        ]).check()
        return found.isEmpty ? nil : try JSONSerialization.jsonObject(with: Data(found.utf8)) as? [String: Any]
    }

    func objects() throws -> [String] {
        let template =
            "{range .items[*]}{.metadata.namespace}/RESOURCE/{.metadata.name}.json{\"\\n\"}{end}"
        return try Self.resources.flatMap { resource in
            try kubectl([
                "get", "--all-namespaces", resource, "--output",
                "jsonpath=" + template.replacingOccurrences(of: "RESOURCE", with: resource),
            ]).check().components(separatedBy: "\n").filter { !$0.isEmpty && !present.contains($0) }
        }.sorted()
    }

    func forbid() { kubeconfig = forbidden }

    func silence(_ isSilent: Bool) { kill(server.identifier, isSilent ? SIGSTOP : SIGCONT) }
}
