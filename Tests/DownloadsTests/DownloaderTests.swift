import Downloads
import Foundation
import Synchronization
import TestSupport
import XCTest

/// Downloads from servers that break off, change their minds, stall and never end.
final class DownloaderTests: XCTestCase {
    private func downloader(_ change: (inout DownloadLimits) -> Void = { _ in }) -> Downloader {
        var limits = DownloadLimits()
        (limits.time, limits.bytes) = (60, 1 << 20)
        change(&limits)
        return Downloader(limits: limits)
    }

    private func contents(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// The error of a download that has to fail.
    private func failure(
        _ url: String, _ target: String, isCovered: Bool = false, file: StaticString = #filePath, line: UInt = #line,
        _ change: (inout DownloadLimits) -> Void = { _ in }
    ) async -> DownloadError? {
        do throws(DownloadError) {
            _ = try await downloader(change).file(url, to: target, isCovered: isCovered) { _ in true }
            XCTFail("\(url) was downloaded", file: file, line: line)
            return nil
        } catch {
            XCTAssertFalse(FileManager.default.fileExists(atPath: target), file: file, line: line)
            return error
        }
    }

    private func download(_ url: String, _ target: String) async throws -> Data {
        let isRight = try await downloader().file(url, to: target, isCovered: false) { _ in true }
        XCTAssertTrue(isRight)
        let rest = try FileManager.default.contentsOfDirectory(atPath: (target as NSString).deletingLastPathComponent)
        XCTAssertEqual(rest, [(target as NSString).lastPathComponent])
        return try contents(target)
    }

    // MARK: - continuing

    func testABeginningIsContinuedWhereTheServerVouchesForIt() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        for path in ["/same", "/dated"] {
            let found = await failure(server.url + path, target) { $0.retries = 0 }
            XCTAssertEqual(found?.reason, .interrupted(bytes: 5000), path)
            XCTAssertTrue(FileManager.default.fileExists(atPath: target + ".partial"))
            let data = try await download(server.url + path, target)
            XCTAssertEqual(data, DownloadServer.first, path)
            XCTAssertEqual(server.requests(path), 2)
            try FileManager.default.removeItem(atPath: target)
        }
    }

    func testVersionsAreNeverMixed() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        for path in ["/other", "/careless", "/weak"] {
            for isOneRun in [false, true] {
                let target = folder.path + "/target"
                if !isOneRun {
                    let found = await failure(server.url + path, target) { $0.retries = 0 }
                    XCTAssertEqual(found?.reason, .interrupted(bytes: 5000), path)
                }
                let data = try await download(server.url + path, target)
                XCTAssertEqual(data, DownloadServer.second, path)
                try FileManager.default.removeItem(atPath: target)
            }
        }
        let data = try await download(server.url + "/flapping", folder.path + "/target")
        XCTAssertEqual(data, DownloadServer.first)
    }

    func testAWrongBeginningIsFetchedAgain() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        try folder.file("target.partial", "not the beginning")
        var looks = 0
        let isRight = try await downloader().file(server.url + "/whole", to: target, isCovered: true) { path in
            looks += 1
            return FileManager.default.contents(atPath: path) == DownloadServer.second
        }
        XCTAssertTrue(isRight)
        XCTAssertEqual(looks, 2)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), ["target"])
    }

    /// Another build may be packing the file that is there.
    func testTheSameFileStaysTheSame() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        var numbers: [UInt64?] = []
        for path in ["/whole", "/whole", "/same"] {
            _ = try await download(server.url + path, target)
            numbers.append(try FileManager.default.attributesOfItem(atPath: target)[.systemFileNumber] as? UInt64)
        }
        XCTAssertEqual(numbers[0], numbers[1])
        XCTAssertNotEqual(numbers[1], numbers[2])
        XCTAssertEqual(try contents(target), DownloadServer.first)
    }

    func testAnotherFileIsNotKept() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let isRight = try await downloader()
            .file(server.url + "/whole", to: folder.path + "/target", isCovered: true) { _ in false }
        XCTAssertFalse(isRight)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [])
    }

    // MARK: - several at once

    func testManyAtOnceFetchOnce() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        let waited = Mutex(0)
        var downloader = downloader()
        downloader.progress = { if case .waiting = $0 { waited.withLock { $0 += 1 } } }
        let url = server.url + "/slow"
        await withTaskGroup(of: Bool?.self) { [downloader] group in
            for _ in 0..<8 {
                group.addTask {
                    try? await downloader.file(url, to: target, isCovered: true) { path in
                        FileManager.default.contents(atPath: path) == DownloadServer.second
                    }
                }
            }
            for await isRight in group { XCTAssertEqual(isRight, true) }
        }
        XCTAssertEqual(server.requests("/slow"), 1)
        XCTAssertGreaterThan(waited.withLock { $0 }, 0)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), ["target"])
    }

    // MARK: - limits

    func testStallsEndlessFilesAndTimeHaveLimits() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        let stalled = await failure(server.url + "/stall", target) { $0.stall = 1 }
        XCTAssertEqual(stalled?.reason, .stalled(seconds: 1))
        let endless = await failure(server.url + "/endless", target) { $0.bytes = 100_000 }
        XCTAssertEqual(endless?.reason, .tooLarge(limit: 100_000))
        XCTAssertFalse(FileManager.default.fileExists(atPath: target + ".partial"))
        // A byte now and then is no stall, whatever buffers are between.
        let slow = await failure(server.url + "/drip", target) { ($0.time, $0.stall) = (3, 1) }
        XCTAssertEqual(slow?.reason, .timedOut(seconds: 3))
        let large = await failure(server.url + "/whole", target) { $0.bytes = 19_999 }
        XCTAssertEqual(large?.reason, .tooLarge(limit: 19_999))
    }

    func testRetryAfterIsObeyedWithinItsLimit() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        let start = ContinuousClock.now
        let data = try await download(server.url + "/busy", target)
        XCTAssertEqual(data, DownloadServer.second)
        XCTAssertGreaterThanOrEqual(ContinuousClock.now - start, .seconds(2))
        XCTAssertEqual(server.requests("/busy"), 3)
        try FileManager.default.removeItem(atPath: target)

        let later = await failure(server.url + "/later", target)
        XCTAssertEqual(later?.reason, .retryLater(status: 429, seconds: 86400, limit: 120))
        XCTAssertEqual(
            later?.found, "the server answers with status 429 and asks to come back in 24h00m (must be <=2m00s)")
        XCTAssertEqual(server.requests("/later"), 1)
        let date = await failure(server.url + "/date", target)
        guard case .retryLater(503, let seconds, 120) = date?.reason else { return XCTFail("\(date as Any)") }
        XCTAssertTrue((7100...7200).contains(seconds), "\(seconds)")
        let gone = await failure(server.url + "/gone", target)
        XCTAssertEqual(gone?.reason, .status(404))
        XCTAssertEqual(server.requests("/gone"), 1)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [])
    }

    // MARK: - what the user has, and what nobody may see

    func testTheUsersConfigurationIsNotRead() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let home = try TemporaryDirectory()
        try home.file(".curlrc", "proxy = \"http://127.0.0.1:1\"\n")
        setenv("CURL_HOME", home.path, 1)
        defer { unsetenv("CURL_HOME") }
        let data = try await download(server.url + "/whole", folder.path + "/target")
        XCTAssertEqual(data, DownloadServer.second)
    }

    func testPatternsQuotesAndCredentialsReachTheServerAsTheyAre() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let url = server.url.replacingOccurrences(of: "//", with: "//me:pa%22ss@") + "/a[1-3]{b,c}?q=%22x%22&y=\\z"
        let data = try await download(url, folder.path + "/target")
        let text = String(decoding: data, as: UTF8.self)
        XCTAssertTrue(text.contains("/a[1-3]{b,c}?q=%22x%22&y="), text)
        XCTAssertTrue(text.contains("Basic " + Data("me:pa\"ss".utf8).base64EncodedString()), text)
    }

    func testTheListOfProcessesShowsNoSecret() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let url = server.url.replacingOccurrences(of: "//", with: "//user:Hunter2xyz@") + "/slow?token=Tok3nabc"
        let downloader = downloader()
        let target = folder.path + "/target"
        let task = Task { try await downloader.file(url, to: target, isCovered: false) { _ in true } }
        var seen = ""
        XCTAssertTrue(
            waitUntil(within: 20) {
                seen = (try? TestSupport.run("ps", ["-eo", "args"]).output) ?? ""
                return seen.contains(folder.path)
            })
        XCTAssertFalse(seen.contains("Hunter2xyz") || seen.contains("Tok3nabc"), seen)
        let isRight = try await task.value
        XCTAssertTrue(isRight)
    }

    func testMessagesShowNoSecret() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let host = server.url.dropFirst("http://".count)
        for url in [
            "http://user:Hunter2xyz@\(host)/gone", "http://Hunter2xyz@\(host)/gone?a=Hunter2xyz",
            "http://\(host)/gone?sig=Hunter2xyz#Hunter2xyz", "http://user:Hunter2xyz@[bad/x", "http://Hunter2xyz:@:0/",
            "http://user:Hunter2xyz/more@no.such.host.invalid/x", "http://user:Hunter2xyz@no.such.host.invalid/x",
            "gopher://user:Hunter2xyz@\(host)/x", "http://us er:Hunter2xyz@\(host)/gone", "user:Hunter2xyz@[",
        ] {
            let found = await failure(url, folder.path + "/target") { $0.retries = 0 }
            XCTAssertFalse("\(found as Any)".contains("Hunter2xyz"), "\(url): \(found as Any)")
            XCTAssertFalse(found?.description.contains("Hunter2xyz") ?? true, url)
        }
        XCTAssertEqual(DownloadAddress("https://h:8080/@a/b?x").shown, "https://h:8080/@a/b?…")
        XCTAssertEqual(DownloadAddress("https://u:p@h/a/b").shown, "https://h/a/b")
        XCTAssertEqual(DownloadAddress("https://h/a b\u{1b}").shown, "https://h/a b\\u{1b}")
    }

    /// A killed build leaves nobody who writes and nothing that is locked.
    func testAKilledDownloadIsContinued() async throws {
        let (server, folder) = (try DownloadServer(), try TemporaryDirectory())
        let target = folder.path + "/target"
        let task = Task { [downloader = downloader()] in
            try await downloader.file(server.url + "/drip", to: target, isCovered: false) { _ in true }
        }
        XCTAssertTrue(waitUntil(within: 20) { FileManager.default.fileExists(atPath: target + ".partial.headers") })
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("a cancelled download ended")
        } catch {
            XCTAssertEqual((error as? DownloadError)?.reason, .cancelled)
        }
        let data = try await download(server.url + "/whole", target)
        XCTAssertEqual(data, DownloadServer.second)
    }
}
