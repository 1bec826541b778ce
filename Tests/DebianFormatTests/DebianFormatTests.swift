import DebianFormat
import Foundation
import TestSupport
import XCTest

/// Versions, in dpkg's own judgement.
final class DebianVersionTests: XCTestCase {
    private func generated(_ count: Int, seed: UInt64) -> [String] {
        var generator = SeededGenerator(seed: seed)
        let pieces = [
            "0", "1", "2", "9", "10", "01", "007", "123456789012345678901234567890", ".", ".", "~", "+", "a", "b", "Z",
            "rc", "~~", "alpha", "-", "1.0", "1.0-1", "1.0~", "+b1", ":",
        ]
        return (0..<count).map { _ in
            var text =
                Int.random(in: 0..<6, using: &generator) == 0 ? "\(Int.random(in: 0...3, using: &generator)):" : ""
            text += String(Int.random(in: 0...20, using: &generator))
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                text += pieces.randomElement(using: &generator) ?? ""
            }
            return text
        }
    }

    func testOrderIsDpkgs() throws {
        try requireProgram("dpkg")
        // Near each other, so that equal ones and last differences come up.
        let versions = generated(6000, seed: 42).compactMap { try? DebianVersion($0) }
        var generator = SeededGenerator(seed: 43)
        var pairs: [(DebianVersion, DebianVersion)] = []
        while pairs.count < 2000 {
            let first = versions[Int.random(in: 0..<versions.count, using: &generator)]
            let index = Int.random(in: 0..<versions.count, using: &generator)
            pairs.append(
                (first, pairs.count % 4 == 0 ? (try? DebianVersion(first.description + "0")) ?? first : versions[index])
            )
        }
        let input = pairs.map { "\($0.0) \($0.1)\n" }.joined()
        let script = """
            while read -r a b; do
                if dpkg --compare-versions "$a" lt "$b"; then echo '<'
                elif dpkg --compare-versions "$a" eq "$b"; then echo '='
                else echo '>'; fi
            done
            """
        let result = try TestSupport.run("sh", ["-c", script], input: Array(input.utf8))
        let answers = result.output.split(separator: "\n")
        XCTAssertEqual(answers.count, pairs.count, result.errors)
        for (pair, answer) in zip(pairs, answers) {
            let ours = pair.0 < pair.1 ? "<" : pair.1 < pair.0 ? ">" : "="
            XCTAssertEqual(ours, String(answer), "\(pair.0) and \(pair.1)")
            if ours == "=" {
                XCTAssertEqual(pair.0, pair.1)
                XCTAssertEqual(pair.0.hashValue, pair.1.hashValue, "\(pair.0) \(pair.1)")
            }
        }
    }

    func testValidityIsDpkgs() throws {
        try requireProgram("dpkg")
        var texts = generated(700, seed: 7)
        texts += [
            "", "1", ":1", "1:", "a1", "-1", "1-", "1_2", "1 2", "1:2:3", "2147483647:1", "2147483648:1", "1é", "1/2",
            "0-0",
            "1-a_b", "1--2", "1-2-3", "+1", "~1", "1:~1", "1:a", "99999999999:1", "1\t", "1.0(2)",
        ]
        let script =
            "while IFS= read -r a; do if dpkg --validate-version \"$a\" 2>/dev/null; then echo y; else echo n; fi; done"
        let result = try TestSupport.run(
            "sh", ["-c", script], input: Array(texts.map { $0 + "\n" }.joined().utf8))
        let answers = result.output.split(separator: "\n")
        XCTAssertEqual(answers.count, texts.count)
        for (text, answer) in zip(texts, answers) where !text.hasSuffix("\t") {
            XCTAssertEqual((try? DebianVersion(text)) != nil, answer == "y", "'\(text)'")
        }
    }

    func testMapping() throws {
        let expected = [
            "v1.30.0": "1.30.0", "1.30.0": "1.30.0", "1.30.0-rc.1": "1.30.0~rc.1", "1.30.0rc.1": "1.30.0~rc.1",
            "1.30.0-alpha.abcdef": "1.30.0~alpha.abcdef", "1.2.3-1": "1.2.3-1", "1.2.3-beta-2": "1.2.3~beta.2",
            "1.0~rc1": "1.0~rc1", "1:1.0": "1:1.0", "1.1.1w": "1.1.1w", "2026.11": "2026.11", "1.0+git1": "1.0+git1",
            "1.0.dev3": "1.0~dev3",
        ]
        for (given, wanted) in expected {
            let mapped = try DebianVersion.mapped(from: given)
            XCTAssertEqual(mapped.description, wanted)
        }
        for (earlier, later) in [
            ("1.30.0-rc.1", "1.30.0"), ("1.30.0-alpha.1", "1.30.0-beta.0"), ("1.29.9", "1.30.0-rc.1"),
        ] {
            XCTAssertLessThan(try DebianVersion.mapped(from: earlier), try DebianVersion.mapped(from: later))
        }
    }

    func testPackageNamesAreDpkgs() throws {
        try requireProgram("dpkg")
        for text in ["a", "ab", "a+", "A1", "1a", "-a", "+a", ".a", "a.b-c+d", "é1", "a b", "libfoo2.0"] {
            let accepted = try TestSupport.run("dpkg", ["--validate-pkgname", "--", text]).status == 0
            // dpkg allows single characters and capitals, Policy 5.6.7 does not.
            if text.utf8.count < 2 || text.lowercased() != text { continue }
            XCTAssertEqual((try? PackageName(text)) != nil, accepted, text)
        }
        XCTAssertThrowsError(try PackageName("a"))
        for text in ["Ab", "a_b"] { XCTAssertThrowsError(try PackageName(text), text) }
    }

    func testOffsetsPointAtTheFault() {
        func offset(_ text: String) -> Int? {
            do {
                _ = try DebianVersion(text)
                return nil
            } catch { return error.offset }
        }
        XCTAssertEqual(offset("1.0_2"), 3)
        XCTAssertEqual(offset("1:x"), 2)
        XCTAssertEqual(offset("1.0-a_b"), 5)
        XCTAssertEqual(offset("x:1"), 0)
    }
}

/// Relations, in apt's own judgement.
final class RelationTests: XCTestCase {
    private let sound = [
        "a1", "libc6 (>= 2.34)", "a1 | b1 (<< 2), c1 (= 1:2-3)", "python3:any (>= 3.9~)", "x1(>=1)", " x1 , y1|z1 ",
        "foo-bar.baz+qux (>> 1.0+b1)", "a1 (<= 9)", "gcc:amd64",
    ]

    func testAptReadsWhatWeRead() throws {
        let python = "/usr/bin/python3"
        let probe = try? TestSupport.run(python, ["-c", "import apt_pkg"])
        guard probe?.status == 0 else { throw XCTSkip("python3-apt is not installed") }
        let script = """
            import apt_pkg, json, sys
            apt_pkg.init()
            out = []
            for line in sys.stdin:
                try:
                    out.append([[list(r) for r in g] for g in apt_pkg.parse_depends(line.rstrip("\\n"), False)])
                except Exception:
                    out.append(None)
            print(json.dumps(out))
            """
        var generator = SeededGenerator(seed: 5)
        var texts = sound
        let names = ["a1", "libfoo2", "x+y", "p3:any"]
        let bounds = ["", " (>= 1.2-3)", " (<< 2~rc1)", "(= 1:0)", " ( <= 7 )"]
        for _ in 0..<300 {
            let groups = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                    (names.randomElement(using: &generator) ?? "") + (bounds.randomElement(using: &generator) ?? "")
                }.joined(separator: [" | ", "|"].randomElement(using: &generator) ?? "|")
            }
            texts.append(groups.joined(separator: [", ", ","].randomElement(using: &generator) ?? ","))
        }
        let canonical = try texts.map { try RelationField(parsing: $0, field: .depends).description }
        let result = try TestSupport.run(
            python, ["-c", script], input: Array((texts + canonical).map { $0 + "\n" }.joined().utf8))
        let answers = try JSONSerialization.jsonObject(with: Data(result.standardOutput)) as? [[[[String]]]?]
        let list = try XCTUnwrap(answers, result.errors)
        for index in texts.indices {
            let original = try XCTUnwrap(list[index], texts[index])
            XCTAssertEqual(original, list[texts.count + index], "\(texts[index]) and \(canonical[index])")
            let field = try RelationField(parsing: texts[index], field: .depends)
            XCTAssertEqual(field.groups.map(\.count), original.map(\.count), texts[index])
        }
    }

    func testWhatIsRefused() {
        for text in [
            "", " ", ",", "a1,", "a1 |", "| a1", "a1 b1", "a1 (1.0)", "a1 (> 1)", "a1 (< 1)", "a1 (>= )", "a1 (>= 1",
            "a1 >= 1",
            "a1 (>= 1_2)", "a1 (== 1)", "A1", "a1 (>= 1) (<< 2)", "a1 [amd64]", "a1 <!nocheck>", "a1:nonsense", "${x}",
            "a1 (>= ${v})", "a1;b1", "a1\u{0}",
        ] {
            XCTAssertThrowsError(try RelationField(parsing: text, field: .depends), text)
        }
        XCTAssertThrowsError(try RelationField(parsing: "a1 | b1", field: .conflicts))
        XCTAssertThrowsError(try RelationField(parsing: "a1 (>= 1)", field: .provides))
        XCTAssertNoThrow(try RelationField(parsing: "a1 (= 1)", field: .provides))
        XCTAssertThrowsError(try RelationField(parsing: "bazel", field: .builtUsing))
    }

    func testDescriptionParsesToItself() throws {
        for text in sound {
            let field = try RelationField(parsing: text, field: .depends)
            XCTAssertEqual(try RelationField(parsing: field.description, field: .depends), field)
        }
    }
}

/// Control paragraphs, conffiles, md5sums, triggers, maintainers, changelogs.
final class ControlFormatTests: XCTestCase {
    func testParagraphRoundTrip() throws {
        let text = "Package: a1\nDescription: short\n long\n .\n  verbatim\nX-Empty:\n value\n"
        let paragraph = try ControlParagraph(parsing: text)
        XCTAssertEqual(paragraph["description"], "short\nlong\n\n verbatim")
        XCTAssertEqual(paragraph["X-EMPTY"], "\nvalue")
        XCTAssertEqual(paragraph.description, text)
        XCTAssertEqual(try ControlParagraph.paragraphs(parsing: text + "\n\n" + text).count, 2)
    }

    func testMalformedParagraphs() {
        for text in [" x\n", "a\n", ": x\n", "A: 1\na: 2\n", "-a: 1\n", "", "A: 1\n\nB: 2\n", "A\u{0}: x\n", "é: x\n"] {
            XCTAssertThrowsError(try ControlParagraph(parsing: text), text)
        }
    }

    func testDescriptionFolding() {
        let body = "One line\nand its rest.\n\n - item\n* other\n  code\n" + String(repeating: "word ", count: 40)
        let text = ControlParagraph.description(summary: "short", body: body)
        XCTAssertTrue(text.hasPrefix("short\nOne line and its rest.\n\n - item\n * other\n  code\nword word"), text)
        XCTAssertTrue(text.split(separator: "\n").allSatisfy { $0.count <= 79 })
    }

    func testConffilesByDpkgsRules() {
        XCTAssertNoThrow(try Conffiles(parsing: "/etc/a\nremove-on-upgrade /etc/b\n"))
        for text in [
            "/etc/a", " /etc/a\n", "/etc/a \n", "\n", "etc/a\n", "/etc/a\n/etc/a\n", "drop /etc/a\n",
            "remove-on-upgrade x\n",
        ] {
            XCTAssertThrowsError(try Conffiles(parsing: text), text)
        }
    }

    func testMaintainers() throws {
        XCTAssertEqual(try Maintainer("A B <a.b@example.org>").address, "a.b@example.org")
        for text in [
            "", "A", "<a@b>", "A <a>", "A <a@b", "A <@b>", "A <a@>", "A <a b@c>", "A <a@b> x", "A\n <a@b>", "A <a@b_c>",
        ] {
            XCTAssertThrowsError(try Maintainer(text), text)
        }
    }

    func testTriggersAndArchitectures() {
        XCTAssertNoThrow(try Trigger("interest-noawait /usr/share/x"))
        for text in ["", "interest", "interest a b", "interests /x", "interest /é"] {
            XCTAssertThrowsError(try Trigger(text), text)
        }
        XCTAssertEqual(try Architecture("arm64"), .arm64)
        XCTAssertThrowsError(try Architecture("x86_64"))
    }

    func testInstalledSize() {
        XCTAssertEqual(InstalledSize.kibibytes(files: [0, 1, 1024, 1025, 5000], others: 3), 3 + 0 + 1 + 1 + 2 + 5)
    }

    func testChangelogIsReadAsDpkgReadsIt() throws {
        try requireProgram("dpkg-parsechangelog")
        let directory = try TemporaryDirectory()
        let dates = [
            "Mon, 23 Nov 2026 12:00:00 +0000", "Thu, 29 Feb 2024 23:59:59 -1130", "Sat, 01 Jan 2000 00:00:00 +1400",
            "Thu, 01 Jan 1970 00:00:00 +0000", "Tue, 19 Jan 2038 03:14:08 +0530",
        ]
        for date in dates {
            let text =
                "tool (1:2.0-3) unstable; urgency=medium\n\n  * First.\n    More.\n\n -- A B <a@b.org>  \(date)\n"
            let path = try directory.file("changelog", text)
            let entry = try XCTUnwrap(try Changelog.parse(text).first)
            let theirs = try TestSupport.run("dpkg-parsechangelog", ["-l", path, "-S", "Timestamp"]).output
            XCTAssertEqual("\(entry.timestamp)\n", theirs, date)
            let version = try TestSupport.run("dpkg-parsechangelog", ["-l", path, "-S", "Version"]).output
            XCTAssertEqual("\(entry.version)\n", version)
            XCTAssertEqual(entry.changes, ["* First.", "  More."])
        }
    }

    func testMalformedChangelogs() {
        for text in [
            "tool\n", "tool (1) unstable\n",
            "tool (1_) unstable; urgency=low\n\n  * x\n\n -- A <a@b>  Mon, 23 Nov 2026 12:00:00 +0000\n",
            "  * x\n", " -- A <a@b>  Mon, 23 Nov 2026 12:00:00 +0000\n", "tool (1) unstable; urgency=low\n",
            "tool (1) unstable; urgency=low\n\n  * x\n\n -- A <a@b> Mon, 23 Nov 2026 12:00:00 +0000\n",
            "tool (1) unstable; urgency=low\n\n  * x\n\n -- A <a@b>  23. November 2026\n",
        ] {
            XCTAssertThrowsError(try Changelog.parse(text), text)
        }
    }

    /// Whatever the bytes: a value or an error, and a value's text reads as the same value.
    func testMutatedTexts() {
        let seconds = Double(ProcessInfo.processInfo.environment["FUZZ_SECONDS"] ?? "") ?? 2
        let end = Date().addingTimeInterval(seconds)
        let seeds = [
            "1:2.0~rc1-3+b1", "a1 (>= 1), b1 | c1:any (<< 2)", "Package: a\nDescription: b\n c\n .\n",
            "/etc/a\n/etc/b\n",
            "A B <a@b.org>", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n", "interest /x",
            "t (1) u; urgency=low\n\n  * x\n\n -- A <a@b>  Mon, 23 Nov 2026 12:00:00 +0000\n",
        ].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 99)
        var count = 0
        while Date() < end {
            var bytes = seeds[count % seeds.count]
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(Array(" :|,()<>~-\n\t0é".utf8).randomElement(using: &generator) ?? 0, at: index)
                default: bytes.append(contentsOf: bytes[index...].prefix(40))
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if let value = try? DebianVersion(text) { XCTAssertEqual(try? DebianVersion(value.description), value) }
            for kind in [RelationField.Kind.depends, .provides, .builtUsing] {
                if let value = try? RelationField(parsing: text, field: kind) {
                    XCTAssertEqual(try? RelationField(parsing: value.description, field: kind), value, text)
                }
            }
            if let value = try? ControlParagraph(parsing: text) {
                XCTAssertEqual(try? ControlParagraph(parsing: value.description), value, text)
            }
            if let value = try? Conffiles(parsing: text) { XCTAssertEqual(try? Conffiles(parsing: value.text), value) }
            if let value = try? MD5Sums(parsing: text) {
                XCTAssertEqual(try? MD5Sums(parsing: value.text).text, value.text)
            }
            if let value = try? Maintainer(text) { XCTAssertEqual(try? Maintainer(value.description), value, text) }
            if let value = try? Trigger(text) { XCTAssertEqual(try? Trigger(value.description), value) }
            _ = try? DebianVersion.mapped(from: text)
            _ = try? Changelog.parse(text)
            count += 1
        }
        print("\(count) mutated texts")
    }
}
