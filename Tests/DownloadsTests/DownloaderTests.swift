import Downloads
import Foundation
import TestSupport
import XCTest

/// Downloads from a server that breaks the first transfer off and has another file from then on.
final class DownloaderTests: XCTestCase {
    private static let program = """
        import http.server, sys
        first, second, count = b"A" * 20000, b"B" * 20000, 0
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                global count
                count += 1
                if count == 1 and self.path == "/broken":
                    self.send_response(200)
                    self.send_header("Content-Length", "20000")
                    self.end_headers()
                    self.wfile.write(first[:5000])
                    self.close_connection = True
                    return
                asked = self.headers.get("Range")
                offset = int(asked.split("=")[1].split("-")[0]) if asked else 0
                self.send_response(206 if asked else 200)
                if asked: self.send_header("Content-Range", "bytes %d-19999/20000" % offset)
                self.send_header("Content-Length", str(20000 - offset))
                self.end_headers()
                self.wfile.write(second[offset:])
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
        """
    private static let whole = Data(repeating: UInt8(ascii: "B"), count: 20000)

    private let downloader = Downloader(timeLimit: 60, sizeLimit: 1 << 20)

    private func serve(in folder: TemporaryDirectory) throws -> (server: BackgroundProgram, url: String) {
        try requireProgram("python3")
        try requireProgram("curl")
        let port = try SSHServer.freePort()
        let script = try folder.file("server.py", Self.program)
        let server = try BackgroundProgram(try XCTUnwrap(programPath("python3")), [script, String(port)])
        XCTAssertTrue(waitUntil(within: 20) { SSHServer.canConnect(port) })
        return (server, "http://127.0.0.1:\(port)")
    }

    private func breakOff(_ url: String, _ target: String, isCovered: Bool) async throws {
        do {
            _ = try await downloader.file(url + "/broken", to: target, isCovered: isCovered) { _ in true }
            XCTFail("a transfer that ended early is not a file")
        } catch {
            XCTAssertEqual(error.reason, .interrupted(bytes: 5000))
        }
        XCTAssertFalse(FileManager.default.fileExists(atPath: target))
    }

    func testWhatNoChecksumCoversIsNotContinued() async throws {
        let folder = try TemporaryDirectory()
        let (server, url) = try serve(in: folder)
        defer { server.end() }
        let target = folder.path + "/target"
        try await breakOff(url, target, isCovered: false)
        let isRight = try await downloader.file(url + "/broken", to: target, isCovered: false) { _ in true }
        XCTAssertTrue(isRight)
        XCTAssertEqual(try Data(contentsOf: URL(fileURLWithPath: target)), Self.whole)
    }

    func testAWrongBeginningIsFetchedAgain() async throws {
        let folder = try TemporaryDirectory()
        let (server, url) = try serve(in: folder)
        defer { server.end() }
        let target = folder.path + "/target"
        try await breakOff(url, target, isCovered: true)
        var looks = 0
        let isRight = try await downloader.file(url + "/broken", to: target, isCovered: true) { path in
            looks += 1
            return FileManager.default.contents(atPath: path) == Self.whole
        }
        XCTAssertTrue(isRight)
        XCTAssertEqual(looks, 2)
        XCTAssertEqual(try Data(contentsOf: URL(fileURLWithPath: target)), Self.whole)
        XCTAssertFalse(FileManager.default.fileExists(atPath: target + ".partial"))
    }

    func testAnotherFileIsNotKept() async throws {
        let folder = try TemporaryDirectory()
        let (server, url) = try serve(in: folder)
        defer { server.end() }
        let isRight = try await downloader.file(url, to: folder.path + "/target", isCovered: true) { _ in false }
        XCTAssertFalse(isRight)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), ["server.py"])
    }

    func testManyAtOnceFetchOnce() async throws {
        let folder = try TemporaryDirectory()
        let (server, url) = try serve(in: folder)
        defer { server.end() }
        let target = folder.path + "/target"
        let downloader = downloader
        await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try? await downloader.file(url, to: target, isCovered: true) { path in
                        FileManager.default.contents(atPath: path) == Self.whole
                    }
                }
            }
            for await isRight in group { XCTAssertEqual(isRight, true) }
        }
        XCTAssertEqual(server.errors.split(separator: "\n").count { $0.contains("GET / HTTP") }, 1, server.errors)
        XCTAssertFalse(FileManager.default.fileExists(atPath: target + ".partial"))
    }

    func testTheUsersConfigurationIsNotRead() async throws {
        let folder = try TemporaryDirectory()
        let (server, url) = try serve(in: folder)
        defer { server.end() }
        try folder.file(".curlrc", "proxy = \"http://127.0.0.1:1\"\n")
        setenv("CURL_HOME", folder.path, 1)
        defer { unsetenv("CURL_HOME") }
        let isRight = try await downloader.file(url, to: folder.path + "/target", isCovered: false) { _ in true }
        XCTAssertTrue(isRight)
    }
}
