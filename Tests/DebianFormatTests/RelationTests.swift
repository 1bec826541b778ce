import DebianFormat
import TestSupport
import XCTest

/// Relations, in the judgement of apt, of dpkg-deb and of dpkg's library.
final class RelationTests: XCTestCase {
    private static let sound = [
        "a1", "libc6 (>= 2.34)", "a1 | b1 (<< 2), c1 (= 1:2-3)", "python3:any (>= 3.9~)", "x1(>=1)", " x1 , y1|z1 ",
        "foo-bar.baz+qux (>> 1.0+b1)", "a1 (<= 9)", "gcc:amd64", "a1,\n b1 |\n\tc1",
    ]

    /// The sound ones and generated ones, each spaced in its own way.
    private func texts(seed: UInt64, count: Int) -> [String] {
        var generator = SeededGenerator(seed: seed)
        let names = ["a1", "libfoo2", "x+y", "p3:any", "gcc:arm64", "z0.9"]
        let bounds = ["", " (>= 1.2-3)", " (<< 2~rc1)", "(= 1:0)", " ( <= 7 )", " (>>0.1+b2)"]
        return Self.sound
            + (0..<count).map { _ in
                let groups = (0..<generator.number(1...4)).map { _ in
                    (0..<generator.number(1...3)).map { _ in generator.pick(names) + generator.pick(bounds) }
                        .joined(separator: generator.pick([" | ", "|", "| "]))
                }
                return groups.joined(separator: generator.pick([", ", ",", " , ", ",\n "]))
            }
    }

    /// What apt-cache(8) shows of dependencies: a name and, in brackets, a number for the operator and a version.
    private func shown(_ field: RelationField) -> [String] {
        let codes: [Relation.Relationship: Int] = [
            .earlierOrEqual: 1, .laterOrEqual: 2, .earlier: 3, .later: 4, .equal: 5,
        ]
        return field.groups.flatMap { group in
            group.enumerated().map { index, relation in
                let code = relation.constraint.flatMap { codes[$0.relationship] } ?? 0
                let name = relation.package.description + (relation.architectureQualifier.map { ":" + $0 } ?? "")
                let or = index + 1 < group.count ? 16 : 0
                return "\(name) \(code + or) \(relation.constraint?.version.description ?? "(null)")"
            }
        }
    }

    func testAptReadsWhatWeRead() throws {
        try requireProgram("apt-cache")
        let texts = texts(seed: 5, count: 300)
        let fields = try texts.map { try RelationField(parsing: $0, field: .depends) }
        let directory = try TemporaryDirectory()
        var status = ""
        for (index, text) in (texts + fields.map(\.description)).enumerated() {
            status += """
                Package: probe\(index)
                Status: install ok installed
                Version: 1
                Architecture: amd64
                Maintainer: A B <a@example.org>
                Description: probe
                Depends: \(text)


                """
        }
        try directory.file("status", status)
        for folder in ["lists/partial", "cache/archives/partial", "etc"] { try directory.directory(folder) }
        let path = directory.path
        let result = try TestSupport.run(
            "apt-cache",
            [
                "-o", "Dir::State=\(path)", "-o", "Dir::State::status=\(path)/status", "-o",
                "Dir::State::Lists=\(path)/lists", "-o", "Dir::Cache=\(path)/cache", "-o", "Dir::Etc=\(path)/etc", "-o",
                "APT::Architecture=amd64", "-o", "APT::Architectures::=arm64", "showpkg",
            ] + (0..<(2 * texts.count)).map { "probe\($0)" }, environment: ["LC_ALL": "C"])
        XCTAssertEqual(result.status, 0, result.errors)
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        let dependencies = lines.indices.filter { lines[$0] == "Dependencies: " }.map { lines[$0 + 1] }
        XCTAssertEqual(dependencies.count, 2 * texts.count)
        for (index, line) in dependencies.enumerated() {
            let field = fields[index % texts.count]
            let theirs = line.dropFirst("1 - ".count).split(separator: ")").compactMap { part -> String? in
                let words = part.split(separator: " ").map { $0.drop { $0 == "(" } }
                guard words.count == 3, let code = Int(words[1]) else { return nil }
                // Higher bits tell apt of an architecture's own dependency.
                return "\(words[0]) \(code & 0x1f) \(words[2] == "null" ? "(null)" : String(words[2]))"
            }
            XCTAssertEqual(theirs, shown(field), "\(line)")
        }
    }

    func testDpkgsLibraryWritesTheSame() throws {
        let texts = texts(seed: 6, count: 500)
        let answers = try Oracle.perl(
            ["Dpkg::Deps"], "my $d = deps_parse($text, reduce_arch => 0); defined $d ? $d->output() : undef", texts)
        for (text, answer) in zip(texts, answers) {
            XCTAssertEqual(try RelationField(parsing: text, field: .depends).description, answer, text)
        }
    }

    private static let unsound = [
        "", " ", ",", "a1,", "a1 |", "| a1", "a1 b1", "a1 (>= )", "a1 (>= 1", "a1 >= 1", "a1 (== 1)", "a1,,b1",
        "a1 (>= 1) (<< 2)", "a1 [amd64]", "a1 <!nocheck>", "${x}", "a1 (>= ${v})", "a1;b1", "a1 (>= 1:)", "a1 (> > 1)",
        "a1 (= 1 2)", "a1 ()", "a1)", "a1 (>= 1))", "a1 (>= 1-)", "a1:", "(>= 1)", "a1 (>= 1)b1", "a1||b1", "a1 |, b1",
    ]

    func testWhatBothRefuse() throws {
        let folder = try PackageFolder()
        for text in Self.unsound {
            XCTAssertThrowsError(try RelationField(parsing: text, field: .depends), text)
            let theirs = try folder.build(["control": PackageFolder.control + "Depends: \(text)\n"])
            XCTAssertNotEqual(theirs.status, 0, "dpkg-deb takes '\(text)'")
        }
        XCTAssertThrowsError(try RelationField(parsing: "a1 | b1", field: .conflicts))
        XCTAssertNotEqual(try folder.build(["control": PackageFolder.control + "Conflicts: a1 | b1\n"]).status, 0)
    }

    /// What dpkg only warns of, or leaves to Policy.
    func testWhatWeRefuseAlone() {
        for text in [
            "a1 (1.0)", "a1 (> 1)", "a1 (< 1)", "a1 (>= 1_2)", "A1", "a_b", "a", "a1:nonsense", "a1:native", "a1:all",
            "a1\u{0}", "é1",
        ] {
            XCTAssertThrowsError(try RelationField(parsing: text, field: .depends), text)
        }
        XCTAssertThrowsError(try RelationField(parsing: "a1 (>= 1)", field: .provides))
        XCTAssertThrowsError(try RelationField(parsing: "a1 | b1", field: .enhances))
        XCTAssertThrowsError(try RelationField(parsing: "bazel", field: .builtUsing))
        XCTAssertThrowsError(try RelationField(parsing: "bazel (>= 1)", field: .staticBuiltUsing))
        XCTAssertNoThrow(try RelationField(parsing: "a1 (= 1)", field: .provides))
        XCTAssertNoThrow(try RelationField(parsing: "bazel (= 1)", field: .builtUsing))
    }

    func testWhatWeTakeDpkgTakes() throws {
        var generator = SeededGenerator(seed: 8)
        let seeds = texts(seed: 9, count: 50)
        let alphabet = Array(" :|,()<>=~-.+a1[]!\n".utf8)
        var taken: [String] = []
        for _ in 0..<20_000 where taken.count < 1000 {
            var bytes = Array(generator.pick(seeds).utf8)
            for _ in 0..<generator.number(1...3) {
                let index = generator.number(0...bytes.count - 1)
                if generator.number(0...1) == 0 {
                    bytes[index] = generator.pick(alphabet)
                } else {
                    bytes.remove(at: index)
                }
                if bytes.isEmpty { bytes = [UInt8(ascii: "a")] }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if (try? RelationField(parsing: text, field: .depends)) != nil { taken.append(text) }
        }
        XCTAssertGreaterThan(taken.count, 500)
        let answers = try Oracle.perl(
            ["Dpkg::Deps"], "my $d = deps_parse($text, reduce_arch => 0); defined $d ? $d->output() : undef", taken)
        for (text, answer) in zip(taken, answers) {
            XCTAssertEqual(try RelationField(parsing: text, field: .depends).description, answer, text)
        }
    }

    func testDescriptionParsesToItself() throws {
        for text in texts(seed: 10, count: 100) {
            let field = try RelationField(parsing: text, field: .depends)
            XCTAssertEqual(try RelationField(parsing: field.description, field: .depends), field)
        }
    }

    func testOffsetsPointAtTheFault() {
        for (text, offset) in [
            ("", 0), ("  ", 2), ("a1, B1", 4), ("a1, b_1", 5), ("a1 (> 1)", 4), ("a1 (>= 1_2)", 8), ("a1 (>= 1", 8),
            ("a1 b1", 3), ("a1 [amd64]", 3), ("a1:nonsense", 3), ("a1 (>= )", 7), ("a1,", 3), ("é1", 0),
        ] {
            XCTAssertEqual(faultOffset { _ = try RelationField(parsing: text, field: .depends) }, offset, text)
        }
        XCTAssertEqual(faultOffset { _ = try RelationField(parsing: "a1 | b1", field: .breaks) }, 3)
    }

    func testConstraintsAreSatisfied() throws {
        let bound = try DebianVersion("1.0")
        let candidates = try ["0.9", "1.0-0", "1.1"].map { try DebianVersion($0) }
        let expected: [Relation.Relationship: [Bool]] = [
            .earlier: [true, false, false], .earlierOrEqual: [true, true, false], .equal: [false, true, false],
            .laterOrEqual: [false, true, true], .later: [false, false, true],
        ]
        for (relationship, answers) in expected {
            let constraint = Relation.Constraint(relationship: relationship, version: bound)
            XCTAssertEqual(candidates.map { constraint.isSatisfied(by: $0) }, answers, relationship.rawValue)
        }
    }
}
