import Foundation
import MeshContract
import TestSupport
import XCTest

/// The rules that settings call for, against what istio-iptables.sh makes the kernel have.
final class InterceptionRulesTests: XCTestCase {
    private static let uid: UInt32 = 999

    func testAgainstTheScriptAndTheKernel() throws {
        try requireRoot()
        for program in ["ip", "unshare", "iptables-save", "bash"] { try requireProgram(program) }
        let folder = try TemporaryDirectory()
        let name = "test-" + UUID().uuidString.prefix(8).lowercased()
        let made = try TestSupport.run("ip", ["netns", "add", name])
        if made.status != 0 { throw XCTSkip("no network namespaces here: \(made.errors)") }
        defer { _ = try? TestSupport.run("ip", ["netns", "delete", name]) }
        for script in ["istio-iptables.sh", "settings.sh"] {
            let text = try String(contentsOfFile: "\(repositoryRoot)/Packaging/istio-proxy/\(script)", encoding: .utf8)
            try folder.file(
                "bin/" + script, text.replacingOccurrences(of: "/usr/lib/istio-proxy/", with: folder.path + "/bin/"),
                mode: 0o755)
        }
        let others = try String(contentsOfFile: "/etc/passwd", encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("istio-proxy:") }.joined(separator: "\n")
        try folder.file("passwd", "istio-proxy:x:\(Self.uid):\(Self.uid)::/:/bin/false\n\(others)\n")
        let cases: [(cluster: String, sidecar: String)] = [
            ("", ""), ("ISTIO_SERVICE_CIDR=10.63.240.0/20\n", "ISTIO_INBOUND_PORTS=27017,3306,8080\n"),
            ("", "ISTIO_INBOUND_PORTS='*'\nISTIO_LOCAL_EXCLUDE_PORTS=80,443\nISTIO_INBOUND_EXCLUDE_PORTS=9\n"),
            ("ISTIO_SERVICE_CIDR=10.63.243.30/20,192.0.2.7,0.0.0.0/0\n", "ENVOY_PORT=15009\n"),
            ("ENVOY_UID=1337,0\n", "ISTIO_INBOUND_PORTS=22,80,80\n"),
            ("ISTIO_SERVICE_CIDR=10.0.0.0/8\n", "ISTIO_SERVICE_CIDR=\n"),
            (
                "ISTIO_SERVICE_CIDR=10/8,10.63.240.0/255.255.240.0,192.168/255.255.0.0,\n",
                "ISTIO_INBOUND_PORTS=8000:9000,:79,60000:,https,80,81:81,\n"
            ),
            (
                "ISTIO_SERVICE_CIDR=172.16.1/0.0.0.0\n",
                "ISTIO_INBOUND_PORTS=*\nISTIO_LOCAL_EXCLUDE_PORTS=0:65535,ssh,\n"
            ),
            ("", "ENVOY_UID=' 1 , 2 '\nISTIO_INBOUND_PORTS=' 80 , 81 '\n"),
        ]
        for (cluster, sidecar) in cases {
            try folder.file("cluster.env", cluster)
            try folder.file("sidecar.env", sidecar)
            let set = try enter(name, folder, [folder.path + "/bin/istio-iptables.sh"])
            XCTAssertEqual(set.status, 0, set.errors)
            let saved = try enter(name, folder, ["iptables-save", "-t", "nat"])
            XCTAssertEqual(saved.status, 0, saved.errors)
            let rules = saved.output.split(separator: "\n").filter { $0.hasPrefix("-A ") }.map(String.init)
            let settings = MeshSettings(
                cluster: EnvironmentFile(cluster), sidecar: EnvironmentFile(sidecar))
            let expected = InterceptionRules.expected(settings, uids: [Self.uid, 0])
            for chain in ["PREROUTING", "OUTPUT"] + InterceptionRules.chains {
                XCTAssertEqual(
                    expected.rules(of: chain), rules.filter { $0.hasPrefix("-A \(chain) ") }, "\(cluster)\(sidecar)")
            }
            XCTAssertEqual(expected.rules.count, rules.count)
            let chains = saved.output.split(separator: "\n").filter { $0.hasPrefix(":ISTIO") }.map {
                String($0.dropFirst().split(separator: " ")[0])
            }
            XCTAssertEqual(expected.chainNames, chains.sorted())
        }
    }

    private func enter(_ namespace: String, _ folder: TemporaryDirectory, _ command: [String]) throws -> RunResult {
        try TestSupport.run(
            "ip",
            [
                "netns", "exec", namespace, "unshare", "--mount", "--propagation", "private", "sh", "-c",
                "mount --bind \"$0\" /etc/passwd && exec \"$@\"", folder.path + "/passwd",
            ] + command,
            environment: [
                "ISTIO_CLUSTER_CONFIG": folder.path + "/cluster.env",
                "ISTIO_SIDECAR_CONFIG": folder.path + "/sidecar.env",
                "XTABLES_LOCKFILE": folder.path + "/lock",
            ])
    }
}
