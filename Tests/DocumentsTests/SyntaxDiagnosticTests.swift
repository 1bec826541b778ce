import XCTest

/// YAML that libyaml refuses, each with what is wrong in the user's text and a remedy.
final class SyntaxDiagnosticTests: XCTestCase {
    func testTabIndents() {
        XCTAssertEqual(
            PlanShapes.report("name:\n\tdeep: 1\n"),
            #"""
            error: the line is indented with a tab [tab]
             --> plan.yaml:2:1
              |
            2 |  deep: 1
              | ^
              = help: YAML counts blanks: replace the tab with blanks

            """#)
    }

    func testTabAfterBlanks() {
        XCTAssertEqual(
            PlanShapes.report("labels:\n  \ta: b\n"),
            #"""
            error: the line is indented with a tab [tab]
             --> plan.yaml:2:3
              |
            2 |    a: b
              |   ^
              = help: YAML counts blanks: replace the tab with blanks

            """#)
    }

    func testTabInLaterLine() {
        XCTAssertEqual(
            PlanShapes.report("labels:\n  a: b\n\tc: d\n"),
            #"""
            error: the line is indented with a tab [tab]
             --> plan.yaml:3:1
              |
            3 |  c: d
              | ^
              = help: YAML counts blanks: replace the tab with blanks

            """#)
    }

    func testTabBehindDash() {
        XCTAssertEqual(
            PlanShapes.report("tags:\n  -\tx: 1\n"),
            #"""
            error: there is a tab where blanks are counted [tab]
             --> plan.yaml:2:4
              |
            2 |   - x: 1
              |    ^
              = help: YAML counts blanks: replace the tab with blanks

            """#)
    }

    func testTabWithinTextIsFine() {
        XCTAssertEqual(
            PlanShapes.report("name: a\tb\ncount: x\n"),
            #"""
            error: expected a whole number (must be >=1 and <=9), found 'x' [type]
             --> plan.yaml:2:8
              |
            2 | count: x
              |        ^

            """#)
    }

    func testIndentationFitsNothing() {
        XCTAssertEqual(
            PlanShapes.report("labels:\n    a: b\n  c: d\n"),
            #"""
            error: the line is indented like nothing above it [yaml]
             --> plan.yaml:3:3
              |
            3 |   c: d
              |   ^
              = note: the mapping around it begins in line 1, column 1
              = help: give the lines of one mapping the same indentation

            """#)
    }

    func testKeyDeeperThanValue() {
        XCTAssertEqual(
            PlanShapes.report("name: x\n count: 2\n"),
            #"""
            error: a key is indented deeper than the value above it [yaml]
             --> plan.yaml:2:7
              |
            2 |  count: 2
              |       ^
              = help: give the keys of a mapping the same indentation; a text of several lines needs '|'

            """#)
    }

    func testSecondColon() {
        XCTAssertEqual(
            PlanShapes.report("name: a: b\n"),
            #"""
            error: the line has a second ': ' [yaml]
             --> plan.yaml:1:8
              |
            1 | name: a: b
              |        ^
              = help: put the value in quotes, or begin its mapping on the next line

            """#)
    }

    func testDoubleQuoteNotClosed() {
        XCTAssertEqual(
            PlanShapes.report("name: \"abc\ncount: 2\n"),
            #"""
            error: the quote is not closed [yaml]
             --> plan.yaml:1:7
              |
            1 | name: "abc
              |       ^
              = help: add '"' after the text

            """#)
    }

    func testSingleQuoteNotClosed() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nversion: 'abc\n"),
            #"""
            error: the quote is not closed [yaml]
             --> plan.yaml:2:10
              |
            2 | version: 'abc
              |          ^
              = help: add "'" after the text

            """#)
    }

    func testTextBehindQuote() {
        XCTAssertEqual(
            PlanShapes.report("name: 'it's'\n"),
            #"""
            error: there is text after the closing quote [yaml]
             --> plan.yaml:1:11
              |
            1 | name: 'it's'
              |           ^
              = help: write '' for a quote inside single quotes

            """#)
    }

    func testUnknownEscape() {
        XCTAssertEqual(
            PlanShapes.report("name: \"a\\qb\"\n"),
            #"""
            error: the escape is unknown in double quotes [yaml]
             --> plan.yaml:1:9
              |
            1 | name: "a\qb"
              |         ^
              = help: write '\\' for a backslash, or use single quotes

            """#)
    }

    func testBracketNotClosed() {
        XCTAssertEqual(
            PlanShapes.report("tags: [a, b\nname: x\n"),
            #"""
            error: the list goes on without ',' or ']' [yaml]
             --> plan.yaml:2:5
              |
            2 | name: x
              |     ^
              = note: it begins in line 1, column 7
              = help: close it with ']', or put a comma between its values

            """#)
    }

    func testBraceNotClosed() {
        XCTAssertEqual(
            PlanShapes.report("labels: {a: b\nname: x\n"),
            #"""
            error: the mapping goes on without ',' or '}' [yaml]
             --> plan.yaml:2:5
              |
            2 | name: x
              |     ^
              = note: it begins in line 1, column 9
              = help: close it with '}', or put a comma between its values

            """#)
    }

    func testBraceWithoutBeginning() {
        XCTAssertEqual(
            PlanShapes.report("name: }\n"),
            #"""
            error: '}' has no '{' before it [yaml]
             --> plan.yaml:1:7
              |
            1 | name: }
              |       ^
              = help: put the text in quotes, or remove the '}'

            """#)
    }

    func testGlobIsAnAlias() {
        XCTAssertEqual(
            PlanShapes.report("tags: [*.orig]\n"),
            #"""
            error: '*' begins an alias, which needs a name [yaml]
             --> plan.yaml:1:8
              |
            1 | tags: [*.orig]
              |        ^
              = help: a text that begins with '*' needs quotes

            """#)
    }

    func testStarAlone() {
        XCTAssertEqual(
            PlanShapes.report("name: *\n"),
            #"""
            error: '*' begins an alias, which needs a name [yaml]
             --> plan.yaml:1:7
              |
            1 | name: *
              |       ^
              = help: a text that begins with '*' needs quotes

            """#)
    }

    func testAliasWithoutAnchor() {
        XCTAssertEqual(
            PlanShapes.report("tags: &some [a]\nsteps: *sone\n"),
            #"""
            error: alias '*sone' has no anchor before it [alias]
             --> plan.yaml:2:8
              |
            2 | steps: *sone
              |        ^^^^^
              = help: did you mean '*some'?

            """#)
    }

    func testReservedCharacter() {
        XCTAssertEqual(
            PlanShapes.report("name: @home\n"),
            #"""
            error: no text can begin with '@' [yaml]
             --> plan.yaml:1:7
              |
            1 | name: @home
              |       ^
              = help: put the text in quotes

            """#)
    }

    func testPercentSign() {
        XCTAssertEqual(
            PlanShapes.report("name: %d\n"),
            #"""
            error: no text can begin with '%' [yaml]
             --> plan.yaml:1:7
              |
            1 | name: %d
              |       ^
              = help: put the text in quotes

            """#)
    }

    func testListBehindKey() {
        XCTAssertEqual(
            PlanShapes.report("tags: - a\n"),
            #"""
            error: a list cannot begin on the line of its key [yaml]
             --> plan.yaml:1:7
              |
            1 | tags: - a
              |       ^
              = help: begin it on the next line, or write it in brackets: [a, b]

            """#)
    }

    func testKeyAmongItems() {
        XCTAssertEqual(
            PlanShapes.report("- a\nname: x\n"),
            #"""
            error: there is a key among the items of a list [yaml]
             --> plan.yaml:2:1
              |
            2 | name: x
              | ^
              = note: the list begins in line 1
              = help: write '- key: value', or indent the list below its key

            """#)
    }

    func testItemAmongKeys() {
        XCTAssertEqual(
            PlanShapes.report("name: x\n- a\n"),
            #"""
            error: there is an item among the keys of a mapping [yaml]
             --> plan.yaml:2:1
              |
            2 | - a
              | ^
              = note: the mapping begins in line 1
              = help: indent it below the key that it belongs to

            """#)
    }

    func testLineWithoutColon() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount\nlevel: low\n"),
            #"""
            error: the line is neither 'key: value' nor the rest of a value [yaml]
             --> plan.yaml:2:1
              |
            2 | count
              | ^
              = help: add ':' after the key, or indent the line if the text above goes on

            """#)
    }

    func testBlockHeader() {
        XCTAssertEqual(
            PlanShapes.report("name: |text\n"),
            #"""
            error: '|' begins a block of text, which starts on the next line [yaml]
             --> plan.yaml:1:8
              |
            1 | name: |text
              |        ^
              = help: put the text in the lines below, indented, or in quotes

            """#)
    }
}
