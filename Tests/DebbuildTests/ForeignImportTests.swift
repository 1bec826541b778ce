import Foundation
import TestSupport
import XCTest

/// Specifications of nfpm and cargo-deb become workspaces, and no key of theirs is dropped in silence.
final class ForeignImportTests: XCTestCase {
    private lazy var folder = try! TemporaryDirectory()

    private func debbuild(_ arguments: [String], environment: [String: String] = [:]) throws -> RunResult {
        try TestSupport.run(
            productPath("debbuild"), arguments,
            environment: ["XDG_CACHE_HOME": folder.path + "/cache", "NO_COLOR": "1"].merging(environment) { $1 },
            workingDirectory: folder.path)
    }

    private func field(_ package: String, _ name: String) throws -> String {
        try TestSupport.run("dpkg-deb", ["-f", package, name]).check().trimmingCharacters(in: .newlines)
    }

    private func build(
        _ workspace: String, _ arguments: [String] = [], environment: [String: String] = [:], line: UInt = #line
    ) throws -> String {
        let result = try debbuild(
            ["all", "--no-lint", "--workspace", workspace, "--quiet"] + arguments, environment: environment)
        XCTAssertEqual(result.status, 0, result.errors, line: line)
        return result.output.split(separator: "\n").first.map(String.init) ?? ""
    }

    private static let nfpm = """
        name: foo
        arch: amd64
        platform: linux
        version: v1.2.3-rc1
        epoch: 2
        release: 4
        section: net
        priority: extra
        maintainer: Test Team <team@example.org>
        description: |
          Foo does things

          in several ways.
        vendor: Foo Corp
        homepage: https://example.org
        license: MIT
        umask: 0o022
        mtime: "2024-02-03T12:00:00Z"
        depends: [git, "curl (>= 7)"]
        recommends: [zsh]
        replaces: [foobar]
        provides: [bar]
        conflicts: [not-foo]
        contents:
          - {src: dist/foo, dst: /usr/bin/foo}
          - {src: foo.conf, dst: /etc/foo.conf, type: config|noreplace, file_info: {mode: 0640, group: adm}}
          - {src: /usr/bin/foo, dst: /usr/sbin/foo, type: symlink}
          - {dst: /var/lib/foo, type: dir, file_info: {mode: 0700, owner: www-data}}
          - {src: share/, dst: /usr/share/foo, type: tree}
          - {src: docs/*.txt, dst: /usr/share/doc/foo/}
          - {src: x, dst: /x, type: ghost}
          - {src: x.spec, dst: /x.spec, packager: rpm}
        scripts: {postinstall: scripts/post.sh}
        overrides:
          deb: {depends: [git, "${EXTRA}"]}
          rpm: {depends: [git-core]}
        changelog: changelog.yaml
        rpm: {group: Unspecified}
        unheard-of: true
        deb:
          breaks: [old-foo]
          predepends: [libc6]
          fields: {Bugs: "https://example.org/bugs"}
          triggers: {interest_noawait: [/usr/share/foo]}
          compression: zstd
          signature: {method: debsign}

        """

    func testConfigurationOfNfpm() throws {
        try folder.file("nfpm.yaml", Self.nfpm)
        try folder.file("dist/foo", "#!/bin/sh\n", mode: 0o755)
        try folder.file("foo.conf", "x\n")
        try folder.file("share/a/b", "x\n")
        try folder.file("docs/one.txt", "x\n")
        try folder.file("docs/two.txt", "x\n")
        try folder.file("scripts/post.sh", "#!/bin/sh\nset -e\n")
        let imported = try debbuild(["import", "nfpm.yaml"])
        XCTAssertEqual(imported.status, 0, imported.errors)
        XCTAssertEqual(imported.output, "foo\n")
        for key in ["changelog", "unheard-of", "deb.signature"] {
            XCTAssertTrue(
                imported.errors.contains("'\(key)' has no equivalent and is left out [import-key]"), imported.errors)
        }
        for part in [
            "nfpm.yaml:", "'ghost' is a type of RPM's", "'rpm' means nothing", "overrides for 'rpm'", "is for rpm",
        ] {
            XCTAssertTrue(imported.errors.contains(part), "\(part)\n\(imported.errors)")
        }
        let package = try build("foo", ["--arch", "amd64"], environment: ["EXTRA": "wget"])
        let expected = [
            "Package": "foo", "Version": "2:1.2.3~rc1-4", "Architecture": "amd64", "Section": "net",
            "Depends": "git, wget", "Pre-Depends": "libc6", "Breaks": "old-foo", "Vendor": "Foo Corp", "License": "MIT",
            "Bugs": "https://example.org/bugs", "Homepage": "https://example.org", "Conflicts": "not-foo",
        ]
        for (name, value) in expected { XCTAssertEqual(try field(package, name), value, name) }
        let listing = try TestSupport.run("dpkg-deb", ["-c", package], environment: ["TZ": "UTC"]).check()
        for part in [
            "-rwxr-xr-x root/root", "./usr/bin/foo", "-rw-r----- root/adm", "./usr/sbin/foo -> /usr/bin/foo",
            "drwx------ www-data/root", "./usr/share/foo/a/b", "./usr/share/doc/foo/one.txt",
            "./usr/share/doc/foo/two.txt",
            "2024-02-03 12:00",
        ] { XCTAssertTrue(listing.contains(part), "\(part)\n\(listing)") }
        XCTAssertFalse(listing.contains("x.spec"))
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-I", package, "conffiles"]).check(), "/etc/foo.conf\n")
    }

    func testMistakesOfNfpmHaveTheirLine() throws {
        try folder.file(
            "nfpm.yaml",
            "name: foo\narch: x86_64\nversion: 1.0\nmaintainer: A <a@example.org>\ncontents:\n  - {src: a, dst: /a, type: odd}\n"
        )
        let result = try debbuild(["import", "nfpm.yaml"])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("nfpm.yaml:2:7"), result.errors)
        XCTAssertTrue(result.errors.contains("did you mean 'amd64'?"), result.errors)
        XCTAssertTrue(result.errors.contains("'odd' is not a type"), result.errors)
        XCTAssertFalse(FileManager.default.fileExists(atPath: folder.path + "/foo"))
    }

    private static let cargo = """
        [package]
        name = "foo_bar"
        version = "0.3.0-beta.1" # a remark
        authors = ["Test Team <team@example.org>"]
        license = "MIT"
        description = 'Does "things".'
        repository = "https://github.com/example/foo"
        edition = "2021"

        [dependencies]
        serde = { version = "1", features = ["derive"] }

        [package.metadata.deb]
        extended-description = \"\"\"
        It does things
        and others.\"\"\"
        depends = "git, curl (>= 7)"
        recommends = ["zsh"]
        section = "utils"
        priority = "optional"
        license-file = ["LICENSE", "0"]
        changelog = "debian/changelog"
        conf-files = ["/etc/foo.conf"]
        maintainer-scripts = "debian/"
        systemd-units = { enable = false, restart-after-upgrade = false }
        features = ["tls"]
        assets = [
            ["target/release/foo", "usr/bin/", "755"],
            { source = "foo.conf", dest = "etc/foo.conf", mode = "600" },
            ["docs/*.md", "usr/share/doc/foo-bar/", "644"],
        ]

        [package.metadata.deb.variants.minimal]
        features = []

        """

    func testManifestOfCargo() throws {
        try folder.file("Cargo.toml", Self.cargo)
        try folder.file("LICENSE", "Permission\n\nis granted\n")
        try folder.file("target/release/foo", "#!/bin/sh\n", mode: 0o755)
        try folder.file("foo.conf", "x\n")
        try folder.file("docs/a.md", "x\n")
        try folder.file("debian/postinst", "#!/bin/sh\nset -e\n#DEBHELPER#\n")
        try folder.file("debian/service", "")
        try folder.file(
            "debian/foo-bar.service", "[Service]\nExecStart=/usr/bin/foo\n[Install]\nWantedBy=multi-user.target\n")
        try folder.file(
            "debian/changelog",
            "foo-bar (0.3.0~beta.1-1) unstable; urgency=low\n\n  * First.\n\n"
                + " -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000\n")
        let imported = try debbuild(["import", "Cargo.toml"])
        XCTAssertEqual(imported.status, 0, imported.errors)
        for key in ["features", "variants"] {
            XCTAssertTrue(imported.errors.contains("'\(key)' has no equivalent and is left out"), imported.errors)
        }
        XCTAssertTrue(imported.errors.contains("--> Cargo.toml:26:1"), imported.errors)
        let package = try build("debian-foo-bar", ["--arch", "amd64"])
        let expected = [
            "Package": "foo-bar", "Version": "0.3.0~beta.1-1", "Section": "utils", "Depends": "git, curl (>= 7)",
            "Recommends": "zsh", "Description": "Does \"things\"\n It does things and others.",
            "Vcs-Git": "https://github.com/example/foo",
        ]
        for (name, value) in expected { XCTAssertEqual(try field(package, name), value, name) }
        let listing = try TestSupport.run("dpkg-deb", ["-c", package]).check()
        for part in [
            "./usr/bin/foo", "./etc/foo.conf", "./usr/share/doc/foo-bar/a.md", "./lib/systemd/system/foo-bar.service",
            "./usr/share/doc/foo-bar/copyright", "-rw-------",
        ] { XCTAssertTrue(listing.contains(part), "\(part)\n\(listing)") }
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-I", package, "conffiles"]).check(), "/etc/foo.conf\n")
        XCTAssertTrue(try TestSupport.run("dpkg-deb", ["-I", package, "postinst"]).check().contains("foo-bar.service"))
    }

    func testMistakesInTOMLHaveTheirPlace() throws {
        for (text, place, message) in [
            ("[package]\nname = \"foo\nversion = \"1\"\n", "Cargo.toml:2:8", "the string does not end"),
            ("[package]\nname = \"a\"\nname = \"b\"\n", "Cargo.toml:3:1", "'name' is there twice"),
            ("[package]\nname = [1, 2\n", "Cargo.toml:3:1", "expected ',' or ']'"),
            ("[package\n", "Cargo.toml:1:9", "expected ']'"),
            ("x = 1\n[x.y]\n", "Cargo.toml:2:6", "'x' is not a table"),
            ("[dependencies]\n", "Cargo.toml", "there is no [package]"),
            ("a = \(String(repeating: "[", count: 5000))\n", "Cargo.toml:1:", "nested too deeply"),
        ] {
            try folder.file("Cargo.toml", text)
            let result = try debbuild(["import", "Cargo.toml"])
            XCTAssertEqual(result.status, 2, text)
            XCTAssertTrue(result.errors.contains(message), "\(message)\n\(result.errors)")
            XCTAssertTrue(result.errors.contains(place), "\(place)\n\(result.errors)")
        }
    }
}
