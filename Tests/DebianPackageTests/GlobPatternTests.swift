import Foundation
import Platform
import TestSupport
import XCTest

@testable import DebianBuild

/// Patterns mean what gitignore(5) says.
final class GlobPatternTests: XCTestCase {
    func testPatterns() {
        let cases: [(String, String, Bool)] = [
            ("*.sh", "a.sh", true), ("*.sh", "d/e/a.sh", true), ("*.sh", "a.sh.orig", false),
            ("d/*.sh", "d/a.sh", true), ("d/*.sh", "d/e/a.sh", false), ("d/**", "d/e/a.sh", true), ("d/**", "d", false),
            ("**/x", "a/b/x", true), ("**/x", "x", true), ("**/test", "latest", false),
            ("**/test", "src/contest", false),
            ("**/test", "src/test", true), ("lib/**/b", "lib/xb", false), ("lib/**/b", "lib/x/b", true),
            ("d/**/x", "d/x", true), ("d/**/x", "d/a/b/x", true), ("/d", "d", true), ("/d", "e/d", false),
            ("a?c", "abc", true), ("a?c", "a/c", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true), ("[", "[", false), ("\\*", "*", true), ("\\*", "a", false), ("", "", false),
            ("**", "any/thing", true), ("x**y", "xay", true), ("a/x**y", "a/x/y", false), ("[[:digit:]]", "7", true),
            ("[[:digit:]]", "d", false), ("é", "e\u{301}", false),
        ]
        for (pattern, path, expected) in cases {
            XCTAssertEqual(
                GlobPattern(pattern).matches(path, isDirectory: false), expected, "\(pattern) on \(path)")
        }
        XCTAssertTrue(GlobPattern("d/").matches("a/d", isDirectory: true))
        XCTAssertFalse(GlobPattern("d/").matches("a/d", isDirectory: false))
        // Many stars take time in proportion to the path, not to its powers.
        let stars = String(repeating: "*a", count: 200)
        XCTAssertFalse(GlobPattern(stars + "b").matches(String(repeating: "a", count: 2000), isDirectory: false))
    }

    /// Lists of random patterns on random paths, as `git check-ignore` sees them.
    func testListsExcludeWhatGitIgnores() throws {
        try requireProgram("git")
        let folder = try TemporaryDirectory()
        XCTAssertEqual(try TestSupport.run("git", ["init", "-q", folder.path]).status, 0)
        var generator = SeededGenerator(seed: 7)
        let pieces = [
            "a", "b", "ab", "test", "latest", "*", "?", "**", "/", "/", "[ab]", "[!a]", "[^b-t]", "[]a]", "[a", "\\*",
            "\\a", "***", "[[:alpha:]]", "[a-]", "x", "é", ".",
        ]
        let names = ["a", "b", "ab", "test", "latest", "x", "*", "ax", "é", ".a", "]", "t-"]
        var paths: [(path: String, isDirectory: Bool)] = []
        var pending = [""]
        while let folderPath = pending.popLast() {
            for name in names where Int.random(in: 0..<3, using: &generator) > 0 {
                let path = folderPath.isEmpty ? name : folderPath + "/" + name
                let isDirectory = path.split(separator: "/").count < 4 && Bool.random(using: &generator)
                paths.append((path, isDirectory))
                if isDirectory {
                    pending.append(path)
                    try FileManager.default.createDirectory(
                        atPath: folder.path + "/" + path, withIntermediateDirectories: false)
                } else {
                    try folder.file(path, "")
                }
            }
        }
        XCTAssertGreaterThan(paths.count, 100)
        var compared = 0
        for _ in 0..<150 {
            var patterns: [String] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                var text = Int.random(in: 0..<6, using: &generator) == 0 ? "!" : ""
                for _ in 0..<Int.random(in: 1...5, using: &generator) {
                    text += pieces.randomElement(using: &generator) ?? ""
                }
                // "x**" with a slash behind it: git versions differ in whether the stars cross components.
                if text.contains("//") || Self.hasStarsInAName(text) { continue }
                patterns.append(text)
            }
            if patterns.isEmpty { continue }
            try folder.file(".gitignore", patterns.joined(separator: "\n") + "\n")
            let asked = paths.map(\.path)
            let answer = try TestSupport.run(
                "git", ["check-ignore", "--stdin", "-z", "--no-index"], workingDirectory: folder.path,
                input: Array((asked.joined(separator: "\0") + "\0").utf8))
            let ignored = Set(answer.output.split(separator: "\0").map { Array($0.utf8) })
            var list = PatternList(patterns.map { .init(value: $0, range: nil) })
            for (index, path) in paths.enumerated() {
                XCTAssertEqual(
                    list.excludesWithin(path.path, isDirectory: path.isDirectory),
                    ignored.contains(Array(asked[index].utf8)), "\(patterns) on \(asked[index])")
                compared += 1
            }
        }
        XCTAssertGreaterThan(compared, 20_000)
    }

    private static func hasStarsInAName(_ text: String) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).contains {
            let part = $0.drop { $0 == "!" }
            return part.contains("**") && !part.allSatisfy { $0 == "*" }
        }
    }
}
