import DebianFormat
import Foundation
import Platform
import TestSupport
import XCTest

/// Whatever the bytes: a value or an error at a place within the text, and a value's text reads as the same value.
final class MutationTests: XCTestCase {
    private static let seeds = [
        "1:2.0~rc1-3+b1", "v1.30.0-rc.1+build", "libfoo-dev2.0", "linux-any",
        "a1 (>= 1), b1 | c1:any (<< 2), d1 [!amd64 !i386] <!nocheck x>", "Package: a\nDescription: b\n c\n .\n d\n",
        "# c\nSource: a\n\nPackage: b\nX:\n y\n", "/etc/a\nremove-on-upgrade /etc/b\n", "A B <a@b.org>",
        "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n", "interest /x\n# c\nactivate-noawait y\n",
        "t (1) u v; urgency=low, binary-only=yes\n\n  * x\n\n    y\n -- A <a@b>  Mon, 23 Nov 2026 12:00:00 +0000\n",
        "Mon, 23 Nov 2026 12:00:00 +0000",
        "One line\nand more.\n\n - item\n  code\n.NET is long enough to be folded at the end of the line, is it not\n",
    ].map { Array($0.utf8) }

    private static let insertions = Array(" :|,()<>[]!~-\n\r\t0.#\\@;=aé\u{301}\u{0}".utf8)

    private func mutate(_ seed: [UInt8], _ generator: inout SeededGenerator) -> String {
        var bytes = seed
        for _ in 0..<generator.number(1...6) where !bytes.isEmpty {
            let index = generator.number(0...bytes.count - 1)
            switch generator.number(0...5) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.remove(at: index)
            case 2, 3: bytes.insert(generator.pick(Self.insertions), at: index)
            case 4: bytes.append(contentsOf: bytes[index...].prefix(40))
            default: bytes.append(contentsOf: generator.pick(Self.seeds).prefix(60))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Parses; an error has to have its place in the text.
    private func parse<Value>(_ text: String, _ parser: (String) throws(FormatError) -> Value) -> Value? {
        do throws(FormatError) {
            return try parser(text)
        } catch {
            XCTAssertTrue((0...text.utf8.count).contains(error.offset), "\(error) at \(error.offset)")
            XCTAssertFalse(error.expected.isEmpty)
            XCTAssertLessThan(error.description.utf8.count, 4096)
            return nil
        }
    }

    private func check(_ text: String) {
        if let value = parse(text, DebianVersion.init) {
            XCTAssertEqual(try? DebianVersion(value.description), value, text)
            let same = try? DebianVersion((value.revision == nil ? value.description + "-0" : value.description))
            XCTAssertEqual(same, value, text)
            XCTAssertEqual(same?.hashValue, value.hashValue, text)
        }
        if let value = parse(text, DebianVersion.mapped) {
            XCTAssertEqual(try? DebianVersion.mapped(from: value.description).description, value.description, text)
        }
        if let value = parse(text, PackageName.init) { XCTAssertEqual(value.description, text) }
        if let value = parse(text, Architecture.init) { XCTAssertEqual(value.description, text) }
        if let value = parse(text, Maintainer.init) { XCTAssertEqual(try? Maintainer(value.description), value, text) }
        for kind in [RelationField.Kind.depends, .provides, .builtUsing] {
            let value = parse(text) { (text) throws(FormatError) in try RelationField(parsing: text, field: kind) }
            guard let value else { continue }
            XCTAssertEqual(try? RelationField(parsing: value.description, field: kind), value, text)
        }
        checkParagraphs(text)
        if let value = parse(text, Conffiles.init(parsing:)) {
            XCTAssertEqual(value.text.utf8.elementsEqual(text.utf8), true)
        }
        if let value = parse(text, MD5Sums.init(parsing:)) {
            let sorted = try? MD5Sums(parsing: value.text)
            XCTAssertEqual(sorted?.text, value.text, text)
            XCTAssertEqual(sorted?.entries.count, value.entries.count, text)
        }
        if let value = parse(text, Trigger.parse) {
            XCTAssertEqual(try? Trigger.parse(Trigger.text(of: value)), value, text)
        }
        if let value = parse(text, Changelog.parse) {
            XCTAssertEqual(try? Changelog.parse(value.map(\.description).joined(separator: "\n")), value, text)
        }
        _ = parse(text, MailDate.init)
    }

    private func checkParagraphs(_ text: String) {
        if let value = parse(text, { (text) throws(FormatError) in try ControlParagraph(parsing: text) }) {
            XCTAssertEqual(try? ControlParagraph(parsing: value.description), value, text)
            XCTAssertEqual(value.orderedForBinaryControl().fields.count, value.fields.count)
        }
        let all = parse(text) { (text) throws(FormatError) in try ControlParagraph.paragraphs(parsing: text) }
        if let all {
            let written = all.map(\.description).joined(separator: "\n")
            XCTAssertEqual(try? ControlParagraph.paragraphs(parsing: written), all, text)
        }
        // Any text without NUL is a value and stays within its field. By scalars: a NUL before a mark is one Character.
        let plain = String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\0" }))
        var paragraph = ControlParagraph()
        paragraph["A"] = "x" + plain
        XCTAssertEqual(try? ControlParagraph(parsing: paragraph.description).fields.map(\.name), ["A"], text)
        paragraph["A"] = ControlParagraph.description(summary: "s", body: plain)
        XCTAssertEqual(try? ControlParagraph(parsing: paragraph.description)["A"], paragraph["A"], text)
    }

    func testMutatedTexts() {
        let seconds = Double(ProcessInfo.processInfo.environment["FUZZ_SECONDS"] ?? "")
        let end = seconds.map { Date().addingTimeInterval($0) }
        var generator = SeededGenerator(seed: seconds == nil ? 99 : UInt64.random(in: 1...UInt64.max))
        var count = 0
        while end.map({ Date() < $0 }) ?? (count < 20_000) {
            check(mutate(Self.seeds[count % Self.seeds.count], &generator))
            count += 1
            if let failures = testRun?.failureCount, failures > 5 { break }
        }
        print("\(count) mutated texts")
    }

    /// Long texts of one kind of byte, at each parser: the time grows with the length and the stack does not.
    func testLongTexts() {
        for unit in [
            "0", "a", "-", "~", ":", " ", "\n", "\r\n", "a,", "a1|", "a1 (", "[", "<", "a1 <", "A: 1\n", " .\n",
            "# c\n",
            "/a\n", "interest a\n", "License: a or ", "a with ", "\\", "any-", "$a:", "/*", "A: x\n\n",
        ] {
            check(String(repeating: unit, count: 60_000 / unit.utf8.count))
            check("Files: " + String(repeating: unit, count: 20_000 / unit.utf8.count) + "\n")
        }
        var fields = ""
        for index in 0..<5000 { fields += "F\(index): x\n" }
        check(fields)
    }
}
