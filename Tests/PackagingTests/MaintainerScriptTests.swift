import Foundation
import TestSupport
import XCTest

/// The maintainer scripts, run in a copy of this machine that is thrown away: an overlay in a mount namespace.
final class MaintainerScriptTests: XCTestCase {
    /// Runs a script with the packages' files in place and `postinst`, `postrm` and so on as commands on its PATH.
    ///
    /// - Parameter package: whose maintainer scripts they are.
    private func inThrowawayRoot(_ script: String, of package: String = "istio-proxy") throws -> RunResult {
        try requireRoot()
        for program in ["unshare", "setpriv", "dpkg-statoverride"] { try requireProgram(program) }
        let folder = try TemporaryDirectory()
        try folder.file("script", "set -eu\nPATH=/packaging/bin:$PATH\n" + script)
        let setUp = """
            set -e
            mount -t tmpfs tmpfs "$1/space"
            cd "$1/space"
            mkdir upper work root
            mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
            mount --bind /dev root/dev
            mount -t proc proc root/proc
            cd root
            userdel istio-proxy 2>/dev/null || true
            rm -rf etc/istio etc/certs var/lib/istio var/log/istio
            mkdir -p packaging/bin usr/lib/sysusers.d usr/lib/tmpfiles.d
            cp "$1/script" packaging/script
            for name in istio-proxy istio-auth-node-agent; do
                cp "$2/$name/$name.sysusers" "usr/lib/sysusers.d/$name.conf"
                cp "$2/$name/$name.tmpfiles" "usr/lib/tmpfiles.d/$name.conf"
            done
            for name in preinst postinst prerm postrm; do
                if [ -e "$2/$3/$name" ]; then install -m 0755 "$2/$3/$name" packaging/bin; fi
            done
            install -d -m 0755 var/lib/istio/envoy
            install -m 0644 "$2/istio-proxy/sidecar.env" "$2/istio-proxy/envoy.json" var/lib/istio/envoy
            exec chroot . sh /packaging/script
            """
        try folder.directory("space")
        let result = try TestSupport.run(
            "unshare",
            [
                "--mount", "--propagation", "private", "sh", "-c", setUp, "sh", folder.path, Packaging.root, package,
            ])
        if result.errors.contains("mount:") { throw XCTSkip("no overlay here: \(result.errors)") }
        return result
    }

    private func expect(_ result: RunResult, _ lines: String..., file: StaticString = #filePath, line: UInt = #line) {
        XCTAssertEqual(result.status, 0, result.output + result.errors, file: file, line: line)
        for text in lines {
            XCTAssertTrue(
                ("\n" + result.output).contains("\n" + text + "\n"),
                "'\(text)' is missing in:\n\(result.output)\(result.errors)", file: file, line: line)
        }
    }

    private static let show = """

        show() { for path; do stat -c '%n %U:%G %a' "$path"; done; }
        identity() {
            echo "equal $(($(id -u istio-proxy) == $(id -g istio-proxy)))"
            getent passwd istio-proxy | cut -d: -f6-
        }
        state() {
            find /etc/passwd /etc/group /etc/certs /etc/istio /var/lib/istio /var/log/istio -printf '%p %T@ %i\\n'
        }

        """

    func testFirstConfiguration() throws {
        let result = try inThrowawayRoot(
            Self.show + """
                postinst configure ''
                identity
                test "$(id -u istio-proxy)" -lt 1000 && echo system
                show /var/lib/istio /var/lib/istio/envoy /var/lib/istio/proxy /var/lib/istio/config \
                    /var/lib/istio/config/mesh /var/log/istio /etc/certs
                echo "link $(readlink /etc/istio) $(stat -c %s /etc/istio/config/mesh)"
                state >/before
                postinst configure 0.3.0 >/again
                state >/after
                cmp /before /after && echo idempotent
                """)
        expect(
            result, "equal 1", "/var/lib/istio:/usr/sbin/nologin", "system", "/var/lib/istio root:root 755",
            "/var/lib/istio/envoy root:root 755", "/var/lib/istio/proxy istio-proxy:istio-proxy 755",
            "/var/lib/istio/config istio-proxy:istio-proxy 755",
            "/var/lib/istio/config/mesh istio-proxy:istio-proxy 644", "/var/log/istio istio-proxy:istio-proxy 755",
            "/etc/certs istio-proxy:istio-proxy 750", "link /var/lib/istio 0", "idempotent",
            "istio-proxy: istio.service waits for /var/lib/istio/envoy/cluster.env; when it is there, run: "
                + "systemctl start istio")
    }

    func testUserWithoutSysusers() throws {
        let result = try inThrowawayRoot(
            Self.show + """
                rm -f "$(command -v systemd-sysusers)"
                groupadd --gid 999 somebody 2>/dev/null || true
                postinst configure '' >/dev/null
                identity
                """)
        expect(result, "equal 1", "/var/lib/istio:/usr/sbin/nologin")
        let other = try inThrowawayRoot(
            Self.show + """
                rm -f "$(command -v systemd-sysusers)"
                groupadd --system istio-proxy
                postinst configure ''
                identity
                show /etc/certs
                """, of: "istio-auth-node-agent")
        expect(
            other, "equal 1", "/etc/certs istio-proxy:istio-proxy 750",
            "istio-auth-node-agent: the service waits for these files in /etc/certs: key.pem cert-chain.pem "
                + "root-cert.pem; when they are there, run: chown istio-proxy:istio-proxy /etc/certs /etc/certs/*.pem "
                + "&& systemctl start istio-auth-node-agent"
        )
    }

    func testAdministratorsChoicesStay() throws {
        let result = try inThrowawayRoot(
            Self.show + """
                dpkg-statoverride --add root adm 2750 /var/log/istio
                install -d -m 0700 /etc/certs
                : >/etc/certs/key.pem; chmod 0600 /etc/certs/key.pem
                mkdir -p /etc/istio/config; echo 'a: b' >/etc/istio/config/mesh
                : >/var/lib/istio/envoy/cluster.env
                for version in '' 0.3.0; do postinst configure "$version"; done
                if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create istio-proxy.conf; fi
                show /var/log/istio /etc/certs /etc/istio
                test ! -L /etc/istio && cat /etc/istio/config/mesh
                """)
        expect(
            result, "/var/log/istio root:adm 2750", "/etc/certs root:root 700", "/etc/istio root:root 755", "a: b",
            "istio-proxy: istio-proxy cannot read /etc/certs/key.pem; run: chown istio-proxy:istio-proxy /etc/certs "
                + "/etc/certs/*.pem")
        XCTAssertTrue(result.output.contains("/etc/istio is not the package's link to /var/lib/istio"))
        XCTAssertFalse(result.output.contains("waits for"))
    }

    func testForeignLinkStays() throws {
        for target in ["/nowhere", "/opt"] {
            let result = try inThrowawayRoot(
                """
                ln -s \(target) /etc/istio
                postinst configure '' >/dev/null
                postrm purge
                readlink /etc/istio
                """)
            expect(result, target)
        }
    }

    func testLinkInTheProxysDirectoryIsNotFollowed() throws {
        let result = try inThrowawayRoot(
            """
            postinst configure '' >/dev/null
            rm /var/lib/istio/config/mesh
            ln -s /etc/created-by-root /var/lib/istio/config/mesh
            postinst configure 0.3.0 >/dev/null
            test ! -e /etc/created-by-root && echo not followed
            """)
        expect(result, "not followed")
    }

    func testUpgradeFromTheOriginalPackages() throws {
        let result = try inThrowawayRoot(
            Self.show + """
                useradd --system --user-group --home-dir /var/lib/istio --no-create-home istio-proxy
                : >/var/lib/istio/envoy/cluster.env
                echo secret >/target; chown istio-proxy /target
                chown -R istio-proxy:istio-proxy /var/lib/istio
                chmod 0755 /var/lib/istio/envoy/*
                rm /var/lib/istio/envoy/envoy.json; ln -s /target /var/lib/istio/envoy/envoy.json
                preinst upgrade 0.2.12
                postinst configure 0.2.12
                show /var/lib/istio /var/lib/istio/envoy /var/lib/istio/envoy/sidecar.env \
                    /var/lib/istio/envoy/cluster.env /target
                """)
        expect(
            result, "/var/lib/istio root:root 755", "/var/lib/istio/envoy root:root 755",
            "/var/lib/istio/envoy/sidecar.env root:root 644", "/var/lib/istio/envoy/cluster.env root:root 644",
            "/target istio-proxy:root 644")
    }

    /// What the guide's `chown -R istio-proxy /var/lib/istio/envoy` left is pointed out.
    func testSettingsOfTheProxyArePointedOut() throws {
        let result = try inThrowawayRoot(
            """
            postinst configure '' >/dev/null
            : >/var/lib/istio/envoy/cluster.env
            chown -R istio-proxy /var/lib/istio/envoy
            postinst configure 0.3.0
            """)
        expect(
            result,
            "istio-proxy: the sidecar will not start: /var/lib/istio/envoy/cluster.env must belong to root and be "
                + "writable by root alone; look through it, then run: chown root:root "
                + "/var/lib/istio/envoy/cluster.env && chmod go-w /var/lib/istio/envoy/cluster.env")
    }

    func testPurge() throws {
        let result = try inThrowawayRoot(
            """
            postinst configure '' >/dev/null
            : >/var/lib/istio/envoy/cluster.env
            : >/etc/certs/key.pem
            : >/var/lib/istio/proxy/envoy-rev0.json
            : >/var/log/istio/istio.log
            postrm remove
            ls -d /var/log/istio /etc/istio /var/lib/istio/proxy
            postrm purge
            find /var/lib/istio /etc/certs /etc/istio /var/log/istio 2>/dev/null | sort | tr '\\n' ' '; echo
            id -un istio-proxy
            rm -r /var/lib/istio/envoy
            postrm purge
            test ! -e /var/lib/istio && echo gone
            """)
        expect(
            result, "/var/log/istio", "/etc/istio", "/var/lib/istio/proxy",
            "/etc/certs /etc/certs/key.pem /var/lib/istio /var/lib/istio/envoy /var/lib/istio/envoy/cluster.env "
                + "/var/lib/istio/envoy/envoy.json /var/lib/istio/envoy/sidecar.env ",
            "istio-proxy", "gone")
        let mesh = try inThrowawayRoot(
            """
            postinst configure '' >/dev/null
            echo 'a: b' >/var/lib/istio/config/mesh
            postrm purge
            cat /var/lib/istio/config/mesh
            """)
        expect(mesh, "a: b")
    }

    func testArguments() throws {
        for (script, accepted) in [
            ("preinst", ["install ''", "install 0.2.1", "upgrade 0.3.0", "abort-upgrade 0.3.0"]),
            ("postinst", ["abort-upgrade 0.3.0", "abort-remove", "abort-deconfigure in-favour x 1"]),
            ("prerm", ["remove", "upgrade 0.4", "failed-upgrade 0.2", "deconfigure in-favour x 1"]),
            (
                "postrm",
                ["remove", "upgrade 0.4", "failed-upgrade 0.2", "abort-install", "abort-upgrade 0.2", "disappear x 1"]
            ),
        ] {
            let calls = accepted.map { "\(script) \($0)" }.joined(separator: "\n")
            let result = try inThrowawayRoot(calls + "\n! \(script) nonsense && echo refused")
            expect(result, "refused")
            XCTAssertTrue(result.errors.contains("called with unknown argument 'nonsense'"))
        }
    }

    func testSysusersAndTmpfiles() throws {
        for program in ["systemd-sysusers", "systemd-tmpfiles"] { try requireProgram(program) }
        let result = try inThrowawayRoot(
            Self.show + """
                systemd-sysusers istio-proxy.conf istio-auth-node-agent.conf
                rm -rf /var/lib/istio
                systemd-tmpfiles --create istio-proxy.conf istio-auth-node-agent.conf
                identity
                show /var/lib/istio/envoy /var/lib/istio/config/mesh /var/log/istio /etc/certs
                """)
        expect(
            result, "equal 1", "/var/lib/istio/envoy root:root 755",
            "/var/lib/istio/config/mesh istio-proxy:istio-proxy 644", "/var/log/istio istio-proxy:istio-proxy 755",
            "/etc/certs istio-proxy:istio-proxy 750")
        XCTAssertEqual(result.errors.split(separator: "\n").filter { !$0.hasPrefix("Creating") }, [])
    }
}
