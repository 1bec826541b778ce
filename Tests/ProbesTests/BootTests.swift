import Foundation
import Platform
import TestSupport
import XCTest

@testable import Probes

/// What the next boot does, and what a host runs by itself, told from the files of a recorded host.
final class BootTests: XCTestCase {
    private func lossesAndChanges(_ rules: [String: String], user: UInt32 = 998) throws -> BootFiles {
        let folder = try TemporaryDirectory()
        for file in ["etc/certs/key.pem", "etc/certs/root.pem", "var/lib/mesh/env"] { try folder.file(file, "x") }
        for (name, text) in rules { try folder.file(name, text) }
        for (path, mode) in [("etc/certs/key.pem", 0o600), ("etc/certs", 0o750), ("var/lib", 0o755), ("var", 0o755)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path + "/" + path)
        }
        let place = { (path: String) in folder.path + path }
        let own = getuid()
        let users = UserDatabase(
            passwd: Array(
                "root:x:0:0::/:/bin/sh\nmesh:x:\(own == 0 ? 0 : own):\(getgid())::/:/bin/sh\nother:x:777:777::/:/bin/sh\n"
                    .utf8),
            group: Array("root:x:0:\nother:x:777:\n".utf8), asksSystem: false)
        return try BootFiles(
            TmpfilesRules.read(path: place), paths: ["/etc/certs/key.pem", "/etc/certs/root.pem", "/var/lib/mesh/env"],
            writable: ["/etc/certs"], reader: .init(uid: own == 0 ? 4242 : own, groups: []), users: users, place: place)
    }

    func testRulesThatTakeFilesAway() throws {
        let taking = [
            "R! /etc/certs/*", "r /etc/certs/*.pem", "R /etc/certs", "D! /etc/certs 0700",
            "f+ /etc/certs/key.pem - - - - new",
            "L+ /etc/certs - - - - /srv", "w /var/lib/mesh/env - - - - A=1", "R /var/lib/m*", "e /etc/certs - - - 12h",
            "d /var/lib/mesh - - - 10d", "R %S/mesh", "\"R!\" \"/etc/certs/key.pem\"",
        ]
        for rule in taking {
            let found = try lossesAndChanges(["etc/tmpfiles.d/x.conf": "# a comment\n\(rule)\n"])
            XCTAssertEqual(found.losses.count, 1, rule)
            XCTAssertTrue(found.losses.first?.hasPrefix("/etc/tmpfiles.d/x.conf:2: ") == true, "\(found.losses)")
            XCTAssertEqual(
                found.undo,
                ["cp --backup=numbered '/etc/tmpfiles.d/x.conf' /root/ && sed -i '2s/^/# /' '/etc/tmpfiles.d/x.conf'"])
        }
        let leaving = [
            "d /etc/certs 0750", "L /etc/certs - - - - /srv", "R /etc/certs/*.bak", "R /etc/cert", "r /etc/*",
            "x /etc/certs",
            "f /etc/certs/key.pem", "R /var/lib/mesh/env/*", "h /etc/certs - - - - +i", "nonsense",
        ]
        for rule in leaving {
            XCTAssertEqual(try lossesAndChanges(["etc/tmpfiles.d/x.conf": rule + "\n"]).losses, [], rule)
        }
    }

    /// As systemd reads them: the first of two lines for a path counts, and of two files of one name the administrator's.
    func testWhichRuleHolds() throws {
        let package = "d /etc/certs :0750 - - -\n"
        let late = try lossesAndChanges([
            "usr/lib/tmpfiles.d/mesh.conf": package, "etc/tmpfiles.d/zz.conf": "D /etc/certs\n",
        ])
        XCTAssertEqual(late.losses, [])
        let early = try lossesAndChanges([
            "usr/lib/tmpfiles.d/mesh.conf": package, "etc/tmpfiles.d/aa.conf": "D /etc/certs\n",
        ])
        XCTAssertEqual(early.losses.count, 1)
        let hidden = try lossesAndChanges([
            "usr/lib/tmpfiles.d/mesh.conf": "R /etc/certs/*\n", "etc/tmpfiles.d/mesh.conf": "# nothing\n",
        ])
        XCTAssertEqual(hidden.losses, [])
        let excepted = try lossesAndChanges([
            "etc/tmpfiles.d/x.conf": "e /etc - - - 1d\nx /etc/certs\nd /var/lib/mesh\n"
        ])
        XCTAssertEqual(excepted.losses, [])
    }

    func testRulesThatCloseFiles() throws {
        try requireRoot()
        let folder = "etc/tmpfiles.d/x.conf"
        for rule in [
            "z /var/lib 0700 root root", "Z /var 0600", "m /var/lib/mesh/env 0600", "d /var 0750",
            "z /etc/certs/key.pem 0644",
            "z /var/lib/mesh/env - other other", "z /var/lib/mesh/* 0666",
        ] {
            XCTAssertEqual(try lossesAndChanges([folder: rule + "\n"]).changes.count, 1, rule)
        }
        for rule in [
            "z /var/lib 0755", "d /var :0700", "z /var/lib/mesh/env ~0640", "m /srv 0700",
            "z /var/lib/mesh/env - root root",
        ] {
            // Masked bits take nothing away that somebody has today, except those that the mode does not name.
            let changes = try lossesAndChanges([folder: rule + "\n"]).changes
            XCTAssertEqual(changes.count, rule.contains("~") ? 1 : 0, rule)
        }
    }

    func testMounts() throws {
        func lines(_ fstab: String, _ units: [String: String] = [:]) throws -> [String] {
            let folder = try TemporaryDirectory()
            try folder.file("etc/certs/key.pem", "x")
            try folder.file("srv/certs/key.pem", "x")
            try folder.file("etc/fstab", fstab)
            for (name, text) in units { try folder.file(name, text) }
            return try BootMounts(
                paths: ["/etc/certs/key.pem"],
                mounts: MountTable(
                    Array("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /home rw - ext4 /dev/sda2 rw\n".utf8)),
                place: { folder.path + $0 }
            ).lines
        }
        XCTAssertEqual(
            try lines("# x\ntmpfs /etc/certs tmpfs defaults 0 0\n"),
            ["/etc/fstab:2: tmpfs on /etc/certs type tmpfs, over /etc/certs/key.pem"])
        XCTAssertEqual(try lines("host:/x /etc nfs _netdev 0 0\n").count, 1)
        XCTAssertEqual(try lines("/nowhere /etc/certs none bind 0 0\n").count, 1)
        let missing = try lines("UUID=1234 /data ext4 defaults 0 2\n")
        XCTAssertTrue(
            missing.first?.hasSuffix("is not there, so the boot ends in emergency mode") == true, "\(missing)")
        for harmless in [
            "tmpfs /etc/certs tmpfs noauto 0 0\n", "UUID=1234 /data ext4 nofail 0 2\n",
            "tmpfs /srv tmpfs defaults 0 0\n",
            "/srv/certs /etc/certs none bind 0 0\n", "/dev/sda2 /home ext4 defaults 0 2\n",
            "/dev/sda9 none swap sw 0 0\n", "",
        ] { XCTAssertEqual(try lines(harmless), [], harmless) }
        let unit = ["etc/systemd/system/etc-certs.mount": "[Mount]\nWhat=/nowhere\nWhere=/etc/certs\nOptions=bind\n"]
        XCTAssertEqual(try lines("", unit), [])
        XCTAssertEqual(
            try lines("", unit.merging(["etc/systemd/system/multi-user.target.wants/etc-certs.mount": "x"]) { $1 })
                .count, 1)
    }

    // MARK: - jobs

    private func jobs(_ files: [String: String]) throws -> HostJobs {
        let folder = try TemporaryDirectory()
        for (name, text) in files { try folder.file(name, text) }
        return HostJobs.read(path: { folder.path + $0 })
    }

    func testScriptsAreFollowedToThoseWhoStartThem() throws {
        let jobs = try jobs([
            "etc/systemd/system/guard.service":
                "[Service]\nExecStart=-/usr/local/sbin/guard \\\n  --all\nExecStop=/bin/true\n",
            "etc/systemd/system/guard.timer": "[Timer]\nOnCalendar=hourly\n",
            "usr/lib/systemd/system/guard.service": "[Service]\nExecStart=/hidden\n",
            "usr/local/sbin/guard": "#!/bin/sh\n# kill -9 nothing\nfor x in 1; do\n  helper envoy\ndone\n",
            "usr/local/bin/helper": "#!/bin/sh\npkill \"$1\"\n",
            "etc/cron.d/tidy": "# table\n*/5 * * * * root pkill envoy\n0 1 * * * root /opt/other\n",
            "etc/cron.daily/tidy": "#!/bin/sh\nkillall envoy\n",
        ])
        let found = jobs.lines(mentioning: ["envoy"]) { line, _ in line.contains("kill") }
        XCTAssertEqual(
            found.map(\.shown),
            [
                "/etc/cron.d/tidy:2: */5 * * * * root pkill envoy", "/etc/cron.daily/tidy:2: killall envoy",
                "/usr/local/bin/helper:2: pkill \"$1\"",
            ])
        XCTAssertEqual(
            jobs.callers(of: found[2]).map(\.shown),
            [
                "/usr/local/sbin/guard:4: helper envoy",
                "/etc/systemd/system/guard.service:2: -/usr/local/sbin/guard --all",
            ])
        XCTAssertEqual(
            found.map { jobs.undo(of: $0) },
            [
                ["cp --backup=numbered '/etc/cron.d/tidy' /root/ && sed -i '2s/^/# /' '/etc/cron.d/tidy'"],
                ["chmod a-x '/etc/cron.daily/tidy'"],
                ["systemctl disable --now 'guard.timer'", "systemctl disable --now 'guard.service'"],
            ])
        XCTAssertEqual(
            jobs.lines(mentioning: ["envoy"], except: ["guard.service"]) { line, _ in line.contains("pkill \"") }, [])
    }

    func testWhoWrites() {
        func writes(_ line: String, _ before: String = "") -> Bool {
            let lines = [before, line].map { HostJobs.Line(file: "/x", number: 1, text: $0) }
            return WrittenPaths(.init(path: "/x", origin: .script, lines: lines)).writes(
                line, anyOf: ["/etc/certs", "sidecar.env"])
        }
        for line in [
            "cp /srv/key.pem /etc/certs/key.pem", "cp -a /srv/certs/. /etc/certs", "rsync -a host:x /etc/certs/",
            "rm -rf /etc/certs/*",
            "echo A=1 >/var/lib/istio/envoy/sidecar.env", "cat x >> /root/sidecar.env",
            "sed -i s/a/b/ /root/sidecar.env",
            "test -f x && chmod 0644 /etc/certs/*.pem", "sh -c 'tee /etc/certs/x </dev/null'",
            "curl -o /etc/certs/x http://x/",
            "tar -x -C /etc/certs -f x", "find /etc/certs | xargs chown root /etc/certs", "mv /etc/certs /srv",
            "-/bin/cp x /etc/certs",
            "open('/etc/certs/key.pem', 'w').write(x)",
        ] { XCTAssertTrue(writes(line), line) }
        XCTAssertTrue(writes("cp /srv/x \"$dst/key.pem\"", "dst=/etc/certs"))
        for line in [
            "cp -a /etc/certs /srv/backup", "tar -c -f /srv/x /etc/certs", "cat /etc/certs/key.pem >/srv/x",
            "sed s/a/b/ /root/sidecar.env",
            ". /var/lib/istio/envoy/sidecar.env", "openssl x509 -in /etc/certs/x 2>/dev/null", "echo chmod",
            "rsync -a /etc/certs/ host:",
            "cp x \"$dst\"",
        ] { XCTAssertFalse(writes(line, "dst=/srv"), line) }
    }

    /// A chain of scripts that call each other ends, and what is no text is left alone.
    func testOddScripts() throws {
        let jobs = try jobs([
            "etc/systemd/system/loop.service": "[Service]\nExecStart=/usr/local/bin/one\n",
            "usr/local/bin/one": "two\n", "usr/local/bin/two": "one /usr/local/bin/three\0\n",
            "etc/cron.d/empty": "",
        ])
        XCTAssertEqual(jobs.roots(of: "/usr/local/bin/one").map(\.file.path), ["/etc/systemd/system/loop.service"])
        XCTAssertNil(jobs.files["/usr/local/bin/two"])
    }

    func testOrderOfABoot() throws {
        let order = BootOrder(
            Array(
                """
                Id=multi-user.target
                Names=multi-user.target default.target
                After=basic.target istio.service late.service
                Wants=istio.service late.service early.service other.service
                Requires=basic.target

                Id=basic.target
                Names=basic.target
                Wants=timers.target

                Id=timers.target
                Names=timers.target
                Wants=tidy.timer

                Id=tidy.timer
                Names=tidy.timer

                Id=tidy.service
                Names=tidy.service
                TriggeredBy=tidy.timer never.timer

                Id=network-pre.target
                Names=network-pre.target
                After=early.service

                Id=network.target
                Names=network.target
                After=network-pre.target

                Id=istio.service
                Names=istio.service
                After=network.target
                Wants=network.target

                Id=early.service
                Names=early.service
                Wants=network-pre.target

                Id=late.service
                Names=late.service
                After=istio.service

                Id=other.service
                Names=other.service
                After=missing.service

                Id=missing.service
                Names=missing.service
                After=istio.service

                Id=disabled.service
                Names=disabled.service

                """.utf8))
        XCTAssertEqual(order.place(of: "early.service", relativeTo: "istio.service"), .before)
        XCTAssertEqual(order.place(of: "late.service", relativeTo: "istio.service"), .after)
        // What is not started orders nobody.
        XCTAssertEqual(order.place(of: "other.service", relativeTo: "istio.service"), .unordered)
        XCTAssertTrue(order.starts("other.service"))
        XCTAssertFalse(order.starts("disabled.service"))
        XCTAssertEqual(order.triggers(of: "tidy.service"), ["tidy.timer"])
    }

    func testSettingsOfTheNextBoot() throws {
        let folder = try TemporaryDirectory()
        try folder.file(
            "etc/sysctl.d/50-a.conf", "# x\n-net.ipv4.ip_local_port_range = 1 2\nkernel/pid_max=5\nnonsense\n")
        try folder.file("usr/lib/sysctl.d/50-a.conf", "kernel.pid_max=6\n")
        try folder.file("usr/lib/sysctl.d/60-b.conf", "net.ipv4.ip_local_port_range=40000\t40049\n")
        let lines = BootSettings.read { folder.path + $0 }.lines
        XCTAssertEqual(
            lines["net/ipv4/ip_local_port_range"]?.shown,
            "/usr/lib/sysctl.d/60-b.conf:1: net.ipv4.ip_local_port_range = 40000\t40049")
        XCTAssertEqual(lines["kernel/pid_max"]?.value, "5")
    }

    /// dpkg has put a program elsewhere, and what stands in its place starts it: it is still the program.
    func testDivertedPrograms() throws {
        let bytes = Array("/usr/local/bin/envoy\n/usr/local/bin/envoy.real\n:\n/bin/sh\n/bin/sh.distrib\ndash\n".utf8)
        XCTAssertEqual(PackageDiversions.originals(bytes)["/usr/local/bin/envoy.real"], "/usr/local/bin/envoy")
        XCTAssertEqual(PackageDiversions.places(bytes)["/bin/sh"], "/bin/sh.distrib")
    }
}
