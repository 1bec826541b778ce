import Foundation
import XCTest

@testable import Patterns

final class PatternTests: XCTestCase {
    private func first(_ source: String, _ text: String) throws -> String? {
        try Pattern(source).firstMatch(in: text)?[0]
    }

    func testAnchorsAndLineEnds() throws {
        XCTAssertEqual(try first("a$", "a"), "a")
        XCTAssertEqual(try first("a$", "a\n"), "a")
        XCTAssertNil(try first("a\\z", "a\n"))
        XCTAssertNil(try first("a$", "a\n\n"))
        XCTAssertNil(try first("a$", "a\nb"))
        XCTAssertNil(try first("^b", "a\nb"))
        XCTAssertEqual(try first("(?m)^b$", "a\nb\nc"), "b")
        for end in ["\n", "\r", "\r\n", "\u{2028}"] { XCTAssertNil(try first("a.b", "a\(end)b"), end.debugDescription) }
        XCTAssertEqual(try first("(?s)a.b", "a\nb"), "a\nb")
        XCTAssertEqual(try first("", ""), "")
    }

    func testUnicode() throws {
        XCTAssertEqual(try first("\\d", "\u{663}"), "\u{663}")
        XCTAssertEqual(try first("(?i)É", "é"), "é")
        // Matched by scalars: a letter and its accent are two.
        XCTAssertEqual(try first("e", "e\u{301}")?.unicodeScalars.count, 1)
        XCTAssertEqual(try first("\\p{L}+", "1äöü2"), "äöü")
    }

    func testGroups() throws {
        let pattern = try Pattern("(?<first>a)|(b)(?<last>c)?")
        XCTAssertEqual(pattern.groupCount, 3)
        XCTAssertEqual(pattern.groupNames, ["first": 1, "last": 3])
        XCTAssertEqual(try pattern.firstMatch(in: "xb"), ["b", nil, "b", nil])
        XCTAssertEqual(try pattern.firstMatch(in: "bc"), ["bc", nil, "b", "c"])
        XCTAssertNil(try pattern.firstMatch(in: "x"))
    }

    func testSyntaxErrorsHaveAPlace() {
        for (source, offset) in [("ab(c", 4), ("a**+*", 2), ("x{2,1}", 5), ("[a", 2), ("\\i", 1), ("\\C", 2)] {
            XCTAssertThrowsError(try Pattern(source), source) { error in
                XCTAssertEqual((error as? PatternSyntaxError)?.offset, offset, source)
            }
        }
        XCTAssertThrowsError(try Pattern(String(repeating: "a", count: 4097)))
    }

    /// What one match may take is not taken by sixty at once.
    func testMatchesShareTheirMemory() throws {
        let text = String(repeating: "ab", count: 450_000)
        let patterns = try (0..<60).map { try Pattern("(?:(a)|(b))*?(?:x|c{\($0 + 1)})") }
        let before = try Self.memory(peak: false)
        try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        let group = DispatchGroup()
        for pattern in patterns {
            group.enter()
            let thread = Thread {
                do {
                    _ = try pattern.firstMatch(in: text)
                    XCTFail("it came to an end")
                } catch {}
                group.leave()
            }
            thread.start()
        }
        group.wait()
        XCTAssertLessThan(try Self.memory(peak: true) - before, 160 << 10, "KiB")
        XCTAssertLessThan(try Self.memory(peak: false) - before, 32 << 10, "KiB")
    }

    /// Resident memory of this process in KiB, now or at most.
    private static func memory(peak: Bool) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try XCTUnwrap(status.split(separator: "\n").first { $0.hasPrefix(peak ? "VmHWM:" : "VmRSS:") })
        return try XCTUnwrap(line.split(separator: " ").dropFirst().compactMap { Int($0) }.first)
    }

    /// Each of these would keep a backtracking engine busy for minutes or for ever.
    func testCatastrophesEndInAnError() throws {
        let long = String(repeating: "a", count: 1 << 20)
        for source in [
            "^(a+)+$", "^(a*)*$", "^(a|aa)+$", "^(a?){30}a{30}b", "(a+)+[bc]", "a*[bc]", "(?:a*)*[bc]", "a*a*a*a*[bc]",
            "(a*)\\1[bc]", "a.*?[bc]", "(?=a*b)", "(?i)A*[bc]", "(?:a{1,9}){1,9}[bc]", "a+?a+?[bc]", "(?>a+)[bc]",
            "(?<x>a+)(?&x)[bc]", "(?:a|c)*!!",
        ] {
            let pattern = try Pattern(source)
            XCTAssertThrowsError(try pattern.firstMatch(in: long + "!"), source) { error in
                XCTAssertTrue(error is PatternLimitError, source)
            }
        }
        XCTAssertThrowsError(try Pattern("^(a+)+$").firstMatch(in: String(repeating: "a", count: 60) + "!"))
    }

    func testLongTextsAreNoError() throws {
        let words = String(repeating: "some words of a line ", count: 50_000)
        XCTAssertEqual(try first("\\w+\\.$", words + "end."), "end.")
        XCTAssertEqual(try first("(\\w+) end", words + "end"), "line end")
        XCTAssertNil(try first("x.*y", words))
        XCTAssertNotNil(try first("^.*$", words))
    }

    func testEscapedTextMatchesItselfAlone() throws {
        let text = "a.b*c[d](e){1}|^$\\/#-"
        XCTAssertEqual(try first(Pattern.escaped(text), "x\(text)y"), text)
        XCTAssertNil(try first(Pattern.escaped("a.b"), "axb"))
    }

    func testThreadsShareOne() async throws {
        let pattern = try Pattern("(\\d+)-(?<word>\\w+)")
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask { (try? pattern.firstMatch(in: "x \(number)-w\(number)"))?[2] == "w\(number)" }
            }
            for await isRight in group { XCTAssertTrue(isRight) }
        }
    }
}
