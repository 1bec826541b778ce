import Foundation
import TestSupport
import XCTest

/// Runs again and again.
final class WatchTests: XCTestCase {
    func testChangesAreSaidAndNothingElse() throws {
        let fixture = try MeshcheckFixture()
        let watch = try BackgroundProgram(
            MeshcheckFixture.program, ["watch", fixture.scenarios, "--interval", "50ms"],
            environment: ["LC_ALL": "C.UTF-8"])
        XCTAssertTrue(waitUntil { watch.output.contains("FAILED") }, watch.errors)
        let first = watch.output
        try fixture.makeMark()
        XCTAssertTrue(
            waitUntil { watch.output.contains("files.mark: failed -> passed") }, watch.output)
        try fixture.removeMark()
        XCTAssertTrue(
            waitUntil { watch.output.contains("files.mark: passed -> failed") }, watch.output)
        XCTAssertFalse(watch.output.dropFirst(first.count).contains("files.passwd"), watch.output)
        watch.signal(SIGINT)
        XCTAssertEqual(watch.status(), 1, watch.errors)
    }

    func testACountEndsIt() throws {
        let fixture = try MeshcheckFixture()
        try fixture.makeMark()
        let result = try MeshcheckFixture.run(["watch", fixture.scenarios, "--interval", "1ms", "--count", "3"])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(result.output.components(separatedBy: "PASSED").count, 2, result.output)
    }
}
