import TestSupport
import XCTest

/// The matcher `semver`, as scenarios write it.
final class SemverTests: XCTestCase {
    func testMatcher() throws {
        let folder = try TemporaryDirectory()
        func verdict(_ expectation: String) throws -> Int32 {
            let path = try folder.file(
                "s.yaml",
                "name: s\nchecks:\n  - id: a\n    title: A\n    command: [echo, v1.24.3]\n    expect: {stdout: {semver: \(expectation)}}\n"
            )
            return try TestSupport.run(productPath("meshcheck"), ["run", path, "--no-packages"]).status
        }
        XCTAssertEqual(try verdict("'>=1.24.0 <2'"), 0)
        XCTAssertEqual(try verdict("1.24"), 0)
        XCTAssertEqual(try verdict("^1.25"), 1)
        XCTAssertEqual(try verdict("newest"), 2)
    }
}
