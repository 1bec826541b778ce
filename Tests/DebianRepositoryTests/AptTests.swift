import DebianRepository
import Foundation
import TestSupport
import XCTest

/// What apt does with a repository.
final class AptTests: XCTestCase {
    private func keyring(_ fixture: RepositoryFixture, _ keys: String...) throws -> [UInt8] {
        try TestSupport.run("gpg", ["--batch", "--export"] + keys, environment: fixture.keys.environment).standardOutput
    }

    func testAptInstallsFromAFolderAndFromAWebServer() throws {
        let fixture = try RepositoryFixture()
        let hello = try fixture.package("hello", "1:1.0-1")
        let data = try fixture.package(
            "libhello-data", "2.0", "all", fields: "Depends: hello (>= 1:1.0)\nSource: libhello (1.9)\n")
        let result = try fixture.repo("add", fixture.root, hello, data)
        XCTAssertEqual(
            try result.check(),
            """
            added stable/main hello 1:1.0-1 amd64
            added stable/main libhello-data 2.0 all
            published stable

            """)
        XCTAssertTrue(fixture.exists("pool/main/h/hello/hello_1.0-1_amd64.deb"))
        XCTAssertTrue(fixture.exists("pool/main/libh/libhello/libhello-data_2.0_all.deb"))
        let server = try WebServer(fixture.root)
        for url in ["file:" + fixture.root, server.url] {
            let client = try AptClient(url, keyring: try keyring(fixture, fixture.keys.main))
            let update = try client.update()
            try update.check()
            XCTAssertFalse((update.output + update.errors).contains("W:"), update.output + update.errors)
            try client.apt("install", "--download-only", "--yes", "libhello-data").check()
            if url == server.url {
                XCTAssertEqual(try client.downloaded("hello_1%3a1.0-1_amd64.deb"), try contents(hello))
                XCTAssertEqual(try client.downloaded("libhello-data_2.0_all.deb"), try contents(data))
            }
        }
        try fixture.assertSound()
    }

    func testPackagesHasWhatAptFtparchiveFinds() throws {
        try requireProgram("apt-ftparchive")
        let fixture = try RepositoryFixture()
        let files = [
            try fixture.package("hello", "1.0~rc1", fields: "Depends: libc6 (>= 2.36), a | b\nMulti-Arch: foreign\n"),
            try fixture.package("hello", "1.0"), try fixture.package("common", "3", "all"),
            try fixture.package("zz", "1", "amd64", fields: "Source: aa\nHomepage: https://example.org\n"),
        ]
        for file in files { try fixture.repo("add", fixture.root, file).check() }
        let own = try TestSupport.run(
            "xz", ["--decompress", "--stdout", fixture.root + "/dists/stable/main/binary-amd64/Packages.xz"]
        ).check()
        let others = try TestSupport.run(
            "apt-ftparchive",
            [
                "-o", "APT::FTPArchive::MD5=false", "-o", "APT::FTPArchive::SHA1=false", "-o",
                "APT::FTPArchive::SHA512=false",
            ]
                + ["packages", "pool"], workingDirectory: fixture.root
        ).check()
        func paragraphs(_ text: String) -> Set<Set<String>> {
            Set(
                text.split(separator: "\n\n").map { paragraph in
                    // A line that goes on belongs to the one before.
                    Set(
                        paragraph.replacing("\n ", with: "\u{1}").split(separator: "\n").map(String.init).filter {
                            !$0.hasPrefix("Published: ")
                        })
                })
        }
        XCTAssertEqual(paragraphs(own), paragraphs(others))
        XCTAssertEqual(try fixture.packages(), ["common", "hello", "hello", "zz"])
        // The same index in its other form, and under its checksums.
        XCTAssertEqual(
            try TestSupport.run(
                "gzip", ["--decompress", "--stdout", fixture.root + "/dists/stable/main/binary-amd64/Packages.gz"]
            )
            .check(), own)
        XCTAssertEqual(try fixture.packages("dists/stable/main/binary-arm64/Packages.xz"), ["common"])
        let list = try TestSupport.run(
            "gzip", ["--decompress", "--stdout", fixture.root + "/dists/stable/main/Contents-amd64.gz"]
        ).check()
        XCTAssertEqual(
            list,
            "usr/share/common/text\tnet/common\nusr/share/hello/text\tnet/hello\nusr/share/zz/text\tnet/zz\n")
    }

    func testSignaturesAreGoodForGpgv() throws {
        let fixture = try RepositoryFixture(
            "suites: [stable]\narchitectures: [amd64]\n",
            signing: "keys: [\(try TestKeys.shared.get().main), \(try TestKeys.shared.get().next)]\n")
        try fixture.repo("add", fixture.root, fixture.package("hello")).check()
        for key in [fixture.keys.main, fixture.keys.next] {
            let path = try fixture.folder.file("one.gpg", bytes: try keyring(fixture, key))
            let suite = fixture.root + "/dists/stable/"
            for files in [[suite + "InRelease"], [suite + "Release.gpg", suite + "Release"]] {
                let result = try TestSupport.run("gpgv", ["--status-fd", "1", "--keyring", path] + files)
                XCTAssertTrue(result.output.contains("VALIDSIG \(key)"), result.output + result.errors)
            }
            // A client that has one of the keys is content.
            try AptClient("file:" + fixture.root, keyring: contents(path)).update().check()
        }
        let release = try fixture.read("dists/stable/Release")
        XCTAssertTrue(release.contains("Signed-By: \(fixture.keys.main), \(fixture.keys.next)\n"), release)
        XCTAssertTrue(release.contains("Acquire-By-Hash: yes\n"), release)
        XCTAssertTrue(release.contains("\nSHA256:\n") && release.contains("\nSHA512:\n"), release)
    }

    func testAptRejectsWhatItMust() async throws {
        let fixture = try RepositoryFixture()
        let file = try fixture.package("hello")
        try fixture.repo("add", fixture.root, file).check()
        let own = try keyring(fixture, fixture.keys.main)
        func failure(_ keyring: [UInt8]) throws -> String {
            let result = try AptClient("file:" + fixture.root, keyring: keyring).update()
            XCTAssertNotEqual(result.status, 0)
            return result.output + result.errors
        }
        // The key of somebody else.
        let stranger = try failure(try keyring(fixture, fixture.keys.next))
        XCTAssertTrue(stranger.contains("NO_PUBKEY"), stranger)
        // An index that was changed.
        for index in try fixture.state().keys where index.contains("binary-amd64") {
            try Data("changed".utf8).write(to: URL(fileURLWithPath: fixture.root + "/" + index))
        }
        let tampered = try failure(own)
        XCTAssertTrue(tampered.contains("Hash Sum mismatch") || tampered.contains("unexpected size"), tampered)
        let verified = try fixture.repo("verify", fixture.root)
        XCTAssertEqual(verified.status, 1)
        XCTAssertTrue(verified.output.contains("[index-differs]"), verified.output)
        // And what is built on it.
        let added = try fixture.repo("add", fixture.root, fixture.package("other"))
        XCTAssertEqual(added.status, 2, added.output)
        XCTAssertTrue(added.errors.contains("[index-differs]"), added.errors)
        // A text that was changed.
        let text = try fixture.read("dists/stable/InRelease").replacing("Origin: Test", with: "Origin: Best")
        try fixture.folder.file("apt/dists/stable/InRelease", text)
        let changed = try failure(own)
        XCTAssertTrue(changed.contains("BADSIG"), changed)
        XCTAssertEqual(try fixture.repo("resign", fixture.root).status, 2)
    }

    func testAnExpiredStateIsRejectedUntilItIsSignedAgain() async throws {
        let fixture = try RepositoryFixture()
        let past = try await fixture.open(secondsFromNow: -15 * 86400)
        _ = try await past.add([try fixture.package("hello")], suite: nil, component: nil)
        let client = try AptClient("file:" + fixture.root, keyring: try keyring(fixture, fixture.keys.main))
        let result = try client.update()
        XCTAssertNotEqual(result.status, 0)
        XCTAssertTrue((result.output + result.errors).contains("is expired"), result.output + result.errors)
        let verified = try fixture.repo("verify", fixture.root)
        XCTAssertEqual(verified.status, 1)
        XCTAssertTrue(verified.output.contains("[expired]"), verified.output)
        try fixture.repo("resign", fixture.root).check()
        try client.update().check()
        try fixture.assertSound()
    }

    func testASnapshotStaysAsItWas() async throws {
        let fixture = try RepositoryFixture()
        let past = try await fixture.open(secondsFromNow: -30 * 86400)
        _ = try await past.add([try fixture.package("hello")], suite: nil, component: nil)
        let path = try await past.snapshot(nil)
        XCTAssertEqual(path.utf8.count, "snapshots/20261130T120000Z".utf8.count, path)
        try fixture.repo("remove", fixture.root, "hello").check()
        try fixture.repo("publish", fixture.root).check()
        XCTAssertEqual(try fixture.packages(), [])
        // It has no end, and its packages are kept.
        let client = try AptClient("file:\(fixture.root)/\(path)", keyring: try keyring(fixture, fixture.keys.main))
        try client.update().check()
        try client.apt("install", "--download-only", "--yes", "hello").check()
    }

    func testClientsUpgradeAndPhasesReachTheIndex() throws {
        let fixture = try RepositoryFixture(
            "suites: [stable]\narchitectures: [amd64]\nphased-updates: [{package: hello, version: '2.0', percentage: 30}]\n"
        )
        try fixture.repo("add", fixture.root, fixture.package("hello", "1.0"), fixture.package("hello", "2.0")).check()
        let index = try TestSupport.run(
            "xz", ["--decompress", "--stdout", fixture.root + "/dists/stable/main/binary-amd64/Packages.xz"]
        ).check()
        XCTAssertEqual(index.split(separator: "Phased-Update-Percentage: 30\n").count, 2, index)
        let last = try XCTUnwrap(index.split(separator: "\n\n").last)
        XCTAssertTrue(last.contains("Version: 2.0\n") && last.contains("Phased-Update-Percentage: 30"), index)
        try fixture.configure("suites: [stable]\narchitectures: [amd64]\n")
        try fixture.repo("publish", fixture.root).check()
        let after = try TestSupport.run(
            "xz", ["--decompress", "--stdout", fixture.root + "/dists/stable/main/binary-amd64/Packages.xz"]
        ).check()
        XCTAssertFalse(after.contains("Phased"), after)
        try fixture.assertSound()
    }

    func testTheKeyringPackageLetsClientsFindTheRepository() throws {
        let fixture = try RepositoryFixture()
        let server = try WebServer(fixture.root)
        try fixture.configure("url: \(server.url)\nsuites: [stable]\narchitectures: [amd64]\n")
        let workspace = fixture.folder.path + "/keyring"
        let arguments = [
            "keyring", fixture.root, "--workspace", workspace, "--maintainer", "A Team <team@example.org>",
        ]
        try fixture.repo(arguments).check()
        let own = try contents(workspace + "/test-archive-keyring/changelog")
        try fixture.repo(arguments).check()
        XCTAssertEqual(try contents(workspace + "/test-archive-keyring/changelog"), own)
        let built = try TestSupport.run(
            productPath("debbuild"),
            ["all", "--workspace", workspace, "--cache", fixture.folder.path + "/cache", "--publish", fixture.root],
            environment: fixture.keys.environment)
        let version = try built.check().split(separator: " ")[3]
        XCTAssertTrue(built.output.hasPrefix("added stable/main test-archive-keyring \(version) all\n"), built.output)
        let package = "pool/main/t/test-archive-keyring/test-archive-keyring_\(version)_all.deb"
        // What a client has after it has installed the package.
        let tree = fixture.folder.path + "/tree"
        try TestSupport.run("dpkg-deb", ["--extract", fixture.root + "/" + package, tree]).check()
        let sources = try String(contentsOfFile: tree + "/etc/apt/sources.list.d/test.sources", encoding: .utf8)
        let keyring = try contents(tree + "/usr/share/keyrings/test-archive-keyring.pgp")
        XCTAssertTrue(sources.contains("\nSigned-By: /usr/share/keyrings/test-archive-keyring.pgp\n"), sources)
        let client = try AptClient(server.url, keyring: keyring)
        try client.folder.file(
            "etc/apt/sources.list.d/test.sources",
            sources.replacing("/usr/share/keyrings/", with: tree + "/usr/share/keyrings/"))
        try client.update().check()
        try client.apt("install", "--download-only", "--yes", "test-archive-keyring").check()
        // A suite that is missing is an error before anything is built.
        let wrong = try TestSupport.run(
            productPath("debbuild"), ["all", "--workspace", workspace, "--publish", fixture.root, "--suite", "stabel"],
            environment: fixture.keys.environment)
        XCTAssertEqual(wrong.status, 2)
        XCTAssertTrue(wrong.errors.contains("did you mean 'stable'?"), wrong.errors)
    }
}
