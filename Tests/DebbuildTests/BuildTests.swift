import Foundation
import TestSupport
import XCTest

/// What `debbuild` writes, looked at with dpkg's own programs.
final class BuildTests: XCTestCase {
    func testPackageIsWhatDpkgReads() throws {
        try requireProgram("dpkg-deb")
        let fixture = try WorkspaceFixture()
        let package = try fixture.build()
        XCTAssertEqual(package, fixture.output + "/hello_1.2.3_all.deb")
        let fields = try TestSupport.run("dpkg-deb", ["-f", package]).output
        XCTAssertEqual(
            fields,
            """
            Package: hello
            Version: 1.2.3
            Architecture: all
            Maintainer: Test Team <team@example.org>
            Installed-Size: 9
            Section: misc
            Priority: optional
            Description: greet the world
             Says hello.

            """)
        let listing = try TestSupport.run("dpkg-deb", ["-c", package], environment: ["TZ": "UTC"]).output
        XCTAssertTrue(listing.contains("-rwxr-xr-x root/root"), listing)
        XCTAssertTrue(listing.contains(" 21 2024-02-03 12:00 ./usr/bin/hello\n"), listing)
        XCTAssertTrue(listing.contains(" 0 2024-02-03 12:00 ./usr/bin/\n"), listing)
        let root = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-R", package, root.path]).status, 0)
        let sums = try String(contentsOfFile: root.path + "/DEBIAN/md5sums", encoding: .utf8)
        let check = try TestSupport.run(
            "md5sum", ["--check", "--strict"], workingDirectory: root.path, input: Array(sums.utf8))
        XCTAssertEqual(check.status, 0, check.output + check.errors)
        let file = try TestSupport.run("sha256sum", ["--check", "SHA256SUMS"], workingDirectory: fixture.output)
        XCTAssertEqual(file.status, 0, file.output)
    }

    /// Files are rounded up, a hard-linked one counts once, and all else is 1 KiB.
    func testInstalledSizeIsWhatDpkgGencontrolCounts() throws {
        try requireProgram("dpkg-gencontrol")
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog",
                with: """
                      - symlink: /usr/bin/hi
                        target: hello
                      - archive: x.tar
                        to: /opt
                    changelog: changelog
                    """))
        try fixture.directory.file("w/hello/hello.sh", bytes: [UInt8](repeating: 65, count: 5000))
        let made = try TestSupport.run(
            "sh", ["-c", "head -c 3000 /dev/zero >a && ln a b && ln a c && : >empty && tar -cf x.tar a b c empty"],
            workingDirectory: fixture.path + "/hello")
        XCTAssertEqual(made.status, 0, made.errors)
        let package = try fixture.build(["--no-lint"])
        let stated = try TestSupport.run("dpkg-deb", ["-f", package, "Installed-Size"]).output
        let root = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-x", package, root.path + "/tree"]).status, 0)
        let control = try root.file(
            "control", "Source: hello\nMaintainer: A <a@b.c>\n\nPackage: hello\nArchitecture: all\n")
        let changelog = try root.file(
            "changelog", "hello (1) unstable; urgency=low\n\n  * A.\n\n -- A <a@b.c>  Sat, 03 Feb 2024 12:00:00 +0000\n"
        )
        let counted = try TestSupport.run(
            "dpkg-gencontrol",
            ["-O", "-c" + control, "-l" + changelog, "-f" + root.path + "/files", "-P" + root.path + "/tree"],
            workingDirectory: root.path)
        XCTAssertTrue(counted.output.contains("\nInstalled-Size: " + stated), stated + counted.output + counted.errors)
    }

    func testSpecialBitsOwnersConffilesAndLinks() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog",
                with: """
                      - file: hello.sh
                        to: /usr/bin/set
                        mode: "4750"
                        owner: daemon
                        group: adm
                      - directory: /var/lib/hello
                        mode: "1777"
                      - conffile: hello.sh
                        to: /etc/hello/
                      - symlink: /usr/bin/hi
                        target: hello
                    obsolete-conffiles: [/etc/hello.old]
                    changelog: changelog
                    """))
        let package = try fixture.build(["--no-lint"])
        let listing = try TestSupport.run("dpkg-deb", ["-c", package]).output
        XCTAssertTrue(listing.contains("-rwsr-x--- daemon/adm"), listing)
        XCTAssertTrue(listing.contains("drwxrwxrwt root/root"), listing)
        XCTAssertTrue(listing.contains("lrwxrwxrwx root/root"), listing)
        XCTAssertTrue(listing.contains("./usr/bin/hi -> hello"), listing)
        XCTAssertEqual(
            try TestSupport.run("dpkg-deb", ["-I", package, "conffiles"]).output,
            "/etc/hello/hello.sh\nremove-on-upgrade /etc/hello.old\n")
        let tar = try TestSupport.run(
            "sh", ["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar --numeric-owner -tvf -", "sh", package]
        ).output
        XCTAssertTrue(tar.contains("1/4 "), tar)
    }

    func testTreesExcludesRulesAndLongAndForeignNames() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog",
                with: """
                      - tree: t
                        to: /usr/share/hello
                        exclude: ["*.orig", "cache/**"]
                        rules:
                          - match: "*.sh"
                            mode: "0750"
                            group: adm
                    changelog: changelog
                    """))
        let long = String(repeating: "long-directory-name/", count: 12) + String(repeating: "f", count: 150)
        try fixture.directory.file("w/hello/t/a.sh", "", mode: 0o600)
        try fixture.directory.file("w/hello/t/b.orig", "")
        try fixture.directory.file("w/hello/t/cache/c", "")
        try fixture.directory.file("w/hello/t/exe", "", mode: 0o711)
        try fixture.directory.file("w/hello/t/Grüße-日本", "x")
        try fixture.directory.file("w/hello/t/\(long)", "y")
        try FileManager.default.createSymbolicLink(
            atPath: fixture.path + "/hello/t/link", withDestinationPath: "a.sh")
        let package = try fixture.build([], environment: ["LC_ALL": "C"])
        let listing = try TestSupport.run("dpkg-deb", ["-c", package], environment: ["LC_ALL": "C.UTF-8"]).output
        XCTAssertTrue(listing.contains("-rwxr-x--- root/adm"), listing)
        XCTAssertTrue(listing.contains("-rwxr-xr-x root/root         0 "), listing)
        XCTAssertTrue(listing.contains("/usr/share/hello/link -> a.sh"), listing)
        XCTAssertFalse(listing.contains("orig"), listing)
        XCTAssertFalse(listing.contains("hello/cache/c"), listing)
        let root = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-x", package, root.path]).status, 0)
        XCTAssertTrue(FileManager.default.fileExists(atPath: root.path + "/usr/share/hello/Grüße-日本"))
        XCTAssertTrue(FileManager.default.fileExists(atPath: root.path + "/usr/share/hello/" + long))
    }

    func testArchiveAsContents() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog",
                with: """
                      - archive: x.tar.gz
                        to: /opt/x
                        strip-components: 1
                        exclude: ["*.c"]
                    changelog: changelog
                    """))
        let source = try TemporaryDirectory()
        try source.file("top/bin/tool", "#!/bin/sh\n", mode: 0o755)
        try source.file("top/src/tool.c", "int x;")
        try FileManager.default.createSymbolicLink(atPath: source.path + "/top/t", withDestinationPath: "bin/tool")
        try FileManager.default.linkItem(atPath: source.path + "/top/bin/tool", toPath: source.path + "/top/bin/tool2")
        let tar = try TestSupport.run(
            "tar", ["--sort=name", "-czf", fixture.path + "/hello/x.tar.gz", "-C", source.path, "top"])
        XCTAssertEqual(tar.status, 0)
        let package = try fixture.build()
        let root = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-x", package, root.path]).status, 0)
        XCTAssertEqual(try String(contentsOfFile: root.path + "/opt/x/bin/tool2", encoding: .utf8), "#!/bin/sh\n")
        XCTAssertEqual(
            try FileManager.default.destinationOfSymbolicLink(atPath: root.path + "/opt/x/t"), "bin/tool")
        XCTAssertFalse(FileManager.default.fileExists(atPath: root.path + "/opt/x/src/tool.c"))
    }

    func testOverridesVariablesAndVersions() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML
                .replacingOccurrences(of: "[all]", with: "[amd64, arm64]")
                .replacingOccurrences(of: "greet the world", with: "greet ${whom} on ${arch} for $$1")
                    + """
                    variables: {whom: "the ${what:-world}"}
                    depends: ["same (= ${version})"]
                    overrides:
                      - architecture: arm64
                        depends: [only-arm]
                      - distribution: trixie
                        section: web
                    """)
        let result = try fixture.debbuild(
            ["all", "--arch", "amd64", "--arch", "arm64", "--version", "2.0.0-rc.1", "--distribution", "trixie"])
        XCTAssertEqual(result.status, 0, result.errors)
        let packages = result.output.split(separator: "\n").map(String.init)
        XCTAssertEqual(
            packages.map { ($0 as NSString).lastPathComponent },
            [
                "hello_2.0.0~rc.1_amd64.deb", "hello_2.0.0~rc.1_arm64.deb",
            ])
        let fields = try packages.map {
            try TestSupport.run("dpkg-deb", ["-f", $0, "Depends", "Section", "Description"]).output
        }
        XCTAssertTrue(fields[0].contains("Depends: same (= 2.0.0~rc.1)\n"), fields[0])
        XCTAssertTrue(fields[1].contains("Depends: same (= 2.0.0~rc.1), only-arm\n"), fields[1])
        XCTAssertTrue(fields[1].contains("Section: web\n"), fields[1])
        XCTAssertTrue(fields[1].contains("Description: greet the world on arm64 for $1\n"), fields[1])
    }

    func testElfPayloadGivesDependsAndIsChecked() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML
                .replacingOccurrences(of: "[all]", with: "[amd64, arm64]")
                .replacingOccurrences(
                    of: "changelog: changelog", with: "  - payload: tool\n    to: /usr/bin/tool\nchangelog: changelog"),
            workspace: WorkspaceFixture.workspaceYAML + "payloads: {tool: {path: /bin/ls}}\n")
        #if !arch(x86_64)
            throw XCTSkip("the expectations are those of an amd64 machine")
        #else
            let package = try fixture.build(["--arch", "amd64"])
            let depends = try TestSupport.run("dpkg-deb", ["-f", package, "Depends"]).output
            let expected = try TestSupport.run("objdump", ["-T", "/bin/ls"]).output.split(separator: "\n")
                .compactMap { line in
                    line.firstRange(of: "GLIBC_").map { line[$0.upperBound...].prefix { $0 != ")" && $0 != " " } }
                }
                .max { $0.compare($1, options: .numeric) == .orderedAscending }
            XCTAssertTrue(depends.contains("libc6 (>= \(expected ?? ""))"), "\(depends) \(expected ?? "")")
            XCTAssertTrue(depends.contains("libselinux1"), depends)
            let wrong = try fixture.debbuild(["all", "--arch", "arm64"])
            XCTAssertEqual(wrong.status, 2)
            XCTAssertTrue(wrong.errors.contains("[elf-machine]"), wrong.errors)
        #endif
    }

    func testPayloadFromArchivesAndURL() throws {
        try requireProgram("curl")
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog",
                with: """
                      - payload: zip
                        to: /opt/zip
                      - payload: deb
                        to: /opt/deb
                      - payload: web
                        to: /opt/web
                    changelog: changelog
                    """),
            workspace: WorkspaceFixture.workspaceYAML + """
                payloads:
                  zip: {archive: a.zip, member: d/x}
                  deb: {archive: a.tar.xz, member: ./d/x}
                  web: {url: "file://${env:WEB}/page"}

                """)
        let source = try TemporaryDirectory()
        try source.file("d/x", "payload")
        try source.file("page", "from the web")
        XCTAssertEqual(
            try TestSupport.run(
                "python3", ["-m", "zipfile", "-c", fixture.path + "/a.zip", "d"], workingDirectory: source.path
            ).status, 0)
        XCTAssertEqual(
            try TestSupport.run("tar", ["-cJf", fixture.path + "/a.tar.xz", "-C", source.path, "./d"]).status, 0)
        let package = try fixture.build([], environment: ["WEB": source.path])
        let root = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-x", package, root.path]).status, 0)
        XCTAssertEqual(try String(contentsOfFile: root.path + "/opt/zip", encoding: .utf8), "payload")
        XCTAssertEqual(try String(contentsOfFile: root.path + "/opt/deb", encoding: .utf8), "payload")
        XCTAssertEqual(try String(contentsOfFile: root.path + "/opt/web", encoding: .utf8), "from the web")

        let missing = try fixture.debbuild(["all"], environment: ["WEB": "/nowhere"])
        XCTAssertEqual(missing.status, 3, missing.errors)
        XCTAssertTrue(missing.errors.contains("[payload-download]"), missing.errors)

        try fixture.directory.file("w/a.zip", "this is not a zip")
        let broken = try fixture.debbuild(["all"], environment: ["WEB": source.path])
        XCTAssertEqual(broken.status, 2, broken.errors)
        XCTAssertTrue(broken.errors.contains("payload 'zip'"), broken.errors)
    }

    func testOutputsAndUpToDate() throws {
        let fixture = try WorkspaceFixture()
        let package = try fixture.build()
        func inode() throws -> UInt64 {
            var status = stat()
            XCTAssertEqual(stat(package, &status), 0)
            return UInt64(status.st_ino)
        }
        let first = try inode()
        _ = try fixture.build()
        XCTAssertEqual(try inode(), first, "nothing changed, so nothing is written")
        XCTAssertEqual(try TestSupport.run("touch", [fixture.path + "/hello/hello.sh"]).status, 0)
        _ = try fixture.build()
        XCTAssertEqual(try inode(), first, "the contents are what counts, not the time")
        try fixture.directory.file("w/hello/hello.sh", "#!/bin/sh\necho other\n", mode: 0o755)
        _ = try fixture.build()
        let second = try inode()
        XCTAssertNotEqual(second, first)
        _ = try fixture.build(["--force"])
        XCTAssertNotEqual(try inode(), second)
        let json = try fixture.debbuild(["all", "--format", "json"])
        let object = try JSONSerialization.jsonObject(with: Data(json.standardOutput)) as? [String: Any]
        let item = (object?["packages"] as? [[String: Any]])?.first
        XCTAssertEqual(item?["unchanged"] as? Bool, true)
        XCTAssertEqual(
            item?["sha256"] as? String,
            try TestSupport.run("sha256sum", [package]).output.split(separator: " ").first.map(String.init))
    }

    func testReleaseFiles() throws {
        let fixture = try WorkspaceFixture()
        let package = try fixture.build(["--release-url", "https://example.org/releases/"])
        let shell = try TestSupport.run(
            "sh", ["-c", ". \"$1\" && printf %s \"$PROXY_DEBIAN_URL\"", "sh", fixture.output + "/istio.VERSION"])
        XCTAssertEqual(shell.output, "https://example.org/releases")
        XCTAssertEqual(try TestSupport.run("cmp", [package, fixture.output + "/hello.deb"]).status, 0)
        let information = try String(contentsOfFile: fixture.output + "/hello_1.2.3_all.buildinfo", encoding: .utf8)
        let sum = try TestSupport.run("sha256sum", [package]).output.prefix(64)
        XCTAssertTrue(information.contains("Checksums-Sha256:\n \(sum) "), information)
        let sha1 = try TestSupport.run("sha1sum", [package]).output.prefix(40)
        XCTAssertTrue(information.contains("Checksums-Sha1:\n \(sha1) "), information)
        XCTAssertEqual(try fixture.debbuild(["all", "--release-url", "https://x/$(id)"]).status, 2)
    }

    func testBuildInformationMayBeLeftOutAndComesLater() throws {
        let fixture = try WorkspaceFixture()
        let package = try fixture.build(["--no-buildinfo"])
        let path = fixture.output + "/hello_1.2.3_all.buildinfo"
        XCTAssertFalse(FileManager.default.fileExists(atPath: path))
        XCTAssertEqual(
            try TestSupport.run("sh", ["-c", "cd \"$1\" && sha256sum -c SHA256SUMS", "sh", fixture.output]).status, 0)
        let before = try FileManager.default.attributesOfItem(atPath: package)[.systemFileNumber] as? Int
        // The package is as it was; the checksums that nobody needed are taken of it now.
        _ = try fixture.build()
        XCTAssertEqual(try FileManager.default.attributesOfItem(atPath: package)[.systemFileNumber] as? Int, before)
        let information = try String(contentsOfFile: path, encoding: .utf8)
        for (field, program) in [("Md5", "md5sum"), ("Sha1", "sha1sum"), ("Sha256", "sha256sum")] {
            let sum = try XCTUnwrap(TestSupport.run(program, [package]).output.split(separator: " ").first)
            XCTAssertTrue(information.contains("Checksums-\(field):\n \(sum) "), information)
        }
        // One that is about another package does not stay.
        try fixture.directory.file("w/hello/hello.sh", "#!/bin/sh\necho later\n", mode: 0o755)
        _ = try fixture.build(["--no-buildinfo"])
        XCTAssertFalse(FileManager.default.fileExists(atPath: path))
    }

    /// Names that differ in their bytes alone, or begin with a mark that Swift joins to the slash before it.
    func testNamesOfCombiningCharacters() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "contents:\n", with: "contents:\n  - tree: odd\n    to: /usr/share/hello\n"))
        let names = ["\u{e9}", "e\u{301}", "\u{301}first", "sub/\u{301}", "\u{65e5}\u{672c}", "a\u{200d}b"]
        try fixture.directory.directory("w/hello/odd/sub")
        for name in names { try fixture.directory.file("w/hello/odd/\(name)", "of \(name)\n") }
        let package = try fixture.build()
        let folder = fixture.directory.path + "/unpacked"
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["--raw-extract", package, folder]).status, 0)
        let check = try TestSupport.run("sh", ["-c", "cd \"$1\" && md5sum -c DEBIAN/md5sums", "sh", folder])
        XCTAssertEqual(check.status, 0, check.output)
        XCTAssertEqual(check.output.split(separator: "\n").count, names.count + 3, check.output)
        for name in names {
            XCTAssertEqual(
                FileManager.default.contents(atPath: folder + "/usr/share/hello/" + name), Data("of \(name)\n".utf8),
                name)
        }
        let lint = try fixture.debbuild(["lint", package])
        for code in ["DB0208", "DB0217", "DB0114", "error["] { XCTAssertFalse(lint.output.contains(code), lint.output) }
    }

    /// A package that would not work is not built, unless somebody insists; remarks and warnings stop nothing.
    func testErrorsOfLintStopTheBuild() throws {
        let package = WorkspaceFixture.packageYAML.replacingOccurrences(
            of: "contents:\n", with: "contents:\n  - {file: hello.sh, to: /run/hello/hello.sh}\n")
        let fixture = try WorkspaceFixture(package: package)
        for format in ["text", "json"] {
            let refused = try fixture.debbuild(["all", "--format", format])
            XCTAssertEqual(refused.status, 1, refused.errors)
            XCTAssertEqual(refused.output, "")
            for part in ["DB0213", "hello_1.2.3_all.deb: /run/hello/hello.sh: ", "--no-lint"] {
                XCTAssertTrue(refused.errors.contains(part), refused.errors)
            }
        }
        XCTAssertEqual(fixture.packagesWritten, [])
        let forced = try fixture.build(["--no-lint"])
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["--info", forced]).status, 0)
        XCTAssertEqual(try fixture.debbuild(["lint", forced]).status, 1)
        // What was built with the error is not up to date for those who do not insist.
        XCTAssertEqual(try fixture.debbuild(["build", "hello"]).status, 1)
        // One finding that is meant stops nothing, and an override of nothing is told.
        try fixture.directory.file(
            "w/hello/package.yaml", package + "lint-overrides: {DB0213: a test, DB0101: not so, DB0999: no rule}\n")
        let meant = try fixture.debbuild(["all"])
        XCTAssertEqual(meant.status, 0, meant.errors)
        for part in ["lint does not report DB0101 for", "lint has no rule 'DB0999'", "package.yaml:"] {
            XCTAssertTrue(meant.errors.contains(part), meant.errors)
        }
        XCTAssertEqual(try fixture.debbuild(["lint", "hello"]).status, 0)
        XCTAssertEqual(try fixture.debbuild(["lint", forced]).status, 1)
    }

    func testFormerKeysStillBuild() throws {
        let workspace = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML + "automatic-depends: false\nlibraries: {libfoo.so.1: libfoo1}\n",
            workspace: WorkspaceFixture.workspaceYAML + "  shlib-depends: true\n")
        let result = try workspace.debbuild(["all"])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertTrue(result.errors.contains("note: 'automatic-depends' is now called 'shlib-depends'"), result.errors)
        XCTAssertTrue(result.errors.contains("note: 'libraries' is now called 'shlibs'"), result.errors)
        XCTAssertFalse(result.output.contains("renamed-key"), result.output)
    }

    func testInitMakesAPackageThatBuilds() throws {
        let directory = try TemporaryDirectory()
        let tool = productPath("debbuild")
        let environment = ["XDG_CACHE_HOME": directory.path + "/cache", "DEBEMAIL": "me@example.org"]
        let made = try TestSupport.run(
            tool, ["init", "greeter"], environment: environment, workingDirectory: directory.path)
        XCTAssertEqual(made.status, 0, made.errors)
        let built = try TestSupport.run(tool, ["all"], environment: environment, workingDirectory: directory.path)
        XCTAssertEqual(built.status, 0, built.errors)
        let package = built.output.split(separator: "\n").first.map(String.init) ?? ""
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-f", package, "Package"]).output, "greeter\n")
        let again = try TestSupport.run(
            tool, ["init", "greeter"], environment: environment, workingDirectory: directory.path)
        XCTAssertEqual(again.status, 2)
        XCTAssertEqual(try TestSupport.run(tool, ["init", "Bad_Name"], workingDirectory: directory.path).status, 2)
    }

    func testVersionCommands() throws {
        let tool = productPath("debbuild")
        XCTAssertEqual(try TestSupport.run(tool, ["version", "compare", "1.0~rc1", "1.0"]).output, "1.0~rc1 < 1.0\n")
        XCTAssertEqual(try TestSupport.run(tool, ["version", "compare", "1.0", "1.0-0"]).output, "1.0 = 1.0-0\n")
        XCTAssertEqual(
            try TestSupport.run(tool, ["version", "map", "v1.30.0-rc.1", "1.30.0", "1.2.3-1", "2.0beta3"]).output,
            "1.30.0~rc.1\n1.30.0\n1.2.3-1\n2.0~beta3\n")
        XCTAssertEqual(try TestSupport.run(tool, ["version", "map", "x"]).status, 2)
    }

    func testOurOwnPackagesAreValidByTheSchema() throws {
        guard try TestSupport.run("python3", ["-c", "import jsonschema, yaml"]).status == 0 else {
            throw XCTSkip("the Python packages jsonschema and PyYAML are not installed")
        }
        let script = """
            import json, sys, jsonschema, yaml
            schema = json.load(sys.stdin)
            for path in sys.argv[1:]:
                document = yaml.safe_load(open(path))
                validator = jsonschema.Draft202012Validator(schema)
                for error in validator.iter_errors(document): print(path, error.json_path, error.message)
            """
        let workspace = repositoryRoot + "/Packaging"
        let folders = try FileManager.default.contentsOfDirectory(atPath: workspace).filter { !$0.contains(".") }
        XCTAssertEqual(folders.count, 5)
        for (subject, paths) in [
            ("package", folders.map { "\(workspace)/\($0)/package.yaml" }),
            ("workspace", [workspace + "/workspace.yaml"]),
        ] {
            let schema = try TestSupport.run(productPath("debbuild"), ["schema", subject])
            let result = try TestSupport.run("python3", ["-c", script] + paths, input: schema.standardOutput)
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(result.output, "")
        }
    }

    func testToolVersionIsTheWorkspaces() throws {
        let version = try TestSupport.run(productPath("debbuild"), ["--version"]).output.split(separator: "\n").first
        let workspace = try String(contentsOfFile: repositoryRoot + "/Packaging/workspace.yaml", encoding: .utf8)
        XCTAssertTrue(workspace.contains("\nversion: \(version ?? "")\n"), workspace)
    }
}
