import MeshChecks
import Platform
import Probes
import XCTest

@testable import Scenarios

/// What is said of a service that runs and has not run for long.
final class StabilityDiagnosisTests: XCTestCase {
    /// The codes that the shipped catalogue gives for what was seen of one unit.
    private func codes(
        _ id: String, profile: String, restarts: Int64, seconds: Int64, missing: [Value] = []
    ) async throws -> [String] {
        let folder = ShippedScenarioTests.folder
        let suite = try await ScenarioSuite.load(
            paths: [folder], profile: profile, host: Host(root: "/nowhere"), kinds: .mesh)
        let catalogue = try DiagnosisCatalogue.load(path: folder + "/diagnoses.yaml")
        var ends = suite.checks.map { check in
            CompletedCheck(result: CheckText.result(check, check.id == id ? .failed : .passed, subject: check.kind))
        }
        let place = try XCTUnwrap(suite.checks.firstIndex { $0.id == id })
        ends[place].observed = [
            "exists": .bool(true), "load": .text("loaded"), "active": .text("active"), "sub": .text("running"),
            "restarts": .integer(restarts), "missing-files": .list(missing),
            "stable-for": .duration(GoDuration(nanoseconds: seconds * 1_000_000_000)),
        ]
        return catalogue.explain(&ends, suite: suite).map(\.code)
    }

    func testServicesThatAreNotYetStable() async throws {
        for id in ["svc.istio", "svc.nodeagent"] {
            let started = try await codes(id + ".stable", profile: "classic", restarts: 0, seconds: 4)
            XCTAssertEqual(started, ["MX0213"])
            let restarted = try await codes(id + ".stable", profile: "classic", restarts: 3, seconds: 4)
            XCTAssertEqual(restarted, ["MX0203"])
            // A restart of long ago is not a reason.
            let lacking = try await codes(
                id, profile: "classic", restarts: 3, seconds: 86_400, missing: [.text("/usr/local/bin/envoy")])
            XCTAssertEqual(lacking, ["MX0201"])
        }
        let modern = try await codes("modern.service", profile: "modern", restarts: 0, seconds: 4)
        XCTAssertEqual(modern, ["MX1124"])
    }
}
