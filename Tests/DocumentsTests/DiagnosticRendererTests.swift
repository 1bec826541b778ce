import Documents
import Platform
import XCTest

/// How diagnostics look, whatever they say.
final class DiagnosticRendererTests: XCTestCase {
    private func range(_ text: String, line: Int = 1, column: Int, length: Int, path: String = "f") -> SourceRange {
        SourceRange(
            source: SourceText(path: path, bytes: Array(text.utf8)), line: line, column: column, endLine: line,
            endColumn: column + length)
    }

    private func shown(_ range: SourceRange, _ message: String = "wrong") -> String {
        var diagnostics = Diagnostics()
        diagnostics.error("code", message, at: range)
        return DiagnosticRenderer.text(diagnostics)
    }

    func testWhatDoesNotShowIsEscaped() {
        let hidden = [
            "\u{1b}", "\u{7f}", "\u{9b}", "\u{ad}", "\u{34f}", "\u{61c}", "\u{115f}", "\u{180e}", "\u{200b}",
            "\u{200d}",
            "\u{202e}", "\u{2028}", "\u{2060}", "\u{2066}", "\u{3164}", "\u{fe0f}", "\u{feff}", "\u{ffa0}", "\u{e0041}",
            "\u{e0100}", "\u{e000}", "\u{a0}", "\u{2003}",
        ]
        for text in hidden {
            XCTAssertTrue(
                DisplayText.inline("a" + text + "b").hasPrefix("a\\u{"), "\(text.unicodeScalars.map(\.value))")
        }
        XCTAssertEqual(DisplayText.inline("名前 e\u{301} ü ß \u{3000}🙂 א"), "名前 e\u{301} ü ß \u{3000}🙂 א")
    }

    func testSecretsOfURLsAreNotShown() {
        let line = "a: {url: \"https://me:pass@host/a@b?sig=secret\", b: https://tok@h#x c?d@e}"
        let text = shown(range(line, column: 4, length: 3), "'ftp://me:pass@host/?secret' is wrong, http://[::1]:8/?")
        XCTAssertEqual(
            text,
            """
            error: 'ftp://*******@host/?******' is wrong, http://[::1]:8/? [code]
             --> f:1:4
              |
            1 | a: {url: "https://*******@host/a@b?**********", b: https://***@h#* c?d@e}
              |    ^^^

            """)
        var diagnostics = Diagnostics()
        var expanded = range("url: ${u}", column: 6, length: 4)
        expanded.expansion = "https://me:pass@host/"
        diagnostics.error("code", "wrong", at: expanded, notes: ["see http://a:b@c"], help: "not http://a:b@c")
        for text in [DiagnosticRenderer.text(diagnostics), DiagnosticRenderer.json(diagnostics)] {
            XCTAssertFalse(text.contains("pass") || text.contains("a:b@"), text)
        }
    }

    func testMarkerBehindTabs() {
        XCTAssertEqual(
            shown(range("a:\t\tb\tc", column: 5, length: 3)),
            """
            error: wrong [code]
             --> f:1:5
              |
            1 | a:  b c
              |     ^^^

            """)
    }

    func testMarkerBehindWideAndCombiningCharacters() {
        XCTAssertEqual(
            shown(range("名前: e\u{301}🙂 x値", column: 9, length: 2)),
            """
            error: wrong [code]
             --> f:1:9
              |
            1 | 名前: e\u{301}🙂 x値
              |           ^^^

            """)
    }

    func testControlCharactersAreNotSent() {
        let text = shown(
            range("a: \u{1b}[2J\u{9b}\u{202e}\u{200b}\u{ad}\u{a0}x", column: 13, length: 1, path: "\u{1b}]0;\nf"),
            "bad '\u{7}'\nerror: forged")
        XCTAssertEqual(
            text,
            #"""
            error: bad '\u{7}'
                error: forged [code]
             --> \u{1b}]0;\u{a}f:1:13
              |
            1 | a: \u{1b}[2J\u{9b}\u{202e}\u{200b}\u{ad}\u{a0}x
              |                                               ^

            """#)
    }

    func testLongLinesAreCutAroundTheMarker() {
        let line = String(repeating: "a", count: 300) + "HERE" + String(repeating: "b", count: 300)
        let lines = shown(range(line, column: 301, length: 4)).split(separator: "\n").map(String.init)
        XCTAssertEqual(
            lines[3], "1 | …" + String(repeating: "a", count: 60) + "HERE" + String(repeating: "b", count: 56) + "…")
        XCTAssertEqual(lines[4], "  | " + String(repeating: " ", count: 61) + "^^^^")
        let start = shown(range(line, column: 1, length: 1)).split(separator: "\n").map(String.init)
        XCTAssertEqual(start[3], "1 | " + String(repeating: "a", count: 120) + "…")
        let end = shown(range(line, column: 604, length: 1)).split(separator: "\n").map(String.init)
        XCTAssertEqual(end[3], "1 | …" + String(repeating: "b", count: 120))
        XCTAssertEqual(end[4], "  | " + String(repeating: " ", count: 120) + "^")
    }

    func testPlacesOutsideTheFileDoNoHarm() {
        for (line, column, length) in [(1, 99, 3), (99, 1, 1), (0, 0, 0), (-1, -5, -2), (1, 2, Int(Int32.max))] {
            XCTAssertTrue(shown(range("abc", line: line, column: column, length: length)).contains("^"))
        }
    }

    func testGutterIsAsWideAsTheNumber() {
        let text = String(repeating: "\n", count: 9) + "x: y"
        XCTAssertEqual(
            shown(range(text, line: 10, column: 4, length: 1)),
            """
            error: wrong [code]
              --> f:10:4
               |
            10 | x: y
               |    ^

            """)
    }

    func testOrderAndSummary() {
        let first = SourceText(path: "a", bytes: Array("one\ntwo\n".utf8))
        let second = SourceText(path: "b", bytes: Array("one\n".utf8))
        func place(_ source: SourceText, _ line: Int, _ column: Int) -> SourceRange {
            SourceRange(source: source, line: line, column: column, endLine: line, endColumn: column + 1)
        }
        var diagnostics = Diagnostics()
        diagnostics.error("c5", "fifth", at: place(second, 1, 1))
        diagnostics.warning("c4", "fourth", at: place(first, 2, 1), notes: ["a note"], help: "do this")
        diagnostics.error("c3", "third", at: place(first, 1, 2))
        diagnostics.note("c2", "second", at: place(first, 1, 1))
        diagnostics.error("c1", "first", at: nil)
        diagnostics.error("c1", "first", at: nil)
        XCTAssertEqual(
            DiagnosticRenderer.text(diagnostics),
            """
            error: first [c1]
            note: second [c2]
             --> a:1:1
              |
            1 | one
              | ^
            error: third [c3]
             --> a:1:2
              |
            1 | one
              |  ^
            warning: fourth [c4]
             --> a:2:1
              |
            2 | two
              | ^
              = note: a note
              = help: do this
            error: fifth [c5]
             --> b:1:1
              |
            1 | one
              | ^
            3 errors, 1 warning, 1 note

            """)
        XCTAssertEqual(diagnostics.errorCount, 3)
    }

    func testOnlyTheFirstFiftyAreShown() {
        var diagnostics = Diagnostics()
        for number in 0..<67 { diagnostics.error("code", "number \(number)", at: nil) }
        let text = DiagnosticRenderer.text(diagnostics)
        XCTAssertTrue(text.contains("number 49 "))
        XCTAssertFalse(text.contains("number 50 "))
        XCTAssertTrue(text.hasSuffix("and 17 more\n67 errors\n"), text)
        XCTAssertTrue(DiagnosticRenderer.json(diagnostics).contains("number 66"))
    }

    func testColor() {
        var diagnostics = Diagnostics()
        diagnostics.error("code", "wrong", at: range("abc", column: 2, length: 1))
        XCTAssertEqual(
            DiagnosticRenderer.text(diagnostics, color: true),
            """
            \u{1B}[1;31merror\u{1B}[0m: wrong [code]
             --> f:1:2
              |
            1 | abc
              |  \u{1B}[1;31m^\u{1B}[0m

            """)
    }

    func testJSON() {
        var diagnostics = Diagnostics()
        diagnostics.error(
            "code", "bad '\u{1b}\u{202e}\u{e0041}é\"'", at: range("abc", column: 2, length: 1), notes: ["n"], help: "h")
        diagnostics.warning("other", "w", at: nil)
        XCTAssertEqual(
            DiagnosticRenderer.json(diagnostics),
            #"""
            {
              "diagnostics": [
                {
                  "severity": "warning",
                  "code": "other",
                  "message": "w"
                },
                {
                  "severity": "error",
                  "code": "code",
                  "message": "bad '\u001b\u202e\udb40\udc41é\"'",
                  "file": "f",
                  "line": 1,
                  "column": 2,
                  "endLine": 1,
                  "endColumn": 3,
                  "notes": [
                    "n"
                  ],
                  "help": "h"
                }
              ]
            }
            """#)
    }

    func testNearestMatch() {
        let words = ["depends", "pre-depends", "recommends", "to", "mode"]
        XCTAssertEqual(SpellingSuggestion.of("deepnds", among: words), "depends")
        XCTAssertEqual(SpellingSuggestion.of("Depends", among: words), "depends")
        XCTAssertEqual(SpellingSuggestion.of("mdoe", among: words), "mode")
        XCTAssertNil(SpellingSuggestion.of("homepage", among: words))
        XCTAssertNil(SpellingSuggestion.of("x", among: []))
    }

    func testPositionsOfBytes() {
        let source = SourceText(path: "f", bytes: Array("\u{feff}é\r\nb\u{2028}c\u{85}d\re".utf8))
        XCTAssertEqual((1...5).map(source.line), ["é", "b", "c", "d", "e"])
        XCTAssertEqual(source.line(0), "")
        XCTAssertEqual(source.line(6), "")
        let (line, column) = source.position(ofByte: 5)
        XCTAssertEqual([line, column], [1, 2])
        XCTAssertEqual(source.position(ofByte: 1 << 40).line, 5)
        XCTAssertEqual(source.position(ofByte: -1).line, 1)
    }
}
