import Foundation
import TestSupport
import XCTest

/// Packages of dpkg-deb and debhelper become workspaces that build them again.
final class ImportTests: XCTestCase {
    private lazy var folder = try! TemporaryDirectory()
    private var tree: String { folder.path + "/tree" }

    private func debbuild(_ arguments: [String]) throws -> RunResult {
        try TestSupport.run(
            productPath("debbuild"), arguments,
            environment: ["XDG_CACHE_HOME": folder.path + "/cache", "NO_COLOR": "1"], workingDirectory: folder.path)
    }

    private static let control = """
        Package: odd
        Source: strange (2:1.0)
        Version: 2:1.0~rc1-3
        Architecture: amd64
        Maintainer: Test Team <team@example.org>
        Installed-Size: 99
        Depends: debconf (>= 0.5) | debconf-2.0, libc6
        Provides: other (= 1)
        Section: contrib/misc
        Priority: extra
        Multi-Arch: foreign
        Homepage: https://example.org/$x
        Description: odd things
         A paragraph whose lines
         are short.
         .
           verbatim
          * item
        X-Vendor: Ärger & Söhne: "yes"

        """

    /// Writes `DEBIAN/control`, builds the tree and gives the package.
    @discardableResult
    private func pack(_ control: String = control, rootOwned: Bool = false) throws -> String {
        try folder.file("tree/DEBIAN/control", control)
        try TestSupport.run(
            "dpkg-deb", (rootOwned ? ["--root-owner-group"] : []) + ["-Zxz", "-b", tree, folder.path + "/a.deb"],
            environment: ["SOURCE_DATE_EPOCH": "1700000000"]
        ).check()
        return folder.path + "/a.deb"
    }

    /// Imports a package, builds the workspace and compares; gives the specification.
    private func roundTrip(
        _ package: String, _ name: String = "odd", line: UInt = #line
    ) throws -> String {
        let imported = try debbuild(["import", package, "--output", folder.path + "/w"])
        XCTAssertEqual(imported.status, 0, imported.errors, line: line)
        let built = try debbuild(["all", "--no-lint", "--workspace", folder.path + "/w", "--quiet"])
        XCTAssertEqual(built.status, 0, built.errors, line: line)
        let again = built.output.split(separator: "\n").first.map(String.init) ?? ""
        let difference = try debbuild(["diff", package, again, "--ignore-compression"])
        XCTAssertEqual(difference.output, "no differences\n", line: line)
        // dpkg's own view, with owners and links.
        func listing(_ file: String) throws -> [String] {
            try TestSupport.run("dpkg-deb", ["-c", file], environment: ["TZ": "UTC"]).check()
                .split(separator: "\n").map(String.init).sorted()
        }
        XCTAssertEqual(try listing(again).count, try listing(package).count, line: line)
        return try String(contentsOfFile: folder.path + "/w/\(name)/package.yaml", encoding: .utf8)
    }

    func testOddPackageIsBuiltAgain() throws {
        try requireRoot()
        try folder.file("tree/usr/bin/odd", "#!/bin/sh\n", mode: 0o755)
        try folder.file("tree/usr/bin/setuid", "x", mode: 0o4755)
        try folder.file("tree/usr/games/score", "x", mode: 0o2755)
        try folder.file("tree/usr/share/odd/a b $HOME [x]*?\\ü.txt", "x")
        try folder.file("tree/usr/share/odd/-- #: {}.txt", "x", mode: 0o640)
        try folder.file("tree/usr/share/odd/first", "names")
        try folder.file("tree/etc/odd.conf", "x=1\n", mode: 0o600)
        try folder.file("tree/etc/other.conf", "x=1\n")
        try folder.file("tree/usr/lib/udev/rules.d/60-odd.rules", "# x\n")
        try folder.directory("tree/var/lib/odd/empty")
        let files = FileManager.default
        try files.linkItem(atPath: tree + "/usr/share/odd/first", toPath: tree + "/usr/share/odd/second")
        for (path, target) in [
            ("absolute", "/etc/odd.conf"), ("dangling", "nothing/there"), ("relative", "../../bin/odd"),
            ("null", "/dev/null"),
        ] { try files.createSymbolicLink(atPath: tree + "/usr/share/odd/" + path, withDestinationPath: target) }
        // Machine code for another processor: a header of ELF for AArch64.
        var elf = [UInt8](repeating: 0, count: 64)
        elf.replaceSubrange(0..<20, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 183, 0])
        (elf[20], elf[52], elf[58]) = (1, 64, 64)
        try folder.file("tree/usr/lib/odd/firmware.o", bytes: elf)
        for (path, owner, mode) in [
            ("/usr/games/score", (0, 60), 0o2755), ("/var/lib/odd", (33, 33), 0o2750),
            ("/etc/odd.conf", (0, 42), 0o640),
            ("/usr/share/odd/first", (1234, 4321), 0o644),
        ] {
            XCTAssertEqual(chown(tree + path, uid_t(owner.0), gid_t(owner.1)), 0)
            XCTAssertEqual(chmod(tree + path, mode_t(mode)), 0)
        }
        try folder.file(
            "tree/DEBIAN/preinst",
            bytes: Array("#!/bin/sh\n# M".utf8) + [0xfc] + Array("ller\nset -e\ndpkg-divert --add /x\n".utf8),
            mode: 0o755)
        try folder.file("tree/DEBIAN/postinst", "#!/usr/bin/perl\nexit 0;\n", mode: 0o755)
        try folder.file("tree/DEBIAN/prerm", "#!/bin/sh\nupdate-alternatives --remove odd /usr/bin/odd\n", mode: 0o555)
        try folder.file("tree/DEBIAN/config", "#!/bin/sh\n. /usr/share/debconf/confmodule\n", mode: 0o755)
        try folder.file("tree/DEBIAN/templates", "Template: odd/q\nType: boolean\nDescription: q\n")
        try folder.file("tree/DEBIAN/triggers", "# a remark\ninterest-noawait /usr/share/odd\n")
        try folder.file(
            "tree/DEBIAN/conffiles", "/etc/other.conf\n/etc/odd.conf\nremove-on-upgrade /etc/gone.conf\n")
        try folder.file("tree/DEBIAN/shlibs", "libodd 1 odd (>= 1)\n")
        let specification = try roundTrip(pack())
        for part in [
            "source: strange (2:1.0)", "mode: \"4755\"", "group: shadow", "- udev: udev/60-odd.rules",
            "{match: /etc/**, conffile: true}", "file: control/conffiles", "owner: \"1234\"",
            "source-date-epoch: 1700000000",
            "{symlink: /usr/share/odd/absolute, target: /etc/odd.conf}", "foreign-machine-code: allow",
            "obsolete-conffiles: [/etc/gone.conf]",
        ] { XCTAssertTrue(specification.contains(part), "\(part) is not in\n\(specification)") }
    }

    func testPackageOfDebhelperBecomesKeys() throws {
        try requireProgram("dh_builddeb")
        try folder.file(
            "debian/control",
            "Source: hi\nSection: misc\nPriority: optional\n"
                + "Maintainer: Test Team <team@example.org>\nBuild-Depends: debhelper-compat (= 13)\n\n"
                + "Package: hi\nArchitecture: all\nDescription: greet\n Says hi.\n")
        try folder.file(
            "debian/changelog",
            "hi (1.0-1) unstable; urgency=low\n\n  * First.\n\n"
                + " -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000\n")
        try folder.file("debian/copyright", "nobody's\n")
        try folder.file("debian/hi.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
        try folder.file("debian/hi.logrotate", "/var/log/hi.log {}\n")
        try folder.file("debian/hi.install", "greet usr/bin\n")
        try folder.file("debian/rules", "#!/usr/bin/make -f\n%:\n\tdh $@\n", mode: 0o755)
        try folder.file("greet", "#!/bin/sh\n", mode: 0o755)
        try TestSupport.run(folder.path + "/debian/rules", ["binary"], workingDirectory: folder.path).check()
        let package = (folder.path as NSString).deletingLastPathComponent + "/hi_1.0-1_all.deb"
        defer { try? FileManager.default.removeItem(atPath: package) }
        let specification = try roundTrip(package, "hi")
        for part in ["logrotate: hi.logrotate", "changelog: changelog", "copyright: copyright", "postinst: postinst"] {
            XCTAssertTrue(specification.contains(part), "\(part) is not in\n\(specification)")
        }
        XCTAssertFalse(specification.contains("md5sums"), specification)
        XCTAssertFalse(specification.contains("source-date-epoch"), specification)
    }

    /// Folders of /usr/local that only lie above a file stay the administrator's; those that a package has stay its own.
    func testFoldersOfTheAdministratorAreKeptApart() throws {
        try folder.file("tree/usr/local/bin/tool", "#!/bin/sh\n", mode: 0o755)
        try folder.directory("tree/usr/local/lib/odd")
        let package = try pack(rootOwned: true)
        let specification = try roundTrip(package)
        let folders = ["/usr/local", "/usr/local/bin", "/usr/local/lib"]
        for path in folders {
            XCTAssertTrue(specification.contains("- directory: \(path)\n"), "\(path) is not in\n\(specification)")
        }
        // As it would be written by hand, without saying so.
        let path = folder.path + "/w/odd/package.yaml"
        let said = Set(folders.map { "  - directory: \($0)" })
        let plain = specification.split(separator: "\n").map(String.init).filter { !said.contains($0) }
        try plain.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let built = try debbuild(["all", "--no-lint", "--workspace", folder.path + "/w", "--quiet"])
        XCTAssertEqual(built.status, 0, built.errors)
        let again = built.output.split(separator: "\n").first.map(String.init) ?? ""
        let listing = try TestSupport.run("dpkg-deb", ["-c", again]).check()
        XCTAssertTrue(listing.contains(" ./usr/local/bin/tool\n"), listing)
        XCTAssertTrue(listing.contains(" ./usr/local/lib/odd/\n"), listing)
        for path in folders { XCTAssertFalse(listing.contains(" .\(path)/\n"), listing) }
    }

    func testManyEntriesAreOneTree() throws {
        let isSlow = ProcessInfo.processInfo.environment["SLOW_TESTS"] == "1"
        for number in 0..<(isSlow ? 700 : 70) {
            let path = try folder.directory("tree/usr/share/odd/\(number)")
            for file in 0..<99 { _ = FileManager.default.createFile(atPath: path + "/\(file)", contents: nil) }
        }
        let specification = try roundTrip(pack(rootOwned: true))
        XCTAssertTrue(specification.contains("- {tree: root, to: /}"), specification)
        XCTAssertLessThan(specification.split(separator: "\n").count, 40)
    }

    func testDevicesAndHostilePackagesAreRefused() throws {
        try folder.directory("tree/dev")
        guard mkfifo(tree + "/dev/pipe", 0o644) == 0 else { return XCTFail("mkfifo") }
        let result = try debbuild(["import", pack(rootOwned: true)])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("'/dev/pipe' is a named pipe"), result.errors)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted(), ["a.deb", "tree"])

        // A link to a folder outside, and a file below it.
        try FileManager.default.removeItem(atPath: tree + "/dev")
        try pack(rootOwned: true)
        try folder.file("x/evil/file", "x")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: folder.path + "/x")
        try TestSupport.run(
            "tar", ["-cf", "data.tar", "--transform", "s,^link$,./evil,;s,^x,.,", "link", "x/evil/file"],
            workingDirectory: folder.path
        ).check()
        try TestSupport.run("ar", ["d", "a.deb", "data.tar.xz"], workingDirectory: folder.path).check()
        try TestSupport.run("ar", ["q", "a.deb", "data.tar"], workingDirectory: folder.path).check()
        let hostile = try debbuild(["import", folder.path + "/a.deb", "--output", folder.path + "/w"])
        XCTAssertEqual(hostile.status, 2, hostile.output)
        XCTAssertTrue(hostile.errors.contains("[import-refused]"), hostile.errors)
        XCTAssertFalse(FileManager.default.fileExists(atPath: folder.path + "/w"))
    }

    func testOutputThatIsNotEmptyIsLeftAlone() throws {
        try folder.file("tree/usr/share/odd/x", "x")
        let package = try pack(rootOwned: true)
        try folder.file("odd/mine", "mine")
        let result = try debbuild(["import", package])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("[import-output]"), result.errors)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/odd"), ["mine"])
        try folder.directory("empty")
        XCTAssertEqual(try debbuild(["import", package, "-o", "empty"]).status, 0)
        XCTAssertEqual(try debbuild(["import", "missing.deb"]).status, 2)
    }

    /// What is in both packages, by a program that knows nothing of them. The files themselves differ by design, in compression
    /// and in the order of entries; the order of fields and times of folders are not kept either.
    private func compareByDiffoscope(_ package: String, _ again: String, _ name: String) throws {
        guard programPath("diffoscope") != nil else { return }
        let places = ["before", "after"].map { folder.path + "/unpacked/" + $0 }
        defer { try? FileManager.default.removeItem(atPath: folder.path + "/unpacked") }
        try folder.directory("unpacked")
        for (file, place) in zip([package, again], places) {
            try TestSupport.run("dpkg-deb", ["--raw-extract", file, place]).check()
        }
        let difference = try TestSupport.run(
            "diffoscope",
            ["--exclude-directory-metadata", "recursive", "--exclude", "*/DEBIAN/control"] + places)
        XCTAssertEqual(difference.status, 0, "\(name): \(difference.output)")
    }

    /// ARCHIVE_PACKAGES names a folder of package files, such as `apt-get download` makes; otherwise a few are downloaded.
    func testPackagesOfDebianAreBuiltAgain() throws {
        let packages = try ArchiveSample.packages(8, into: folder)
        XCTAssertFalse(packages.isEmpty)
        for package in packages {
            let name = (package as NSString).lastPathComponent
            let workspace = folder.path + "/w"
            defer { try? FileManager.default.removeItem(atPath: workspace) }
            let imported = try debbuild(["import", package, "-o", workspace, "--max-unpacked", "20G"])
            XCTAssertEqual(imported.status, 0, "\(name): \(imported.errors)")
            if imported.status > 1 { continue }
            let built = try debbuild(["all", "--workspace", workspace, "--quiet", "--fast"])
            let again = built.output.split(separator: "\n").first.map(String.init) ?? ""
            XCTAssertEqual(built.status, 0, "\(name): \(built.errors)")
            let difference = try debbuild(["diff", package, again, "--ignore-compression", "--max-unpacked", "20G"])
            XCTAssertEqual(difference.output, "no differences\n", name)
            // What dpkg says of both; of times a package keeps none later than its changelog.
            for action in ["--contents", "--field"] {
                let listings = try [package, again].map { file in
                    try TestSupport.run("dpkg-deb", [action, file]).output
                        .replacing(/\d{4}-\d\d-\d\d \d\d:\d\d/, with: "").split(separator: "\n").sorted()
                }
                XCTAssertEqual(listings[0], listings[1], "\(name): \(action)")
            }
            try compareByDiffoscope(package, again, name)
        }
        print("\(packages.count) packages of the archive, each built again")
    }
}
