import DebianRepository
import Foundation
import TestSupport
import XCTest

/// What changes in a repository, and what must not.
final class ChangeTests: XCTestCase {
    private static let two = "suites: [stable, testing]\narchitectures: [amd64]\ncomponents: [main, extra]\n"

    func testTheSameBytesChangeNothing() throws {
        let fixture = try RepositoryFixture()
        let file = try fixture.package("hello")
        try fixture.repo("add", fixture.root, file).check()
        let before = try fixture.state()
        XCTAssertEqual(
            try fixture.repo("add", fixture.root, file, file).check(), "unchanged stable/main hello 1.0 amd64\n")
        XCTAssertEqual(try fixture.state(), before)
        // A pool that is not here is not needed, and one that lacks the file gets it.
        try FileManager.default.removeItem(atPath: fixture.root + "/pool")
        try fixture.repo("add", fixture.root, fixture.package("other")).check()
        XCTAssertEqual(try fixture.packages(), ["hello", "other"])
        try fixture.repo("add", fixture.root, file).check()
        try fixture.assertSound()
    }

    func testOtherBytesUnderAPublishedNameAreRefused() throws {
        let fixture = try RepositoryFixture(Self.two)
        try fixture.repo("add", fixture.root, "--suite", "stable", fixture.package("hello")).check()
        let before = try fixture.state()
        let other = try fixture.package("hello", text: "other\n", file: "other")
        let epoch = try fixture.package("hello", "1:1.0", text: "other\n")
        for (file, suite) in [(other, "stable"), (epoch, "stable"), (other, "testing")] {
            let result = try fixture.repo("add", fixture.root, "--suite", suite, file)
            XCTAssertEqual(result.status, 2, file)
            XCTAssertTrue(result.errors.contains("[name-taken]"), result.errors)
            XCTAssertEqual(
                try fixture.state().filter { !$0.key.contains("/by-hash/") },
                before.filter { !$0.key.contains("/by-hash/") })
        }
        // Also without the pool, and twice in one command.
        try FileManager.default.removeItem(atPath: fixture.root + "/pool")
        XCTAssertEqual(try fixture.repo("add", fixture.root, "--suite", "testing", other).status, 2)
        let pair = try fixture.repo(
            "add", fixture.root, "--suite", "testing", fixture.package("pair"),
            fixture.package("pair", text: "b\n", file: "b"))
        XCTAssertEqual(pair.status, 2)
        XCTAssertTrue(pair.errors.contains("[name-taken]"), pair.errors)
    }

    func testSuitesShareThePool() throws {
        let fixture = try RepositoryFixture(Self.two)
        let file = try fixture.package("hello")
        let several = try fixture.repo("add", fixture.root, file)
        XCTAssertEqual(several.status, 2)
        XCTAssertTrue(several.errors.contains("pass --suite with one of stable, testing"), several.errors)
        for suite in ["testing", "stable"] { try fixture.repo("add", fixture.root, "--suite", suite, file).check() }
        try fixture.repo("add", fixture.root, "--suite", "stable", "--component", "extra", fixture.package("more"))
            .check()
        XCTAssertTrue(fixture.exists("pool/extra/m/more/more_1.0_amd64.deb"))
        XCTAssertEqual(
            try fixture.repo("list", fixture.root).check(),
            "stable extra amd64 more 1.0\nstable main amd64 hello 1.0\ntesting main amd64 hello 1.0\n")
        try fixture.repo("remove", fixture.root, "--suite", "testing", "hello").check()
        XCTAssertEqual(
            try fixture.repo("list", fixture.root, "--suite", "testing").check(), "")
        XCTAssertTrue(fixture.exists("pool/main/h/hello/hello_1.0_amd64.deb"))
        try fixture.assertSound()
        let unknown = try fixture.repo("remove", fixture.root, "--suite", "stable", "nothing")
        XCTAssertEqual(unknown.status, 2)
        XCTAssertTrue(unknown.errors.contains("[no-such-package]"), unknown.errors)
    }

    func testRetentionShowsItsPlanAndKeepsFilesForTheGrace() async throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\nretention: {versions: 2}\n")
        let files = try ["1.0", "1.10", "1.9", "1.11"].map { try fixture.package("hello", $0) }
        try fixture.repo("add", fixture.root, files[0], files[1], files[2], files[3]).check()
        XCTAssertEqual(try fixture.packages().count, 4)
        let before = try fixture.state()
        XCTAssertEqual(
            try fixture.repo("publish", fixture.root, "--dry-run").check(),
            "would remove stable/main hello 1.0 amd64\nwould remove stable/main hello 1.9 amd64\n")
        XCTAssertEqual(try fixture.state(), before)
        XCTAssertEqual(
            try fixture.repo("publish", fixture.root).check(),
            "removed stable/main hello 1.0 amd64\nremoved stable/main hello 1.9 amd64\npublished stable\n")
        // Clients that have read the state before still get all of it.
        for (path, bytes) in before where path.contains("/by-hash/") || path.hasPrefix("pool/") {
            XCTAssertEqual(try contents(fixture.root + "/" + path), bytes)
        }
        let later = try await fixture.open(secondsFromNow: 8 * 86400).publish()
        XCTAssertEqual(
            later.deletedFiles.sorted(),
            ["pool/main/h/hello/hello_1.0_amd64.deb", "pool/main/h/hello/hello_1.9_amd64.deb"])
        let gone = before.keys.filter { $0.contains("/by-hash/") && !fixture.exists($0) }
        XCTAssertFalse(gone.isEmpty)
        XCTAssertEqual(try fixture.packages(), ["hello", "hello"])
    }

    func testRetentionByAgeKeepsTheNewest() async throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\nretention: {age: 30d}\n")
        let past = try await fixture.open(secondsFromNow: -40 * 86400)
        _ = try await past.add(
            [try fixture.package("hello", "1"), try fixture.package("hello", "2"), try fixture.package("old", "1")],
            suite: nil, component: nil)
        try fixture.repo("add", fixture.root, fixture.package("hello", "3")).check()
        XCTAssertEqual(
            try fixture.repo("publish", fixture.root).check(),
            "removed stable/main hello 1 amd64\nremoved stable/main hello 2 amd64\npublished stable\n")
        XCTAssertEqual(try fixture.packages(), ["hello", "old"])
        try fixture.assertSound()
    }

    func testNewSettingsTakeEffectWithPublish() throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\ncontents: false\n")
        try fixture.repo("add", fixture.root, fixture.package("hello"), fixture.package("common", "1", "all")).check()
        XCTAssertFalse(fixture.exists("dists/stable/main/Contents-amd64.gz"))
        try fixture.configure(
            "suites: [{name: stable, not-automatic: true}, next]\narchitectures: [amd64, arm64]\nlabel: Label\n")
        let missing = try fixture.repo("verify", fixture.root)
        XCTAssertEqual(missing.status, 1)
        XCTAssertTrue(missing.output.contains("[index-missing]"), missing.output)
        XCTAssertEqual(try fixture.repo("publish", fixture.root).check(), "published stable\npublished next\n")
        XCTAssertEqual(try fixture.packages("dists/stable/main/binary-arm64/Packages.xz"), ["common"])
        let list = try TestSupport.run("gzip", ["-dc", fixture.root + "/dists/stable/main/Contents-amd64.gz"]).check()
        XCTAssertEqual(list, "usr/share/common/text\tnet/common\nusr/share/hello/text\tnet/hello\n")
        let release = try fixture.read("dists/stable/Release")
        XCTAssertTrue(release.contains("NotAutomatic: yes\n") && release.contains("Label: Label\n"), release)
        try fixture.assertSound()
    }

    func testContentsHasTheNewestVersionOfEachPackage() throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\n")
        func list() throws -> String {
            try TestSupport.run("gzip", ["-dc", fixture.root + "/dists/stable/main/Contents-amd64.gz"]).check()
        }
        let shared = try fixture.package("hello", "2")
        try fixture.repo("add", fixture.root, shared).check()
        try fixture.repo("add", fixture.root, fixture.package("hello", "1"), fixture.package("abc")).check()
        XCTAssertEqual(try list(), "usr/share/abc/text\tnet/abc\nusr/share/hello/text\tnet/hello\n")
        try fixture.repo("remove", fixture.root, "hello=2").check()
        XCTAssertEqual(try list(), "usr/share/abc/text\tnet/abc\nusr/share/hello/text\tnet/hello\n")
        try fixture.repo("remove", fixture.root, "hello").check()
        XCTAssertEqual(try list(), "usr/share/abc/text\tnet/abc\n")
    }

    func testLinksAndEscapingNamesAreRefused() throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\n")
        try fixture.folder.directory("elsewhere/hello")
        try FileManager.default.createDirectory(atPath: fixture.root + "/pool/main", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: fixture.root + "/pool/main/h", withDestinationPath: fixture.folder.path + "/elsewhere")
        let file = try fixture.package("hello")
        let folder = try fixture.repo("add", fixture.root, file)
        XCTAssertEqual(folder.status, 2)
        XCTAssertTrue(folder.errors.contains("[link-in-repository]"), folder.errors)
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path + "/elsewhere/hello"), [])
        XCTAssertFalse(fixture.exists("dists/stable/InRelease"))
        // The file itself.
        try FileManager.default.removeItem(atPath: fixture.root + "/pool/main/h")
        try FileManager.default.createDirectory(
            atPath: fixture.root + "/pool/main/h/hello", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: fixture.root + "/pool/main/h/hello/hello_1.0_amd64.deb", withDestinationPath: file)
        XCTAssertTrue(try fixture.repo("add", fixture.root, file).errors.contains("[link-in-repository]"))
        try FileManager.default.removeItem(atPath: fixture.root + "/pool/main/h")
        try fixture.repo("add", fixture.root, file).check()
        // One that comes later.
        let deb = fixture.root + "/pool/main/h/hello/hello_1.0_amd64.deb"
        try FileManager.default.removeItem(atPath: deb)
        try FileManager.default.createSymbolicLink(atPath: deb, withDestinationPath: file)
        XCTAssertTrue(try fixture.repo("verify", fixture.root).output.contains("[link-in-repository]"))
        // Names that dpkg-deb itself would not write.
        for field in ["Source: ../../../evil", "Source: a/b", "Architecture-Variant: ../x"] {
            let result = try fixture.repo("add", fixture.root, fixture.package("evil", fields: field + "\n", file: "e"))
            XCTAssertEqual(result.status, 2, field)
            XCTAssertTrue(result.errors.contains("[package-file]"), result.errors)
        }
        let text = try fixture.folder.file("text.deb", "no package")
        XCTAssertTrue(try fixture.repo("add", fixture.root, text).errors.contains("[package-file]"))
        XCTAssertTrue(
            try fixture.repo("add", fixture.root, fixture.package("other", "1", "armhf")).errors.contains(
                "[architecture]"))
    }

    func testAClockInThePastPublishesNothing() async throws {
        let fixture = try RepositoryFixture()
        try fixture.repo("add", fixture.root, fixture.package("hello")).check()
        let before = try fixture.state()
        let past = try await fixture.open(secondsFromNow: -3600)
        do {
            _ = try await past.resign()
            XCTFail("it was published")
        } catch {
            XCTAssertEqual(error.code, "clock")
            XCTAssertEqual(error.kind, .machine)
        }
        XCTAssertEqual(try fixture.state(), before)
    }

    func testAFullDiskLosesNothing() throws {
        try requireRoot()
        try requireProgram("unshare")
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\n")
        var generator = SeededGenerator(seed: 7)
        let noise = generator.bytes(3 << 20).map { String($0, radix: 16) }.joined()
        let (small, large) = (try fixture.package("small"), try fixture.package("large", text: noise))
        let script = """
            set -e
            mkdir "$1/full"; mount -t tmpfs -o size=1200k none "$1/full"; cp "$1/apt/repository.yaml" "$1/full/"
            "$2" repo add "$1/full" "$3"
            cp "$1/full/dists/stable/InRelease" "$1/before"
            "$2" repo add "$1/full" "$4" && exit 9 || echo "status $?"
            cmp "$1/full/dists/stable/InRelease" "$1/before"
            find "$1/full" -name '*.tmp'
            "$2" repo verify "$1/full"
            """
        let result = try TestSupport.run(
            "unshare", ["-m", "sh", "-c", script, "sh", fixture.folder.path, productPath("debbuild"), small, large],
            environment: fixture.keys.environment)
        XCTAssertEqual(
            result.output, "added stable/main small 1.0 amd64\npublished stable\nstatus 70\nno findings\n",
            result.errors)
        XCTAssertTrue(result.errors.contains("[disk-full]"), result.errors)
    }

    func testTwoPublishersWaitForEachOther() async throws {
        let fixture = try RepositoryFixture("suites: [stable]\narchitectures: [amd64]\n")
        let files = try (0..<4).map { try fixture.package("package-\($0)") }
        let programs = try files.map {
            try BackgroundProgram(
                productPath("debbuild"), ["repo", "add", fixture.root, $0], environment: fixture.keys.environment)
        }
        for program in programs { XCTAssertEqual(program.status(), 0, program.errors) }
        XCTAssertEqual(try fixture.packages(), (0..<4).map { "package-\($0)" })
        try fixture.assertSound()
        // One that does not let go is named.
        let holder = try BackgroundProgram("/usr/bin/flock", ["--no-fork", fixture.root, "sleep", "600"])
        defer { holder.end() }
        XCTAssertTrue(waitUntil { (try? TestSupport.run("flock", ["--nonblock", fixture.root, "true"]).status) == 1 })
        let result = try fixture.repo("add", fixture.root, files[0], "--wait", "1s")
        XCTAssertEqual(result.status, 4)
        XCTAssertTrue(result.errors.contains("[repository-locked]"), result.errors)
        XCTAssertTrue(result.errors.contains("process \(holder.identifier) (sleep 600)"), result.errors)
    }

    func testUploadCopiesInOrder() throws {
        let upload = """
            #!/bin/sh
            echo "$1 $(wc -l <"$2")" >>log
            while read -r path; do mkdir -p "../mirror/$(dirname "$path")"; cp "$path" "../mirror/$path"; done <"$2"

            """
        let fixture = try RepositoryFixture(
            "suites: [stable]\narchitectures: [amd64]\nupload: [./upload, '{stage}', '{list}']\n")
        try fixture.folder.file("apt/upload", upload, mode: 0o755)
        try fixture.repo("add", fixture.root, fixture.package("hello")).check()
        XCTAssertEqual(try fixture.read("log"), "pool 1\nby-hash 6\nindexes 3\nrelease 2\ninrelease 1\n")
        let keyring = try TestSupport.run(
            "gpg", ["--export", fixture.keys.main], environment: fixture.keys.environment
        ).standardOutput
        let client = try AptClient("file:\(fixture.folder.path)/mirror", keyring: keyring)
        try client.update().check()
        try client.apt("install", "--download-only", "--yes", "hello").check()
        try fixture.folder.file("apt/upload", "#!/bin/sh\nexit 1\n", mode: 0o755)
        let failed = try fixture.repo("add", fixture.root, fixture.package("other"))
        XCTAssertEqual(failed.status, 3)
        XCTAssertTrue(failed.errors.contains("[upload-failed]"), failed.errors)
        try client.update().check()
        try fixture.folder.file("apt/upload", upload, mode: 0o755)
        try fixture.repo("publish", fixture.root).check()
        try client.update().check()
        try client.apt("install", "--download-only", "--yes", "other").check()
    }
}
