import Documents
import XCTest

/// Hostile files end soon, with a diagnostic. None of these would come back if nothing bounded them.
final class LimitTests: XCTestCase {
    private func codes(_ bytes: [UInt8]) -> Set<String> {
        var diagnostics = Diagnostics()
        _ = YAMLLoader.load(SourceText(path: "f", bytes: bytes), diagnostics: &diagnostics)
        return Set(diagnostics.all.map(\.code))
    }

    private func codes(_ text: String) -> Set<String> { codes(Array(text.utf8)) }

    private func planCodes(_ text: String, more: [String: String] = [:]) -> Set<String> {
        var diagnostics = Diagnostics()
        _ = PlanShapes.load(more.merging(["plan.yaml": text]) { $1 }, diagnostics: &diagnostics)
        _ = DiagnosticRenderer.text(diagnostics)
        return Set(diagnostics.all.map(\.code))
    }

    func testBillionLaughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [" + [String](repeating: alias, count: 10).joined(separator: ", ") + "]\n"
        }
        XCTAssertEqual(codes(text), ["too-many-nodes"])
    }

    func testLongTextOfManyAliases() {
        let long = String(repeating: "x", count: 1 << 20)
        XCTAssertEqual(
            codes("a: &a \(long)\nb: [" + [String](repeating: "*a", count: 1000).joined(separator: ", ") + "]\n"),
            ["too-much-text"])
    }

    func testDeepNesting() {
        for text in ["[", "{a: ", "- ", "? "] {
            XCTAssertEqual(codes(String(repeating: text, count: 100_000)), ["too-deep"], text)
        }
        XCTAssertEqual(codes(String(repeating: "[", count: 64) + String(repeating: "]", count: 64)), [])
    }

    func testLargeFile() {
        XCTAssertEqual(codes([UInt8](repeating: 0x20, count: 8 << 20 + 1)), ["file-too-large"])
        XCTAssertEqual(codes([UInt8](repeating: 0x20, count: 1 << 20)), [])
    }

    func testManyDirectives() {
        let text = (0..<20_000).map { "%TAG !t\($0)! x\n" }.joined()
        XCTAssertEqual(codes(text + "---\na: b\n"), ["yaml"])
        XCTAssertEqual(codes("--- a\n...\n" + text + "---\na: b\n"), ["yaml"])
        XCTAssertEqual(codes("%YAML 1.1\n%TAG !t! x\n---\na: b\n"), [])
    }

    func testNotUTF8() {
        XCTAssertEqual(codes([0x61, 0x3a, 0x20, 0xc3, 0x28]), ["utf-8"])
        XCTAssertEqual(codes([0xff, 0xfe, 0x61, 0x00]), ["utf-8"])
        XCTAssertEqual(codes([0xed, 0xa0, 0x80]), ["utf-8"])
        XCTAssertEqual(codes([0x61, 0x00, 0x62]), ["yaml"])
    }

    func testDoublingVariables() {
        for leaf in ["", "x"] {
            var text = "name: ${v30}-\nvariables:\n  v0: '\(leaf)'\n"
            for level in 1...30 { text += "  v\(level): '${v\(level - 1)}${v\(level - 1)}'\n" }
            XCTAssertEqual(planCodes(text), leaf.isEmpty ? [] : ["variable-length"])
        }
    }

    func testLongChainOfVariables() {
        var text = "name: ${v100}\nvariables:\n  v0: x\n"
        for level in 1...100 { text += "  v\(level): '${v\(level - 1)}'\n" }
        XCTAssertEqual(planCodes(text), ["variable-depth"])
    }

    func testManyExpansionsOfALongVariable() {
        let text = "name: x\nvariables: {v: \(String(repeating: "x", count: 1 << 19))}\ntags:\n"
        XCTAssertEqual(planCodes(text + String(repeating: "  - ${v}\n", count: 5000)), ["variable-length"])
    }

    func testDeepDefaults() {
        let text = String(repeating: "${a:-", count: 50_000) + String(repeating: "}", count: 50_000)
        XCTAssertEqual(planCodes("name: \"\(text)\"\n"), ["variable-syntax"])
    }

    func testManyUndefinedVariables() {
        let name = String(repeating: "abcdefghij", count: 8)
        var text = "name: x\nvariables:\n"
        for number in 0..<3000 { text += "  \(name)\(number): x\n" }
        text += "tags:\n"
        for number in 0..<3000 { text += "  - ${\(name)-\(number)}\n" }
        XCTAssertEqual(planCodes(text), ["undefined-variable"])
    }

    func testManyUnknownAndDuplicateKeys() {
        var text = "name: x\n"
        for number in 0..<20_000 { text += "kez\(number % 15_000): 1\n" }
        XCTAssertEqual(planCodes(text), ["unknown-key", "duplicate-key"])
    }

    func testMergingManyKeys() {
        let many = (0..<20_000).map { "k\($0): 1\n" }.joined()
        XCTAssertEqual(
            planCodes(
                "name: x\ninclude: a.yaml\nlabels:\n" + many.indentedLines,
                more: ["a.yaml": "labels:\n" + many.indentedLines]),
            [])
    }

    func testFilesThatIncludeOneAnotherManyTimes() {
        var files: [String: String] = ["f15.yaml": "count: 2\n"]
        for level in 0..<15 {
            let next = [String](repeating: "f\(level + 1).yaml", count: 10).joined(separator: ", ")
            files["f\(level).yaml"] = "include: [\(next)]\n"
        }
        XCTAssertTrue(planCodes("name: x\ninclude: f1.yaml\n", more: files).contains("include-count"))
    }

    func testLongChainOfIncludes() {
        var files: [String: String] = ["f99.yaml": "count: 2\n"]
        for level in 0..<99 { files["f\(level).yaml"] = "include: f\(level + 1).yaml\n" }
        XCTAssertEqual(planCodes("name: x\ninclude: f0.yaml\n", more: files), ["include-depth"])
    }

    func testIncludesWithManyNodes() {
        let list = "tags: [" + [String](repeating: "a", count: 40_000).joined(separator: ",") + "]\n"
        XCTAssertEqual(
            planCodes("name: x\ninclude: [a.yaml, a.yaml, a.yaml]\n", more: ["a.yaml": list]), ["too-many-nodes"])
    }

    func testLongValuesAreNotRepeatedWhole() {
        let long = String(repeating: "x", count: 1 << 20)
        let text = "name: x\ncount: \(long)\nlevel: \(long)\nmode: \(long)\nenabled: \(long)\n\(long): 1\n"
        XCTAssertLessThan(PlanShapes.report(text).utf8.count, 20_000)
    }
}

extension String {
    fileprivate var indentedLines: String {
        split(separator: "\n").map { "  \($0)\n" }.joined()
    }
}
