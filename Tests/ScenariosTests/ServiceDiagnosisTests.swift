import MeshChecks
import Platform
import Probes
import XCTest

@testable import Scenarios

/// Which causes the shipped catalogue gives when several checks of services fail: what follows from another is told with it,
/// and what has nothing to do with it is told as well.
final class ServiceDiagnosisTests: XCTestCase {
    private func codes(_ failing: [String: [String: Value]]) async throws -> [String] {
        let folder = ShippedScenarioTests.folder
        let suite = try await ScenarioSuite.load(
            paths: [folder], profile: "classic", host: Host(root: "/nowhere"), kinds: .mesh)
        let catalogue = try DiagnosisCatalogue.load(path: folder + "/diagnoses.yaml")
        for id in failing.keys { XCTAssertTrue(suite.checks.contains { $0.id == id }, id) }
        var ends = suite.checks.map { check in
            var end = CompletedCheck(
                result: CheckText.result(check, failing[check.id] == nil ? .passed : .failed, subject: check.kind))
            end.observed = failing[check.id] ?? [:]
            return end
        }
        return catalogue.explain(&ends, suite: suite).map(\.code)
    }

    private let full: [String: Value] = [
        "exists": .bool(true), "writable-by": .bool(false), "write-error": .text("no-space"),
        "write-fails-for": .text("host"),
    ]

    private func service(
        _ active: String, sub: String = "dead", load: String = "loaded", reason: Value = .null,
        _ more: [String: Value] = [:]
    ) -> [String: Value] {
        let values: [String: Value] = [
            "exists": .bool(true), "load": .text(load), "active": .text(active), "sub": .text(sub), "reason": reason,
            "missing-files": .list([]), "blocked-programs": .list([]), "start-limit-hit": .bool(false),
        ]
        return values.merging(more) { $1 }
    }

    /// A full disk is why a service fails, and not why somebody has stopped or masked it.
    func testDiskAndService() async throws {
        let follows = try await codes([
            "certs.writable": full,
            "svc.nodeagent": service("activating", sub: "auto-restart", reason: .text("no-space")),
        ])
        XCTAssertEqual(follows, ["MX0218"])
        let masked = try await codes(["certs.writable": full, "svc.istio": service("inactive", load: "masked")])
        XCTAssertEqual(masked, ["MX0206", "MX0218"])
        let stopped = try await codes(["certs.writable": full, "svc.istio": service("inactive")])
        XCTAssertEqual(stopped, ["MX0205", "MX0218"])
        let frozen = try await codes([
            "certs.writable": full,
            "proc.running[/usr/local/bin/envoy]": ["stopped": .list([.integer(7)]), "zombies": .list([])],
        ])
        XCTAssertEqual(frozen, ["MX0218", "MX0720"])
    }

    /// Of several that hold, the one that is still so, and that can be mended.
    func testWhyAServiceDoesNotRun() async throws {
        let blocked: [String: Value] = ["blocked-programs": .list([.text("/x is a folder")])]
        let limit: [String: Value] = ["start-limit-hit": .bool(true)]
        for (seen, code) in [
            (service("failed", reason: .text("permission")), "MX0227"),
            (service("failed", reason: .text("permission"), blocked), "MX0236"),
            (service("failed", reason: .text("permission"), limit), "MX0241"),
            (service("failed", reason: .text("permission"), blocked.merging(limit) { $1 }), "MX0236"),
            (service("failed", limit.merging(["missing-files": .list([.text("/x")])]) { $1 }), "MX0201"),
            (service("activating", sub: "auto-restart", reason: .text("too-many-files")), "MX0237"),
            (service("activating", sub: "auto-restart", reason: .text("too-many-tasks")), "MX0244"),
            (service("failed", reason: .text("other"), ["overrides": .list([.text("Nice=5 (/etc/x:2)")])]), "MX0242"),
            (service("activating", sub: "auto-restart", reason: .text("wrong-user")), "MX0240"),
            (service("activating", sub: "auto-restart", reason: .text("other")), "MX0202"),
            (service("failed", reason: .text("other")), "MX0209"), (service("inactive"), "MX0205"),
        ] {
            let found = try await codes(["svc.nodeagent": seen])
            XCTAssertEqual(found, [code], "\(seen)")
            // What a service that does not run cannot do, such as removing its rules, is told with it.
            let rules = try await codes(["svc.istio": seen, "ipt.orphan": ["orphaned": .bool(true)]])
            XCTAssertEqual(rules.first, code, "\(seen)")
            if code != "MX0205", code != "MX0201" { XCTAssertEqual(rules, [code], "\(seen)") }
        }
    }

    /// A program that cannot be executed is told once, with the package that it is of.
    func testProgramsOfPackages() async throws {
        let found = try await codes([
            "pkg.files[istio-auth-node-agent]": ["wrong-modes": .list([.text("/x: mode 0644")])],
            "svc.nodeagent": service("activating", sub: "auto-restart", reason: .text("permission")),
        ])
        XCTAssertEqual(found, ["MX0106"])
    }
}
