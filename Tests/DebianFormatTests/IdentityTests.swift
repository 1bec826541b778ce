import DebianFormat
import Platform
import TestSupport
import XCTest

/// Names of packages, architectures and people.
final class IdentityTests: XCTestCase {
    private func names() -> [String] {
        var generator = SeededGenerator(seed: 3)
        let pieces = ["a", "b", "lib", "0", "9", "+", "-", ".", "foo", "z"]
        let wrong = ["A", "_", " ", "é", "/", ":", "~", "@"]
        return (0..<60).map { index in
            var name = (0..<generator.number(2...5)).map { _ in generator.pick(pieces) }.joined()
            if index % 3 == 0 { name += generator.pick(wrong) + "a" }
            return name
        } + ["ab", "a+", "A1", "1a", "-a", "+a", ".a", "a.b-c+d", "é1", "a b", "libfoo2.0"]
    }

    func testPackageNamesAreDpkgDebs() throws {
        let folder = try PackageFolder()
        // It makes capitals small without a word; Policy does not know them.
        for name in names() where name.utf8.count >= 2 && name == name.lowercased() {
            let control = PackageFolder.control.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n"
            let isBuilt = try folder.build(["control": "Package: \(name)\n" + control]).status == 0
            XCTAssertEqual((try? PackageName(name)) != nil, isBuilt, "'\(name)'")
        }
    }

    func testPackageNamesAreDpkgs() throws {
        // dpkg also allows capitals and one character, which Policy does not.
        let sound = names().filter { (try? PackageName($0)) != nil }
        XCTAssertGreaterThan(sound.count, 20)
        for (name, answer) in zip(sound, try Oracle.accepts("dpkg", sound.map { ["--validate-pkgname", $0] })) {
            XCTAssertTrue(answer, name)
        }
        let answers = try Oracle.perl(
            ["Dpkg::Package"], "Dpkg::Package::pkg_name_is_illegal($text) ? 'n' : 'y'", names())
        for (name, answer) in zip(names(), answers) {
            XCTAssertEqual((try? PackageName(name)) != nil, answer == "y", "'\(name)'")
        }
    }

    func testOffsetsInPackageNames() {
        for (text, offset) in [("a", 1), ("", 0), ("Ab", 0), ("a_b", 1), ("abé", 2)] {
            XCTAssertEqual(faultOffset { _ = try PackageName(text) }, offset, text)
        }
    }

    func testArchitecturesAreDpkgs() throws {
        try requireProgram("dpkg-architecture")
        let theirs = try TestSupport.run("dpkg-architecture", ["-L"]).output.split(separator: "\n").map(String.init)
        let ours = Set(Architecture.known)
        XCTAssertEqual(theirs.filter { !ours.contains($0) }, [])
        // dpkg 1.22 knows fewer or more processors than 1.21; the archive's own are in all.
        XCTAssertEqual(Architecture.common.filter { $0 != "all" && !theirs.contains($0) }, [])
        XCTAssertEqual(ours.count, Architecture.known.count)
        XCTAssertEqual(Array(Architecture.known.prefix(Architecture.common.count)), Architecture.common)
        for name in ["x86_64", "any", "linux-any", "", "AMD64", "amd64 ", "all-amd64", "source"] {
            XCTAssertThrowsError(try Architecture(name), name)
        }
        XCTAssertEqual(try Architecture("arm64"), .arm64)
    }

    func testMaintainers() throws {
        XCTAssertEqual(try Maintainer("A B <a.b@example.org>").address, "a.b@example.org")
        XCTAssertEqual(try Maintainer("Åsa, Inc.  <a+b@x-y.org>").description, "Åsa, Inc. <a+b@x-y.org>")
        for (text, offset) in [
            ("", 0), ("A", 1), ("<a@b>", 0), ("A <a>", 3), ("A <a@b", 6), ("A <@b>", 3), ("A <a@>", 5),
            ("A <a b@c>", 4),
            ("A <a@b> x", 9), ("A\n <a@b>", 1), ("A <a@b_c>", 6), ("A> <a@b>", 1), ("A <a@b@c>", 6), ("A <é@b>", 3),
            ("A <a@b.>", 6), ("A <a@.b>", 5), ("A <a@b>, B <b@c>", 6), ("A <", 3), ("A >", 3),
        ] {
            XCTAssertEqual(faultOffset { _ = try Maintainer(text) }, offset, text)
        }
    }

    func testMessagesShowNoControlCharacters() {
        let error = FormatError(subject: "x", found: "\u{1b}[31m\n\u{202e}", expected: "y", offset: 0, source: "z")
        XCTAssertEqual(error.description, "'\\u{1b}[31m\\u{a}\\u{202e}' is not a valid x: expected y (z)")
        let long = FormatError(
            subject: "x", found: String(repeating: "é", count: 1000), expected: "y", offset: 0, source: "z")
        XCTAssertLessThan(long.description.count, 120)
    }
}
