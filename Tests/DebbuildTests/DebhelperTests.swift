import Foundation
import TestSupport
import XCTest

/// What is placed by its kind, against the packages that debhelper makes of the same files: the same bytes in the same
/// places, and scripts that call the same programs.
final class DebhelperTests: XCTestCase {
    private static let files = [
        ("tmpfiles", "d /run/hello 0755 root root -\n"), ("udev", "# rules\n"), ("pam", "# service\n"),
        ("apparmor", "profile hello /usr/bin/hello {\n}\n"),
    ]

    /// The package of debhelper, with the same control data.
    private func theirs(in folder: TemporaryDirectory) throws -> String {
        try folder.file(
            "debian/control",
            "Source: hello\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: hello\nArchitecture: all\n")
        for (kind, text) in Self.files {
            if kind == "apparmor" {
                try folder.file("debian/hello/etc/apparmor.d/usr.bin.hello", text)
            } else {
                try folder.file("debian/hello.\(kind)", text)
            }
        }
        for (program, arguments) in [
            ("dh_installtmpfiles", []), ("dh_installudev", []), ("dh_installpam", []),
            ("dh_apparmor", ["--profile-name=usr.bin.hello", "-phello"]), ("dh_installdeb", []),
        ] {
            try TestSupport.run(program, arguments, workingDirectory: folder.path).check()
        }
        try folder.file(
            "debian/hello/DEBIAN/control",
            "Package: hello\nVersion: 1.2.3\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: greet\n")
        for script in ["postinst", "postrm"] {
            let lines = try String(contentsOfFile: folder.path + "/debian/hello.\(script).debhelper", encoding: .utf8)
            try folder.file("debian/hello/DEBIAN/" + script, "#!/bin/sh\nset -e\n" + lines, mode: 0o755)
        }
        let package = folder.path + "/theirs.deb"
        try TestSupport.run(
            "dpkg-deb", ["--root-owner-group", "--build", folder.path + "/debian/hello", package]
        ).check()
        return package
    }

    private func ours() throws -> (WorkspaceFixture, package: String) {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "contents:\n",
                with: "contents:\n  - {udev: 60-hello.rules}\n  - {pam: hello.pam}\n  - {apparmor: usr.bin.hello}\n")
                + "tmpfiles: hello.tmpfiles\n")
        let names = [
            "tmpfiles": "hello.tmpfiles", "udev": "60-hello.rules", "pam": "hello.pam", "apparmor": "usr.bin.hello",
        ]
        for (kind, text) in Self.files { try fixture.directory.file("w/hello/" + (names[kind] ?? kind), text) }
        return (fixture, try fixture.build())
    }

    func testBytesAndScriptsAreThoseOfDebhelper() throws {
        for program in ["dh_installtmpfiles", "dh_installudev", "dh_installpam", "dh_apparmor"] {
            try requireProgram(program)
        }
        let folder = try TemporaryDirectory()
        let theirs = try theirs(in: folder)
        let (fixture, ours) = try ours()
        let list = """
            set -eu
            rm -rf x && mkdir x && dpkg-deb -x "$1" x && cd x
            # Debian 12 has udev's rules in /lib, which is /usr/lib.
            if [ -d lib ]; then mkdir -p usr && cp -a lib usr/ && rm -r lib; fi
            find . -type f ! -path './usr/share/doc/*' ! -path ./usr/bin/hello | sort | xargs stat -c '%a %n'
            find . -type f ! -path './usr/share/doc/*' ! -path ./usr/bin/hello | sort | xargs sha256sum
            """
        func contents(_ package: String) throws -> String {
            try TestSupport.run("sh", ["-c", list, "sh", package], workingDirectory: folder.path).check()
        }
        XCTAssertEqual(try contents(ours), try contents(theirs))
        func conffiles(_ package: String) throws -> String {
            try TestSupport.run("dpkg-deb", ["-I", package, "conffiles"]).check()
        }
        XCTAssertEqual(try conffiles(ours), try conffiles(theirs))
        let calls = try [ours, theirs].map { package in
            let root = try SpareRoot()
            try root.copy(package, to: "/tmp/hello.deb")
            return try root.shell(Self.life).check()
        }
        XCTAssertEqual(calls[0], calls[1])
        XCTAssertTrue(calls[0].contains("apparmor_parser -r -T -W /etc/apparmor.d/usr.bin.hello\n"), calls[0])
        XCTAssertTrue(calls[0].contains("systemd-tmpfiles --create hello.conf\n"), calls[0])
        withExtendedLifetime(fixture) {}
    }

    /// Everything that happens to a package, with what its scripts call and what is left in /etc/apparmor.d after each step.
    private static let life = """
        exec 3>&1 >/dev/null 2>&1
        for program in systemd-tmpfiles apparmor_parser; do
            printf '#!/bin/sh\\necho "output of a program"\\necho "%s $*" >>/tmp/calls\\n' "$program" >/usr/local/bin/$program
        done
        printf '#!/bin/sh\\nexit 0\\n' >/usr/local/bin/aa-enabled
        chmod 755 /usr/local/bin/*
        export PATH=/usr/local/bin:$PATH
        step() {
            echo "== $*" >>/tmp/calls
            "$@" >/tmp/output 2>&1 || echo "status $?" >>/tmp/calls
            grep 'output of a program' /tmp/output | sort | uniq -c >>/tmp/calls || true
            find /etc/apparmor.d /etc/pam.d/hello -name '*hello*' 2>/dev/null | sort >>/tmp/calls || true
        }
        step dpkg --install /tmp/hello.deb
        step dpkg --install /tmp/hello.deb
        echo mine >/etc/apparmor.d/local/usr.bin.hello
        step dpkg --remove hello
        step dpkg --install /tmp/hello.deb
        # An administrator who does not want the profile deletes it, and dpkg does not bring it back.
        rm -f /etc/apparmor.d/usr.bin.hello /etc/apparmor.d/local/usr.bin.hello
        step dpkg --install /tmp/hello.deb
        step dpkg --purge hello
        step ls -d /etc/apparmor.d
        cat /tmp/calls >&3
        """
}
