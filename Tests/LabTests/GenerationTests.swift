import Foundation
import TestSupport
import XCTest

/// A machine of these packages and the control planes of later generations, as mesh-lab imitates them.
final class GenerationTests: XCTestCase {
    /// 0.8 still answers the version 1 API of Pilot, and its CA takes a request's lifetime at its word.
    func testMachineIsWholeWithIstio0_8() throws {
        let lab = try Lab(["--istio", "0.8"], name: "gen08")
        try lab.install()
        try lab.waitForGreen("vm1")
        try certificateIsRenewed(lab)
        try lab.on("su person -c 'curl --silent --fail --max-time 10 productpage.bookinfo.svc.cluster.local:9080'")
            .check()
    }

    /// Pilot 1.0 has no version 1 API: that is the only thing said, and certificates come as before.
    func testOnlyPilotIsMissedWithIstio1_0() throws {
        let lab = try Lab(["--istio", "1.0"], name: "gen10")
        try lab.install()
        let deadline = ContinuousClock.now + .seconds(90)
        var report = try lab.report("vm1")
        while report.codes != ["MX0502"], ContinuousClock.now < deadline { report = try lab.report("vm1") }
        XCTAssertEqual(report.codes, ["MX0502"], report.story)
        try certificateIsRenewed(lab)
    }

    /// After SIGHUP there is another certificate, of the hour that the node agent asks for, from a CA that would give
    /// none to a request without a lifetime.
    private func certificateIsRenewed(_ lab: Lab) throws {
        let chain = "/etc/certs/cert-chain.pem"
        let serial = "openssl x509 -noout -serial -in \(chain)"
        let first = try lab.on(serial).check().trimmingCharacters(in: .whitespacesAndNewlines)
        try lab.on("systemctl kill --signal HUP istio-auth-node-agent").check()
        try lab.wait(for: 30, "test \"$(\(serial))\" != '\(first)'")
        try lab.on("openssl verify -CAfile /etc/certs/root-cert.pem \(chain)").check()
        let dates = try lab.on("openssl x509 -noout -startdate -enddate -in \(chain) | cut -d= -f2 | date -f - +%s")
            .check().split(separator: "\n").compactMap { Int($0) }
        XCTAssertEqual(dates.count, 2)
        XCTAssertTrue((3_500...3_800).contains(dates[1] - dates[0]), "a lifetime of \(dates[1] - dates[0]) s")
    }
}
