import Archive
import DebianFormat
import MeshLint
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

extension LintRegistry {
    /// What `debbuild lint` looks for.
    static let everything = LintRegistry(
        rules: DebianRules.all + MeshLint.rules, knownPackages: MeshLint.packages)
}

/// Every rule against a real package in which one thing is wrong, built by dpkg-deb.
final class LintTests: XCTestCase {
    /// One fault.
    struct Case {
        var code: String
        var base: () -> PackageTree
        var spoil: (inout PackageTree) -> Void
        /// What cannot be built without root, or not by dpkg-deb at all.
        var spoilImage: (inout PackageImage) -> Void = { _ in }
        var fileName: String?
        var compression = ["-Zgzip", "-z1"]
        var line: UInt = #line
    }

    func testSoundPackagesHaveNoFindings() throws {
        let folder = try TemporaryDirectory()
        for tree in [PackageTree.plain(), .proxy(), .nodeAgent(), .library(), .asking()] {
            let path = try tree.build(in: folder.path)
            let findings = try LintRegistry.everything.findings(inFile: path)
            XCTAssertEqual(findings.map { "\($0.code) \($0.subject): \($0.message)" }, [], path)
        }
    }

    func testEveryFaultIsFound() throws {
        let folder = try TemporaryDirectory()
        for item in Self.cases {
            var tree = item.base()
            item.spoil(&tree)
            let path = try tree.build(
                in: folder.path, checks: false, compression: item.compression, fileName: item.fileName ?? "x.deb")
            var image = try DebReader.read(path)
            item.spoilImage(&image)
            let findings = LintRegistry.everything.findings(in: image)
            XCTAssertTrue(
                findings.contains { $0.code == item.code },
                "\(item.code) was not found, but \(Set(findings.map(\.code)).sorted())", line: item.line)
            for finding in findings where finding.code == item.code {
                XCTAssertFalse(finding.message.isEmpty)
                XCTAssertFalse(finding.remedy.isEmpty)
            }
        }
    }

    func testEveryRuleHasACase() {
        let covered = Set(Self.cases.map(\.code))
        let reading = Set(LintRegistry.everything.rules.filter { !$0.readErrors.isEmpty }.map(\.code))
        XCTAssertEqual(
            LintRegistry.everything.rules.map(\.code).filter { !covered.contains($0) && !reading.contains($0) }, [])
        XCTAssertEqual(covered.filter { LintRegistry.everything.rule($0) == nil }, [])
    }

    func testCatalogueIsStable() {
        let codes = LintRegistry.everything.rules.map(\.code)
        XCTAssertEqual(Set(codes).count, codes.count, "a code is used twice")
        for rule in LintRegistry.everything.rules {
            XCTAssertNotNil(rule.code.wholeMatch(of: /DB0[1-7][0-9]{2}/), rule.code)
            XCTAssertFalse(rule.summary.isEmpty)
            XCTAssertFalse(rule.reference.isEmpty)
            XCTAssertFalse(rule.remedy.isEmpty)
            XCTAssertTrue(
                rule.summary.first?.isUppercase == false || rule.summary.hasPrefix("Multi-Arch")
                    || rule.summary.hasPrefix("Installed-Size") || rule.summary.hasPrefix("Envoy"), rule.summary)
        }
        XCTAssertEqual(
            Set(LintRegistry.everything.rules.flatMap(\.readErrors)),
            Set(DebReadError.Code.allCases).subtracting([.unreadable]))
        XCTAssertEqual(LintRegistry.everything.text.split(separator: "\n").count, codes.count)
    }

    func testWhatDpkgDebRefusesIsAnError() throws {
        // dpkg-deb itself says no to these; lint has to say no as well.
        let folder = try TemporaryDirectory()
        let refused: [(String, (inout PackageTree) -> Void)] = [
            ("DB0101", { $0["Package"] = "Bad_Name" }), ("DB0102", { $0["Version"] = "x1" }),
            ("DB0103", { $0["Architecture"] = nil }),
            ("DB0116", { $0.controlFiles["conffiles"] = ("/etc/none\n", 0o644) }),
            ("DB0115", { $0.controlFiles["conffiles"] = (" /etc/sound/sound.conf\n", 0o644) }),
            ("DB0115", { $0.controlFiles["conffiles"] = ("/etc/sound/sound.conf", 0o644) }),
            ("DB0301", { $0.controlFiles["postinst"]?.mode = 0o644 }),
        ]
        for (code, spoil) in refused {
            var tree = PackageTree.plain()
            spoil(&tree)
            XCTAssertThrowsError(
                try tree.build(in: folder.path, checks: true, fileName: "x.deb"), "\(code): dpkg-deb took it")
            let path = try tree.build(in: folder.path, checks: false, fileName: "x.deb")
            let findings = try LintRegistry.everything.findings(inFile: path)
            XCTAssertTrue(
                findings.contains { $0.code == code && $0.severity == .error }, "\(code): \(findings.map(\.code))")
        }
    }

    func testReadErrorsBecomeFindings() throws {
        let folder = try TemporaryDirectory()
        var pax = TinyTar()
        pax.add("./PaxHeaders/x", type: "x", contents: Array("11 path=abc\n".utf8))
        var climbing = TinyTar()
        climbing.add("../x", contents: [1])
        let packages: [(String, [UInt8])] = [
            ("DB0601", Array("hello".utf8)),
            ("DB0602", TinyAr.of([("control.tar", TinyDeb.controlTar().finished)])),
            ("DB0603", TinyDeb.of(version: "3.0\n")),
            ("DB0604", TinyDeb.of(dataName: "data.tar.rar")),
            ("DB0605", TinyDeb.of(data: pax.finished)),
            ("DB0606", TinyDeb.of(data: climbing.finished)),
            ("DB0607", TinyDeb.of(control: TinyDeb.controlTar("no colon\n").finished)),
            ("DB0608", Array(TinyDeb.of().dropLast(2000))),
        ]
        for (code, bytes) in packages {
            let path = try folder.file("x.deb", bytes: bytes)
            XCTAssertEqual(try LintRegistry.everything.findings(inFile: path).map(\.code), [code])
        }
        XCTAssertThrowsError(try LintRegistry.everything.findings(inFile: folder.path + "/none.deb")) { error in
            XCTAssertEqual((error as? DebReadError)?.code, .unreadable)
        }
        var limits = DebReadLimits()
        limits.entries = 2
        let path = try folder.file("x.deb", bytes: TinyDeb.of())
        XCTAssertEqual(try LintRegistry.everything.findings(inFile: path, limits: limits).map(\.code), ["DB0609"])
    }

    func testFindingsOfHostilePackagesAreSafeToPrint() throws {
        let folder = try TemporaryDirectory()
        var tar = TinyTar()
        tar.add("./usr/bin/\u{1b}[2Jx\u{7}\u{202e}\u{200b}", contents: [1], mode: "0000666")
        let path = try folder.file("x.deb", bytes: TinyDeb.of(data: tar.finished))
        let report = LintReport(subject: path, findings: try LintRegistry.everything.findings(inFile: path))
        XCTAssertTrue(report.hasErrors)
        let printed = report.text() + PackageReport(try DebReader.read(path)).text
        XCTAssertFalse(printed.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        // Neither does a direction change nor a character without width hide what stands there.
        XCTAssertFalse(printed.unicodeScalars.contains { $0.properties.generalCategory == .format })
        XCTAssertTrue(report.text().contains("\\u{1b}[2Jx\\u{7}\\u{202e}\\u{200b}"))
        XCTAssertTrue(printed.contains("\\u{1b}[2Jx\\u{7}\\u{202e}\\u{200b}"))
    }

    func testRemediesNameTheRelation() throws {
        let folder = try TemporaryDirectory()
        var tree = PackageTree.proxy()
        tree["Depends"] = "istio-agent (= 1.30.0), libc6, iproute2, ca-certificates, passwd"
        let findings = try LintRegistry.everything.findings(inFile: tree.build(in: folder.path))
        XCTAssertTrue(findings.contains { $0.code == "DB0131" && $0.remedy == "add 'iptables' to Depends" })
    }

    func testPrereleaseRemedies() throws {
        func remedy(_ version: String) throws -> String? {
            var control = ControlParagraph()
            control["Package"] = "x"
            control["Version"] = version
            return LintRegistry.everything.findings(in: PackageImage(control: control)).first { $0.code == "DB0114" }?
                .remedy
        }
        XCTAssertEqual(try remedy("1.30.0rc.1"), "write '1.30.0~rc.1'")
        XCTAssertEqual(try remedy("1.30.0-rc.1"), "write '1.30.0~rc.1'")
        XCTAssertEqual(try remedy("2:1.0beta2-1"), "write '2:1.0~beta2-1'")
        for sound in ["1.30.0~rc.1", "1.30.0", "1.0-1", "1.0+predictable", "3.0prefix~1", "2.4devel5-1~x"] {
            let found = try remedy(sound)
            if sound.hasPrefix("1.") { XCTAssertNil(found, sound) }
        }
    }

    func testARuleReportsAHundredFindings() throws {
        let folder = try TemporaryDirectory()
        var tar = TinyTar()
        for index in 0..<150 { tar.add("./usr/share/x\(index)", contents: [65], mode: "0000666") }
        let path = try folder.file("x.deb", bytes: TinyDeb.of(data: tar.finished))
        let found = try LintRegistry.everything.findings(inFile: path).filter { $0.code == "DB0201" }
        XCTAssertEqual(found.count, 101)
        XCTAssertTrue(found.contains { $0.message == "the same holds 50 times more" })
    }

    func testTimeLimit() throws {
        let folder = try TemporaryDirectory()
        var image = try DebReader.read(PackageTree.plain().build(in: folder.path))
        image.timeLimit = 1
        XCTAssertEqual(
            LintRegistry.everything.findings(in: image).filter { $0.code == "DB0211" }.count, image.entries.count)
        image.timeLimit = nil
        XCTAssertEqual(LintRegistry.everything.findings(in: image), [])
    }

    /// A few kilobytes that unpack to sixty scripts of a hundred thousand commands each.
    func testScriptsWithoutEndAreNotFollowed() throws {
        let folder = try TemporaryDirectory()
        let script = Array("#!/bin/sh\n".utf8) + (0..<120_000).flatMap { _ in Array("a;".utf8) }
        var tar = TinyDeb.dataTar()
        for index in 0..<60 { tar.add("./usr/share/s\(index)", contents: script, mode: "0000755") }
        let image = try DebReader.read(folder.file("x.deb", bytes: TinyDeb.of(data: tar.finished)))
        let package = LintedPackage(image)
        XCTAssertLessThan(package.shippedScripts.map(\.script.commands.count).reduce(0, +), 400_000)
        XCTAssertEqual(package.shippedScripts.count + package.unreadFiles, 60)
        let found = LintRegistry.everything.findings(in: image).filter { $0.code == "DB0615" }
        XCTAssertEqual(found.count, 1, "\(found)")
        XCTAssertTrue(found.first?.message.contains("were left out") ?? false, "\(found)")
    }

    // MARK: - what the rules look at

    func testShellCommands() {
        func programs(_ text: String) -> [String] { ShellScript(Array(text.utf8)).commands.compactMap(\.program) }
        XCTAssertEqual(programs("a; b && c || d | e & f"), ["a", "b", "c", "d", "e", "f"])
        XCTAssertEqual(programs("if ! a; then b; else c; fi"), ["a", "b", "c"])
        XCTAssertEqual(programs("x=1 y=2 a; x=1; exec b; env -i c; command -v d; command e"), ["a", "b", "c", "e"])
        XCTAssertEqual(programs("echo $(a \"$(b)\" `c`) \"`d`\""), ["b", "c", "a", "d", "echo"])
        XCTAssertEqual(programs("# a\nb # c\n'd' \"e\"\n\\\nf"), ["b", "d", "f"])
        XCTAssertEqual(programs("case \"$1\" in\na|b) c;;\n(d) e\nesac\nf"), ["case", "c", "e", "f"])
        XCTAssertEqual(programs("case $1 in a) b;; *) c;; esac"), ["case", "b", "c"])
        XCTAssertEqual(programs("f() {\na\n}\n(b; c)"), ["a", "b", "c"])
        XCTAssertEqual(programs("cat <<EOF\na\nEOF\nb\ncat <<-'X'\n\tc\n\tX\nd"), ["cat", "b", "cat", "d"])
        XCTAssertEqual(programs("sh -c 'a; b' x"), ["sh", "a", "b"])
        XCTAssertEqual(programs("/usr/sbin/a; ./b; : ${x:-c d}; echo $((1 + (2)))"), ["a", "b", ":", "echo"])
        let script = ShellScript(Array("#!/usr/bin/env bash\na >x.log 2>&1\nb >>y &>z\necho \"$\"\necho '$1'".utf8))
        XCTAssertEqual(script.commands[0].redirections.map { $0.mode + $0.target }, [">x.log", ">&1"])
        XCTAssertEqual(script.commands[1].redirections.map { $0.mode + $0.target }, [">>y", ">z"])
        XCTAssertEqual(script.commands[1].line, 3)
        XCTAssertTrue(script.isShell)
        XCTAssertFalse(script.usesArguments)
        XCTAssertTrue(ShellScript(Array("x ${1:-y}".utf8)).usesArguments)
        XCTAssertTrue(ShellScript(Array("x \"$@\"".utf8)).usesArguments)
    }

    func testUnitFiles() {
        let unit = UnitFile(
            path: "/lib/systemd/system/x.service",
            text: Array(
                "a=b\n[Unit]\r\nAfter = a  b\nAfter=c\n; no\n[Service]\nExecStart=-/bin/a \\\n# no\n  --b\nExecStop=\n"
                    .utf8))
        XCTAssertEqual(unit.name, "x.service")
        XCTAssertEqual(unit.malformedLines, [1])
        XCTAssertEqual(unit.list("Unit", "After"), ["a", "b", "c"])
        XCTAssertEqual(unit.value("Service", "ExecStart"), "-/bin/a --b")
        XCTAssertEqual(unit.programs, ["a"])
        XCTAssertEqual(unit.executions.map(\.key), ["ExecStart"])
    }
}
