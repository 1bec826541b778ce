import Foundation
import TestSupport
import XCTest

/// A healthy machine that is busy, renews its certificate twice a minute and has its services restarted.
final class HealthyRunsTests: XCTestCase {
    /// HEALTHY_RUNS says how often meshcheck looks; ten times when it is not said.
    func testNothingIsReportedUnderLoad() throws {
        let count = ProcessInfo.processInfo.environment["HEALTHY_RUNS"].flatMap(Int.init) ?? 10
        let lab = try Lab(["--certificate-lifetime", "60s"], name: "busy")
        try lab.install()
        try lab.waitForGreen("vm1")
        // Two programs for each processor that never wait.
        for number in 0..<(2 * ProcessInfo.processInfo.processorCount) {
            try lab.on("systemd-run --quiet --unit=load\(number) sh -c 'while :; do :; done'").check()
        }
        let services = ["istio-auth-node-agent", "istio", "dnsmasq"]
        var alarms: [String] = []
        for number in 0..<count {
            // The next run begins as soon as systemctl says that the service is there.
            if number % 3 == 2 { try lab.on("systemctl restart \(services[number / 3 % services.count])").check() }
            let report = try lab.report("vm1")
            if !report.isGreen { alarms.append("run \(number): \(report.story)") }
        }
        XCTAssertEqual(alarms, [])
        print("\(alarms.count) alarms in \(count) healthy runs")
    }
}
