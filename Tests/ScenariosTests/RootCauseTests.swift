import MeshChecks
import Platform
import Probes
import TestSupport
import XCTest

@testable import Scenarios

/// What follows from a cause is told with it, however long the chain is.
final class RootCauseTests: XCTestCase {
    private static let checks = ["dns", "pilot", "envoy", "request", "disk"]

    /// The causes of failing checks, each with the checks that it explains.
    private func causes(
        of failing: [String], explains: [String: [String]], groups: String = "", independent: String = ""
    ) async throws -> [String: [String]] {
        let folder = try TemporaryDirectory()
        var scenario = "name: chain\nchecks:\n"
        var catalogue = groups + "diagnoses:\n"
        for (place, id) in Self.checks.enumerated() {
            scenario += "  - {id: \(id), title: \(id), file: /\(id), expect: {exists: true}}\n"
            catalogue += "  - {code: MX000\(place + 1), cause: \(id), explanation: none, remedy: [none]"
            catalogue += ", when: {check: \(id)}"
            if id == independent { catalogue += ", independent: true" }
            if let others = explains[id] { catalogue += ", explains: [\(others.joined(separator: ", "))]" }
            catalogue += "}\n"
        }
        catalogue += "  - {code: MX0009, cause: unknown, explanation: none, remedy: [none]}\n"
        try folder.file("10-chain.yaml", scenario)
        try folder.file("diagnoses.yaml", catalogue)
        let suite = try await ScenarioSuite.load(
            paths: [folder.path + "/10-chain.yaml"], profile: nil, host: Host(root: "/nowhere"), kinds: .mesh)
        let diagnoses = try DiagnosisCatalogue.load(path: folder.path + "/diagnoses.yaml")
        var ends = suite.checks.map { check in
            CompletedCheck(
                result: CheckText.result(check, failing.contains(check.id) ? .failed : .passed, subject: check.kind))
        }
        let results = diagnoses.explain(&ends, suite: suite)
        return Dictionary(uniqueKeysWithValues: results.map { ($0.cause, $0.checks.sorted()) })
    }

    func testAChainHasOneRoot() async throws {
        let chain = ["dns": ["pilot"], "pilot": ["envoy"], "envoy": ["request"]]
        let whole = try await causes(of: ["dns", "pilot", "envoy", "request"], explains: chain)
        XCTAssertEqual(whole, ["dns": ["dns", "envoy", "pilot", "request"]])
        let rest = try await causes(of: ["pilot", "envoy", "request"], explains: chain)
        XCTAssertEqual(rest, ["pilot": ["envoy", "pilot", "request"]])
        // A link that did not fail passes nothing on.
        let broken = try await causes(of: ["dns", "envoy", "request"], explains: chain)
        XCTAssertEqual(broken, ["dns": ["dns"], "envoy": ["envoy", "request"]])
    }

    /// What several lists end with is of no use before the last change.
    func testRemediesInTheirOrder() {
        XCTAssertEqual(
            DiagnosisCatalogue.merged([["edit 1", "restart"], ["edit 2", "restart"]]), ["edit 1", "edit 2", "restart"])
        XCTAssertEqual(
            DiagnosisCatalogue.merged([["move a", "reload", "restart a"], [], ["move b", "reload", "restart b"]]),
            ["move a", "move b", "reload", "restart a", "restart b"])
        XCTAssertEqual(DiagnosisCatalogue.merged([["a", "b"], ["b", "a"]]), ["a", "b"])
        XCTAssertEqual(DiagnosisCatalogue.merged([["a", "a", "b"]]), ["a", "b"])
        XCTAssertEqual(DiagnosisCatalogue.merged([]), [])
    }

    func testTwoRootsKeepWhatIsTheirs() async throws {
        let found = try await causes(
            of: ["dns", "pilot", "envoy", "disk"], explains: ["dns": ["pilot"], "pilot": ["envoy"]])
        XCTAssertEqual(found, ["dns": ["dns", "envoy", "pilot"], "disk": ["disk"]])
    }

    /// A check may fail for several causes: one of them follows from the root, and not the check whatever it fails for.
    func testCausesByTheirCodes() async throws {
        let found = try await causes(of: ["dns", "pilot", "envoy"], explains: ["dns": ["MX0002"], "pilot": ["envoy"]])
        XCTAssertEqual(found, ["dns": ["dns", "envoy", "pilot"]])
        let other = try await causes(of: ["dns", "envoy"], explains: ["dns": ["MX0002"]])
        XCTAssertEqual(other, ["dns": ["dns"], "envoy": ["envoy"]])
    }

    /// A group stands for its members, those of other groups among them.
    func testGroups() async throws {
        let groups = "groups:\n  traffic: [request, MX0003]\n  everything: [pilot, traffic]\n"
        let found = try await causes(
            of: ["dns", "pilot", "envoy", "request", "disk"], explains: ["dns": ["everything"]], groups: groups)
        XCTAssertEqual(found, ["dns": ["dns", "envoy", "pilot", "request"], "disk": ["disk"]])
        do {
            _ = try await causes(of: ["dns"], explains: [:], groups: "groups:\n  traffic: {a: b}\n")
            XCTFail("a group is a list")
        } catch is ScenarioLoadError {}
    }

    /// What can have no other cause is told beside others that show in the same checks, unless they name it.
    func testIndependentCauses() async throws {
        let apart = try await causes(of: ["dns", "pilot"], explains: ["dns": ["pilot"]], independent: "pilot")
        XCTAssertEqual(apart, ["dns": ["dns"], "pilot": ["pilot"]])
        let named = try await causes(of: ["dns", "pilot"], explains: ["dns": ["MX0002"]], independent: "pilot")
        XCTAssertEqual(named, ["dns": ["dns", "pilot"]])
    }
}
