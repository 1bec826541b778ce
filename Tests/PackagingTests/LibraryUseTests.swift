import Foundation
import TestSupport
import XCTest

/// The libraries in somebody else's program: Tests/Consumer is one.
final class LibraryUseTests: XCTestCase {
    /// Whoever uses a Debian library with no traits resolves neither gRPC nor NIO, nor what else the mesh needs.
    func testDebianLibrariesBringNoNetworkStack() throws {
        let folder = try TemporaryDirectory()
        let manifest = try String(
            contentsOfFile: repositoryRoot + "/Tests/Consumer/Package.swift", encoding: .utf8)
        try folder.file("Package.swift", manifest.replacingOccurrences(of: "\"../..\"", with: "\"\(repositoryRoot)\""))
        try folder.file("Sources/Consumer/Consumer.swift", "")
        _ = try TestSupport.run("swift", ["package", "--package-path", folder.path, "resolve"]).check()
        let data = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/Package.resolved"))
        let resolved = try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let pins = try XCTUnwrap(resolved["pins"] as? [[String: Any]]).compactMap { $0["identity"] as? String }
        XCTAssertEqual(
            pins.sorted(),
            ["swift-argument-parser", "swift-asn1", "swift-crypto"])
    }
}
