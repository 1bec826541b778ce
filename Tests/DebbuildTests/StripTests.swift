import Foundation
import TestSupport
import XCTest

/// `strip`: what is stripped, that everything else sees it, and what happens when it fails.
final class StripTests: XCTestCase {
    private func isStripped(_ path: String, in package: String?) throws -> Bool {
        let root = try StripFixture.unpack(package)
        return try !StripFixture.sections(root.path + path).contains(".symtab")
    }

    private func assertFails(
        _ fixture: StripFixture, _ code: String, _ text: String, environment: [String: String] = [:],
        arguments: [String] = [], line: UInt = #line
    ) throws {
        let result = try fixture.workspace.debbuild(["all"] + arguments, environment: environment)
        XCTAssertEqual(result.status, 2, result.errors, line: line)
        XCTAssertTrue(result.errors.contains("[\(code)]"), result.errors, line: line)
        XCTAssertTrue(result.errors.contains(text), result.errors, line: line)
        XCTAssertEqual(fixture.workspace.packagesWritten, [], line: line)
    }

    /// Programs in the workspace's folder `tools`, whose names begin with `x-`.
    private func tools(strip: String, objcopy: String, in fixture: StripFixture) throws {
        for (name, text) in [("strip", strip), ("objcopy", objcopy)] {
            try fixture.workspace.directory.file("w/tools/x-\(name)", "#!/bin/sh\nset -eu\n\(text)\n", mode: 0o755)
        }
    }

    private func toolKey(_ prefix: String = "tools/x-") throws -> String {
        "binutils: {\(try XCTUnwrap(StripFixture.architecture)): \(prefix)}\n"
    }

    func testByDefaultNothingIsStripped() throws {
        let fixture = try StripFixture("")
        let built = try fixture.build()
        XCTAssertEqual(built.keys.sorted(), ["hello"])
        let root = try StripFixture.unpack(built["hello"])
        XCTAssertEqual(
            try StripFixture.bytes(root.path + "/usr/bin/program"),
            try StripFixture.bytes(fixture.tree + "/usr/bin/program"))
    }

    func testItemsAndRulesMayDiffer() throws {
        let item = "  - {file: tree/usr/bin/program, to: /usr/bin/own, mode: \"0755\", strip: OWN}\n"
        let tree = "  - {tree: tree, to: /, rules: [{match: program, strip: RULE}], strip: TREE}\n"
        let cases: [(package: String, own: String, rule: String, isOwn: Bool, isRule: Bool)] = [
            ("true", "false", "true", false, true), ("true", "true", "false", true, false),
            ("false", "true", "false", true, false), ("false", "false", "true", false, true),
        ]
        for (package, own, rule, isOwn, isRule) in cases {
            let contents = (item + tree).replacingOccurrences(of: "OWN", with: own)
                .replacingOccurrences(of: "RULE", with: rule)
                .replacingOccurrences(of: "TREE", with: rule == "true" ? "false" : "true")
            let fixture = try StripFixture("strip: \(package)\n", contents: contents)
            let built = try fixture.build()
            XCTAssertEqual(try isStripped("/usr/bin/own", in: built["hello"]), isOwn, contents)
            XCTAssertEqual(try isStripped("/usr/bin/program", in: built["hello"]), isRule, contents)
        }
    }

    func testPayloadsAndArchives() throws {
        let fixture = try StripFixture(
            contents: "  - {payload: p, to: /usr/bin/payload}\n  - {archive: x.tar, to: /opt}\n",
            commands: StripFixture.program
                + "\nprintf 'int main(void) { return 1; }\\n' >two.c\nmkdir a\n"
                + "gcc -g -Wl,--build-id -o a/two two.c\nprintf x >a/lib.a\ntar cf x.tar a",
            workspace: "payloads: {p: {path: hello/tree/usr/bin/program}}\n")
        let built = try fixture.build()
        for path in ["/usr/bin/payload", "/opt/a/two"] { XCTAssertTrue(try isStripped(path, in: built["hello"]), path) }
        let symbols = try StripFixture.unpack(built["hello-dbgsym"])
        XCTAssertEqual(try StripFixture.files(symbols.path).count { $0.hasSuffix(".debug") }, 2)
        let again = try fixture.workspace.debbuild(["all", "--format", "json"])
        XCTAssertFalse(again.output.contains("\"unchanged\": false"), again.output)
        XCTAssertFalse(again.errors.contains("stripping"), again.errors)
    }

    func testNamesOfOneFileStayNamesOfOneFile() throws {
        let fixture = try StripFixture(
            commands: StripFixture.program + "\nln tree/usr/bin/program tree/usr/bin/other")
        let built = try fixture.build()
        let list = try TestSupport.run("dpkg-deb", ["-c", try XCTUnwrap(built["hello"])]).check()
        XCTAssertTrue(list.contains("./usr/bin/program link to ./usr/bin/other"), list)
        XCTAssertTrue(try isStripped("/usr/bin/program", in: built["hello"]))
        // One of them is left as it is: then they are two files.
        let rules = try StripFixture(
            contents: "  - {tree: tree, to: /, rules: [{match: other, strip: false}]}\n",
            commands: StripFixture.program + "\nln tree/usr/bin/program tree/usr/bin/other")
        let apart = try rules.build()
        XCTAssertTrue(try isStripped("/usr/bin/program", in: apart["hello"]))
        XCTAssertFalse(try isStripped("/usr/bin/other", in: apart["hello"]))
    }

    func testEverythingSeesTheStrippedFile() throws {
        try requireProgram("md5sum")
        let fixture = try StripFixture("strip: true\nship-checks: true\n")
        let built = try fixture.build()
        let root = try StripFixture.unpack(built["hello"])
        try TestSupport.run("md5sum", ["--check", "--quiet", "DEBIAN/md5sums"], workingDirectory: root.path).check()
        let output = fixture.workspace.output
        try TestSupport.run("sha256sum", ["--check", "--quiet", "SHA256SUMS"], workingDirectory: output).check()
        let sums = try String(contentsOfFile: output + "/SHA256SUMS", encoding: .utf8)
        XCTAssertEqual(sums.split(separator: "\n").count { $0.contains("hello-dbgsym_") }, 2, sums)
        let program = root.path + "/usr/bin/program"
        let sum = try TestSupport.run("sha256sum", [program]).check().prefix(64)
        let architecture = try XCTUnwrap(StripFixture.architecture)
        let checks = try String(
            contentsOfFile: output + "/hello_1.2.3_\(architecture).meshcheck.yaml", encoding: .utf8)
        XCTAssertTrue(checks.contains(sum), checks)
        XCTAssertEqual(
            try String(contentsOfFile: root.path + "/usr/share/meshcheck/packages.d/hello.yaml", encoding: .utf8),
            checks)
        for name in ["hello", "hello-dbgsym"] {
            let information = try String(
                contentsOfFile: output + "/\(name)_1.2.3_\(architecture).buildinfo", encoding: .utf8)
            XCTAssertTrue(information.contains("\n binutils (= "), information)
        }
        struct Plans: Decodable {
            struct Plan: Decodable {
                struct Entry: Decodable {
                    var path: String
                    var size: Int?
                    var stripped: Bool
                    var source: String?
                }
                var package: String
                var entries: [Entry]
            }
            var plans: [Plan]
        }
        let json = try fixture.workspace.debbuild(["plan", "--format", "json"])
        let plans = try JSONDecoder().decode(Plans.self, from: Data(json.standardOutput)).plans
        XCTAssertEqual(plans.map(\.package), ["hello", "hello-dbgsym"])
        let entry = try XCTUnwrap(plans.first?.entries.first { $0.path == "/usr/bin/program" })
        XCTAssertTrue(entry.stripped)
        XCTAssertEqual(entry.size, try StripFixture.bytes(program).count)
        XCTAssertEqual(entry.source, fixture.tree + "/usr/bin/program")
        XCTAssertFalse(try XCTUnwrap(plans.first?.entries.first { $0.path == "/usr/bin/hello" }).stripped)
        let text = try fixture.workspace.debbuild(["plan"]).output
        XCTAssertTrue(text.contains("/usr/bin/program  (stripped)\n"), text)
    }

    func testTheSameBytesFromAnotherCacheAndWhatHasNotChangedIsNotDoneAgain() throws {
        let fixture = try StripFixture(commands: StripFixture.everything)
        let cache = fixture.workspace.directory.path + "/cache"
        let first = try fixture.build(["--verify-reproducible"])
        let bytes = try first.mapValues(StripFixture.bytes)
        func unchanged() throws -> Int {
            let result = try fixture.workspace.debbuild(["all", "--format", "json"])
            XCTAssertEqual(result.status, 0, result.errors)
            return result.output.components(separatedBy: "\"unchanged\": true").count - 1
        }
        XCTAssertEqual(try unchanged(), 2)
        // Nothing is left behind, and what was stripped may be removed.
        let names = try FileManager.default.contentsOfDirectory(atPath: cache + "/debbuild/stripped")
        XCTAssertFalse(names.contains { $0.hasPrefix(".") }, "\(names)")
        try FileManager.default.removeItem(atPath: cache + "/debbuild/stripped")
        XCTAssertEqual(try unchanged(), 2)
        let other = try fixture.build(
            ["--cache", fixture.workspace.directory.path + "/other", "--output", fixture.workspace.path + "/other"])
        XCTAssertEqual(try other.mapValues(StripFixture.bytes), bytes)
        // Another program under the same name.
        try fixture.make("gcc -g -O2 -DNEW -Wl,--build-id -o tree/usr/bin/program main.c f.c -Wl,-z,now")
        XCTAssertEqual(try unchanged(), 0)
    }

    func testProgramsThatAreMissing() throws {
        let fixture = try StripFixture()
        let empty = ["PATH": try fixture.workspace.directory.directory("empty")]
        try assertFails(fixture, "strip-tool", "apt-get install binutils,", environment: empty)
        let wrong = try StripFixture(workspace: try toolKey("cross-"))
        try assertFails(wrong, "strip-tool", "'cross-strip' is not installed")
        let bad = try StripFixture(workspace: "binutils: {amd46: x}\n")
        try assertFails(bad, "architecture", "did you mean 'amd64'?")
        let unknown = try StripFixture()
        try unknown.workspace.directory.file(
            "w/hello/package.yaml",
            try String(contentsOfFile: unknown.workspace.path + "/hello/package.yaml", encoding: .utf8)
                .replacingOccurrences(of: ", arm64]", with: ", musl-linux-amd64]"))
        try assertFails(
            unknown, "strip-tool", "binutils: {musl-linux-amd64: llvm-}", arguments: ["--arch", "musl-linux-amd64"])
        // Nothing to strip needs no program.
        let text = try StripFixture(contents: "")
        XCTAssertEqual(try text.build(environment: empty).keys.sorted(), ["hello"])
    }

    func testProgramsThatFail() throws {
        let fixture = try StripFixture(workspace: try toolKey())
        try tools(strip: "echo 'file format not recognized' >&2; exit 1", objcopy: "exec objcopy \"$@\"", in: fixture)
        try assertFails(fixture, "strip", "file format not recognized")
        try tools(strip: "kill -SEGV $$", objcopy: "exec objcopy \"$@\"", in: fixture)
        try assertFails(fixture, "strip", "killed by")
        let stripped = fixture.workspace.directory.path + "/cache/debbuild/stripped"
        let names = try FileManager.default.contentsOfDirectory(atPath: stripped)
        XCTAssertFalse(names.contains { $0.hasPrefix(".") }, "\(names)")
        // Other programs are other programs: nothing of the failed ones is used.
        try tools(strip: "exec strip \"$@\"", objcopy: "exec objcopy \"$@\"", in: fixture)
        XCTAssertTrue(try isStripped("/usr/bin/program", in: fixture.build()["hello"]))
    }

    func testAFileThatChangesMeanwhile() throws {
        let fixture = try StripFixture(workspace: try toolKey())
        try tools(
            strip: "strip \"$@\"; for last; do :; done; touch \"$last\"", objcopy: "exec objcopy \"$@\"", in: fixture)
        try assertFails(fixture, "strip", "changed while it was stripped")
    }

    func testWithoutACache() throws {
        let fixture = try StripFixture()
        let blocked = try fixture.workspace.directory.file("blocked", "")
        let result = try fixture.workspace.debbuild(["all", "--cache", blocked + "/cache"])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertTrue(result.errors.contains("the cache cannot be used"), result.errors)
        XCTAssertEqual(result.output.split(separator: "\n").count, 2, result.output)
    }

    func testAVersionThatIsTooLongForTheNameOfThePackageOfSymbols() throws {
        let fixture = try StripFixture()
        let architecture = try XCTUnwrap(StripFixture.architecture)
        // 255 bytes with the name of the package alone.
        let length = 255 - "hello__\(architecture).meshcheck.yaml".utf8.count
        let version = "1." + String(repeating: "2", count: length - 2)
        try assertFails(fixture, "dbgsym", "set 'dbgsym: false'", arguments: ["--version", version])
    }

    func testProgramsThatWriteOtherBytesEachTimeAreNoticed() throws {
        let fixture = try StripFixture(workspace: try toolKey())
        try tools(
            strip: "exec strip \"$@\"",
            objcopy: "objcopy \"$@\"\nif [ \"$1\" = --add-gnu-debuglink ]; then head -c 8 /dev/urandom >>\"$3\"; fi",
            in: fixture)
        let result = try fixture.workspace.debbuild(["all", "--verify-reproducible"])
        XCTAssertNotEqual(result.status, 0)
        XCTAssertTrue(result.errors.contains("differ"), result.errors)
    }

    /// What is for no architecture is data, whatever it looks like.
    func testPackagesForAllArchitectures() throws {
        let fixture = try StripFixture(contents: "  - {tree: tree, to: /, foreign-machine-code: allow}\n")
        let file = fixture.workspace.path + "/hello/package.yaml"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let architecture = try XCTUnwrap(StripFixture.architecture)
        try fixture.workspace.directory.file(
            "w/hello/package.yaml", text.replacingOccurrences(of: "[\(architecture), arm64]", with: "[all]"))
        let built = try fixture.build()
        XCTAssertEqual(built.keys.sorted(), ["hello"])
        XCTAssertFalse(try isStripped("/usr/bin/program", in: built["hello"]))
    }

    func testAnotherArchitecture() throws {
        try requireProgram("clang")
        try requireProgram("ld.lld")
        let cross = """
            mkdir -p tree/usr/lib/hello
            printf 'int f(int x) { return x; }\\n' >f.c
            clang --target=aarch64-linux-gnu -g -O1 -nostdlib -shared -fPIC -fuse-ld=lld -Wl,--build-id -o \
            tree/usr/lib/hello/f.so f.c
            """
        let fixture = try StripFixture(commands: cross)
        let arm = ["--arch", "arm64"]
        let own = fixture.workspace.directory.path + "/bin"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        try assertFails(
            fixture, "strip-tool", "apt-get install binutils-aarch64-linux-gnu,", environment: ["PATH": own],
            arguments: arm)
        try requireProgram("aarch64-linux-gnu-strip")
        let built = try fixture.build(arm)
        XCTAssertEqual(built.keys.sorted(), ["hello", "hello-dbgsym"])
        XCTAssertTrue(try isStripped("/usr/lib/hello/f.so", in: built["hello"]))
        if programPath("llvm-strip") != nil {
            try fixture.workspace.directory.file(
                "w/workspace.yaml", WorkspaceFixture.workspaceYAML + "binutils: {arm64: llvm-}\n")
            let other = try fixture.build(arm + ["--output", fixture.workspace.path + "/llvm"])
            XCTAssertEqual(other.keys.sorted(), ["hello", "hello-dbgsym"])
            XCTAssertTrue(try isStripped("/usr/lib/hello/f.so", in: other["hello"]))
        }
        // In a package for this machine it is data.
        let data = try StripFixture(
            contents: "  - {tree: tree, to: /, foreign-machine-code: allow}\n", commands: cross)
        if StripFixture.architecture == "amd64" {
            XCTAssertFalse(try isStripped("/usr/lib/hello/f.so", in: data.build()["hello"]))
        }
    }
}
