import Foundation
import TestSupport
import XCTest

/// Files that go where debhelper puts files of their kind.
final class PlacedFileTests: XCTestCase {
    private func fixture(_ items: String = "", _ keys: String = "") throws -> WorkspaceFixture {
        try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "contents:\n", with: "contents:\n" + items)
                + keys)
    }

    private func unpacked(_ package: String) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        try TestSupport.run("dpkg-deb", ["-R", package, folder.path]).check()
        return folder
    }

    private func files(below folder: String) -> Set<String> {
        var isDirectory: ObjCBool = false
        return Set(
            (FileManager.default.subpaths(atPath: folder) ?? []).filter { path in
                FileManager.default.fileExists(atPath: folder + "/" + path, isDirectory: &isDirectory)
                    && !isDirectory.boolValue && !path.hasPrefix("DEBIAN/")
                    && !path.hasPrefix("usr/share/doc/")
            })
    }

    func testEachKindHasItsPlace() throws {
        let places = [
            ("udev", "60-hello.rules", "usr/lib/udev/rules.d/60-hello.rules"),
            ("pam", "hello.pam", "etc/pam.d/hello"),
            ("dbus-policy", "org.x.conf", "usr/share/dbus-1/system.d/org.x.conf"),
            ("dbus-system-service", "org.x.service", "usr/share/dbus-1/system-services/org.x.service"),
            ("dbus-session-service", "org.y.service", "usr/share/dbus-1/services/org.y.service"),
            ("bash-completion", "hello.bash", "usr/share/bash-completion/completions/hello"),
            ("zsh-completion", "_hello", "usr/share/zsh/vendor-completions/_hello"),
            ("fish-completion", "hello.fish", "usr/share/fish/vendor_completions.d/hello.fish"),
            ("apparmor", "usr.bin.hello", "etc/apparmor.d/usr.bin.hello"),
        ]
        let fixture = try fixture(places.map { "  - {\($0.0): \($0.1)}\n" }.joined())
        for (_, name, _) in places {
            try fixture.directory.file("w/hello/" + name, "# \(name)\n", mode: 0o755)
        }
        let folder = try unpacked(fixture.build())
        XCTAssertEqual(files(below: folder.path), Set(places.map(\.2) + ["usr/bin/hello"]))
        for (_, _, path) in places {
            let mode = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + path)[
                .posixPermissions]
            XCTAssertEqual(mode as? Int, 0o644, path)
        }
        XCTAssertEqual(
            try String(contentsOfFile: folder.path + "/DEBIAN/conffiles", encoding: .utf8),
            "/etc/apparmor.d/usr.bin.hello\n/etc/pam.d/hello\n")
        let wrong = try self.fixture("  - {udev: hello.sh}\n").debbuild(["all"])
        XCTAssertTrue(wrong.errors.contains("[place-name]"), wrong.errors)
    }

    func testPlacesAreThoseOfDebhelper() throws {
        try requireProgram("dh_installudev")
        let fixture = try fixture(
            "  - {udev: 60-hello.rules}\n  - {pam: hello.pam}\n", "user-units: [{file: hello.service}]\n")
        let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n"
        for (name, text) in [
            ("60-hello.rules", "# x\n"), ("hello.pam", "# x\n"), ("hello.service", unit),
        ] {
            try fixture.directory.file("w/hello/" + name, text)
        }
        let unpacked = try unpacked(fixture.build())
        let ours = files(below: unpacked.path)
        let folder = try TemporaryDirectory()
        try folder.file(
            "debian/control",
            "Source: hello\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: hello\nArchitecture: all\n"
        )
        for (name, text) in [
            ("hello.udev", "# x\n"), ("hello.pam", "# x\n"), ("hello.user.service", unit),
        ] {
            try folder.file("debian/" + name, text)
        }
        for program in ["dh_installudev", "dh_installpam", "dh_installsystemduser"] {
            try TestSupport.run(program, workingDirectory: folder.path).check()
        }
        // Debian 12 has udev's rules in /lib, which is /usr/lib.
        let theirs = files(below: folder.path + "/debian/hello").map {
            $0.hasPrefix("lib/") ? "usr/" + $0 : $0
        }
        XCTAssertEqual(ours, Set(theirs + ["usr/bin/hello"]))
    }

    func testUnitsOfUsers() throws {
        let fixture = try fixture(
            "",
            "user-units: [{file: hello.service}, {file: idle.service, enable: false}, {file: static.service}]\n"
        )
        let install = "[Install]\nWantedBy=default.target\n"
        for (name, text) in [("hello", install), ("idle", install), ("static", "")] {
            try fixture.directory.file(
                "w/hello/\(name).service", "[Service]\nExecStart=/bin/true\n" + text)
        }
        let root = try SpareRoot()
        if try root.shell("command -v deb-systemd-helper && command -v systemctl").status != 0 {
            throw XCTSkip("there is no systemd here")
        }
        try root.copy(fixture.build(), to: "/tmp/hello.deb")
        let links =
            "cd /etc/systemd/user && find . -name hello.service -o -name idle.service -o -name static.service"
        try root.shell("dpkg --install /tmp/hello.deb").check()
        XCTAssertEqual(try root.shell(links).output, "./default.target.wants/hello.service\n")
        // What the administrator has disabled stays so.
        try root.shell("systemctl --global disable hello.service").check()
        try root.shell("dpkg --install /tmp/hello.deb").check()
        XCTAssertEqual(try root.shell(links).output, "")
        try root.shell("systemctl --global enable hello.service idle.service && dpkg --remove hello")
            .check()
        try root.shell("dpkg --install /tmp/hello.deb && dpkg --purge hello").check()
        XCTAssertEqual(try root.shell(links).output, "")
        XCTAssertEqual(
            try root.shell("find /var/lib/systemd -name '*hello.service*' -o -name 'idle.service*'")
                .output, "")
    }

    func testAProfileIsLoadedAndRemoved() throws {
        let fixture = try fixture("  - {apparmor: usr.bin.hello}\n")
        try fixture.directory.file("w/hello/usr.bin.hello", "profile hello /usr/bin/hello {\n}\n")
        let root = try SpareRoot()
        try root.copy(fixture.build(), to: "/tmp/hello.deb")
        // A kernel without AppArmor does not matter: what would be called is recorded.
        try root.shell(
            """
            printf '#!/bin/sh\\nexit 0\\n' >/usr/bin/aa-enabled
            printf '#!/bin/sh\\necho "$*" >>/tmp/parser\\n' >/usr/sbin/apparmor_parser
            chmod 755 /usr/bin/aa-enabled /usr/sbin/apparmor_parser
            dpkg --install /tmp/hello.deb
            """
        ).check()
        XCTAssertEqual(
            try root.shell("cat /tmp/parser; stat -c '%a %s' /etc/apparmor.d/local/usr.bin.hello").output,
            "-r -T -W /etc/apparmor.d/usr.bin.hello\n644 0\n")
        try root.shell("dpkg --purge hello").check()
        XCTAssertNotEqual(
            try root.shell("ls /etc/apparmor.d/usr.bin.hello /etc/apparmor.d/local/usr.bin.hello").status,
            0)
    }

    func testTheUpstreamChangelogIsCompressed() throws {
        let fixture = try fixture("", "revision: \"1\"\nupstream-changelog: NEWS\n")
        try fixture.directory.file("w/hello/NEWS", "news\n")
        let folder = try unpacked(fixture.build())
        XCTAssertEqual(
            try TestSupport.run("zcat", [folder.path + "/usr/share/doc/hello/changelog.gz"]).output,
            "news\n")
        let native = try self.fixture("", "upstream-changelog: NEWS\n")
        try native.directory.file("w/hello/NEWS", "news\n")
        let result = try native.debbuild(["all"])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("[upstream-changelog]"), result.errors)
    }
}
