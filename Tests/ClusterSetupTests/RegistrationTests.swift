import Foundation
import TestSupport
import XCTest

/// `meshex register` and `deregister`, by the real kubectl.
final class RegistrationTests: XCTestCase {
    private func addresses(_ endpoints: [String: Any]?) -> [String] {
        let subsets = endpoints?["subsets"] as? [[String: Any]] ?? []
        return subsets.flatMap { subset -> [String] in
            let ports = (subset["ports"] as? [[String: Any]] ?? []).map { "\($0["name"] ?? ""):\($0["port"] ?? "")" }
            return (subset["addresses"] as? [[String: Any]] ?? []).map {
                "\($0["ip"] ?? "") \(ports.joined(separator: ","))"
            }
        }
    }

    func testMachinesComeAndGo() async throws {
        let cluster = try await Cluster()
        let first = try cluster.meshex(
            [
                "register", "-n", "onprem", "svc1", "10.150.0.5", "http:7000", "3306", "-s", "payments", "-l",
                "version=v2",
            ])
        XCTAssertEqual(first.status, 0, first.errors)
        let service = try XCTUnwrap(cluster.object("onprem", "services", "svc1"))
        let spec = try XCTUnwrap(service["spec"] as? [String: Any])
        XCTAssertNil(spec["selector"])
        let ports = (spec["ports"] as? [[String: Any]] ?? []).map { "\($0["name"] ?? ""):\($0["port"] ?? "")" }
        XCTAssertEqual(ports, ["http:7000", "mysql:3306"])
        let metadata = try XCTUnwrap(service["metadata"] as? [String: Any])
        XCTAssertEqual(
            (metadata["annotations"] as? [String: String])?["alpha.istio.io/kubernetes-serviceaccounts"], "payments")
        XCTAssertEqual((metadata["labels"] as? [String: String])?["version"], "v2")
        XCTAssertEqual(
            addresses(try cluster.object("onprem", "endpoints", "svc1")), ["10.150.0.5 http:7000,mysql:3306"])

        let again = try cluster.meshex(
            [
                "register", "-n", "onprem", "svc1", "10.150.0.5", "http:7000", "3306", "-s", "payments", "-l",
                "version=v2",
            ])
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertTrue(again.output.contains("registered already"), again.output)
        let second = try cluster.meshex(
            ["register", "-n", "onprem", "svc1", "10.150.0.6", "http:7000", "3306", "-s", "payments"])
        XCTAssertEqual(second.status, 0, second.errors)
        XCTAssertEqual(
            addresses(try cluster.object("onprem", "endpoints", "svc1")),
            ["10.150.0.5 http:7000,mysql:3306", "10.150.0.6 http:7000,mysql:3306"])

        for _ in 0..<2 {
            XCTAssertEqual(try cluster.meshex(["deregister", "-n", "onprem", "svc1", "10.150.0.5"]).status, 0)
        }
        XCTAssertEqual(
            addresses(try cluster.object("onprem", "endpoints", "svc1")), ["10.150.0.6 http:7000,mysql:3306"])
        XCTAssertEqual(try cluster.meshex(["deregister", "-n", "onprem", "nope", "10.150.0.5"]).status, 1)
    }

    /// As istioctl: the namespace of the context, and several labels and annotations in one.
    func testNamespaceOfTheContextLabelsAndAnnotations() async throws {
        let cluster = try await Cluster()
        try cluster.setNamespace("onprem")
        let result = try cluster.meshex([
            "register", "mysql", "10.150.0.5", "3306", "-l", "version=v2,tier=back", "-l", "zone=a", "-a",
            "owner=me,note=a=b",
        ])
        XCTAssertEqual(result.status, 0, result.errors)
        for kind in ["services", "endpoints"] {
            let object = try XCTUnwrap(cluster.object("onprem", kind, "mysql"), kind)
            let metadata = try XCTUnwrap(object["metadata"] as? [String: Any])
            XCTAssertEqual(metadata["labels"] as? [String: String], ["version": "v2", "tier": "back", "zone": "a"])
            let annotations = try XCTUnwrap(metadata["annotations"] as? [String: String])
            XCTAssertEqual(annotations["owner"], "me")
            XCTAssertEqual(annotations["note"], "a=b")
        }
        let other = try cluster.meshex(["register", "-n", "default", "mysql", "10.150.0.5", "3306"])
        XCTAssertEqual(other.status, 0, other.errors)
        XCTAssertNotNil(try cluster.object("default", "endpoints", "mysql"))
        XCTAssertEqual(try cluster.meshex(["deregister", "mysql", "10.150.0.5"]).status, 0)
        XCTAssertEqual(addresses(try cluster.object("onprem", "endpoints", "mysql")), [])
        XCTAssertEqual(addresses(try cluster.object("default", "endpoints", "mysql")), ["10.150.0.5 mysql:3306"])
        let wrong = try cluster.meshex(["register", "mysql", "10.150.0.5", "3306", "-l", "a=b,c"])
        XCTAssertEqual(wrong.status, 2, wrong.errors)
    }

    func testConflictsAndWrongInputChangeNothing() async throws {
        let cluster = try await Cluster()
        try cluster.putLoadBalancers()
        let before = try cluster.objects
        let pods = try cluster.meshex([
            "register", "-n", "istio-system", "istio-pilot", "10.150.0.5", "http-discovery:8080",
        ])
        XCTAssertEqual(pods.status, 1, pods.errors)
        XCTAssertTrue(pods.errors.contains("selects pods (istio=pilot)"), pods.errors)
        XCTAssertEqual(try cluster.meshex(["register", "db", "10.150.0.5", "mysql:3306"]).status, 0)
        let port = try cluster.meshex(["register", "db", "10.150.0.6", "mysql:3307"])
        XCTAssertEqual(port.status, 1, port.errors)
        XCTAssertTrue(port.errors.contains("mysql:3306") && port.errors.contains("mysql:3307"), port.errors)
        for arguments in [
            ["register", "db", "127.0.0.1", "3306"], ["register", "db", "10.150.0", "3306"],
            ["register", "db", "10.150.0.5", "0"], ["register", "db", "10.150.0.5", "http:"],
            ["register", "DB", "10.150.0.5", "3306"], ["register", "db", "10.150.0.5", "80", "8080"],
            ["register", "db", "10.150.0.5", "80", "-l", "x"], ["register", "db"],
        ] {
            let result = try cluster.meshex(arguments)
            XCTAssertEqual(result.status, 2, "\(arguments): \(result.errors)")
        }
        XCTAssertEqual(
            Set(try cluster.objects).subtracting(before), ["default/services/db.json", "default/endpoints/db.json"])
    }

    func testEntriesOfAMeshOfToday() async throws {
        let cluster = try await Cluster()
        let result = try cluster.meshex(
            ["register", "--modern", "-n", "onprem", "svc1", "10.150.0.5", "http:7000", "grpc-admin:7001"])
        XCTAssertEqual(result.status, 0, result.errors)
        let workload = try XCTUnwrap(cluster.object("onprem", "workloadentries", "svc1-10-150-0-5"))
        let spec = try XCTUnwrap(workload["spec"] as? [String: Any])
        XCTAssertEqual(spec["address"] as? String, "10.150.0.5")
        XCTAssertEqual(spec["labels"] as? [String: String], ["app": "svc1"])
        XCTAssertEqual(spec["ports"] as? [String: Int], ["http": 7000, "grpc-admin": 7001])
        let entry = try XCTUnwrap(cluster.object("onprem", "serviceentries", "svc1")?["spec"] as? [String: Any])
        XCTAssertEqual(entry["hosts"] as? [String], ["svc1.onprem.svc.cluster.local"])
        XCTAssertEqual((entry["ports"] as? [[String: Any]])?.map { "\($0["protocol"] ?? "")" }, ["HTTP", "GRPC"])
        XCTAssertEqual(try cluster.meshex(["deregister", "--modern", "-n", "onprem", "svc1", "10.150.0.5"]).status, 0)
        XCTAssertNil(try cluster.object("onprem", "workloadentries", "svc1-10-150-0-5"))
    }
}
