import Foundation
import TestSupport
import XCTest

/// Payloads from a web server, and a cache that lets a build down.
final class DownloadTests: XCTestCase {
    private static let package = WorkspaceFixture.packageYAML.replacingOccurrences(
        of: "changelog: changelog", with: "  - payload: tool\n    to: /usr/bin/tool\nchangelog: changelog")

    private func fixture(_ payload: String) throws -> WorkspaceFixture {
        try WorkspaceFixture(
            package: Self.package, workspace: WorkspaceFixture.workspaceYAML + "payloads:\n  tool: \(payload)\n")
    }

    private static let server = """
        import http.server, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/no"):
                    self.send_response(404)
                    self.end_headers()
                    return
                if self.path.startswith("/later"):
                    self.send_response(503)
                    self.send_header("Retry-After", "7200")
                    self.end_headers()
                    return
                body = b"x" * 3000000
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
        """

    private func serve(_ folder: TemporaryDirectory) throws -> (server: BackgroundProgram, host: String) {
        try requireProgram("python3")
        try requireProgram("curl")
        let port = try SSHServer.freePort()
        let script = try folder.file("server.py", Self.server)
        let server = try BackgroundProgram(try XCTUnwrap(programPath("python3")), [script, String(port)])
        XCTAssertTrue(waitUntil(within: 20) { SSHServer.canConnect(port) })
        return (server, "127.0.0.1:\(port)")
    }

    private func checksum(_ folder: TemporaryDirectory) throws -> String {
        let path = try folder.file("body", bytes: [UInt8](repeating: UInt8(ascii: "x"), count: 3_000_000))
        return String(try TestSupport.run("sha256sum", [path]).output.prefix(64))
    }

    func testTenBuildsFetchOnce() throws {
        let folder = try TemporaryDirectory()
        let (server, host) = try serve(folder)
        let fixture = try fixture("{url: \"http://\(host)/tool\", sha256: \(try checksum(folder))}")
        let builds = try (0..<10).map { index in
            try BackgroundProgram(
                productPath("debbuild"),
                [
                    "all", "--quiet", "--output", fixture.path + "/out\(index)", "--workspace", fixture.path,
                    "--compression", "zstd:1",
                ],
                environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"])
        }
        for build in builds { XCTAssertTrue(waitUntil(within: 120) { !build.isRunning }) }
        for build in builds { XCTAssertEqual(build.errors, "") }
        XCTAssertEqual(server.errors.split(separator: "\n").count { $0.contains("GET /tool") }, 1, server.errors)
        let rest = try FileManager.default.contentsOfDirectory(
            atPath: fixture.directory.path + "/cache/debbuild/downloads")
        XCTAssertEqual(rest.count, 1, "\(rest)")
    }

    func testFailuresShowWhereAndWhatToDoAndNoSecret() throws {
        let folder = try TemporaryDirectory()
        let (server, host) = try serve(folder)
        defer { server.end() }
        let url = "http://user:${env:SECRET}@\(host)/no?sig=Hunter2xyz"
        let missing = try fixture("{url: \"\(url)\"}")
        let result = try missing.debbuild(["all"], environment: ["SECRET": "Tok3nabc"])
        XCTAssertEqual(result.status, 3, result.errors)
        for part in ["[payload-download]", "workspace.yaml:7:15", "status 404", "help: check the address", host] {
            XCTAssertTrue(result.errors.contains(part), "\(part) in \(result.errors)")
        }
        for text in [
            result.errors,
            try missing.debbuild(["all", "--format", "json"], environment: ["SECRET": "Tok3nabc"]).errors,
        ] {
            XCTAssertFalse(text.contains("Tok3nabc") || text.contains("Hunter2xyz"), text)
        }
        let later = try fixture("{url: \"http://\(host)/later\"}").debbuild(["all"])
        XCTAssertEqual(later.status, 3, later.errors)
        XCTAssertTrue(later.errors.contains("asks to come back in 2h00m (must be <=2m00s)"), later.errors)
        XCTAssertTrue(later.errors.contains("--download-wait"), later.errors)
        let large = try fixture("{url: \"http://\(host)/tool\"}").debbuild(["all", "--download-size", "1M"])
        XCTAssertEqual(large.status, 3, large.errors)
        XCTAssertTrue(large.errors.contains("more than 1048576 bytes"), large.errors)
        for option in ["--download-time", "--download-stall", "--download-wait", "--download-size"] {
            XCTAssertEqual(try missing.debbuild(["all", option, "soon"]).status, 2)
        }
    }

    func testACompilationThatFailsIsNoDownload() throws {
        let fixture = try fixture("{product: tool}")
        try fixture.directory.file("Package.swift", "")
        try fixture.directory.file("Sources/tool/main.swift", "")
        for (program, status) in [("#!/bin/sh\necho it broke\nexit 1\n", 2), ("#!/no/such/interpreter\n", 2)] {
            try fixture.directory.file("bin/swift", program, mode: 0o755)
            let result = try fixture.debbuild(
                ["all"], environment: ["PATH": fixture.directory.path + "/bin:/usr/bin:/bin"])
            XCTAssertEqual(Int(result.status), status, result.errors)
            XCTAssertTrue(result.errors.contains("[payload]"), result.errors)
            XCTAssertFalse(result.errors.contains("download") || result.errors.contains("curl"), result.errors)
        }
    }

    func testSwiftOptionsReachTheCompilerAndCompileAgain() throws {
        try requireProgram("swift")
        let architecture = try TestSupport.run("dpkg", ["--print-architecture"]).output.filter { !$0.isWhitespace }
        let fixture = try WorkspaceFixture(
            package: Self.package.replacingOccurrences(of: "[all]", with: "[\(architecture)]"))
        try fixture.directory.file(
            "Package.swift",
            """
            // swift-tools-version: 6.0
            import PackageDescription
            let package = Package(name: "tool", targets: [.executableTarget(name: "tool")])
            """)
        try fixture.directory.file(
            "Sources/tool/main.swift", "#if LOUD\nprint(\"LOUD\")\n#else\nprint(\"quiet\")\n#endif\n")
        for (option, word) in [("-DLOUD", "LOUD"), ("-DQUIET", "quiet")] {
            try fixture.directory.file(
                "w/workspace.yaml",
                WorkspaceFixture.workspaceYAML
                    + "payloads:\n  tool: {product: tool}\nswift-options: [-Xswiftc, \(option)]\n")
            let package = try fixture.build(["--no-lint"])
            let root = fixture.directory.path + "/root"
            XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-x", package, root]).status, 0)
            XCTAssertEqual(try TestSupport.run(root + "/usr/bin/tool", []).output, word + "\n")
        }
    }

    // MARK: - the cache

    private func buildsWithout(
        _ cache: String, _ payload: String, _ reason: String, file: StaticString = #filePath, line: UInt = #line
    ) throws {
        let fixture = try fixture(payload)
        let temporary = try TemporaryDirectory()
        for _ in 0..<2 {
            let result = try fixture.debbuild(["all", "--cache", cache], environment: ["TMPDIR": temporary.path])
            XCTAssertEqual(result.status, 0, result.errors, file: file, line: line)
            XCTAssertTrue(
                result.errors.contains("warning: the cache cannot be used"), result.errors, file: file, line: line)
            XCTAssertTrue(result.errors.contains(reason), result.errors, file: file, line: line)
            let package = result.output.split(separator: "\n").first.map(String.init) ?? ""
            XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-c", package]).status, 0, file: file, line: line)
            XCTAssertEqual(
                try FileManager.default.contentsOfDirectory(atPath: temporary.path), [], file: file, line: line)
        }
    }

    func testACacheThatCannotBeWrittenIsAWarning() throws {
        try requireRoot()
        let folder = try TemporaryDirectory()
        let (server, host) = try serve(folder)
        defer { server.end() }
        let payload = "{url: \"http://\(host)/tool\", sha256: \(try checksum(folder))}"
        let mount = try folder.directory("mount")
        for (options, reason) in [("size=1m", "No space left on device"), ("ro", "Read-only file system")] {
            let mounted = try TestSupport.run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", mount])
            if mounted.status != 0 { throw XCTSkip("no tmpfs can be mounted here: \(mounted.errors)") }
            defer { _ = try? TestSupport.run("umount", [mount]) }
            try buildsWithout(mount + "/cache", payload, reason)
        }
        let file = try folder.file("file", "not a folder")
        try buildsWithout(file, payload, "Not a directory")
        _ = try TestSupport.run("tar", ["-cf", folder.path + "/a.tar", "-C", folder.path, "body"])
        try buildsWithout(file + "/x", "{archive: \(folder.path)/a.tar, member: body}", "Not a directory")
    }

    /// What a killed build left is gone after the next one, and what another build is writing stays.
    func testTemporaryFilesOfKilledBuildsAreRemoved() throws {
        try requireProgram("flock")
        let fixture = try WorkspaceFixture()
        _ = try fixture.build()
        let cache = fixture.directory.path + "/cache/debbuild"
        let dead = [
            fixture.output + "/.hello_1.2.3_all.deb.1k2.tmp", fixture.output + "/.SHA256SUMS.7f.tmp",
            cache + "/.checksums.v1.tmp", cache + "/builds/.x.10.tmp", fixture.output + "/.debbuild-second-7/x",
        ]
        let others = [fixture.output + "/.notes.1k2.tmp", fixture.output + "/.hello_1.2.3_all.deb.WXYZ.tmp"]
        let alive = fixture.output + "/.hello_9_all.deb.1k2.tmp"
        for path in dead + others + [alive] {
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            XCTAssertTrue(FileManager.default.createFile(atPath: path, contents: Data("x".utf8)))
        }
        let holder = try BackgroundProgram(
            try XCTUnwrap(programPath("flock")), [alive, "sh", "-c", "echo locked; sleep 600"])
        defer { holder.end() }
        XCTAssertTrue(waitUntil(within: 20) { holder.output.contains("locked") })
        _ = try fixture.build()
        for path in dead { XCTAssertFalse(FileManager.default.fileExists(atPath: path), path) }
        XCTAssertFalse(FileManager.default.fileExists(atPath: fixture.output + "/.debbuild-second-7"))
        for path in others + [alive] { XCTAssertTrue(FileManager.default.fileExists(atPath: path), path) }
    }
}
