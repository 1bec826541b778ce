import Foundation
import TestSupport
import XCTest

/// Same bytes whatever the circumstances, and the old package or the new one whatever happens.
final class RobustnessTests: XCTestCase {
    private func bigFixture(megabytes: Int = 40) throws -> WorkspaceFixture {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "changelog: changelog", with: "  - tree: data\n    to: /usr/share/hello\nchangelog: changelog"))
        var generator = SeededGenerator(seed: 7)
        let half = 1 << 19
        for index in 0..<megabytes {
            // Half noise, half text: neither trivial nor incompressible.
            let block = generator.bytes(half) + [UInt8](repeating: 0, count: half)
            try fixture.directory.file("w/hello/data/d\(index % 7)/file\(index)", bytes: block)
        }
        return fixture
    }

    func testBytesDoNotDependOnCircumstances() throws {
        let fixture = try bigFixture(megabytes: 30)
        for compression in ["xz:1", "zstd:3", "gzip:1", "none"] {
            var sums: [String: String] = [:]
            let runs: [(String, [String], [String: String], [String])] = [
                ("plain", ["--threads", "1"], [:], []),
                ("two threads", ["--threads", "2"], [:], []),
                ("five threads", ["--threads", "5"], [:], []),
                ("locale", ["--threads", "2"], ["LC_ALL": "C", "LANG": "C"], []),
                ("utf-8", [], ["LC_ALL": "C.UTF-8"], []),
                ("time zone", [], ["TZ": "Pacific/Kiritimati"], []),
                ("umask", [], [:], ["sh", "-c", "umask 077; exec \"$@\"", "sh"]),
            ]
            for (name, arguments, environment, wrapper) in runs {
                let command =
                    wrapper + [productPath("debbuild"), "all", "--force", "--compression", compression] + arguments
                let result = try TestSupport.run(
                    command[0], Array(command.dropFirst()),
                    environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"].merging(environment) { $1 },
                    workingDirectory: fixture.path)
                XCTAssertEqual(result.status, 0, result.errors)
                let package = result.output.split(separator: "\n").first.map(String.init) ?? ""
                sums[name] = String(try TestSupport.run("sha256sum", [package]).output.prefix(64))
            }
            XCTAssertEqual(Set(sums.values).count, 1, "\(compression): \(sums)")
        }
    }

    func testAnotherUserAndAnotherPlaceGiveTheSameBytes() throws {
        try requireRoot()
        try requireProgram("setpriv")
        let first = try WorkspaceFixture()
        let second = try WorkspaceFixture()
        let package = try first.build()
        XCTAssertEqual(try TestSupport.run("chown", ["-R", "65534:65534", second.directory.path]).status, 0)
        let result = try TestSupport.run(
            "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", productPath("debbuild"), "all"],
            environment: ["XDG_CACHE_HOME": second.directory.path + "/cache"], workingDirectory: second.path)
        if result.status == 126 || result.status == 127 { throw XCTSkip("the program cannot be run as nobody") }
        XCTAssertEqual(result.status, 0, result.errors)
        let other = result.output.split(separator: "\n").first.map(String.init) ?? ""
        XCTAssertEqual(try TestSupport.run("cmp", [package, other]).status, 0)
        if programPath("diffoscope") != nil {
            let difference = try TestSupport.run("diffoscope", [package, other])
            XCTAssertEqual(difference.status, 0, difference.output)
        }
    }

    func testVerifyReproducible() throws {
        let fixture = try bigFixture(megabytes: 4)
        let result = try fixture.debbuild(["all", "--verify-reproducible", "--compression", "xz:0"])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertFalse(fixture.packagesWritten.contains { $0.contains("second") }, "\(fixture.packagesWritten)")
    }

    func testKillLeavesTheOldPackageOrTheNewOne() throws {
        try killBuilds(compression: "xz:0", rounds: 100, longest: 1_500_000)
    }

    /// Here the payload is written to the file that becomes the package.
    func testKillWithoutCompressionLeavesTheOldPackageOrTheNewOne() throws {
        try killBuilds(compression: "none", rounds: 40, longest: 300_000)
    }

    private func killBuilds(compression: String, rounds: Int, longest microseconds: UInt64) throws {
        let fixture = try bigFixture(megabytes: 12)
        let package = try fixture.build(["--compression", compression])
        let old = try TestSupport.run("sha256sum", [package]).output.prefix(64)
        var generator = SeededGenerator(seed: 11)
        var finished = 0
        for round in 0..<rounds {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: productPath("debbuild"))
            process.arguments = ["all", "--force", "--compression", compression]
            process.environment = ["XDG_CACHE_HOME": fixture.directory.path + "/cache", "PATH": "/usr/bin:/bin"]
            process.currentDirectoryURL = URL(fileURLWithPath: fixture.path)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            // The moment is what is tested, so it is drawn from the length of a whole build.
            usleep(UInt32(generator.next() % microseconds))
            if process.isRunning { kill(process.processIdentifier, SIGKILL) } else { finished += 1 }
            process.waitUntilExit()
            XCTAssertEqual(try TestSupport.run("sha256sum", [package]).output.prefix(64), old, "round \(round)")
        }
        XCTAssertLessThan(finished, rounds, "no build was ever interrupted")
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-x", package, fixture.directory.path + "/x"]).status, 0)
        let names = fixture.packagesWritten.filter { !$0.hasSuffix(".tmp") }.sorted()
        XCTAssertEqual(
            names,
            ["SHA256SUMS", "hello_1.2.3_all.buildinfo", "hello_1.2.3_all.deb", "hello_1.2.3_all.meshcheck.yaml"])
    }

    func testFullDiskLeavesTheOldPackage() throws {
        try requireRoot()
        let fixture = try bigFixture(megabytes: 12)
        let mount = try fixture.directory.directory("small")
        let mounted = try TestSupport.run("mount", ["-t", "tmpfs", "-o", "size=9m", "tmpfs", mount])
        if mounted.status != 0 { throw XCTSkip("no tmpfs can be mounted here: \(mounted.errors)") }
        defer { _ = try? TestSupport.run("umount", [mount]) }
        try fixture.directory.file("small/hello_1.2.3_all.deb", "the old one")
        for compression in ["none", "zstd:1"] {
            let result = try fixture.debbuild(["all", "--output", mount, "--compression", compression])
            XCTAssertEqual(result.status, 70, result.errors)
            XCTAssertTrue(result.errors.contains("No space left on device"), result.errors)
        }
        XCTAssertEqual(try String(contentsOfFile: mount + "/hello_1.2.3_all.deb", encoding: .utf8), "the old one")
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: mount), ["hello_1.2.3_all.deb"])
    }

    func testFileThatChangesWhileItIsRead() throws {
        let fixture = try bigFixture(megabytes: 6)
        let victim = fixture.path + "/hello/data/d0/file0"
        var sawChange = false
        for _ in 0..<20 where !sawChange {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: productPath("debbuild"))
            process.arguments = ["all", "--force", "--compression", "xz:3"]
            process.environment = ["XDG_CACHE_HOME": fixture.directory.path + "/cache", "PATH": "/usr/bin:/bin"]
            process.currentDirectoryURL = URL(fileURLWithPath: fixture.path)
            let errors = Pipe()
            process.standardOutput = FileHandle.nullDevice
            process.standardError = errors
            try process.run()
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: victim))
            while process.isRunning {
                try handle.seekToEnd()
                try handle.write(contentsOf: Data("more".utf8))
                usleep(1000)
            }
            process.waitUntilExit()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            if process.terminationStatus != 0 {
                XCTAssertEqual(process.terminationStatus, 70, text)
                XCTAssertTrue(text.contains("changed while it was read"), text)
                sawChange = true
            }
        }
        XCTAssertTrue(sawChange, "no build met the file while it changed")
    }
}

/// Archives that a package takes something from are often somebody else's.
final class HostileArchiveTests: XCTestCase {
    /// A header of a few bytes asks for a window of 256 MiB.
    func testGreedyArchiveIsRefusedAndCanBeAllowed() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "contents:\n", with: "contents:\n  - {archive: a.tar.zst, to: /usr/share/hello}\n"))
        try fixture.directory.file("w/hello/x", "x\n")
        try TestSupport.run("tar", ["-cf", "a.tar", "x"], workingDirectory: fixture.path + "/hello").check()
        let tar = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture.path + "/hello/a.tar")))
        var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3]
        for start in stride(from: 0, to: tar.count, by: 1000) {
            let block = tar[start..<min(start + 1000, tar.count)]
            let header = block.count << 3 | (start + 1000 >= tar.count ? 1 : 0)
            frame += [UInt8(header & 0xff), UInt8(header >> 8 & 0xff), UInt8(header >> 16)] + block
        }
        try fixture.directory.file("w/hello/a.tar.zst", bytes: frame)
        let refused = try fixture.debbuild(["build", "hello"])
        XCTAssertEqual(refused.status, 2, refused.errors)
        XCTAssertTrue(refused.errors.contains("needs 268435456 bytes of memory"), refused.errors)
        XCTAssertTrue(refused.errors.contains("--max-memory 4G"), refused.errors)
        let allowed = try fixture.debbuild(["build", "hello", "--max-memory", "1G"])
        // libarchive does not let every version of libzstd go beyond 128 MiB.
        if allowed.status != 0 { XCTAssertFalse(allowed.errors.contains("--max-memory 4G"), allowed.errors) }
    }
}
