import Documents
import Foundation
import TestSupport
import XCTest

@testable import DebianBuild

/// Patterns of files find what a shell finds.
final class SourcePatternSearchTests: XCTestCase {
    private func search(_ pattern: String, in folder: String) -> [String] {
        let sources = SourceFiles(folder: folder, workspaceRoot: folder, texts: nil, isShared: false)
        var diagnostics = Diagnostics()
        return sources.named(by: Located(value: pattern, range: nil), diagnostics: &diagnostics).map(\.file.value)
    }

    func testRandomPatternsAgainstBash() throws {
        try requireProgram("bash")
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 11)
        let names = ["a", "b", "ab", ".a", "a.b", "*", "a*b", "[a]", "a?", "é", "-a", "a b", "\\a"]
        for _ in 0..<60 {
            let path = (0..<Int.random(in: 1...3, using: &generator))
                .map { _ in names.randomElement(using: &generator) ?? "" }.joined(separator: "/")
            // A folder of this name may be there already, or a file in the place of a folder.
            _ = try? folder.file(path, "x")
        }
        let pieces = ["a", "b", "*", "?", "[ab]", "[!a]", "**", ".", "\\*", "\\[", "\\?", "é", "[[:alpha:]]"]
        let patterns = (0..<1000).map { _ in
            (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                (0..<Int.random(in: 1...3, using: &generator))
                    .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            }.joined(separator: "/")
        }.filter { pattern in
            // What is the name of a file, or leads elsewhere, is no pattern; and git takes '***' for '**'.
            SourcePattern(pattern).name == nil && !pattern.contains("***")
                && !pattern.split(separator: "/").contains { $0 == "." || $0 == ".." }
        }
        let script = patterns.map { pattern in
            "echo =; for f in \(pattern); do [ -f \"$f\" ] && printf '%s\\n' \"$f\"; done"
        }.joined(separator: "\n")
        let output = try TestSupport.run(
            "bash", ["-O", "globstar", "-O", "dotglob", "-O", "nullglob", "-c", script + "\ntrue"],
            environment: ["LC_ALL": "C"], workingDirectory: folder.path
        ).check()
        let answers = output.components(separatedBy: "=\n").dropFirst()
        XCTAssertEqual(answers.count, patterns.count)
        var compared = 0
        for (pattern, answer) in zip(patterns, answers) {
            let theirs = Set(answer.split(separator: "\n").map(String.init))
            let ours = search(pattern, in: folder.path)
            XCTAssertEqual(Set(ours), theirs, pattern)
            XCTAssertEqual(ours, ours.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, pattern)
            compared += ours.isEmpty ? 0 : 1
        }
        XCTAssertGreaterThan(compared, 100)
    }

    func testEveryNameCanBeWrittenAsAText() throws {
        let folder = try TemporaryDirectory()
        for name in ["*", "[a]", "a?", "\\*", "\\\\", "a\\", "\\a", "[", "]", "a*\\", "**/x", "?/[/*"] {
            try folder.file(name, "x")
            XCTAssertEqual(search(SourcePattern.quoted(name), in: folder.path), [name])
        }
    }
}
