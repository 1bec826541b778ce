import Foundation
import TestSupport
import XCTest

/// The commands of meshex that speak with the cluster, by the real kubectl.
final class ClusterCommandTests: XCTestCase {
    func testManifestsAreWhatKubectlAndYAMLReadersTakeThemFor() async throws {
        let cluster = try await Cluster()
        for cloud in ["gke", "aws", "azure", "openstack", "metallb", "none"] {
            let result = try cluster.meshex(["manifests", "--cloud", cloud, "--istio-namespace", "mesh"])
            XCTAssertEqual(result.status, 0, result.errors)
            let script = """
                import sys, yaml
                for d in yaml.safe_load_all(sys.stdin):
                    m, p = d['metadata'], d['spec']['ports'][0]
                    print(d['apiVersion'], d['kind'], m['name'], m['namespace'], p['port'], p['protocol'], d['spec']['type'],
                          len(m.get('annotations', {})))
                """
            let file = cluster.output + "/m.yaml"
            try result.output.write(toFile: file, atomically: true, encoding: .utf8)
            let read = try TestSupport.run("sh", ["-c", "python3 -c \"$0\" <\"$1\"", script, file])
            let count = ["gke": 2, "aws": 2, "azure": 1, "openstack": 1][cloud] ?? 0
            XCTAssertEqual(
                read.output,
                """
                v1 Service istio-pilot-ilb mesh 8080 TCP LoadBalancer \(count)
                v1 Service mixer-ilb mesh 9091 TCP LoadBalancer \(count)
                v1 Service istio-ca-ilb mesh 8060 TCP LoadBalancer \(count)
                v1 Service dns-ilb kube-system 53 UDP LoadBalancer \(count)

                """, read.errors)
        }
        XCTAssertEqual(try cluster.objects, [])
        let applied = try cluster.meshex(["manifests", "--cloud", "gke", "--apply"])
        XCTAssertEqual(applied.status, 0, applied.errors)
        XCTAssertEqual(
            try cluster.objects,
            [
                "istio-system/services/istio-ca-ilb.json", "istio-system/services/istio-pilot-ilb.json",
                "istio-system/services/mixer-ilb.json", "kube-system/services/dns-ilb.json",
            ])
        XCTAssertEqual(try cluster.meshex(["manifests", "--cloud", "gke", "--apply"]).status, 0, "a second time")
        XCTAssertEqual(try cluster.meshex(["manifests"]).status, 2, "without a cloud")
        XCTAssertEqual(try cluster.meshex(["manifests", "--cloud", "sky"]).status, 2)
    }

    func testClusterEnvironmentComesFromTheServersOwnAnswer() async throws {
        let cluster = try await Cluster()
        let file = cluster.output + "/cluster.env"
        let result = try cluster.meshex(["cluster-env", "--out", file])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(try cluster.text("cluster.env"), "ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
        XCTAssertEqual(try cluster.objects, [], "something stays in the cluster")
        let given = try cluster.meshex(["cluster-env", "--cidr", "10.0.0.0/16", "--cidr", "10.1.0.0/16", "--out", "-"])
        XCTAssertEqual(given.output, "ISTIO_SERVICE_CIDR=10.0.0.0/16,10.1.0.0/16\n")
        let wrong = try cluster.meshex(["cluster-env", "--cidr", "10.0.0.0/33"])
        XCTAssertEqual(wrong.status, 2)
        XCTAssertTrue(wrong.errors.contains("10.0.0.0/33"), wrong.errors)
    }

    /// Each error says what was tried, what was found and what to do, and leaves nothing half-written.
    func testClustersThatDoNotAnswerOrForbid() async throws {
        let cluster = try await Cluster()
        let commands = [
            ["cluster-env", "--out", cluster.output + "/x"],
            ["dnsmasq", "--out", cluster.output + "/x", "--wait", "5"],
            ["certs", "--out", cluster.output + "/x"], ["register", "mysql", "10.150.0.5", "3306"],
            ["manifests", "--cloud", "none", "--apply"],
        ]
        try cluster.forbid()
        for command in commands {
            let result = try cluster.meshex(command)
            XCTAssertEqual(result.status, 2, "\(command): \(result.errors)")
            XCTAssertTrue(result.errors.contains("forbidden") && result.errors.contains("remedy: "), result.errors)
        }
        try cluster.silence(true)
        let late = try cluster.meshex(["cluster-env", "--out", cluster.output + "/x"], timeout: 3)
        XCTAssertTrue([3, 4].contains(late.status), "\(late.status): \(late.errors)")
        try cluster.silence(false)
        let nowhere = cluster.output + "/nowhere"
        try Cluster.configuration(server: "http://127.0.0.1:1").write(
            toFile: nowhere, atomically: true, encoding: .utf8)
        for command in commands {
            let result = try TestSupport.run(
                productPath("meshex"), command + ["--kubeconfig", nowhere], environment: ["HOME": cluster.output])
            XCTAssertEqual(result.status, 3, "\(command): \(result.errors)")
            XCTAssertTrue(result.errors.contains("refused") && result.errors.contains("remedy: "), result.errors)
        }
        let missing = try cluster.meshex(["cluster-env", "--kubectl", "no-such-kubectl"])
        XCTAssertEqual(missing.status, 2)
        XCTAssertTrue(missing.errors.contains("no-such-kubectl"), missing.errors)
        XCTAssertFalse(cluster.exists("x"))
        XCTAssertEqual(try cluster.objects, [])
    }

    func testKubeDNSIsWhatDnsmasqTakes() async throws {
        let cluster = try await Cluster()
        try cluster.putLoadBalancers()
        let file = cluster.output + "/kubedns"
        let result = try cluster.meshex(["dnsmasq", "--out", file])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(
            try cluster.text("kubedns"),
            """
            server=/svc.cluster.local/10.150.0.7
            address=/istio-mixer/10.150.0.8
            address=/istio-pilot/10.150.0.6
            address=/istio-ca/10.150.0.9
            address=/istio-mixer.istio-system/10.150.0.8
            address=/istio-pilot.istio-system/10.150.0.6
            address=/istio-ca.istio-system/10.150.0.9

            """)
        try requireProgram("dnsmasq")
        let tested = try TestSupport.run("dnsmasq", ["--test", "--conf-file=" + file])
        XCTAssertEqual(tested.status, 0, tested.errors)
        let hosts = try cluster.meshex(["dnsmasq", "--format", "hosts", "--out", "-"])
        XCTAssertTrue(hosts.output.contains("10.150.0.6 istio-pilot istio-pilot.istio-system\n"), hosts.output)
        let resolved = try cluster.meshex(["dnsmasq", "--format", "systemd-resolved", "--out", "-"])
        XCTAssertTrue(
            resolved.output.contains("[Resolve]\nDNS=10.150.0.7\nDomains=~svc.cluster.local\n"), resolved.output)
    }

    func testLoadBalancersWithoutAnAddressAreWaitedForAndNeverWritten() async throws {
        let cluster = try await Cluster()
        try cluster.putLoadBalancers()
        let file = cluster.output + "/kubedns"
        try cluster.putFixture("service-ilb-pending.json", "istio-system", "services", "istio-ca-ilb")
        let pending = try cluster.meshex(["dnsmasq", "--out", file, "--wait", "1"])
        XCTAssertEqual(pending.status, 4, pending.errors)
        XCTAssertTrue(pending.errors.contains("istio-ca-ilb has no address yet"), pending.errors)
        XCTAssertFalse(cluster.exists("kubedns"))
        // A host name as AWS gives it: one that resolves is looked up, with a remark; another one is told.
        let named = try String(contentsOfFile: Cluster.fixtures + "/service-ilb-hostname.json", encoding: .utf8)
        try cluster.put("istio-system", "services", "istio-ca-ilb", named)
        let unresolved = try cluster.meshex(["dnsmasq", "--out", file, "--wait", "1"])
        XCTAssertEqual(unresolved.status, 4, unresolved.errors)
        XCTAssertTrue(unresolved.errors.contains("internal-ca-1234.elb.example.internal"), unresolved.errors)
        XCTAssertFalse(cluster.exists("kubedns"))
        try cluster.put(
            "istio-system", "services", "istio-ca-ilb",
            named.replacingOccurrences(of: "internal-ca-1234.elb.example.internal", with: "localhost"))
        XCTAssertEqual(try cluster.meshex(["dnsmasq", "--out", file]).status, 0)
        let text = try cluster.text("kubedns")
        XCTAssertTrue(
            text.contains("address=/istio-ca/127.0.0.1\n") && text.contains("was the address of localhost on 20"), text)
    }

    func testCertificatesOfASecretAreCheckedAndWrittenTogether() async throws {
        let cluster = try await Cluster()
        func issue(_ account: String, _ namespace: String, _ lifetime: String) throws -> [String: String] {
            let folder = cluster.output + "/issued-\(account)-\(namespace)-\(lifetime)"
            let issued = try TestSupport.run(
                productPath("mesh-lab"),
                [
                    "issue", "--state", cluster.output + "/ca", "--service-account", account, "--namespace", namespace,
                    "--out", folder, "--lifetime", lifetime,
                ])
            XCTAssertEqual(issued.status, 0, issued.errors)
            return try Dictionary(
                uniqueKeysWithValues: ["key.pem", "cert-chain.pem", "root-cert.pem"].map {
                    ($0, try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0)).base64EncodedString())
                })
        }
        func put(_ data: [String: String]) throws {
            let secret: [String: Any] = [
                "apiVersion": "v1", "kind": "Secret", "type": "istio.io/key-and-cert", "data": data,
                "metadata": ["name": "istio.payments", "namespace": "onprem"],
            ]
            try cluster.put(
                "onprem", "secrets", "istio.payments",
                String(decoding: try JSONSerialization.data(withJSONObject: secret), as: UTF8.self))
        }
        let arguments = ["certs", "payments", "onprem", "--out", cluster.output + "/certs"]
        let none = try cluster.meshex(arguments)
        XCTAssertEqual(none.status, 1, none.errors)
        XCTAssertTrue(none.errors.contains("there is none"), none.errors)
        let good = try issue("payments", "onprem", "1h")
        var faulty: [(String, [String: String])] = []
        for name in good.keys { faulty.append(("'\(name)' is missing", good.filter { $0.key != name })) }
        // A real API server does not take it.
        if !cluster.isReal { faulty.append(("not base64", good.merging(["key.pem": "%%%"]) { $1 })) }
        faulty.append(
            ("no PEM block", good.merging(["cert-chain.pem": Data("rubbish".utf8).base64EncodedString()]) { $1 }))
        faulty.append(
            (
                "does not match",
                good.merging(["key.pem": try XCTUnwrap(issue("payments", "onprem", "2h")["key.pem"])]) { $1 }
            ))
        faulty.append(("more seconds", try issue("payments", "onprem", "60s")))
        faulty.append(("elsewhere", try issue("payments", "elsewhere", "1h")))
        for (words, data) in faulty {
            try put(data)
            let result = try cluster.meshex(arguments)
            XCTAssertEqual(result.status, 1, "\(words): \(result.errors)")
            XCTAssertTrue(
                result.errors.contains(words) && result.errors.contains("remedy: "), "\(words): \(result.errors)")
            XCTAssertFalse(result.errors.contains("PRIVATE KEY"))
            XCTAssertFalse(cluster.exists("certs"), words)
        }
        try put(good)
        let result = try cluster.meshex(arguments)
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertTrue(result.errors.contains("more minutes"), result.errors)
        let pair = try TestSupport.run(
            "sh",
            [
                "-c",
                "openssl verify -CAfile $0/root-cert.pem -untrusted $0/cert-chain.pem $0/cert-chain.pem && stat -c '%a %n' $0/*",
                cluster.output + "/certs",
            ])
        XCTAssertEqual(pair.status, 0, pair.errors)
        XCTAssertTrue(pair.output.contains("600 \(cluster.output)/certs/key.pem"), pair.output)
        try checkFolders(cluster, arguments)
    }

    /// A folder of certificates alone is replaced as a whole; other files stay; what others can write to is refused.
    private func checkFolders(_ cluster: Cluster, _ arguments: [String]) throws {
        let folder = cluster.output + "/certs"
        let files = ["cert-chain.pem", "key.pem", "root-cert.pem"]
        func inode(_ path: String) throws -> UInt64? {
            try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64
        }
        func mode(_ path: String, _ mode: Int) throws {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        try mode(folder, 0o750)
        let first = try inode(folder)
        XCTAssertEqual(try cluster.meshex(arguments).status, 0)
        XCTAssertNotEqual(try inode(folder), first)
        XCTAssertEqual(
            try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int, 0o750)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder).sorted(), files)
        XCTAssertFalse(
            try FileManager.default.contentsOfDirectory(atPath: cluster.output).contains { $0.hasPrefix(".certs") })

        try "kept".write(toFile: folder + "/note", atomically: true, encoding: .utf8)
        let second = try inode(folder)
        let (key, before) = (folder + "/key.pem", try inode(folder + "/key.pem"))
        XCTAssertEqual(try cluster.meshex(arguments).status, 0)
        XCTAssertEqual(try inode(folder), second)
        XCTAssertNotEqual(try inode(key), before)
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted(), (files + ["note"]).sorted())

        for (path, open, usual) in [(folder, 0o777, 0o750), (cluster.output, 0o777, 0o700)] {
            try mode(path, open)
            let refused = try cluster.meshex(arguments)
            XCTAssertNotEqual(refused.status, 0, path)
            XCTAssertTrue(refused.errors.contains("'\(path)' can be written by others"), refused.errors)
            try mode(path, usual)
        }
        // As in /tmp: nobody else can rename what is ours.
        try mode(cluster.output, 0o1777)
        XCTAssertEqual(try cluster.meshex(arguments).status, 0)
        try mode(cluster.output, 0o700)
    }

    func testWhatKubectlPrintsIsBounded() async throws {
        let cluster = try await Cluster()
        let program = cluster.output + "/kubectl-long"
        try "#!/bin/sh\nhead -c 20000000 /dev/zero\n".write(toFile: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let result = try cluster.meshex(["certs", "--kubectl", program, "--out", cluster.output + "/x"])
        XCTAssertEqual(result.status, 1, result.errors)
        XCTAssertTrue(result.errors.contains("printed more than"), result.errors)
    }

    func testDoctorTellsWhatIsNotReady() async throws {
        let cluster = try await Cluster()
        let empty = try cluster.meshex(["doctor"])
        XCTAssertEqual(empty.status, 1, empty.errors)
        XCTAssertTrue(empty.output.contains("ok   API server: answers"), empty.output)
        XCTAssertTrue(empty.output.contains("FAIL load balancer of Pilot: it is not in istio-system"), empty.output)
        XCTAssertTrue(empty.output.contains("FAIL secret istio.default of default: there is none"), empty.output)
    }
}
