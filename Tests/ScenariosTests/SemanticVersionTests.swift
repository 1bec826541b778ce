import XCTest

@testable import Scenarios

final class SemanticVersionTests: XCTestCase {
    /// The example of semver.org 2.0.0, item 11.
    func testOrder() throws {
        let order = [
            "0.0.0", "1.0.0-0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
            "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
        ]
        for (place, left) in order.enumerated() {
            for (other, right) in order.enumerated() {
                let (one, two) = (try XCTUnwrap(SemanticVersion(left)), try XCTUnwrap(SemanticVersion(right)))
                XCTAssertEqual(one < two, place < other, "\(left) \(right)")
                XCTAssertEqual(one == two, place == other)
            }
        }
        XCTAssertEqual(SemanticVersion("v1.2.3+build.007"), SemanticVersion("1.2.3"))
        for text in [
            "", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.x", "1.2.3+", "a.b.c",
        ] {
            XCTAssertNil(SemanticVersion(text), text)
        }
    }

    func testRanges() throws {
        let cases: [(range: String, inside: [String], outside: [String])] = [
            ("1.2.3", ["1.2.3", "v1.2.3+x"], ["1.2.4", "1.2.3-rc1"]),
            ("1.2", ["1.2.0", "1.2.99"], ["1.3.0", "1.1.9", "1.3.0-rc1"]),
            ("1.x", ["1.0.0", "1.99.0"], ["2.0.0", "0.9.0", "2.0.0-rc1"]),
            ("*", ["0.0.1", "9.9.9", "1.0.0-rc1"], []),
            (">=1.2.0 <2", ["1.2.0", "1.99.0"], ["1.1.9", "2.0.0", "2.0.0-rc1", "1.2.0-rc1"]),
            (">= 1.2.0", ["1.2.0"], ["1.1.9"]),
            (">1.2", ["1.3.0"], ["1.2.9", "1.2.0"]), ("<=1.2", ["1.2.9"], ["1.3.0"]),
            ("<1.2.3", ["1.2.3-rc1", "1.2.2"], ["1.2.3"]),
            ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]), ("~1", ["1.9.0"], ["2.0.0"]),
            ("^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]), ("^0.2.3", ["0.2.4"], ["0.3.0"]),
            ("^0.0.3", ["0.0.3"], ["0.0.4"]), ("^0.0", ["0.0.9"], ["0.1.0"]), ("^0", ["0.9.0"], ["1.0.0"]),
            ("!=1.5.1", ["1.5.0", "1.5.2"], ["1.5.1"]), ("!=1.5", ["1.4.9", "1.6.0"], ["1.5.7"]),
            ("^1.4 || ~2.0.3", ["1.9.0", "2.0.9"], ["1.3.0", "2.1.0", "2.0.2"]),
            ("=2.0.0-rc.1", ["2.0.0-rc.1"], ["2.0.0", "2.0.0-rc.2"]),
        ]
        for (text, inside, outside) in cases {
            let range = try XCTUnwrap(SemanticRange(text), text)
            for version in inside {
                XCTAssertTrue(range.contains(try XCTUnwrap(SemanticVersion(version))), "\(version) in \(text)")
            }
            for version in outside {
                XCTAssertFalse(range.contains(try XCTUnwrap(SemanticVersion(version))), "\(version) in \(text)")
            }
        }
        for text in [
            "", " ", "||", "1.2.3 ||", ">", "=>1", "1.2.3.4", "latest", "1 - 2", ">=x.1", "9999999999999999999.0.0",
        ] {
            XCTAssertNil(SemanticRange(text), text)
        }
        let largest = "9223372036854775807.0.0"
        XCTAssertNotNil(SemanticRange("^" + largest))
    }
}
