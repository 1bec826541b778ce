import Foundation
import TestSupport
import XCTest

/// Items of `contents` that name several files, and trees of which only a part is taken.
final class SourcePatternTests: XCTestCase {
    private func fixture(_ items: String, files: [String], keys: String = "") throws -> WorkspaceFixture {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(of: "contents:\n", with: "contents:\n" + items)
                + keys)
        for file in files { try fixture.directory.file("w/hello/" + file, file + "\n") }
        return fixture
    }

    /// The lines of the listing with their modes, without directories and what every fixture has.
    private func listing(_ fixture: WorkspaceFixture) throws -> [String] {
        let package = try fixture.build()
        return try TestSupport.run("dpkg-deb", ["-c", package]).check().split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard words.count >= 6, words[0].first != "d" else { return nil }
            let path = line.components(separatedBy: " ./").last ?? ""
            return path.contains("usr/share/doc/") || path == "usr/bin/hello" ? nil : "\(words[0]) \(path)"
        }
    }

    func testFilesAndConffilesByPattern() throws {
        let fixture = try fixture(
            """
              - {file: "out/bin/*", to: /usr/libexec/, mode: "0755"}
              - {file: "include/**/*.h", to: /usr/include/}
              - {conffile: "etc/[ab]?.conf", to: /etc/hello/}
              - {file: './single\\*.txt', to: /usr/share/hello/}
              - {udev: "rules/*.rules"}

            """,
            files: [
                "out/bin/b", "out/bin/a", "out/bin/.hidden", "out/bin/deeper/c", "include/x.h", "include/x/y/z.h",
                "include/x/y/z.c", "etc/a1.conf", "etc/b2.conf", "etc/c3.conf", "single*.txt", "singleton.txt",
                "rules/60-a.rules", "rules/61-b.rules", "rules/README",
            ])
        XCTAssertEqual(
            try listing(fixture),
            [
                "-rw-r--r-- etc/hello/a1.conf", "-rw-r--r-- etc/hello/b2.conf", "-rw-r--r-- usr/include/x/y/z.h",
                "-rw-r--r-- usr/include/x.h", "-rw-r--r-- usr/lib/udev/rules.d/60-a.rules",
                "-rw-r--r-- usr/lib/udev/rules.d/61-b.rules", "-rwxr-xr-x usr/libexec/.hidden",
                "-rwxr-xr-x usr/libexec/a", "-rwxr-xr-x usr/libexec/b", "-rw-r--r-- usr/share/hello/single*.txt",
            ])
        let package = try fixture.build()
        XCTAssertEqual(
            try TestSupport.run("dpkg-deb", ["-I", package, "conffiles"]).check(),
            "/etc/hello/a1.conf\n/etc/hello/b2.conf\n")
        let again = try fixture.debbuild(["all", "--force", "--verify-reproducible"])
        XCTAssertEqual(again.status, 0, again.errors)
    }

    func testNamesWithBackslashesStayNames() throws {
        let fixture = try fixture(
            "  - {file: 'dev-a\\x2db.rule', to: /usr/share/hello/}\n", files: ["dev-a\\x2db.rule"])
        XCTAssertEqual(try listing(fixture).count, 1)
    }

    func testPatternsWithoutMatchesAndOthersThatAreWrong() throws {
        let files = ["out/bin/alpha", "out/bin/beta.so", "out/lib/x", "odd[1].txt"]
        for (item, code, parts) in [
            ("{file: \"out/bin/*.sso\", to: /x/}", "source-pattern", ["'out/bin/*.sso' matches no file", "'beta.so'"]),
            (
                "{file: \"out/bni/*\", to: /x/}", "source-missing",
                ["there is no directory 'out/bni'", "out/bin' exists"]
            ),
            ("{file: \"out/*\", to: /x/}", "source-pattern", ["it matches the directory 'bin'", "'tree:'"]),
            ("{file: \"odd[1].txt\", to: /x/}", "source-pattern", ["'odd\\[1].txt'"]),
            ("{file: \"out/b[in/x\", to: /x/}", "source-pattern", ["close each '['"]),
            ("{file: \"out/*/\", to: /x/}", "source-pattern", ["give folders as 'tree:'"]),
            ("{file: \"*/../x\", to: /x/}", "source-pattern", ["not a pattern of files"]),
            ("{file: \"../../../*\", to: /x/}", "source-outside", []),
            ("{file: \"out/bin/*\", to: /x}", "pattern-destination", ["write 'to: /x/'"]),
            ("{conffile: \"out/bin/*\", to: /x}", "pattern-destination", []),
            ("{udev: \"out/bin/*\"}", "place-name", ["'alpha' does not end in '.rules'"]),
        ] {
            let result = try fixture("  - \(item)\n", files: files).debbuild(["all"])
            XCTAssertEqual(result.status, 2, item)
            XCTAssertTrue(result.errors.contains("[\(code)]"), "\(item)\n\(result.errors)")
            for part in parts { XCTAssertTrue(result.errors.contains(part), "\(part)\n\(result.errors)") }
        }
        let empty = try fixture("  - {file: \"none/*\", to: /x/}\n", files: [])
        try FileManager.default.createDirectory(
            atPath: empty.path + "/hello/none", withIntermediateDirectories: true)
        XCTAssertTrue(try empty.debbuild(["all"]).errors.contains("there is no file in"))
    }

    func testLinksAreFollowedToFilesInTheWorkspaceOnly() throws {
        let fixture = try fixture("  - {file: \"l/[a-cl]*\", to: /usr/share/hello/}\n", files: ["l/a", "other/b"])
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: fixture.path + "/hello/l/b", withDestinationPath: "../other/b")
        try manager.createSymbolicLink(atPath: fixture.path + "/hello/l/loop", withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: fixture.path + "/hello/l/ring", withDestinationPath: "ring")
        XCTAssertEqual(
            try listing(fixture), ["-rw-r--r-- usr/share/hello/a", "-rw-r--r-- usr/share/hello/b"])
        try manager.createSymbolicLink(atPath: fixture.path + "/hello/l/c", withDestinationPath: "/etc/passwd")
        XCTAssertTrue(try fixture.debbuild(["all"]).errors.contains("[source-outside]"))
        try manager.removeItem(atPath: fixture.path + "/hello/l/c")
        try manager.createSymbolicLink(atPath: fixture.path + "/hello/l/c", withDestinationPath: "nowhere")
        XCTAssertTrue(try fixture.debbuild(["all"]).errors.contains("[source-missing]"))
        // A folder that leads out of the workspace is not even listed.
        let outside = try self.fixture("  - {file: \"e/*\", to: /x/}\n", files: [])
        try manager.createSymbolicLink(atPath: outside.path + "/hello/e", withDestinationPath: "/etc")
        let result = try outside.debbuild(["all"])
        XCTAssertTrue(result.errors.contains("[source-outside]"), result.errors)
        XCTAssertFalse(result.errors.contains("passwd"), result.errors)
    }

    func testTwoFilesOfOneNameAreToldApartByTheirFolders() throws {
        let fixture = try fixture("  - {file: \"a/*/x\", to: /usr/share/hello/}\n", files: ["a/1/x", "a/2/x"])
        XCTAssertEqual(
            try listing(fixture), ["-rw-r--r-- usr/share/hello/1/x", "-rw-r--r-- usr/share/hello/2/x"])
    }

    // MARK: - trees

    private static let treeFiles = [
        "t/bin/tool", "t/bin/tool.debug", "t/share/doc/a.txt", "t/share/doc/b.html", "t/share/x/y.txt", "t/z.txt",
        "t/empty/deep/none.c",
    ]

    func testTreeTakesWhatIsIncluded() throws {
        let fixture = try fixture(
            """
              - tree: t
                to: /usr/share/hello
                include: ["*.txt", bin/, "!*.debug"]
                exclude: [x]
                rules: [{match: share/, mode: "0750"}]

            """, files: Self.treeFiles)
        XCTAssertEqual(
            try listing(fixture),
            [
                "-rw-r--r-- usr/share/hello/bin/tool", "-rw-r--r-- usr/share/hello/share/doc/a.txt",
                "-rw-r--r-- usr/share/hello/z.txt",
            ])
        // Folders are there if something in them is, with what the rules say of them.
        let all = try TestSupport.run("dpkg-deb", ["-c", try fixture.build()]).check()
        XCTAssertTrue(all.contains("drwxr-x--- root/root"), all)
        for folder in ["empty", "share/x"] { XCTAssertFalse(all.contains("hello/\(folder)"), all) }
    }

    /// The last pattern that matches a path or a folder above it decides, wherever it stands.
    func testOrderOfPatterns() throws {
        for (include, expected) in [
            ("[bin/, \"!*.debug\"]", ["bin/tool"]), ("[\"!*.debug\", bin/]", ["bin/tool", "bin/tool.debug"]),
            (
                "[\"*\", \"!share\", y.txt]",
                ["bin/tool", "bin/tool.debug", "empty/deep/none.c", "share/x/y.txt", "z.txt"]
            ),
            ("[share/doc, \"!*.html\", b.html]", ["share/doc/a.txt", "share/doc/b.html"]),
            ("[share/, \"!share/x/\"]", ["share/doc/a.txt", "share/doc/b.html"]),
        ] {
            let fixture = try fixture(
                "  - {tree: t, to: /usr/share/hello, include: \(include)}\n", files: Self.treeFiles)
            let paths = try listing(fixture).map { $0.split(separator: " ").last.map(String.init) ?? "" }
            XCTAssertEqual(Set(paths), Set(expected.map { "usr/share/hello/" + $0 }), include)
            // Archives hold the same in any order.
            let archive = try self.fixture(
                "  - {archive: t.tar, to: /usr/share/hello, strip-components: 1, include: \(include)}\n"
                    .replacingOccurrences(of: "share/doc", with: "t/share/doc")
                    .replacingOccurrences(of: "share/x/", with: "t/share/x/"), files: Self.treeFiles)
            try TestSupport.run(
                "sh", ["-c", "find t -print | sort -r | tar --no-recursion -cf t.tar -T -"],
                workingDirectory: archive.path + "/hello"
            ).check()
            XCTAssertEqual(
                Set(try listing(archive).map { $0.split(separator: " ").last.map(String.init) ?? "" }), Set(paths),
                include)
        }
    }

    func testIncludeOfAFolderTakesEmptyOnesToo() throws {
        let fixture = try fixture(
            "  - {tree: t, to: /usr/share/hello, include: [/empty]}\n", files: Self.treeFiles)
        try FileManager.default.createDirectory(
            atPath: fixture.path + "/hello/t/empty/void", withIntermediateDirectories: true)
        let all = try TestSupport.run("dpkg-deb", ["-c", try fixture.build()]).check()
        XCTAssertTrue(all.contains("hello/empty/void/"), all)
        XCTAssertTrue(all.contains("hello/empty/deep/none.c"), all)
        XCTAssertFalse(all.contains("z.txt"), all)
    }

    func testArchiveTakesWhatIsIncluded() throws {
        let fixture = try fixture(
            "  - {archive: t.tar, to: /usr/share/hello, strip-components: 1, include: [\"*.txt\", t/bin], exclude: [x]}\n",
            files: Self.treeFiles)
        try TestSupport.run("tar", ["-cf", "t.tar", "t"], workingDirectory: fixture.path + "/hello").check()
        XCTAssertEqual(
            try listing(fixture).map { $0.split(separator: " ").last.map(String.init) ?? "" },
            [
                "usr/share/hello/bin/tool", "usr/share/hello/bin/tool.debug", "usr/share/hello/share/doc/a.txt",
                "usr/share/hello/z.txt",
            ])
        XCTAssertFalse(
            try TestSupport.run("dpkg-deb", ["-c", try fixture.build()]).check().contains("hello/empty"))
    }

    func testPatternsThatTakeNothingAreReported() throws {
        let fixture = try fixture(
            "  - {tree: t, to: /usr/share/hello, include: [z.txt, \"*.tx\"]}\n", files: Self.treeFiles)
        let result = try fixture.debbuild(["all"])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertTrue(
            result.errors.contains("'*.tx' matches nothing in tree 't' [pattern-unused]"), result.errors)
    }
}
