import Foundation
import TestSupport
import XCTest

/// What upgrades do to paths of earlier versions, by the hand of a real dpkg.
final class MaintscriptTests: XCTestCase {
    /// A package with keys of its own, at a version.
    private func package(_ version: String, _ keys: String, _ files: [String: String]) throws -> WorkspaceFixture {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(of: "contents:\n", with: keys),
            workspace: WorkspaceFixture.workspaceYAML.replacingOccurrences(of: "1.2.3", with: version))
        for (name, text) in files { try fixture.directory.file("w/hello/" + name, text) }
        return fixture
    }

    func testErrorsStandWhereTheyAre() throws {
        for (line, code, column) in [
            ("rm_config /etc/a", "maintscript line", 16), ("rm_conffile etc/a", "maintscript line", 28),
            ("rm_conffile /etc/a 1_0", "maintscript line", 36),
            ("rm_conffile /usr/bin/hello", "maintscript-shipped", 15),
            ("mv_conffile /etc/a /etc/b 1", "maintscript-target", 15),
            ("dir_to_symlink /usr/bin /x 1", "maintscript-target", 15),
            ("symlink_to_dir /usr/bin/hello x 1", "maintscript-target", 15),
        ] {
            let fixture = try WorkspaceFixture(
                package: WorkspaceFixture.packageYAML + "maintscript: [\"\(line)\"]\n")
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, line)
            XCTAssertTrue(result.errors.contains(code), result.errors)
            XCTAssertTrue(result.errors.contains(":12:\(column)\n"), "\(line): \(result.errors)")
            XCTAssertTrue(fixture.packagesWritten.isEmpty)
        }
    }

    func testLinesAreThoseOfDhInstalldeb() throws {
        try requireProgram("dh_installdeb")
        let lines = [
            "rm_conffile /etc/hello/gone.conf 1.2~", "mv_conffile /etc/hello/old.conf /etc/hello/new.conf 1.2~ hello",
            "dir_to_symlink /usr/share/hello/dir ../other 1.2~", "symlink_to_dir /usr/share/hello/link /srv/x 1.2~",
        ]
        let fixture = try package(
            "1.2.3",
            """
            maintscript:
            \(lines.map { "  - \($0)\n" }.joined())contents:
              - {conffile: new.conf, to: /etc/hello/new.conf}
              - {symlink: /usr/share/hello/dir, target: ../other}
              - {directory: /usr/share/hello/link}

            """, ["new.conf": "new\n"])
        let ours = try unpacked(fixture.build())
        let folder = try TemporaryDirectory()
        try folder.file(
            "debian/control",
            "Source: hello\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: hello\nArchitecture: all\n")
        try folder.file("debian/hello.maintscript", lines.map { $0 + "\n" }.joined())
        try TestSupport.run("dh_installdeb", workingDirectory: folder.path).check()
        for name in ["preinst", "postinst", "prerm", "postrm"] {
            func calls(_ file: String) throws -> [String] {
                try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                    .filter { $0.hasPrefix("dpkg-maintscript-helper") }.map {
                        $0.replacingOccurrences(of: "\\", with: "")
                    }
            }
            XCTAssertEqual(
                try calls(ours.path + "/DEBIAN/" + name), try calls(folder.path + "/debian/hello/DEBIAN/" + name), name)
        }
    }

    private func unpacked(_ package: String) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        try TestSupport.run("dpkg-deb", ["-R", package, folder.path]).check()
        return folder
    }

    func testAnUpgradeDoesIt() throws {
        let old = try package(
            "1.0",
            """
            contents:
              - {conffile: gone.conf, to: /etc/hello/gone.conf}
              - {conffile: kept.conf, to: /etc/hello/kept.conf}
              - {conffile: old.conf, to: /etc/hello/old.conf}
              - {file: data, to: /usr/share/hello/dir/data}
              - {file: data, to: /usr/share/hello/target/data}
              - {symlink: /usr/share/hello/link, target: target}

            """, ["gone.conf": "gone\n", "kept.conf": "kept\n", "old.conf": "value=1\n", "data": "old\n"])
        let new = try package(
            "2.0",
            """
            maintscript:
              - rm_conffile /etc/hello/gone.conf 2.0~
              - rm_conffile /etc/hello/kept.conf 2.0~
              - mv_conffile /etc/hello/old.conf /etc/hello/new.conf 2.0~
              - dir_to_symlink /usr/share/hello/dir target 2.0~
              - symlink_to_dir /usr/share/hello/link target 2.0~
            contents:
              - {conffile: old.conf, to: /etc/hello/new.conf}
              - {file: data, to: /usr/share/hello/target/data}
              - {file: data, to: /usr/share/hello/link/data}
              - {symlink: /usr/share/hello/dir, target: target}

            """, ["old.conf": "value=1\n", "data": "new\n"])
        let root = try SpareRoot()
        try root.copy(old.build(), to: "/tmp/old.deb")
        try root.copy(new.build(), to: "/tmp/new.deb")
        try root.shell("dpkg --install /tmp/old.deb").check()
        try root.shell("echo mine >>/etc/hello/kept.conf; echo value=2 >/etc/hello/old.conf").check()
        let upgrade = try root.shell("dpkg --install /tmp/new.deb </dev/null")
        XCTAssertEqual(upgrade.status, 0, upgrade.output + upgrade.errors)
        let look = try root.shell(
            """
            cd /etc/hello; ls; cat new.conf; cd /usr/share/hello; readlink dir; cat dir/data
            stat -c %F link; cat link/data
            """)
        XCTAssertEqual(
            look.output,
            """
            kept.conf.dpkg-bak
            new.conf
            new.conf.dpkg-new
            value=2
            target
            new
            directory
            new

            """, look.errors)
        // A new installation of the same package looks the same.
        try root.shell("dpkg --purge hello && test ! -e /etc/hello && dpkg --install /tmp/new.deb").check()
        XCTAssertEqual(try root.shell("readlink /usr/share/hello/dir; ls /etc/hello").output, "target\nnew.conf\n")
    }

    func testAFailedUpgradeTakesItBack() throws {
        let old = try package(
            "1.0", "contents:\n  - {conffile: gone.conf, to: /etc/hello/gone.conf}\n", ["gone.conf": "gone\n"])
        let new = try package(
            "2.0",
            """
            maintscript: [rm_conffile /etc/hello/gone.conf 2.0~]
            scripts: {preinst: preinst}
            contents:

            """, ["preinst": "#!/bin/sh\nset -e\n#DEBHELPER#\n[ \"$1\" != upgrade ] || exit 1\n"])
        let root = try SpareRoot()
        try root.copy(old.build(), to: "/tmp/old.deb")
        try root.copy(new.build(), to: "/tmp/new.deb")
        try root.shell("dpkg --install /tmp/old.deb").check()
        XCTAssertNotEqual(try root.shell("dpkg --install /tmp/new.deb").status, 0)
        XCTAssertEqual(try root.shell("ls /etc/hello; dpkg-query -W -f '${Version}' hello").output, "gone.conf\n1.0")
    }
}
