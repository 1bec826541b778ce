import Documents
import Foundation
import MeshChecks
import Platform
import Probes
import Scenarios
import TestSupport
import XCTest

/// The scenarios that the toolchain ships.
final class ShippedScenarioTests: XCTestCase {
    static let folder = repositoryRoot + "/Scenarios"

    /// Every id of the catalogue of checks (issue 4), each of which never changes.
    private static let catalogue = """
        dns.dnsmasq.file dns.dnsmasq.active dns.resolvconf dns.pilot.short dns.pilot.ns dns.pilot.fqdn dns.ingress.fqdn
        dns.ca.short dns.kubedns.direct dns.upstream
        pilot.tcp pilot.registration pilot.listeners pilot.clusters pilot.pod mixer.tcp ca.tcp ca.tls
        certs.dir certs.files certs.pair certs.chain certs.validity certs.san certs.leaf certs.keysize certs.root
        certs.clock
        pkg.installed pkg.versions pkg.files pkg.conffiles pkg.user pkg.symlink pkg.env.owner pkg.env.parse pkg.tools
        svc.istio svc.nodeagent svc.enabled svc.cgroup svc.reload svc.limits
        proc.nodeagent proc.agent proc.envoy proc.envoy.count proc.epoch proc.nodeid proc.deleted port.15001 port.15000
        envoy.ready envoy.stats
        ipt.chains ipt.jumps ipt.rules ipt.ssh ipt.uids ipt.backend ipt.orphan ipt.v6
        nal.start nal.ok nal.csr nal.approved nal.wait nal.fresh nal.match nal.errors nal.reload
        mesh.http mesh.intercepted mesh.external in.listen in.clusters in.listeners in.ssh reg.endpoints reg.portname
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    private func load(_ profile: String) async throws -> ScenarioSuite {
        do {
            return try await ScenarioSuite.load(
                paths: [Self.folder], profile: profile, host: Host(root: "/nowhere"), kinds: .mesh)
        } catch {
            XCTFail(error.description)
            throw error
        }
    }

    /// What a run has read goes with it: `meshcheck serve` makes runs for months.
    func testNothingOfARunIsKept() async throws {
        weak var kept: Probes.Host?
        do {
            let host = Probes.Host()
            kept = host
            let suite = try await ScenarioSuite.load(
                paths: [Self.folder], profile: "classic", host: host, kinds: .mesh)
            _ = await Runner(suite: suite, diagnoses: nil, host: host).run()
        }
        // Looks that were given up may still be on their way.
        for _ in 0..<3000 where kept != nil { try await Task.sleep(for: .milliseconds(20)) }
        XCTAssertNil(kept, "something holds the host and all that was read of it")
    }

    func testTheyLoadWithoutAWarning() async throws {
        for (profile, names) in [
            (
                "classic",
                [
                    "10-dns", "20-pilot", "24-mixer", "28-ca", "30-certs", "40-packages", "50-services", "55-boot",
                    "60-processes",
                    "70-interception", "80-node-agent-log", "90-mesh", "bookinfo",
                ]
            ), ("modern", ["modern-files", "modern-istiod", "modern-agent", "modern-dns"]),
        ] {
            let suite = try await load(profile)
            XCTAssertEqual(suite.profile, profile)
            XCTAssertEqual(suite.scenarios.map(\.name), names)
            XCTAssertTrue(suite.warnings.isEmpty, DiagnosticRenderer.text(suite.warnings))
            XCTAssertFalse(suite.scenarios.contains { $0.checks.isEmpty })
        }
    }

    func testEveryCheckOfTheCatalogueIsThere() async throws {
        let families = Set(try await load("classic").checks.map(\.family))
        XCTAssertEqual(Self.catalogue.filter { !families.contains($0) }, [])
        let modern = try await load("modern")
        XCTAssertGreaterThanOrEqual(modern.checks.count, 25)
    }

    /// Names of checks stand in reports as they are: nothing in them looks like a secret.
    func testNoNameIsMasked() async throws {
        for profile in ["classic", "modern"] {
            let suite = try await ScenarioSuite.load(
                paths: [Self.folder], profile: profile, host: Host(root: "/nowhere"), kinds: .mesh)
            for check in suite.checks {
                for name in [check.id, check.step] + check.tags { XCTAssertEqual(SecretMask.masked(name), name) }
            }
        }
    }

    func testEveryDiagnosisFitsTheChecks() async throws {
        let suite = try await load("classic")
        let catalogue: DiagnosisCatalogue
        do {
            catalogue = try DiagnosisCatalogue.load(path: Self.folder + "/diagnoses.yaml")
        } catch {
            return XCTFail(error.description)
        }
        let found = catalogue.validate(against: suite)
        XCTAssertTrue(found.isEmpty, DiagnosticRenderer.text(found))
        XCTAssertGreaterThan(catalogue.entries.count, 100)
    }

    /// What somebody has to fill in first is in no command that writes to a file: run as it is, it would spoil the file.
    func testNoCommandWritesAPlaceholder() throws {
        let catalogue: DiagnosisCatalogue
        do {
            catalogue = try DiagnosisCatalogue.load(path: Self.folder + "/diagnoses.yaml")
        } catch {
            return XCTFail(error.description)
        }
        let words = ["ADDRESS", "NAME", "NAMESPACE", "SERVICE", "MACHINE", "PORT", "URL", "TEXT"]
        for entry in catalogue.entries {
            for line in entry.remedy where !line.hasPrefix("#") {
                let command = line.components(separatedBy: "  # ")[0]
                guard command.contains(">/") || command.contains("> /") || command.contains("sed -i") else { continue }
                for word in words {
                    XCTAssertNil(
                        command.range(of: "(?<![A-Z_-])\(word)(?![A-Z_=])", options: .regularExpression),
                        "\(entry.code): \(line)")
                }
            }
        }
    }

    /// A failure of any check that can fail a run has a cause of its own, and not only the generic one.
    func testEveryCheckHasADiagnosis() async throws {
        let text = try String(contentsOfFile: Self.folder + "/diagnoses.yaml", encoding: .utf8)
        let marks: Set<Character> = [".", "-", "_", "*"]
        let words = text.split { (mark: Character) in !(mark.isLetter || mark.isNumber || marks.contains(mark)) }
        let mentioned = Set(words.map(String.init))
        for profile in ["classic", "modern"] {
            for check in try await load(profile).checks where !check.tags.contains("bookinfo") {
                let family = String(check.family.split(separator: ".")[0]) + ".*"
                XCTAssertTrue(
                    mentioned.contains(check.family) || ["mesh.external", "mesh.external.before"].contains(check.id)
                        || (mentioned.contains(family) && check.severity != .error)
                        || ["nal.order", "modern.user", "modern.resolver"].contains(check.family)
                        || check.family.hasPrefix("modern."), "\(check.id) has no diagnosis")
            }
        }
    }
}
