import DebianFormat
import Platform
import TestSupport
import XCTest

/// Changelogs, in the judgement of dpkg-parsechangelog.
final class ChangelogTests: XCTestCase {
    private static let trailer = " -- A B <a@b.org>  Mon, 23 Nov 2026 12:00:00 +0000\n"

    private static let long = """
        tool (1:2.0-3) unstable experimental; urgency=High, binary-only=yes

          [ Someone ]
          * First.
            More.

          * Second.

         -- A B <a@b.org>  Mon, 23 Nov 2026 12:00:00 +0000

        # a comment
        tool (1.0~rc1) UNRELEASED; urgency=medium
          * Older.
         -- Åsa C. <c@d.org>  Thu,  1 Jan 2004   23:59:59 -0330

        Local variables:
        mode: whatever
        """

    func testEntriesAreDpkgs() throws {
        let entries = try Changelog.parse(Self.long)
        XCTAssertEqual(entries.map(\.version.description), ["1:2.0-3", "1.0~rc1"])
        let first = try XCTUnwrap(entries.first)
        XCTAssertEqual(first.changes, ["[ Someone ]", "* First.", "  More.", "", "* Second."])
        XCTAssertEqual(first.distributions, ["unstable", "experimental"])
        XCTAssertEqual(first.urgency, "High")
        XCTAssertTrue(first.isBinaryOnly)
        try requireProgram("dpkg-parsechangelog")
        let path = try TemporaryDirectory()
        let file = try path.file("changelog", Self.long)
        let theirs = try TestSupport.run("dpkg-parsechangelog", ["--all", "--format", "rfc822", "-l", file])
        XCTAssertEqual(theirs.errors, "")
        let paragraphs = try ControlParagraph.paragraphs(parsing: theirs.output)
        XCTAssertEqual(paragraphs.count, entries.count)
        for (entry, paragraph) in zip(entries, paragraphs) {
            XCTAssertEqual(entry.package, paragraph["Source"])
            XCTAssertEqual(entry.version.description, paragraph["Version"])
            XCTAssertEqual(entry.distributions.joined(separator: " "), paragraph["Distribution"])
            XCTAssertEqual(entry.urgency?.lowercased(), paragraph["Urgency"])
            XCTAssertEqual(entry.maintainer, paragraph["Maintainer"])
            XCTAssertEqual(String(entry.timestamp), paragraph["Timestamp"])
            XCTAssertEqual(entry.date, paragraph["Date"])
            let changes = (paragraph["Changes"] ?? "").split(separator: "\n", omittingEmptySubsequences: false)
            XCTAssertEqual(entry.changes, changes.dropFirst(3).map { String($0.dropFirst(2)) })
        }
    }

    private func entry(_ date: String) -> String {
        "tool (1) unstable; urgency=low\n\n  * x\n\n -- A B <a@b.org>  \(date)\n"
    }

    func testTimestampsAreDpkgs() throws {
        try requireProgram("dpkg-parsechangelog")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var generator = SeededGenerator(seed: 12)
        var dates = [
            "Mon, 23 Nov 2026 12:00:00 +0000", "Thu, 29 Feb 2024 23:59:59 -1130", "Sat, 01 Jan 2000 00:00:00 +1400",
            "Thu, 01 Jan 1970 00:00:00 +0000", "Tue, 19 Jan 2038 03:14:08 +0530", "Tue, 29 Feb 2000 00:00:00 +0000",
            "Mon, 01 Mar 2100 00:00:00 +0000", "1 Mar 2100 00:00:00 +0000", "Mon,1 Mar 2100 1:00:00 +0000",
            "Fri, 31 Dec 9999 23:59:59 +0000",
        ]
        for _ in 0..<300 {
            func two(_ range: ClosedRange<Int>) -> String { String(generator.number(range) + 100).dropFirst() + "" }
            dates.append(
                "Mon, \(two(1...28)) \(generator.pick(months)) \(generator.number(1971...2500)) "
                    + "\(two(0...23)):\(two(0...59)):\(two(0...59)) \(generator.pick(["+", "-"]))\(two(0...14))\(two(0...59))"
            )
        }
        let directory = try TemporaryDirectory()
        let file = try directory.file("changelog", dates.map { entry($0) }.joined(separator: "\n"))
        let result = try TestSupport.run("dpkg-parsechangelog", ["--all", "-l", file, "--format", "rfc822"])
        let theirs = try ControlParagraph.paragraphs(parsing: result.output).map { $0["Timestamp"] }
        XCTAssertEqual(theirs.count, dates.count, result.errors)
        for (date, answer) in zip(dates, theirs) {
            XCTAssertEqual(try String(MailDate(date).timestamp), answer, date)
        }
    }

    func testDates() throws {
        XCTAssertEqual(try MailDate("Mon, 23 Nov 2026 12:00:00 +0130").zoneSeconds, 5400)
        XCTAssertEqual(try MailDate("Mon, 23 Nov 2026 12:00:00 +0000").isWeekdayRight, true)
        XCTAssertEqual(try MailDate("Tue, 23 Nov 2026 12:00:00 +0000").isWeekdayRight, false)
        XCTAssertEqual(try MailDate("Thu, 01 Jan 1970 00:00:00 +0000").isWeekdayRight, true)
        // deb-changelog(5) has leap seconds, dpkg's library does not.
        XCTAssertEqual(try MailDate("Sat, 31 Dec 2016 23:59:60 +0000").timestamp, 1_483_228_800)
        XCTAssertNil(try MailDate("23 Nov 2026 12:00:00 +0000").isWeekdayRight)
        for (text, offset) in [
            ("", 0), ("Mon", 3), ("Foo, 23 Nov 2026 12:00:00 +0000", 0), ("Mon, 31 Nov 2026 12:00:00 +0000", 5),
            ("Sun, 29 Feb 2026 12:00:00 +0000", 5), ("Mon, 0 Nov 2026 12:00:00 +0000", 5),
            ("Mon, 23 November 2026 12:00:00 +0000", 8), ("Mon, 23 Nov 26 12:00:00 +0000", 12),
            ("Mon, 23 Nov 2026 24:00:00 +0000", 17), ("Mon, 23 Nov 2026 12:60:00 +0000", 17),
            ("Mon, 23 Nov 2026 12:00 +0000", 17), ("Mon, 23 Nov 2026 12:00:00 UTC", 26),
            ("Mon, 23 Nov 2026 12:00:00 +0060", 26), ("Mon, 23 Nov 1969 12:00:00 +0000", 12),
            ("Thu, 01 Jan 1970 00:00:00 +0100", 0), ("Mon, 23 Nov 99999999999999999999 12:00:00 +0000", 12),
        ] {
            XCTAssertEqual(faultOffset { _ = try MailDate(text) }, offset, text)
        }
    }

    func testMalformedChangelogs() throws {
        try requireProgram("dpkg-parsechangelog")
        let directory = try TemporaryDirectory()
        for (text, offset) in [
            ("tool\n", 4), ("tool (1) unstable\n", 17),
            ("tool (1_) unstable; urgency=low\n\n  * x\n\n\(Self.trailer)", 7),
            ("  * x\n", 0), (Self.trailer, 0), ("tool (1) unstable; urgency=low\n", 31),
            ("tool (1) unstable; urgency=low\n\n\(Self.trailer)", 32),
            ("tool (1) unstable; urgency=low\n\n  * x\n\n -- A <a@b> Mon, 23 Nov 2026 12:00:00 +0000\n", 50),
            ("tool (1) unstable; urgency=low\n\n  * x\n\n -- A <a@b>  23. November 2026\n", 69),
            ("tool (1) unstable; urgency\n\n  * x\n\n\(Self.trailer)", 26),
            ("tool (1) unstable; colour=red\n\n  * x\n\n\(Self.trailer)", 19),
            ("tool (1) unstable; urgency=low, urgency=low\n\n  * x\n\n\(Self.trailer)", 32),
            ("tool (1) unstable; binary-only=no\n\n  * x\n\n\(Self.trailer)", 31),
            ("tool (1); urgency=low\n\n  * x\n\n\(Self.trailer)", 8),
            ("tool(1) u; urgency=low\n\n  * x\n\n\(Self.trailer)", 4),
            ("tool (1) u; urgency=low\n\n * x\n\n\(Self.trailer)", 25),
            ("tool (1) u; urgency=low\n\n  * x\n\n --A <a@b>  Mon, 23 Nov 2026 12:00:00 +0000\n", 35),
            ("tool (1) u; urgency=low\n\n  * x\n\n -- A  Mon, 23 Nov 2026 12:00:00 +0000\n", 70),
            ("tool (1) u; urgency=low\n\n  * x\n\ntool (0) u; urgency=low\n", 32),
        ] {
            XCTAssertEqual(faultOffset { _ = try Changelog.parse(text) }, offset, text)
            let file = try directory.file("changelog", text)
            let theirs = try TestSupport.run("dpkg-parsechangelog", ["--all", "-l", file])
            XCTAssertNotEqual(theirs.errors, "", "dpkg takes \(text)")
        }
        XCTAssertEqual(try Changelog.parse(" \n\n"), [])
    }

    func testEntriesAreWrittenAsTheyAreRead() throws {
        for entry in try Changelog.parse(Self.long) {
            XCTAssertEqual(try Changelog.parse(entry.description), [entry])
        }
        // To Swift "\r\n" is one character; a line ends at its last part.
        let dos = Self.long.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        XCTAssertEqual(try Changelog.parse(dos), try Changelog.parse(Self.long))
    }
}
