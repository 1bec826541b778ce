import Archive
import DebianFormat
import Foundation
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianLint

/// A few kilobytes can unpack to millions of lines or a quarter of a million files: what is done and kept for them has bounds,
/// and what is left out is counted.
final class BoundedWorkTests: XCTestCase {
    private func image(_ folder: TemporaryDirectory, control: TinyTar? = nil, data: TinyTar) throws -> PackageImage {
        let path = try folder.file(
            "x.deb",
            bytes: TinyDeb.of(control: (control ?? TinyDeb.controlTar()).finished, data: data.finished))
        return try DebReader.read(path)
    }

    // MARK: - findings

    func testFindingsBeyondTheFirstAreCounted() throws {
        let folder = try TemporaryDirectory()
        var data = TinyDeb.dataTar()
        for number in 0..<1234 { data.add("./usr/share/\(number)", mode: "0000666") }
        let findings = LintRegistry.everything.findings(in: try image(folder, data: data)).filter {
            $0.code == "DB0201"
        }
        XCTAssertEqual(findings.count, LintRule.Observations.limit + 1)
        XCTAssertEqual(findings.map(\.count).reduce(0, +), 1234)
        XCTAssertEqual(findings.last?.message, "the same holds 1134 times more")
        XCTAssertTrue(LintReport(subject: "x", findings: findings).text().hasSuffix("x: 1234 errors\n"))
        let json = LintReport(subject: "x", findings: findings).json.compact
        XCTAssertTrue(json.contains("\"count\":1134"), json)
    }

    func testTextsOfCountedFindingsAreNotMade() {
        var made = 0
        func message() -> String {
            made += 1
            return "x"
        }
        var found = LintRule.Observations()
        for _ in 0..<10_000 { found.add("subject", message()) }
        XCTAssertEqual(found.count, 10_000)
        XCTAssertEqual(found.first.count, LintRule.Observations.limit)
        XCTAssertEqual(made, LintRule.Observations.limit)
    }

    func testTextsThatRulesReadHaveALimitTogether() throws {
        let folder = try TemporaryDirectory()
        var data = TinyDeb.dataTar()
        let lines = Array(String(repeating: "a=\n", count: 60_000).utf8)
        for number in 0..<15 { data.add("./lib/systemd/system/u\(number).service", contents: lines) }
        let settings = Array(String(repeating: "d /a\n", count: 50_000).utf8)
        for number in 0..<5 { data.add("./usr/lib/tmpfiles.d/\(number).conf", contents: settings) }
        let words = Array(("#!/bin/sh\n" + String(repeating: "a ", count: 120_000)).utf8)
        for number in 0..<12 { data.add("./usr/bin/s\(number)", contents: words, mode: "0000755") }
        let image = try image(folder, data: data)
        let package = LintedPackage(image)
        XCTAssertEqual(package.units.count, 11)
        XCTAssertEqual(package.temporaryFileLines.count, 4 * 50_000)
        XCTAssertEqual(package.shippedScripts.count, 9)
        XCTAssertEqual(package.unreadFiles, 4 + 1 + 3)
        let finding = LintRegistry.everything.findings(in: image).first { $0.code == "DB0615" }
        XCTAssertEqual(
            finding?.message, "8 scripts, units and settings were left out: those before them are too many")
    }

    /// Continued lines of a unit are put together in one pass.
    func testContinuedSettings() {
        let unit = UnitFile(
            path: "/lib/systemd/system/a.service",
            text: Array("[Service]\nExecStart=/bin/a \\\n# a remark\n  b \\\n\tc\nUser=x\nEnvironment=a\\\n".utf8))
        XCTAssertEqual(unit.settings.map(\.value), ["/bin/a b c", "x", "a"])
        XCTAssertEqual(unit.settings.map(\.line), [2, 6, 7])
    }

    func testCommandsAreFoundByProgramInTheirOrder() {
        let script = ShellScript(Array("#!/bin/sh\nchown a b\nchmod 1 c\ntrue\nchown d e\n".utf8))
        XCTAssertEqual(script.commands(running: ["chmod", "chown"]).map(\.line), [2, 3, 5])
        XCTAssertTrue(script.mentions("chmod 1 c\n"))
        XCTAssertFalse(script.mentions("chmod 1 cc"))
    }

    // MARK: - reading

    func testMembersOfControlHaveALimit() throws {
        let folder = try TemporaryDirectory()
        for (name, isRefused) in [("conffiles", true), ("md5sums", false)] {
            var control = TinyDeb.controlTar()
            control.add("./" + name, contents: [UInt8](repeating: 10, count: 8 << 20 | 1))
            do throws(DebReadError) {
                let path = folder.path + "/y.deb"
                XCTAssertNotNil(
                    FileManager.default.createFile(
                        atPath: path, contents: Data(TinyDeb.of(control: control.finished))))
                _ = try DebReader.read(path)
                XCTAssertFalse(isRefused, name)
            } catch {
                XCTAssertTrue(isRefused, "\(error)")
                XCTAssertEqual(error.code, .limit)
            }
        }
    }

    func testNamesInMachineCodeHaveALimit() throws {
        let folder = try TemporaryDirectory()
        var data = TinyDeb.dataTar()
        let program = TinyELF(needed: (0..<100).map { "a-library-with-a-long-name-\($0).so.1" }).bytes
        for number in 0..<20 { data.add("./usr/lib/\(number).so", contents: program) }
        let path = try folder.file("x.deb", bytes: TinyDeb.of(data: data.finished))
        var limits = DebReadLimits()
        XCTAssertEqual(try DebReader.read(path, limits: limits).entries.count, 24)
        limits.machineCodeBytes = 100_000
        XCTAssertThrowsError(try DebReader.read(path, limits: limits)) {
            XCTAssertEqual(($0 as? DebReadError)?.code, .limit)
        }
    }

    /// libarchive would undo a compression in a compression, with a dictionary that nobody has looked at.
    func testOnlyOneCompressionIsUndone() throws {
        let folder = try TemporaryDirectory()
        let tar = try folder.file("data.tar", bytes: TinyDeb.dataTar().finished)
        for (inner, outer, name) in [
            ("xz", "gzip", "data.tar.gz"), ("zstd", "gzip", "data.tar.gz"), ("xz", "zstd", "data.tar.zst"),
        ] {
            try requireProgram(inner)
            let result = try TestSupport.run(
                "sh", ["-c", "\(inner) -q -c <\"$1\" | \(outer) -q -c >\"$1.z\"", "sh", tar])
            XCTAssertEqual(result.status, 0, result.errors)
            let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: tar + ".z")))
            let path = try folder.file("x.deb", bytes: TinyDeb.of(data: data, dataName: name))
            XCTAssertThrowsError(try DebReader.read(path), "\(inner) in \(outer)")
        }
    }

    // MARK: - differences

    func testManyDifferencesAreMadeOneByOne() throws {
        let folder = try TemporaryDirectory()
        var (old, new) = (TinyDeb.dataTar(), TinyDeb.dataTar())
        for number in 0..<300 {
            old.add("./usr/a\(number)", contents: Array("x\n".utf8))
            new.add("./usr/\(number % 3 == 0 ? "a" : "b")\(number)", contents: Array("y\n".utf8))
        }
        // The same path twice in one of them.
        new.add("./usr/a0", contents: Array("z\n".utf8))
        let difference = PackageDiff.compare(try image(folder, data: old), try image(folder, data: new))
        XCTAssertEqual(difference.entries.count { $0.status == .changed }, 100)
        XCTAssertEqual(difference.entries.count { $0.status == .removed }, 200)
        XCTAssertEqual(difference.entries.filter { $0.status == .added }.count, 201)
        XCTAssertTrue(difference.entries.contains { $0.name == "/usr/a0 (2)" })
        XCTAssertEqual(difference.entries.map(\.name), difference.entries.map(\.name).sorted())
        XCTAssertEqual(difference.entries.first { $0.name == "/usr/a3" }?.lines?.text, ["@@ -1,1 +1,1 @@", "-x", "+y"])
        var pieces = 0
        difference.writeText { pieces += $0.utf8.count }
        XCTAssertEqual(pieces, difference.text().utf8.count)
    }

    func testLinesOfAllTextsHaveALimitTogether() throws {
        let folder = try TemporaryDirectory()
        var (old, new) = (TinyDeb.controlTar(), TinyDeb.controlTar())
        let text = { (mark: String) in Array(String(repeating: mark + "\n", count: 80_000).utf8) }
        for name in ["preinst", "postinst"] {
            old.add("./" + name, contents: text("a"), mode: "0000755")
            new.add("./" + name, contents: text("b"), mode: "0000755")
        }
        let difference = PackageDiff.compare(
            try image(folder, control: old, data: TinyDeb.dataTar()),
            try image(folder, control: new, data: TinyDeb.dataTar()))
        XCTAssertEqual(difference.controlFiles.map(\.name), ["postinst", "preinst"])
        XCTAssertEqual(difference.controlFiles.map(\.isAbridged), [false, true])
        XCTAssertEqual(difference.controlFiles[1].changes.map(\.name), ["sha256"])
        XCTAssertTrue(difference.text().contains("too many lines differ"))
    }

    func testMatchingOfLinesHasALimitForAllTexts() {
        var budget = LineDiff.Budget(lines: 1000, pairs: 150)
        let (old, new) = (
            Array("a\nx\nb\nc\nd\ne\nf\ny\ng\nh\ni\n".utf8), Array("1\nx\n2\n3\n4\n5\n6\ny\n7\n8\n9\n".utf8)
        )
        // Eleven lines each: what they have in common is found only once.
        XCTAssertEqual(LineDiff(old, new, context: 0, within: &budget)?.hunks.count, 3)
        XCTAssertEqual(LineDiff(old, new, context: 0, within: &budget)?.hunks.count, 1)
        XCTAssertEqual(budget.pairs, 29)
        XCTAssertEqual(budget.lines, 1000 - 44)
    }
}
