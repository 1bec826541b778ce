import Foundation
import TestSupport
import XCTest

/// Changelogs that are made of a file in YAML or of a repository's tags.
final class ChangelogSourceTests: XCTestCase {
    private func fixture(_ changelog: String, keys: String = "", version: String = "1.2.3") throws -> WorkspaceFixture {
        try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog\n", with: "changelog: \(changelog)\n") + keys,
            workspace: WorkspaceFixture.workspaceYAML.replacingOccurrences(of: "1.2.3", with: version))
    }

    /// The changelog of a package, which dpkg has to understand without a warning.
    private func changelog(_ package: String, _ name: String = "changelog.gz") throws -> String {
        let text = try TestSupport.run(
            "sh",
            [
                "-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xOf - \"./usr/share/doc/hello/$2\" | zcat", "sh", package,
                name,
            ]
        ).check()
        let folder = try TemporaryDirectory()
        try folder.file("changelog", text)
        let parsed = try TestSupport.run(
            "dpkg-parsechangelog", ["--all", "-l", folder.path + "/changelog"], environment: ["LC_ALL": "C"])
        XCTAssertEqual(parsed.status, 0, parsed.errors)
        XCTAssertEqual(parsed.errors, "", text)
        return text
    }

    private func lint(_ package: String, line: UInt = #line) throws {
        guard programPath("lintian") != nil else { return }
        let result = try TestSupport.run(
            "lintian", ["--no-cfg", "--allow-root", "--pedantic", "--display-info", package])
        let complaints = result.output.split(separator: "\n").filter { $0.contains("changelog") }
        XCTAssertEqual(complaints, [], line: line)
    }

    // MARK: - YAML

    func testOwnFormat() throws {
        let fixture = try fixture("changes.yaml", keys: "revision: \"1\"\n")
        try fixture.directory.file(
            "w/hello/changes.yaml",
            """
            - version: 1.2.2
              date: 2024-01-01
              changes: First.
            - version: 1.2.3-rc1
              date: "Fri, 02 Feb 2024 12:00:00 +0100"
              changes:
                - "\(String(repeating: "A sentence of some length. ", count: 6))"
                - |
                  Two lines:
                  this is the second.
              distribution: [bookworm, trixie]
              urgency: high
              author: Jörg Öl <joerg@example.org>
            - {version: "1.2.3-1", date: "2024-02-03T12:00:00.5+00:00", changes: ["The last one."]}

            """)
        let package = try fixture.build()
        let text = try changelog(package, "changelog.Debian.gz")
        XCTAssertEqual(
            text,
            """
            hello (1.2.3-1) unstable; urgency=medium

              * The last one.

             -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000

            hello (1.2.3~rc1-1) bookworm trixie; urgency=high

              * A sentence of some length. A sentence of some length. A sentence of some
                length. A sentence of some length. A sentence of some length. A sentence of
                some length.
              * Two lines:
                this is the second.

             -- Jörg Öl <joerg@example.org>  Fri, 02 Feb 2024 11:00:00 +0000

            hello (1.2.2-1) unstable; urgency=medium

              * First.

             -- Test Team <team@example.org>  Mon, 01 Jan 2024 00:00:00 +0000

            """)
        try lint(package)
        let listing = try TestSupport.run("dpkg-deb", ["-c", package], environment: ["TZ": "UTC"]).check()
        XCTAssertTrue(listing.contains("2024-02-03 12:00"), listing)
    }

    func testFormatOfChglog() throws {
        let fixture = try fixture("changelog.yml")
        try fixture.directory.file(
            "w/hello/changelog.yml",
            """
            - semver: 1.2.3
              date: 2024-02-03T05:00:00.934767812-07:00
              packager: Dj Test <dj@example.org>
              notes:
                header: |2

                  This is a test
              changes:
                - commit: 433581c28b23426dee2c498da28defa9f5bd4f63
                  note: |-
                    feat: add a new file

                    Because it was missing.
                  conventional_commit: {category: feat, scope: "", breaking: false, description: add, body: ""}
              deb: {urgency: low, distributions: [bullseye]}
            - semver: 1.2.2-b1+git.123
              date: 2023-10-18T16:05:33-07:00
              packager: Dj Test <dj@example.org>

            """)
        let package = try fixture.build()
        XCTAssertEqual(
            try changelog(package),
            """
            hello (1.2.3) bullseye; urgency=low

              * feat: add a new file
                Because it was missing.

             -- Dj Test <dj@example.org>  Sat, 03 Feb 2024 12:00:00 +0000

            hello (1.2.2~b1+git.123) unstable; urgency=medium

              * No changes.

             -- Dj Test <dj@example.org>  Wed, 18 Oct 2023 23:05:33 +0000

            """)
        try lint(package)
    }

    func testMistakesHaveTheirPlace() throws {
        let entry = "- {version: 1.0, date: 2024-01-01, changes: [x]}\n"
        for (text, code, place) in [
            ("- {version: 1.0, date: yesterday, changes: [x]}\n", "date", "c.yaml:1:24"),
            ("- {version: 1.0, date: 1969-01-01, changes: [x]}\n", "date", "c.yaml:1:24"),
            ("- {version: x, date: 2024-01-01, changes: [x]}\n", "changelog-version", "c.yaml:1:13"),
            (entry + entry, "changelog-version", "c.yaml:2:13"),
            ("- {version: 1.0, date: 2024-01-01}\n", "missing-key", "c.yaml:1:3"),
            ("- {version: 1.0, date: 2024-01-01, change: x}\n", "unknown-key", "c.yaml:1:36"),
            ("- {versoin: 1.0}\n", "item-kind", "c.yaml:1:3"),
            ("- {version: 1.0, date: 2024-01-01, changes: x, urgency: mild}\n", "enumeration", "c.yaml:1:57"),
            ("- {version: 1.0, date: 2024-01-01, changes: x, distribution: a b}\n", "distribution", "c.yaml:1:62"),
            ("- {version: 1.0, date: 2024-01-01, changes: x, author: me}\n", "maintainer", "c.yaml:1:"),
            ("- {semver: 1.0, date: 2024-01-01, packager: me, changes: []}\n", "maintainer", "c.yaml:1:"),
            ("- {semver: 1.0, date: 2024-01-01, changes: [x]}\n", "type", "c.yaml:1:45"),
            ("[]\n", "changelog-empty", "package.yaml:10"), ("- [\n", "yaml", "c.yaml:"),
        ] {
            let fixture = try fixture("c.yaml")
            try fixture.directory.file("w/hello/c.yaml", text)
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, text)
            XCTAssertTrue(result.errors.contains(code.isEmpty ? "" : "[\(code)]"), "\(text)\n\(result.errors)")
            XCTAssertTrue(result.errors.contains(place), "\(place)\n\(result.errors)")
            XCTAssertFalse(result.errors.contains("[no-date]"), result.errors)
        }
    }

    func testTextsThatAreHostile() throws {
        let fixture = try fixture("c.yaml")
        try fixture.directory.file(
            "w/hello/c.yaml",
            """
            - version: 1.2.3
              date: 2024-01-01
              changes: ["a\\u001b[31m\\u202eb\\tc", "x\\n -- Evil <e@x>  Mon, 01 Jan 2024 00:00:00 +0000\\n\\nother (1) unstable; urgency=low"]

            """)
        let text = try changelog(fixture.build())
        XCTAssertTrue(text.contains("  * a[31mb c\n  * x\n    -- Evil <e@x> Mon, 01 Jan"), text)
        XCTAssertEqual(text.components(separatedBy: "\n -- ").count, 2, text)
    }

    // MARK: - git

    /// A repository around the package folder, with what a test commits.
    private func repository(_ fixture: WorkspaceFixture, _ script: String) throws {
        try requireProgram("git")
        try TestSupport.run(
            "bash",
            [
                "-euc",
                """
                export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=Author
                export GIT_AUTHOR_EMAIL=author@example.org GIT_COMMITTER_NAME='Com Mitter'
                export GIT_COMMITTER_EMAIL=committer@example.org
                clock=1700000000
                at() { clock=$((clock + 100)); export GIT_AUTHOR_DATE="$clock +0200" GIT_COMMITTER_DATE="$clock +0200"; }
                commit() { at; git commit -q --allow-empty -m "$1"; }
                tag() { at; git tag -a -m "release $1" "$1"; }
                git init -q -b main .
                """ + "\n" + script,
            ], workingDirectory: fixture.path
        ).check()
    }

    private static let history = """
        commit 'Begin'
        commit 'Add a thing'
        git tag v1.0.0
        git checkout -q -b fix
        commit 'Repair the thing on a branch whose commit has a subject that goes on and on, further than a line is wide'
        tag v1.0.1
        git checkout -q main
        commit $'Second line of work\\n\\nA body that nobody shows.'
        at; git merge -q --no-ff -m 'Merge fix' fix
        tag v1.1.0-rc1
        git tag nightly
        git checkout -q -b elsewhere
        commit 'Not in this history'
        git tag v9.0.0
        git checkout -q main
        tag v1.2.3
        commit 'Not released'
        """

    func testTagsAndCommits() throws {
        let fixture = try fixture("{git: tags, match: \"v*\", urgency: low}")
        try repository(fixture, Self.history)
        let package = try fixture.build()
        let text = try changelog(package)
        XCTAssertEqual(
            text,
            """
            hello (1.2.3) unstable; urgency=low

              * No changes.

             -- Com Mitter <committer@example.org>  Tue, 14 Nov 2023 22:28:20 +0000

            hello (1.1.0~rc1) unstable; urgency=low

              * Second line of work

             -- Com Mitter <committer@example.org>  Tue, 14 Nov 2023 22:25:00 +0000

            hello (1.0.1) unstable; urgency=low

              * Repair the thing on a branch whose commit has a subject that goes on and on,
                further than a line is wide

             -- Com Mitter <committer@example.org>  Tue, 14 Nov 2023 22:20:00 +0000

            hello (1.0.0) unstable; urgency=low

              * Begin
              * Add a thing

             -- Com Mitter <committer@example.org>  Tue, 14 Nov 2023 22:16:40 +0000

            """)
        try lint(package)
        // Neither the language, the zone, the user's settings nor variables of git's decide anything.
        try fixture.directory.file(
            "home/.gitconfig",
            "[log]\n\tshowSignature = true\n\tdate = relative\n[i18n]\n\tlogOutputEncoding = latin1\n[core]\n\tquotePath = true\n"
        )
        let first = try Data(contentsOf: URL(fileURLWithPath: package))
        let again = try fixture.debbuild(
            ["all", "--force", "--verify-reproducible"],
            environment: [
                "HOME": fixture.directory.path + "/home", "TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de",
                "GIT_DIR": "/nonexistent", "GIT_WORK_TREE": "/", "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "log.showSignature", "GIT_CONFIG_VALUE_0": "true", "GIT_TRACE": "1",
            ])
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertEqual(try Data(contentsOf: URL(fileURLWithPath: package)), first)
        // A clone has the same, wherever it is.
        let clone = try self.fixture("{git: tags, match: \"v*\", urgency: low}")
        try TestSupport.run(
            "bash",
            [
                "-euc",
                "git clone -q --bare \"$1\" x.git && git init -q . && git fetch -q --tags x.git main:main "
                    + "&& git symbolic-ref HEAD refs/heads/main", "bash", fixture.path,
            ],
            workingDirectory: clone.path
        ).check()
        XCTAssertEqual(try changelog(clone.build()), text)
    }

    func testRevisionEpochAndNamesOfTags() throws {
        for (match, tag, scheme, expected) in [
            ("release-*", "release-1.2.3", "semver", "2:1.2.3-4"), ("1.*", "1.2.3", "semver", "2:1.2.3-4"),
            ("hello2/v*", "hello2/v1.2.3", "semver", "2:1.2.3-4"), ("v*", "v1.2.3", "debian", "2:1.2.3-4"),
            ("v[0-9]*", "v1.2.3rc1", "semver", "2:1.2.3~rc1-4"), ("debian/*", "debian/1.2.3-9", "debian", "2:1.2.3-9"),
        ] {
            let fixture = try fixture(
                "{git: tags, match: \"\(match)\"}",
                keys: "epoch: 2\nrevision: \"4\"\nversion-scheme: \(scheme)\n")
            try repository(fixture, "commit x\ntag \(tag)\ngit tag other\n")
            let text = try changelog(fixture.build(), "changelog.Debian.gz")
            XCTAssertTrue(text.hasPrefix("hello (\(expected)) unstable; urgency=medium\n"), "\(match)\n\(text)")
        }
    }

    func testMistakes() throws {
        let tags = "{git: tags}"
        let versions = "{git: tags, match: \"v*\"}"
        for (changelog, script, part) in [
            (tags, "commit x; git tag v1.2.3; git tag nightly", "tag 'nightly' does not name a version"),
            (tags, "commit x", "no tag of the current commit's history matches '*'"),
            (versions, "commit x; git tag nightly", "there are 'nightly'"),
            (versions, "commit x; git tag v1.0; git tag v1.00", "tags 'v1.0' and 'v1.00' name one version"),
            (tags, "true", "git cannot read the repository"), (tags, "rm -rf .git", "git cannot read the repository"),
            (tags, "printf '[core\\n' >.git/config", "git cannot read the repository"),
        ] {
            let fixture = try fixture(changelog)
            try repository(fixture, script)
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, script)
            XCTAssertTrue(result.errors.contains("[changelog-git]"), "\(script)\n\(result.errors)")
            XCTAssertTrue(result.errors.contains(part), "\(part)\n\(result.errors)")
            XCTAssertFalse(result.errors.contains("[no-date]"), result.errors)
        }
        for (changelog, code) in [
            ("{git: tag}", "enumeration"), ("{match: v*}", "missing-key"), ("{git: tags, urgency: x}", "enumeration"),
            ("{git: tags, distribution: a b}", "distribution"),
        ] {
            let result = try fixture(changelog).debbuild(["all"])
            XCTAssertEqual(result.status, 2, changelog)
            XCTAssertTrue(result.errors.contains("[\(code)]"), "\(changelog)\n\(result.errors)")
        }
    }

    func testAShallowCloneIsRefused() throws {
        let origin = try fixture("{git: tags, match: \"v*\"}")
        try repository(origin, Self.history)
        let fixture = try fixture("{git: tags, match: \"v*\"}")
        try TestSupport.run(
            "bash",
            [
                "-euc",
                "git init -q . && git fetch -q --depth 1 \"file://$1\" main:main --tags && git symbolic-ref HEAD refs/heads/main",
                "bash", origin.path,
            ], workingDirectory: fixture.path
        ).check()
        let result = try fixture.debbuild(["all"])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("is shallow"), result.errors)
        XCTAssertTrue(result.errors.contains("git fetch --unshallow --tags"), result.errors)
    }

    func testWithoutGit() throws {
        let fixture = try fixture("{git: tags}")
        let result = try fixture.debbuild(["all"], environment: ["PATH": fixture.directory.path])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("'git' is not installed"), result.errors)
        XCTAssertTrue(result.errors.contains("apt-get install git"), result.errors)
    }

    func testPeopleWithoutAddressesAndHostileSubjects() throws {
        let fixture = try fixture("{git: tags}")
        try repository(
            fixture,
            """
            commit x
            export GIT_COMMITTER_NAME='Evil' GIT_COMMITTER_EMAIL='no address'
            commit $'Colour \\e[31mred\\e[0m and \\u202e\\xff\\xfe'
            git tag 1.2.3
            """)
        let text = try changelog(fixture.build())
        XCTAssertTrue(text.contains("\n -- Test Team <team@example.org>  "), text)
        XCTAssertTrue(text.contains("  * Colour [31mred[0m and ÿþ\n"), text)
    }

    func testAConfigurationRunsNothing() throws {
        let fixture = try fixture("{git: tags}")
        let mark = fixture.directory.path + "/ran"
        try fixture.directory.file("w/evil.sh", "#!/bin/sh\necho \"$0 $*\" >>'\(mark)'\n", mode: 0o755)
        try repository(
            fixture,
            """
            evil=$PWD/evil.sh
            commit x
            tag 1.2.2
            git add -A
            commit y
            # A tag with a signature, for gpg to look at.
            { git cat-file tag 1.2.2 | sed 's/1.2.2/1.2.3/'; printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'; } |
                sed "s/^object .*/object $(git rev-parse HEAD)/" >t
            { git cat-file commit HEAD | sed '/^committer/q'; printf 'gpgsig -----BEGIN PGP SIGNATURE-----\\n \\n x\\n -----END PGP SIGNATURE-----\\n\\nsigned\\n'; } >c
            git update-ref HEAD "$(git hash-object -t commit -w c)"
            sed -i "s/^object .*/object $(git rev-parse HEAD)/" t
            git update-ref refs/tags/1.2.3 "$(git hash-object -t tag -w t)"
            rm t c
            for key in core.fsmonitor core.pager core.editor core.sshCommand core.askPass core.gitProxy diff.external \\
                gpg.program gpg.ssh.program gpg.openpgp.program gpg.x509.program credential.helper sequence.editor \\
                core.alternateRefsCommand pager.log pager.for-each-ref pager.rev-parse alias.log alias.rev-parse \\
                filter.x.clean filter.x.smudge filter.x.process diff.x.textconv diff.x.command trailer.x.command \\
                interactive.diffFilter uploadpack.packObjectsHook remote.origin.uploadpack init.templateDir; do
                git config "$key" "$evil"
            done
            git config alias.for-each-ref "!$evil"
            git config log.showSignature true
            git config log.mailmap true
            git config log.diffMerges on
            git config format.pretty '%GG %s'
            git config core.hooksPath "$PWD/hooks"
            mkdir hooks
            for hook in reference-transaction post-index-change post-checkout pre-commit fsmonitor-watchman; do
                cp evil.sh "hooks/$hook"
                cp evil.sh ".git/hooks/$hook"
            done
            printf '* filter=x diff=x\\n' >.gitattributes
            # A clone without its objects, which git would fetch when it misses one.
            git config remote.origin.url "ext::$evil %S"
            git config remote.origin.promisor true
            git config protocol.ext.allow always
            git config protocol.allow always
            git config extensions.partialClone origin
            git config core.repositoryFormatVersion 1
            """)
        let text = try changelog(fixture.build())
        XCTAssertTrue(text.contains("  * signed\n"), text)
        XCTAssertFalse(FileManager.default.fileExists(atPath: mark))
        // The same commands would have run it with the settings in force.
        _ = try TestSupport.run(
            "git", ["log", "--format=%s", "refs/tags/1.2.3"], environment: ["GIT_CONFIG_GLOBAL": "/dev/null"],
            workingDirectory: fixture.path)
        XCTAssertTrue(FileManager.default.fileExists(atPath: mark))
        try FileManager.default.removeItem(atPath: mark)
        // With a commit missing, too.
        try TestSupport.run(
            "bash", ["-euc", "o=$(git rev-parse '1.2.2^{commit}'); rm -f .git/objects/${o:0:2}/${o:2}"],
            environment: ["GIT_CONFIG_GLOBAL": "/dev/null"], workingDirectory: fixture.path
        ).check()
        let result = try fixture.debbuild(["all"])
        XCTAssertEqual(result.status, 2, result.errors)
        XCTAssertTrue(result.errors.contains("[changelog-git]"), result.errors)
        XCTAssertFalse(FileManager.default.fileExists(atPath: mark))
        _ = try TestSupport.run(
            "git", ["-c", "log.showSignature=false", "log", "--format=%s", "refs/tags/1.2.3"],
            environment: ["GIT_CONFIG_GLOBAL": "/dev/null"], workingDirectory: fixture.path)
        XCTAssertTrue(FileManager.default.fileExists(atPath: mark))
    }

    func testARepositoryOfSomebodyElseIsRead() throws {
        try requireRoot()
        let fixture = try fixture("{git: tags}")
        try repository(fixture, "commit x\ntag 1.2.3\nchown -R 1234:1234 .\n")
        XCTAssertTrue(try changelog(fixture.build()).contains("  * x\n"))
    }

    func testALongHistoryIsCut() throws {
        let fixture = try fixture("{git: tags}")
        try repository(
            fixture,
            """
            for i in $(seq 1 520); do
                printf 'commit refs/heads/main\\ncommitter A <a@example.org> 1700000%03d +0000\\ndata 8\\nchange%02d\\n' "$i" "$((i % 100))"
            done | git fast-import --quiet
            tag 1.2.3
            """)
        let text = try changelog(fixture.build())
        XCTAssertTrue(text.contains("\n\n  * 20 earlier changes.\n  * change21\n"), text)
        XCTAssertTrue(text.contains("  * change20\n\n --"), text)
    }
}
