import Foundation
import TestSupport
import WorkloadCertificates
import XCTest

@testable import SidecarAgent

/// When the watch looks at the files.
final class CertificateWatchTests: XCTestCase {
    /// The window opens with the first change: the changes of a second are seen together, however long the watch has run.
    func testTheWindowOpensWithTheFirstChange() async throws {
        let folder = try TemporaryDirectory()
        let files = CertificateFiles(directory: folder.path)
        let batch = Duration.milliseconds(1500)
        let watch = CertificateWatch(files: files, batch: batch)
        let (requests, _) = AsyncStream.makeStream(of: Void.self)
        var observations = watch.observations(after: .read(files), requests: requests).makeAsyncIterator()
        // Longer than half of a window that would have opened at the start.
        try await Task.sleep(for: batch * 0.6)
        let changed = ContinuousClock.now
        try folder.file("key.pem", "not a key")
        let first = await observations.next()
        guard case .unusable = first else { return XCTFail("\(String(describing: first))") }
        XCTAssertGreaterThanOrEqual(ContinuousClock.now - changed, batch)
    }

    func testARequestLooksAtOnce() async throws {
        let folder = try TemporaryDirectory()
        let files = CertificateFiles(directory: folder.path)
        let watch = CertificateWatch(files: files, batch: .seconds(3600))
        let (requests, request) = AsyncStream.makeStream(of: Void.self)
        var observations = watch.observations(after: .read(files), requests: requests).makeAsyncIterator()
        try folder.file("key.pem", "not a key")
        request.yield()
        let first = await observations.next()
        guard case .unusable = first else { return XCTFail("\(String(describing: first))") }
    }
}
