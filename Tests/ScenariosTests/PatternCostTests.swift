import XCTest

@testable import Scenarios

/// Which regular expressions are matched on the spot.
final class PatternCostTests: XCTestCase {
    func testWhatCannotTakeLong() {
        for pattern in [
            "", "abc", "^0[0-7][0145]$", "productpage", "a|b|c", "colou?r", "(?:a|b)c", "(?<name>x)", "\\d\\.", "[]]x",
            "[^]a]b", "[a[b]c]",
        ] {
            XCTAssertTrue(PatternCost(pattern).isSmall(forBytes: 4096), pattern)
        }
        XCTAssertTrue(PatternCost("^sidecar~[0-9a-f.]+~").isSmall(forBytes: 200))
        XCTAssertFalse(PatternCost("^a.*b").isSmall(forBytes: 1 << 16))
        XCTAssertFalse(PatternCost("a").isSmall(forBytes: 2 << 20))
    }

    func testWhatMay() {
        for pattern in [
            "(a+)+", "(a*)*", "(a|aa)+", "(a?)+", "((a)+)*", "(?:a+){2,}", "(a)\\1", "(?=a)b", "(?i)a", "(?x) a",
            "(*F)",
            "\\Qa\\E", "(a{1,9}){1,9}", "a*a*a*a*a*a*", String(repeating: "a?", count: 30), "[", "(", ")", "\\", "a{",
            "(?P<x>a)", "(a", "a)",
        ] {
            XCTAssertFalse(PatternCost(pattern).isSmall(forBytes: 64), pattern)
        }
    }

    /// Matches that may take long are worked on at the same time, and none waits for one that does not end.
    func testThreads() async {
        let watch = DeadlineWatch()
        let watching = Task { await watch.run() }
        defer { watching.cancel() }
        let text = String(repeating: "a", count: 60) + "!"
        guard let pattern = try? Pattern("^(a+)+$") else { return XCTFail("no pattern") }
        await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<3 { group.addTask { await MatchThread.run(watch) { pattern.matches(text) } } }
            for await result in group { XCTAssertNil(result) }
        }
        let good = await MatchThread.run(watch) { pattern.matches("aaa") }
        XCTAssertEqual(good, true)
        let waited: Bool? = MatchThread.wait { pattern.matches("aaa") }
        XCTAssertEqual(waited, true)
        let late: Bool? = MatchThread.wait { pattern.matches(text) }
        XCTAssertNil(late)
    }
}
