import Foundation
import TestSupport
import XCTest

/// What lies beside a package is about that package, whenever a build is killed.
final class NeighbourTests: XCTestCase {
    /// Every line of SHA256SUMS and every .buildinfo and list of checks, against what is there.
    private func check(_ output: String, _ round: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: output)
        if names.contains("SHA256SUMS") {
            let result = try TestSupport.run(
                "sha256sum", ["--check", "--strict", "--quiet", "--ignore-missing", "SHA256SUMS"],
                workingDirectory: output)
            // Status 1 with "no file was verified" is a list without lines for what is there.
            XCTAssertFalse(
                result.errors.contains("FAILED") || result.output.contains("FAILED"), "\(round): \(result.output)")
        }
        for name in names where name.hasSuffix(".buildinfo") && !name.hasPrefix(".") {
            let text = try String(contentsOfFile: output + "/" + name, encoding: .utf8)
            let package = name.replacingOccurrences(of: ".buildinfo", with: ".deb")
            let sum = try TestSupport.run("sha256sum", [output + "/" + package]).output.prefix(64)
            XCTAssertTrue(text.contains(sum), "\(round): \(name)")
            let checks = output + "/" + name.replacingOccurrences(of: ".buildinfo", with: ".meshcheck.yaml")
            guard let list = try? String(contentsOfFile: checks, encoding: .utf8) else { continue }
            let script = try TestSupport.run(
                "sh",
                [
                    "-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./usr/bin/hello | sha256sum", "sh",
                    output + "/" + package,
                ])
            XCTAssertTrue(list.contains(script.output.prefix(64)), "\(round): \(checks)")
        }
    }

    func testWhateverIsKilledTheyAgree() throws {
        let fixture = try WorkspaceFixture()
        var generator = SeededGenerator(seed: 23)
        var killed = 0
        for round in 0..<120 {
            try fixture.directory.file("w/hello/hello.sh", "#!/bin/sh\necho \(round)\n", mode: 0o755)
            let build = try BackgroundProgram(
                productPath("debbuild"),
                ["all", "--quiet", "--workspace", fixture.path, "--compression", round % 2 == 0 ? "none" : "zstd:1"],
                environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"])
            // The moment is what is tested; a whole build takes about a tenth of a second.
            usleep(UInt32(generator.next() % 150_000))
            if build.isRunning { killed += 1 }
            build.end()
            if FileManager.default.fileExists(atPath: fixture.output) { try check(fixture.output, "round \(round)") }
        }
        XCTAssertGreaterThan(killed, 10)
        // The next one that ends has everything.
        _ = try fixture.build()
        try check(fixture.output, "the end")
        XCTAssertEqual(
            fixture.packagesWritten.sorted(),
            ["SHA256SUMS", "hello_1.2.3_all.buildinfo", "hello_1.2.3_all.deb", "hello_1.2.3_all.meshcheck.yaml"])
        XCTAssertEqual(
            try TestSupport.run("sha256sum", ["--check", "--strict", "SHA256SUMS"], workingDirectory: fixture.output)
                .status, 0)
    }

    /// The moment between the package and what is beside it, by system call: renames are made to kill.
    func testEveryRenameMayBeTheLastThing() throws {
        try requireProgram("strace")
        let fixture = try WorkspaceFixture()
        _ = try fixture.build()
        for number in 1...12 {
            try fixture.directory.file("w/hello/hello.sh", "#!/bin/sh\necho round \(number)\n", mode: 0o755)
            for call in ["rename", "unlink", "close", "fsync"] {
                _ = try TestSupport.run(
                    "strace",
                    [
                        "-f", "-qq", "-e", "trace=\(call)", "-e", "inject=\(call):signal=SIGKILL:when=\(number)", "-o",
                        "/dev/null",
                        productPath("debbuild"), "all", "--quiet", "--workspace", fixture.path,
                    ], environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"])
                try check(fixture.output, "\(call) \(number)")
            }
        }
    }

    func testBuildsSideBySideKeepAllLines() throws {
        let fixture = try WorkspaceFixture()
        for index in 0..<8 {
            let name = "hello\(index)"
            try FileManager.default.copyItem(atPath: fixture.path + "/hello", toPath: fixture.path + "/" + name)
            let text = WorkspaceFixture.packageYAML.replacingOccurrences(of: "package: hello", with: "package: \(name)")
            try fixture.directory.file("w/\(name)/package.yaml", text)
            let changelog = try String(contentsOfFile: fixture.path + "/hello/changelog", encoding: .utf8)
            try fixture.directory.file(
                "w/\(name)/changelog", changelog.replacingOccurrences(of: "hello (", with: "\(name) ("))
        }
        let builds = try (0..<8).map { index in
            try BackgroundProgram(
                productPath("debbuild"), ["build", "hello\(index)", "--quiet", "--workspace", fixture.path],
                environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"])
        }
        for build in builds {
            XCTAssertTrue(waitUntil(within: 120) { !build.isRunning })
            XCTAssertEqual(build.errors, "")
        }
        let sums = try String(contentsOfFile: fixture.output + "/SHA256SUMS", encoding: .utf8)
        XCTAssertEqual(sums.split(separator: "\n").count, 16, sums)
        try check(fixture.output, "side by side")
    }
}
