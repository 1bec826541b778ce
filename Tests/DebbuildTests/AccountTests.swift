import Foundation
import TestSupport
import XCTest

/// Files belong to whom the specification says, on systems with and without systemd.
final class AccountTests: XCTestCase {
    private static let contents = """
          - file: hello.sh
            to: /usr/bin/special
            mode: "4755"
            owner: dbtest-app
          - directory: /var/lib/dbtest-app
            mode: "0700"
            owner: dbtest-app
        """

    private func fixture(_ keys: String) throws -> WorkspaceFixture {
        try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog", with: Self.contents + "\n" + keys + "\nchangelog: changelog"))
    }

    /// Installs in a copy of this machine that is thrown away, without systemd's programs.
    private func install(_ package: String, _ script: String) throws -> RunResult {
        try requireRoot()
        try requireProgram("unshare")
        let folder = try TemporaryDirectory()
        try folder.directory("space")
        let setUp = """
            set -e
            mount -t tmpfs tmpfs "$1/space"
            cd "$1/space"
            mkdir upper work root
            mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
            mount --bind /dev root/dev
            mount -t proc proc root/proc
            cp "$2" root/package.deb
            printf '%s\n' "$3" >root/script
            rm -f root/usr/bin/systemd-sysusers root/usr/bin/systemd-tmpfiles
            exec chroot root sh -euc 'dpkg -i /package.deb >/dev/null; . /script'
            """
        let result = try TestSupport.run(
            "unshare", ["--mount", "--propagation", "private", "sh", "-c", setUp, "sh", folder.path, package, script])
        if result.errors.contains("mount:") { throw XCTSkip("no overlay here: \(result.errors)") }
        return result
    }

    private static let look = """
        stat -c '%U:%G %a' /usr/bin/special /var/lib/dbtest-app
        getent passwd dbtest-app | cut -d: -f5-
        id -nG dbtest-app
        """

    func testDeclaredUsersExistBeforeTheFiles() throws {
        let fixture = try fixture(
            "users: [{name: dbtest-app, home: /var/lib/dbtest-app, comment: \"it's one\", groups: [adm]}]")
        let package = try fixture.build()
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-f", package, "Pre-Depends"]).output, "passwd\n")
        let result = try install(package, Self.look)
        XCTAssertEqual(
            result.output,
            """
            dbtest-app:dbtest-app 4755
            dbtest-app:dbtest-app 700
            it's one:/var/lib/dbtest-app:/usr/sbin/nologin
            dbtest-app adm

            """, result.errors)
    }

    func testUsersOfASysusersFileExistBeforeTheFilesThatNeedThem() throws {
        let fixture = try fixture("sysusers: users")
        try fixture.directory.file(
            "w/hello/users",
            "# two\nu dbtest-app - \"An app\" /srv /bin/sh\nu dbtest-two -\nm dbtest-app dbtest-two\ng dbtest-three 2345\n"
        )
        let result = try install(
            fixture.build(), Self.look + "\ngetent group dbtest-three\nid -nG dbtest-two")
        XCTAssertEqual(
            result.output,
            """
            dbtest-app:dbtest-app 4755
            dbtest-app:dbtest-app 700
            An app:/srv:/bin/sh
            dbtest-app dbtest-two
            dbtest-three:x:2345:
            dbtest-two

            """, result.errors)
    }

    func testWhatOnlySystemdCanMakeIsADependency() throws {
        let fixture = try WorkspaceFixture(package: WorkspaceFixture.packageYAML + "sysusers: users\n")
        try fixture.directory.file("w/hello/users", "u dbtest-app - - -\nr - 500-600\n")
        XCTAssertEqual(
            try TestSupport.run("dpkg-deb", ["-f", fixture.build(), "Depends"]).output,
            "systemd | systemd-standalone-sysusers | systemd-sysusers\n")
    }

    func testOwnersThatNobodyMakesAreErrors() throws {
        let unknown = try fixture("").debbuild(["all"])
        XCTAssertEqual(unknown.status, 2)
        XCTAssertTrue(unknown.errors.contains("[owner-unknown]"), unknown.errors)
        let elsewhere = try fixture("users: [{name: dbtest-app, package: dbtest-common}]")
        XCTAssertEqual(
            try TestSupport.run("dpkg-deb", ["-f", elsewhere.build(), "Pre-Depends"]).output, "dbtest-common\n")
        for (keys, code) in [
            ("users: [{name: dbtest-app, group: nowhere}]", "group-unknown"),
            ("users: [{name: dbtest-app}, {name: dbtest-app}]", "account-twice"),
            ("users: [{name: Dbtest}]", "owner-name"), ("users: [{name: dbtest-app, home: \"/a:b\"}]", "account-text"),
        ] {
            let result = try fixture(keys).debbuild(["all"])
            XCTAssertTrue(result.errors.contains("[\(code)]"), keys + result.errors)
        }
    }
}
