import DebianFormat
import Foundation
import Platform
import TestSupport
import XCTest

extension FormatError: FormatErrorOffset {}

/// Versions, in dpkg's own judgement.
final class DebianVersionTests: XCTestCase {
    private static let pieces = [
        "0", "1", "2", "9", "10", "01", "007", "123456789012345678901234567890", ".", ".", "~", "+", "a", "b", "Z",
        "rc", "~~", "alpha", "-", "1.0", "1.0-1", "1.0~", "+b1", ":", "00000000000000000000000001",
    ]

    private func generated(_ count: Int, seed: UInt64) -> [String] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            var text = generator.number(0...5) == 0 ? "\(generator.number(0...3)):" : ""
            text += String(generator.number(0...20))
            for _ in 0..<generator.number(0...5) { text += generator.pick(Self.pieces) }
            return text
        }
    }

    /// Pairs near each other, so that equal ones and late differences come up.
    private func pairs(_ count: Int) throws -> [(DebianVersion, DebianVersion)] {
        let versions = generated(6000, seed: 42).compactMap { try? DebianVersion($0) }
        var generator = SeededGenerator(seed: 43)
        return (0..<count).map { index in
            let first = generator.pick(versions)
            let variants = [
                first.description + "0", first.description + "~", first.description + "-0", "0:" + first.description,
                first.description.replacingOccurrences(of: "1", with: "01"), first.description + "+b1",
            ]
            let near = index % 2 == 0 ? try? DebianVersion(generator.pick(variants)) : nil
            return (first, near ?? generator.pick(versions))
        }
    }

    private func check(_ pair: (DebianVersion, DebianVersion), _ answer: String) {
        let ours = pair.0 < pair.1 ? "-1" : pair.1 < pair.0 ? "1" : "0"
        XCTAssertEqual(ours, answer, "\(pair.0) and \(pair.1)")
        XCTAssertEqual(pair.0 == pair.1, answer == "0", "\(pair.0) and \(pair.1)")
        if ours == "0" { XCTAssertEqual(pair.0.hashValue, pair.1.hashValue, "\(pair.0) and \(pair.1)") }
    }

    func testOrderIsThatOfDpkgsLibrary() throws {
        let pairs = try pairs(2000)
        let answers = try Oracle.perl(
            ["Dpkg::Version"], "my ($a, $b) = split / /, $text; version_compare($a, $b)",
            pairs.map { "\($0.0) \($0.1)" })
        for (pair, answer) in zip(pairs, answers) { check(pair, answer) }
        XCTAssertGreaterThan(answers.filter { $0 == "0" }.count, 50)
    }

    func testOrderIsDpkgs() throws {
        let pairs = Array(try pairs(2000).prefix(400))
        let earlier = try Oracle.accepts(
            "dpkg", pairs.map { ["--compare-versions", $0.0.description, "lt", $0.1.description] })
        let equal = try Oracle.accepts(
            "dpkg", pairs.map { ["--compare-versions", $0.0.description, "eq", $0.1.description] })
        for (index, pair) in pairs.enumerated() { check(pair, earlier[index] ? "-1" : equal[index] ? "0" : "1") }
    }

    func testEqualityFollowsTheOrder() throws {
        for (left, right) in [("1.0", "1.0-0"), ("1.0", "1.00"), ("1", "0:1"), ("1.", "1.0"), ("1a", "1a0")] {
            XCTAssertEqual(try DebianVersion(left), try DebianVersion(right))
            XCTAssertEqual(Set([try DebianVersion(left), try DebianVersion(right)]).count, 1)
        }
        XCTAssertEqual(try DebianVersion("1.0-0").description, "1.0-0")
        XCTAssertNotEqual(try DebianVersion("1.0"), try DebianVersion("1.0-0~"))
    }

    private func nearlyValid(_ count: Int, seed: UInt64) -> [String] {
        var generator = SeededGenerator(seed: seed)
        return generated(count, seed: seed).map { text in
            var bytes = Array(text.utf8)
            for _ in 0..<generator.number(0...2) {
                let index = generator.number(0...bytes.count - 1)
                bytes.insert(generator.pick(Array("_:-~+./ !aZ0@%\u{7f}".utf8)), at: index)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    func testValidityIsDpkgs() throws {
        // dpkg strips blanks around a version, and its strtol(3) takes '+' before an epoch; its build programs do not.
        let texts =
            nearlyValid(500, seed: 7).filter { text in
                guard let first = text.first, let last = text.last else { return true }
                return first != " " && last != " " && !(first == "+" && text.contains(":"))
            } + [
                "", "1", ":1", "1:", "a1", "-1", "1-", "1_2", "1 2", "1:2:3", "2147483647:1", "2147483648:1", "1é",
                "1/2", "0-0", "1-a_b", "1--2", "1-2-3", "+1", "~1", "1:~1", "1:a", "99999999999:1", "1.0(2)", "-1:1",
                "1:-1", "1-+", "1-~", "0", "00", "1-1:1", "999999999999999999999999999999:1",
            ]
        let answers = try Oracle.accepts("dpkg", texts.map { ["--validate-version", $0] })
        for (text, answer) in zip(texts, answers) {
            XCTAssertEqual((try? DebianVersion(text)) != nil, answer, "'\(text)'")
        }
        XCTAssertGreaterThan(answers.filter { $0 }.count, 100)
        XCTAssertGreaterThan(answers.filter { !$0 }.count, 100)
    }

    func testValidityIsThatOfDpkgsLibrary() throws {
        // What the library makes of epochs is looser than what dpkg does.
        let texts = nearlyValid(2000, seed: 11).filter { !$0.contains(":") }
        let answers = try Oracle.perl(["Dpkg::Version"], "(version_check($text))[0] ? 'y' : 'n'", texts)
        for (text, answer) in zip(texts, answers) {
            XCTAssertEqual((try? DebianVersion(text)) != nil, answer == "y", "'\(text)'")
        }
    }

    func testPartsAndFileNames() throws {
        let version = try DebianVersion("3:1.2-rc-4~b")
        XCTAssertEqual(version.epoch, 3)
        XCTAssertEqual(version.upstream, "1.2-rc")
        XCTAssertEqual(version.revision, "4~b")
        XCTAssertEqual(version.withoutEpoch, "1.2-rc-4~b")
        XCTAssertNil(try DebianVersion("1").revision)
        for text in [" 1", "1 ", "+1:2", "1\t", "\n1"] { XCTAssertThrowsError(try DebianVersion(text), text) }
    }

    func testMapping() throws {
        let expected = [
            "v1.30.0": "1.30.0", "V2": "2", "1.30.0": "1.30.0", "1.30.0-rc.1": "1.30.0~rc.1",
            "1.30.0rc.1": "1.30.0~rc.1", "1.30.0-alpha.abcdef": "1.30.0~alpha.abcdef", "1.2.3-1": "1.2.3-1",
            "1.2.3-beta-2": "1.2.3~beta.2", "1.0~rc1": "1.0~rc1", "1:1.0": "1:1.0", "1.1.1w": "1.1.1w",
            "1.1.1a": "1.1.1a", "1.0a1": "1.0~a1", "2026.11": "2026.11", "1.0+git1": "1.0+git1", "1.0.dev3": "1.0~dev3",
            "1.30.0-rc.1+build.5": "1.30.0~rc.1+build.5", "1.0-RC1": "1.0~RC1", "1.0-1ubuntu2": "1.0-1ubuntu2",
        ]
        for (given, wanted) in expected {
            XCTAssertEqual(try DebianVersion.mapped(from: given).description, wanted)
        }
        for (earlier, later) in [
            ("1.30.0-rc.1", "1.30.0"), ("1.30.0-alpha.1", "1.30.0-beta.0"), ("1.29.9", "1.30.0-rc.1"),
            ("1.0a1", "1.0"), ("1.1.1", "1.1.1a"),
        ] {
            XCTAssertLessThan(try DebianVersion.mapped(from: earlier), try DebianVersion.mapped(from: later))
        }
    }

    func testOffsetsPointAtTheFault() {
        for (text, offset) in [
            ("1.0_2", 3), ("1:x", 2), ("1.0-a_b", 5), ("x:1", 0), ("1:", 2), ("1.0-", 4), ("1x:1", 1), ("", 0),
            ("1 2", 1), ("1é", 1), ("-1", 0),
        ] {
            XCTAssertEqual(faultOffset { _ = try DebianVersion(text) }, offset, text)
        }
        for (text, offset) in [("v1.2_3", 4), ("1.0.rc_1", 6), ("1.0-rc_1", 6), ("v", 0), ("1.0rc/2", 5)] {
            XCTAssertEqual(faultOffset { _ = try DebianVersion.mapped(from: text) }, offset, text)
        }
    }
}
