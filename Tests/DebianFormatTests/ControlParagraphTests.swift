import DebianFormat
import TestSupport
import XCTest

/// Paragraphs, in the judgement of dpkg-deb and of dpkg's library.
final class ControlParagraphTests: XCTestCase {
    func testRoundTrip() throws {
        let text = "Package: a1\nDescription: short\n long\n .\n  verbatim\nX-Empty:\n value\n"
        let paragraph = try ControlParagraph(parsing: text)
        XCTAssertEqual(paragraph["description"], "short\nlong\n\n verbatim")
        XCTAssertEqual(paragraph["X-EMPTY"], "\nvalue")
        XCTAssertEqual(paragraph.description, text)
        XCTAssertEqual(try ControlParagraph.paragraphs(parsing: "\n" + text + "\n\n" + text).count, 2)
    }

    /// What follows a sound paragraph, and whether the whole is sound.
    private static let endings = [
        "", "X-A: v\n", "X-A: v", "X-A:\n", "X-A:  \n", "X-A:\n v\n", "X-A:\nX-B: v\n", "X-A: v\n \n w\n",
        "X-A: v\n \n",
        "X-A: v\n\t\n", "X-A: v\n .\n w\n", "X-A: v\n . \n w\n", "X-A: v\n\tw\n", "\n", "\n\n\n", "-A: v\n", "a b: v\n",
        "X-A : v\n", "X-A: 1\nx-a: 2\n", "X-A: 1\nX-A: 1\n", ": v\n", "v\n", "# v\n", "\nPackage: second\n",
        "X-A: \t v \t\n", "X-A:v\n", "X-A: a: b\n", "X-A: v\n  w\n   x\n", "X-A: v\n ..\n", "X-A: v\n .x\n",
        "X-A: v\n\r\n", "X-A: é ☃\n", "X-A: v\n\n\n \n",
    ]

    func testWhatDpkgDebTakes() throws {
        let folder = try PackageFolder()
        for ending in Self.endings {
            let text = PackageFolder.control + ending
            let theirs = try folder.build(["control": text])
            let ours = try? ControlParagraph(parsing: text)
            XCTAssertEqual(ours != nil, theirs.status == 0, "\(ending.debugDescription): \(theirs.errors)")
            guard let ours, theirs.status == 0, let value = ours["X-A"] else { continue }
            // Of lines behind the first dpkg-deb keeps the blanks at the end, and of an empty one its ` .`.
            let lines = try folder.field("X-A").split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            let read = lines.enumerated().map { index, line in
                let content = (index == 0 ? line : line.dropFirst()).reversed().drop { $0 == " " || $0 == "\t" }
                let text = String(content.reversed())
                return index > 0 && text == "." ? "" : text
            }
            XCTAssertEqual(value, read.joined(separator: "\n"), ending.debugDescription)
        }
    }

    func testDpkgDebReadsWhatWeWrite() throws {
        let folder = try PackageFolder()
        var paragraph = try ControlParagraph(parsing: PackageFolder.control)
        let values = [
            "plain", "one\ntwo", "one\n\ntwo", "one\n \ntwo", "one\n\n\n", "\nfirst empty", "tab\n\tindented",
            "a\r\nb: c",
            "a\rX-B: c", "x\n.", "trailing  \n  both  ", "é\n☃",
        ]
        for value in values {
            paragraph["X-A"] = value
            let text = paragraph.description
            XCTAssertEqual(try folder.build(["control": text]).status, 0, value.debugDescription)
            let read = try ControlParagraph(parsing: text)
            XCTAssertEqual(read.fields.map(\.name), paragraph.fields.map(\.name), value.debugDescription)
            XCTAssertEqual(try ControlParagraph(parsing: read.description), read)
        }
    }

    func testLineBreaksOfOtherSystemsDoNotLeaveTheField() throws {
        // To Swift "\r\n" is one character, which is no "\n".
        let read = try ControlParagraph(parsing: "A: x\n y\r\n z\nB: 1\n")
        XCTAssertEqual(read.fields.map(\.name), ["A", "B"])
        XCTAssertEqual(try ControlParagraph(parsing: read.description), read)
        var written = ControlParagraph()
        written["A"] = "x\r\nB: injected"
        XCTAssertEqual(try ControlParagraph(parsing: written.description).fields.map(\.name), ["A"])
    }

    func testMalformedParagraphsAndTheirOffsets() {
        for (text, offset) in [
            (" x\n", 0), ("A: 1\nb\n", 6), (": x\n", 0), ("A: 1\na: 2\n", 5), ("A: 1\n-a: 1\n", 5), ("", 0), ("\n", 1),
            ("A: 1\n\nB: 2\n", 6), ("A\u{0}: x\n", 1), ("A: 1\né: x\n", 5), ("#a: x\n", 0), ("A: 1\n\t\n", 5),
            ("A: 1", 4), ("A: 1\nB:\n", 7), ("A b: 1\n", 1),
        ] {
            XCTAssertEqual(faultOffset { _ = try ControlParagraph(parsing: text) }, offset, text.debugDescription)
        }
        XCTAssertNoThrow(try ControlParagraph.checkName("X-A"))
        for (name, offset) in [("", 0), ("-a", 0), ("#a", 0), ("a:b", 1), ("a b", 1), ("a\nB", 1), ("aé", 1)] {
            XCTAssertEqual(faultOffset { try ControlParagraph.checkName(name) }, offset, name)
        }
    }

    func testOrderIsDpkgGencontrols() throws {
        let names = [
            "Zulu", "Description", "Depends", "Multi-Arch", "Version", "X-Alpha", "Section", "Maintainer", "Essential",
            "Package", "Homepage", "Architecture", "Built-Using", "Installed-Size", "Priority", "Source", "Provides",
            "Pre-Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces", "Tag", "Bugs",
            "Static-Built-Using", "Origin", "Task", "Protected", "Package-Type",
        ]
        var paragraph = ControlParagraph()
        for name in names { paragraph[name] = "x" }
        let theirs = try Oracle.perl(
            ["Dpkg::Control"],
            """
            my $c = Dpkg::Control->new(type => CTRL_PKG_DEB); $c->{$_} = "x" for split / /, $text; $c->output()
            """, [names.joined(separator: " ")])
        XCTAssertEqual([paragraph.orderedForBinaryControl().description], theirs)
        paragraph["package"] = "y"
        XCTAssertEqual(paragraph.orderedForBinaryControl().fields.first?.value, "y")
    }

    func testDescriptionFolding() {
        let body = "One line\nand its rest.\n\n - item\n* other\n  code\n" + String(repeating: "word ", count: 40)
        let text = ControlParagraph.description(summary: "short", body: body)
        XCTAssertTrue(text.hasPrefix("short\nOne line and its rest.\n\n - item\n * other\n  code\nword word"), text)
        XCTAssertTrue(text.split(separator: "\n").allSatisfy { $0.count <= 78 })
        for (body, expected) in [
            ("", "s"), ("\n\n", "s"), ("\n\na\n\n\nb\n\n", "s\na\n\nb"), ("a\r\nb\r\n\r\nc", "s\na b\n\nc"),
            ("\tcode", "s\n        code"), (".NET", "s\n .NET"), ("a\n.\nb", "s\na . b"),
        ] {
            XCTAssertEqual(ControlParagraph.description(summary: "s", body: body), expected, body.debugDescription)
        }
        XCTAssertEqual(ControlParagraph.description(summary: "a\nb", body: ""), "a b")
    }

    func testNoFoldedLineBeginsWithAFullStop() throws {
        for count in 60...80 {
            let body = String(repeating: "x", count: count) + " y .NET " + String(repeating: "z", count: 20)
            var paragraph = ControlParagraph()
            paragraph["Description"] = ControlParagraph.description(summary: "s", body: body)
            XCTAssertFalse(paragraph.description.contains("\n ."), paragraph.description)
        }
    }
}
