import Foundation
import TestSupport
import XCTest

/// Certificates of a minute: the node agent renews them, Envoy is replaced, and nobody notices.
final class RenewalTests: XCTestCase {
    /// RENEWAL_SECONDS says for how long; five minutes when it is not said.
    func testCertificatesOfAMinuteAreRenewedWithoutALostRequest() throws {
        let seconds = ProcessInfo.processInfo.environment["RENEWAL_SECONDS"].flatMap(Int.init) ?? 300
        let lab = try Lab(["--certificate-lifetime", "60s"], name: "renew")
        try lab.install()
        try lab.waitForGreen("vm1")
        let epoch = "pgrep -a -x envoy | sed -n 's/.*--restart-epoch \\([0-9]*\\).*/\\1/p' | sort -n | tail -n 1"
        let approvals = "journalctl -u istio-auth-node-agent | grep -c 'CSR is approved successfully'"
        let first = (
            try XCTUnwrap(Int(lab.on(epoch).check().trimmed)), try XCTUnwrap(Int(lab.on(approvals).check().trimmed))
        )

        // A client that asks ten times a second, through Envoy, and writes down what it gets.
        let client = """
            while true; do curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}\\n' \
            http://productpage.bookinfo.svc.cluster.local:9080/productpage || echo failed; sleep 0.1; done >/tmp/answers
            """
        try lab.on(
            "systemd-run --quiet --unit=client --uid=person sh -c \"\(client)\""
        )
        .check()
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            let report = try lab.report("vm1")
            XCTAssertTrue(report.isGreen, report.story)
        }
        try lab.on("systemctl stop client").check()
        let answers = try lab.on("sort /tmp/answers | uniq -c").check()
        XCTAssertEqual(
            answers.components(separatedBy: "\n").filter { !$0.isEmpty && !$0.hasSuffix(" 200") }, [], answers)
        let asked = answers.trimmed.components(separatedBy: " ").first.flatMap(Int.init) ?? 0
        XCTAssertGreaterThan(asked, seconds, "the client asked too seldom")
        let last = (
            try XCTUnwrap(Int(lab.on(epoch).check().trimmed)), try XCTUnwrap(Int(lab.on(approvals).check().trimmed))
        )
        let warnings = "journalctl --quiet --priority warning -u istio -u istio-auth-node-agent"
        XCTAssertEqual(try lab.on(warnings).check(), "", "warnings of healthy services")
        // A renewal every half minute, each followed by a new Envoy.
        XCTAssertGreaterThanOrEqual(last.1 - first.1, seconds / 60, "renewals")
        XCTAssertGreaterThanOrEqual(last.0 - first.0, seconds / 60, "epochs")
        print(
            "over \(seconds) s: \(last.1 - first.1) renewals, \(last.0 - first.0) epochs, \(asked) requests, 0 failed")
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
