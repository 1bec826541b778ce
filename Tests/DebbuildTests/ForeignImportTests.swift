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
        XCTAssertTrue(imported.errors.contains("there is no file 'changelog.yaml'"), imported.errors)
        XCTAssertTrue(imported.errors.contains("the text of the licence 'MIT' is not found"), imported.errors)
        for key in ["unheard-of", "deb.signature"] {
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

    private func yaml(_ workspace: String, _ package: String) throws -> String {
        try String(contentsOfFile: folder.path + "/\(workspace)/\(package)/package.yaml", encoding: .utf8)
            .replacingOccurrences(of: "\"", with: "")
    }

    private func document(_ package: String, _ name: String) throws -> String {
        try TestSupport.run(
            "sh",
            [
                "-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xOf - \"./usr/share/doc/foo/$2\" | zcat -f", "sh", package,
                name,
            ]
        ).check()
    }

    func testPatternsLicencesChangelogsAndVariantsOfNfpm() throws {
        try folder.file(
            "nfpm.yaml",
            """
            name: foo
            arch: amd64
            version: v1.2.3
            maintainer: Test Team <team@example.org>
            description: Foo
            vendor: Foo Corp
            license: MIT/Apache-2.0
            changelog: changelog.yaml
            contents:
              - {src: "dist/*", dst: /usr/libexec/foo}
              - {src: "docs/**/*.txt", dst: /usr/share/foo/}
              - {src: legal/terms.txt, dst: /usr/share/licenses/foo/terms.txt, type: licence}
              - {src: "tr*", dst: /usr/share/foo/tree}
              - {src: "conf/*.conf", dst: /etc/foo/, type: config, file_info: {mode: 0640}}
              - {src: "later/*.so", dst: /usr/lib/foo/}
              - {src: "mixed/*", dst: /usr/share/foo/mixed}
              - {src: "docs/{a,b}.txt", dst: /usr/share/foo/braces/}
            deb: {arch_variant: amd64v3}

            """)
        try folder.file("legal/terms.txt", "Permission is granted.\n")
        for (path, mode) in [
            ("dist/a", 0o755), ("dist/b", 0o755), ("docs/a.txt", 0o644), ("docs/x/b.txt", 0o644), ("docs/b.txt", 0o644),
            ("tree/x/deep.txt", 0o644),
            ("conf/foo.conf", 0o644), ("mixed/one", 0o755), ("mixed/two", 0o644),
        ] { try folder.file(path, "x\n", mode: mode) }
        try folder.file(
            "changelog.yaml",
            """
            - semver: 1.2.3
              date: 2024-02-03T05:00:00-07:00
              packager: Dj Test <dj@example.org>
              changes: [{commit: 433581c2, note: "feat: add a new file"}]

            """)
        let imported = try debbuild(["import", "nfpm.yaml"])
        XCTAssertEqual(imported.status, 0, imported.errors)
        XCTAssertFalse(imported.errors.contains("has no equivalent"), imported.errors)
        XCTAssertTrue(imported.errors.contains("becomes 'MIT OR Apache-2.0'"), imported.errors)
        XCTAssertTrue(imported.errors.contains("'Foo Corp' becomes the holder"), imported.errors)
        XCTAssertTrue(imported.errors.contains("'later/*.so' matches nothing at present"), imported.errors)
        let yaml = try yaml("foo", "foo")
        for line in [
            "file: ../../dist/*", "file: ../../docs/x/b.txt, to: /usr/share/foo/b.txt", "conffile: ../../conf/*.conf",
            "file: ../../later/*.so", "file: ../../mixed/one", "file: ../../docs/a.txt",
            "architecture-variant: amd64v3", "license: MIT OR Apache-2.0", "changelog: ../../changelog.yaml",
            "license-file: ../../legal/terms.txt", "copyright-holders: [Foo Corp]",
        ] { XCTAssertTrue(yaml.contains(line), "\(line)\n\(yaml)") }
        XCTAssertFalse(yaml.contains("source-date-epoch"), yaml)
        XCTAssertTrue(try debbuild(["all", "--workspace", "foo"]).errors.contains("no directory '../../later'"))
        try folder.file("later/x.so", "x\n")
        let package = try build("foo", ["--arch", "amd64"])
        XCTAssertTrue(package.hasSuffix("foo_1.2.3_amd64v3.deb"), package)
        let listing = try TestSupport.run("dpkg-deb", ["-c", package]).check()
        for part in [
            "usr/libexec/foo/a", "usr/libexec/foo/b", "usr/share/foo/b.txt", "usr/share/foo/tree/deep.txt",
            "etc/foo/foo.conf",
            "usr/lib/foo/x.so", "usr/share/foo/mixed/one", "usr/share/foo/braces/b.txt", "-rw-r----- root/root",
        ] { XCTAssertTrue(listing.contains(part), "\(part)\n\(listing)") }
        XCTAssertEqual(listing.split(separator: "\n").count { $0.hasPrefix("-rwxr-xr-x") }, 3, listing)
        // Files of a pattern may come later.
        try folder.file("dist/c", "x\n", mode: 0o755)
        XCTAssertTrue(
            try TestSupport.run("dpkg-deb", ["-c", build("foo", ["--arch", "amd64"])]).check().contains("libexec/foo/c")
        )
        XCTAssertTrue(try document(package, "copyright").contains("License: Expat or Apache-2.0\n"))
        XCTAssertTrue(try document(package, "changelog.gz").hasPrefix("foo (1.2.3) unstable;"))
    }

    func testNamesOfNfpmWithoutPatternsAndDocumentsThatCannotBeUsed() throws {
        try folder.file(
            "nfpm.yaml",
            """
            name: foo
            arch: amd64
            version: v1.2.3
            mtime: "2024-02-03T12:00:00Z"
            maintainer: Test Team <team@example.org>
            license: SomethingOfOurOwn
            changelog: changelog.yaml
            disable_globbing: true
            contents:
              - {src: "a[1]*.txt", dst: /usr/share/foo/a.txt}
              - {src: LICENSE, dst: /usr/share/doc/foo/copyright}

            """)
        try folder.file("a[1]*.txt", "x\n")
        try folder.file("LICENSE", "Ours.\n")
        try folder.file("changelog.yaml", "- {semver: 1.2.3, date: 2024-02-03, packager: Nobody, changes: []}\n")
        let imported = try debbuild(["import", "nfpm.yaml"])
        XCTAssertEqual(imported.status, 0, imported.errors)
        XCTAssertTrue(imported.errors.contains("no changelog can be made of 'changelog.yaml'"), imported.errors)
        XCTAssertTrue(imported.errors.contains("changelog.yaml:1:"), imported.errors)
        let listing = try TestSupport.run("dpkg-deb", ["-c", build("foo", ["--arch", "amd64"])]).check()
        XCTAssertTrue(listing.contains("usr/share/foo/a.txt"), listing)
        // What is shipped as the copyright file is that.
        XCTAssertFalse(imported.errors.contains("licence"), imported.errors)
    }

    func testLicencesPatternsAndDescriptionsOfCargo() throws {
        try folder.file(
            "Cargo.toml",
            """
            [package]
            name = "foo"
            version = "1.2.3"
            authors = ["Test Team <team@example.org>"]
            license = "MIT OR Apache-2.0"
            description = "Foo."

            [package.metadata.deb]
            extended-description-file = "README.txt"
            copyright = "2024, Test Team <team@example.org>"
            conf-files = ["/etc/foo/b.conf"]
            assets = [
                ["docs/*.md", "usr/share/doc/foo/", "644"],
                ["conf/*.conf", "etc/foo/", "640"],
                ["data/*/*", "usr/share/foo/data/", "644"],
                ["deep/*/x.txt", "usr/share/foo/", "644"],
                ["man/foo.1", "usr/share/man/man1/", "644"],
                ["man/de/*.1", "usr/share/man/de/man1/", "644"],
                ["other.1", "usr/share/man/man1/renamed.1", "644"],
            ]

            """)
        try folder.file("README.txt", "A long story.\n")
        try folder.file("LICENSE-MIT", "Permission is granted.\n")
        for path in [
            "docs/a.md", "docs/b.md", "conf/a.conf", "conf/b.conf", "data/p/q", "deep/d/x.txt", "man/foo.1",
            "man/de/foo.1", "other.1",
        ] { try folder.file(path, "x\n") }
        let imported = try debbuild(["import", "Cargo.toml"])
        XCTAssertEqual(imported.status, 0, imported.errors)
        let yaml = try yaml("debian-foo", "foo")
        for line in [
            "description:", "file: ../../README.txt", "license: MIT OR Apache-2.0", "license-file: ../../LICENSE-MIT",
            "file: ../../docs/*.md", "file: ../../conf/a.conf", "conffile: ../../conf/b.conf",
        ] { XCTAssertTrue(yaml.contains(line), "\(line)\n\(yaml)") }
        let package = try build("debian-foo", ["--arch", "amd64"])
        XCTAssertEqual(try field(package, "Description"), "Foo\n A long story.")
        let copyright = try document(package, "copyright")
        XCTAssertTrue(copyright.contains("Copyright: 2024, Test Team <team@example.org>\n"), copyright)
        XCTAssertTrue(copyright.contains("License: Expat or Apache-2.0\n"), copyright)
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-I", package, "conffiles"]).check(), "/etc/foo/b.conf\n")
        let listing = try TestSupport.run("dpkg-deb", ["-c", package]).check()
        for path in [
            "doc/foo/b.md", "share/foo/data/p/q\n", "share/foo/x.txt\n", "man/man1/foo.1.gz\n",
            "man/de/man1/foo.1.gz\n",
            "man/man1/renamed.1\n",
        ] { XCTAssertTrue(listing.contains(path), "\(path)\n\(listing)") }
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

    func testSymbolsOfCargo() throws {
        try folder.file("target/release/foo", "#!/bin/sh\n", mode: 0o755)
        for (keys, isStripped, remark) in [
            ("dbgsym = true\nseparate-debug-symbols = true", true, "not put into the package, but into foo-bar-dbgsym"),
            ("separate-debug-symbols = true\ncompress-debug-symbols = true", true, "into foo-bar-dbgsym"),
            ("dbgsym = false\ncompress-debug-symbols = false", false, "are always compressed"),
        ] {
            let text = Self.cargo.replacingOccurrences(of: "[dependencies]", with: "[x]")
            let head = try XCTUnwrap(text.range(of: "[x]"))
            try folder.file(
                "Cargo.toml",
                text[..<head.lowerBound] + "[package.metadata.deb]\nlicense-file = \"LICENSE\"\n\(keys)\n"
                    + "assets = [[\"target/release/foo\", \"usr/bin/\", \"755\"]]\n")
            try folder.file("LICENSE", "Permission\n")
            try? FileManager.default.removeItem(atPath: folder.path + "/debian-foo-bar")
            let imported = try debbuild(["import", "Cargo.toml"])
            XCTAssertEqual(imported.status, 0, imported.errors)
            XCTAssertTrue(imported.errors.contains(remark), imported.errors)
            let package = try String(
                contentsOfFile: folder.path + "/debian-foo-bar/foo-bar/package.yaml", encoding: .utf8)
            XCTAssertEqual(package.contains("\nstrip: true\n"), isStripped, package)
        }
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
