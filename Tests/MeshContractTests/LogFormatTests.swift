import MeshContract
import Platform
import XCTest

final class LogFormatTests: XCTestCase {
    /// What the documentation of Go's package time says, and its edges.
    func testDurationsAsGoWritesThem() {
        let table: [(Int64, String)] = [
            (0, "0s"), (1, "1ns"), (999, "999ns"), (1100, "1.1µs"), (1_000_000, "1ms"), (2_200_000, "2.2ms"),
            (850_000_000, "850ms"), (1_000_000_000, "1s"), (3_300_000_000, "3.3s"), (60_000_000_000, "1m0s"),
            (245_000_000_000, "4m5s"), (245_001_000_000, "4m5.001s"), (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"), (3_723_000_000_000, "1h2m3s"), (1_799_137_732_603, "29m59.137732603s"),
            (.max, "2562047h47m16.854775807s"), (.min, "-2562047h47m16.854775808s"), (-1, "-1ns"),
            (-5_400_000_000_000, "-1h30m0s"),
        ]
        for (nanoseconds, text) in table {
            XCTAssertEqual(GoDuration(nanoseconds: nanoseconds).description, text)
            XCTAssertEqual(GoDuration(text)?.nanoseconds, nanoseconds, text)
        }
    }

    /// The cases of ParseDuration's documentation and tests.
    func testDurationsAsGoReadsThem() {
        let good: [(String, Int64)] = [
            ("0", 0), ("5s", 5_000_000_000), ("+5s", 5_000_000_000), ("-5s", -5_000_000_000), ("1.0s", 1_000_000_000),
            (".5s", 500_000_000), ("1.s", 1_000_000_000), ("1.004s", 1_004_000_000), ("100.00100s", 100_001_000_000),
            ("10us", 10_000), ("12µs", 12_000), ("12μs", 12_000), ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("9007199254.740993ms", 9_007_199_254_740_993), ("39h9m14.425s", 140_954_425_000_000),
            ("3m3s3m", 363_000_000_000), ("-.5s", -500_000_000),
        ]
        for (text, nanoseconds) in good { XCTAssertEqual(GoDuration(text)?.nanoseconds, nanoseconds, text) }
        for text in [
            "", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "1e3s", "3000000h", "9223372036854775808ns", " 1s", "1s ",
            "1 s", "1S", "1\u{301}s", "--1s", "1s-1s",
        ] {
            XCTAssertNil(GoDuration(text), text)
        }
    }

    func testRoundTripOfDurations() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let value = Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0...62)
            let duration = GoDuration(nanoseconds: value)
            XCTAssertEqual(GoDuration(duration.description), duration)
        }
    }

    /// The journal of a healthy node agent.
    func testLinesOfTheContract() throws {
        let lines = [
            "I1013 21:32:29.469314    6941 main.go:66] Starting Node Agent",
            "I1013 21:32:29.469365    6941 nodeagent.go:96] Node Agent starts successfully.",
            "I1013 21:32:29.483324    6941 nodeagent.go:112] Sending CSR (retrial #0) ...",
            "I1013 21:32:29.862575    6941 nodeagent.go:128] CSR is approved successfully. Will renew cert in "
                + "29m59.137732603s",
        ]
        let messages = [
            NodeAgentMessage.starting, NodeAgentMessage.started, NodeAgentMessage.sending(retrial: 0),
            NodeAgentMessage.approved(renewalIn: GoDuration(nanoseconds: 1_799_137_732_603)),
        ]
        for (line, message) in zip(lines, messages) {
            let read = try XCTUnwrap(GlogLine(line), line)
            XCTAssertEqual(read.message, message)
            XCTAssertEqual(read.description, line)
            XCTAssertEqual([read.month, read.day, read.thread], [10, 13, 6941])
            XCTAssertEqual(read.severity, .info)
        }
        let first = try XCTUnwrap(GlogLine(lines[0]))
        XCTAssertEqual(first.microseconds, 77_549_469_314)
        XCTAssertEqual(first.file, "main.go")
        XCTAssertEqual(first.line, 66)
        let last = try XCTUnwrap(GlogLine(lines[3]))
        XCTAssertTrue(last.message.hasPrefix(NodeAgentMessage.approvedPrefix))
        XCTAssertEqual(
            GoDuration(last.message.dropFirst(NodeAgentMessage.approvedPrefix.count))?.nanoseconds, 1_799_137_732_603)
    }

    func testOtherLines() throws {
        XCTAssertEqual(GlogLine("E0229 00:00:00.000000       1 a.go:1] x]y] z")?.message, "x]y] z")
        XCTAssertEqual(GlogLine("F1231 23:59:59.999999 1234567 a.go:1] ")?.message, "")
        for text in [
            "", "I", "I1313 21:32:29.469314    6941 main.go:66] x", "I1000 21:32:29.469314    6941 main.go:66] x",
            "I1013 24:32:29.469314    6941 main.go:66] x", "I1013 21:60:29.469314    6941 main.go:66] x",
            "I1013 21:32:29.46931     6941 main.go:66] x", "X1013 21:32:29.469314    6941 main.go:66] x",
            "I1013 21:32:29.469314    6941 main.go:66 x no bracket here",
            "I1013 21:32:29.469314    main.go:66] message",
            "2020-02-11T12:53:43.831908Z\tinfo\tmessage is here",
        ] {
            XCTAssertNil(GlogLine(text), text)
        }
    }

    func testIdentities() throws {
        let text = "sidecar~10.150.0.5~demo-vm-1.default~default.svc.cluster.local"
        let node = try XCTUnwrap(NodeIdentity(text))
        XCTAssertEqual(node.description, text)
        XCTAssertEqual(node.address, "10.150.0.5")
        for bad in ["", "sidecar~1~2", "sidecar~1~2~3~4", "sidecar~~2~3", "router~1~2~3", "sidecar~1~\u{301}~", "~~~"] {
            XCTAssertNil(NodeIdentity(bad), bad)
        }
        // A combining mark behind the separator must not hide it.
        XCTAssertEqual(NodeIdentity("sidecar~1~\u{301}2~3")?.id, "\u{301}2")
        let uri = "spiffe://cluster.local/ns/default/sa/vm"
        let identity = try XCTUnwrap(SPIFFEIdentity(uri))
        XCTAssertEqual(identity.description, uri)
        XCTAssertEqual(identity.namespace, "default")
        XCTAssertEqual(identity.serviceAccount, "vm")
        for bad in [
            "", "spiffe://", "spiffe://a/ns/b/sa/", "spiffe://a/ns/b/sa/c/d", "spiffe://a/sa/b/ns/c",
            "SPIFFE://a/ns/b/sa/c", "spiffe://a/ns/b/sa/c d", "spiffe://a/ns/b%2f/sa/c", "http://a/ns/b/sa/c",
            "spiffe://a/ns//sa/c",
        ] {
            XCTAssertNil(SPIFFEIdentity(bad), bad)
        }
    }
}
