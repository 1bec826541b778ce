import Platform
import TestSupport
import XCTest

@testable import Probes

/// What is not in a journal was not written, unless the journal could have lost it.
final class JournalTests: XCTestCase {
    private func obstacle(
        _ gaps: JournalGaps = JournalGaps(reachesBack: true), after: Int64? = nil, hasSucceeded: Bool = false,
        isTruncated: Bool = false, isFull: Bool = false
    ) -> String? {
        gaps.obstacle(after: after, hasSucceeded: hasSucceeded, isTruncated, isFull: isFull)
    }

    func testWhatAJournalMayHaveLost() {
        XCTAssertNil(obstacle())
        XCTAssertEqual(obstacle(JournalGaps()), "the journal does not reach back to the start")
        XCTAssertNil(obstacle(JournalGaps(), after: 5, hasSucceeded: true), "all that counts came after the success")
        XCTAssertEqual(obstacle(isTruncated: true), "the journal has more messages than were read")
        XCTAssertNil(obstacle(hasSucceeded: true, isTruncated: true))
        XCTAssertNotNil(obstacle(isFull: true))
        let suppressed = JournalGaps(reachesBack: true, suppressed: (time: 10, message: "Suppressed 7 messages from x"))
        XCTAssertEqual(obstacle(suppressed), "journald: Suppressed 7 messages from x")
        XCTAssertEqual(
            obstacle(suppressed, after: 5, hasSucceeded: true), "journald: Suppressed 7 messages from x",
            "an error after the last success may be among them")
        XCTAssertNil(obstacle(suppressed, after: 15, hasSucceeded: true))
    }

    private let journald = UnitProperties(values: ["ActiveState": "active"])

    private func output(
        _ values: [String: String], opened: [String] = [], journald: [String: String] = ["ActiveState": "active"]
    ) -> UnitOutput {
        UnitOutput(of: UnitProperties(values: values), opened: opened, journald: UnitProperties(values: journald))
    }

    func testWhereTheOutputGoes() {
        for values in [
            [:], ["StandardOutput": "journal", "StandardError": "inherit"], ["StandardError": "journal+console"],
            ["StandardOutput": "null", "StandardError": "journal"], ["StandardOutput": "kmsg"],
            ["StandardError": "inherit", "LogLevelMax": "7"], ["LogLevelMax": "6"], ["LogRateLimitBurst": "0"],
        ] {
            let output = output(values)
            XCTAssertNil(output.obstacle, "\(values)")
            XCTAssertEqual(output.files, [])
            XCTAssertNil(output.burst)
        }
        for (values, words) in [
            (["StandardOutput": "null", "StandardError": "inherit"], "'null'"),
            (["StandardError": "socket"], "'socket'"),
            (["StandardError": "tty"], "'tty'"), (["LogLevelMax": "3"], "level 3"), (["LogLevelMax": "0"], "level 0"),
        ] {
            XCTAssertTrue(output(values).obstacle?.contains(words) ?? false, "\(values)")
        }
        XCTAssertEqual(output([:], journald: ["ActiveState": "failed"]).obstacle, "systemd-journald does not run")
        let own = output(["LogNamespace": "mesh", "LogRateLimitBurst": "5"], journald: ["ActiveState": "failed"])
        XCTAssertNil(own.obstacle, "a journal of its own has a journald of its own")
        XCTAssertEqual(own.namespace, "mesh")
        XCTAssertEqual(own.burst, 5)
    }

    /// systemd keeps the path of a file to itself; what the process has open tells it.
    func testOutputInAFile() {
        for kind in ["file:/var/log/x", "append:/var/log/x", "truncate:/var/log/x"] {
            let output = output(
                ["StandardError": kind], opened: ["/var/log/x", "socket:[1]", "/dev/null", "/var/log/x"])
            XCTAssertEqual(output.files, ["/var/log/x"], kind)
            XCTAssertNil(output.obstacle, kind)
        }
        // A process that has ended has nothing open.
        XCTAssertNotNil(output(["StandardError": "append:/var/log/x"]).obstacle)
    }
}
