import XCTest

/// Files that are YAML, or nearly, and no document that we take.
final class DocumentDiagnosticTests: XCTestCase {
    func testControlCharacter() {
        XCTAssertEqual(
            PlanShapes.report("name: a\u{1}b\n"),
            #"""
            error: control character U+0001 is not allowed [yaml]
             --> plan.yaml:1:8
              |
            1 | name: a\u{1}b
              |        ^^^^^
              = help: remove it, or write it as an escape in double quotes

            """#)
    }

    func testSeveralDocuments() {
        XCTAssertEqual(
            PlanShapes.report("name: x\n---\nname: y\n"),
            #"""
            error: the file has several documents [documents]
             --> plan.yaml:2:1
              |
            2 | ---
              | ^^^
              = help: remove the '---', or put each into a file of its own

            """#)
    }

    func testMergeKey() {
        XCTAssertEqual(
            PlanShapes.report("<<: {name: x}\n"),
            #"""
            error: merge keys are not supported [merge-key]
             --> plan.yaml:1:1
              |
            1 | <<: {name: x}
              | ^^
              = help: write the keys out, or include a file that holds them
            error: key 'name' is missing [missing-key]
             --> plan.yaml:1:1
              |
            1 | <<: {name: x}
              | ^^^^^^^^^^^^^
              = help: What it is called. Example: name: first
            2 errors

            """#)
    }

    func testListAsKey() {
        XCTAssertEqual(
            PlanShapes.report("[a]: b\nname: x\n"),
            #"""
            error: a list is where a key is expected [key]
             --> plan.yaml:1:1
              |
            1 | [a]: b
              | ^^^
              = help: a value in braces or brackets needs quotes

            """#)
    }

    func testUnknownTag() {
        XCTAssertEqual(
            PlanShapes.report("name: !!binary aGk=\ntags: !set [a]\n"),
            #"""
            error: tag '!!binary' is not supported [tag]
             --> plan.yaml:1:7
              |
            1 | name: !!binary aGk=
              |       ^^^^^^^^^^^^^
              = help: only '!replace' is; a text that begins with '!' needs quotes
            error: tag '!set' is not supported [tag]
             --> plan.yaml:2:7
              |
            2 | tags: !set [a]
              |       ^^^^^^
              = help: only '!replace' is; a text that begins with '!' needs quotes
            2 errors

            """#)
    }

    func testMalformedTag() {
        XCTAssertEqual(
            PlanShapes.report("name: !<x\n"),
            #"""
            error: '!' begins a tag, which is malformed [yaml]
             --> plan.yaml:1:7
              |
            1 | name: !<x
              |       ^
              = help: a text that begins with '!' needs quotes

            """#)
    }

    func testFileEndsInBrackets() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ntags: [a,\n\n"),
            #"""
            error: the file ends within a list or mapping in brackets [yaml]
             --> plan.yaml:2:10
              |
            2 | tags: [a,
              |          ^
              = help: close it with ']' or '}', or put the text that begins with '[' or '{' in quotes

            """#)
    }

    func testFileEndsInBraces() {
        XCTAssertEqual(
            PlanShapes.report("labels: {a: b\n"),
            #"""
            error: the file ends within a list or mapping in brackets [yaml]
             --> plan.yaml:1:14
              |
            1 | labels: {a: b
              |              ^
              = note: it begins in line 1, column 9
              = help: close it with ']' or '}', or put the text that begins with '[' or '{' in quotes

            """#)
    }

    func testEmptyFile() {
        XCTAssertEqual(
            PlanShapes.report(""),
            #"""
            error: the file holds nothing, not a mapping [type]
             --> plan.yaml:1:1
              |
            1 |
              | ^
              = help: begin with 'key: value' lines

            """#)
    }

    func testListAtTheTop() {
        XCTAssertEqual(
            PlanShapes.report("- a\n"),
            #"""
            error: the file holds a list, not a mapping [type]
             --> plan.yaml:1:1
              |
            1 | - a
              | ^^^
              = help: begin with 'key: value' lines

            """#)
    }

    func testByteOrderMarkIsNoColumn() {
        XCTAssertEqual(
            PlanShapes.report("\u{feff}name: a: b\n"),
            #"""
            error: the line has a second ': ' [yaml]
             --> plan.yaml:1:8
              |
            1 | name: a: b
              |        ^
              = help: put the value in quotes, or begin its mapping on the next line

            """#)
    }

    func testCarriageReturnsEndLines() {
        XCTAssertEqual(
            PlanShapes.report("name: x\rcount: y\r\nlevel: z\n"),
            #"""
            error: expected a whole number (must be >=1 and <=9), found 'y' [type]
             --> plan.yaml:2:8
              |
            2 | count: y
              |        ^
            error: expected one of low, medium, high, found 'z' [enumeration]
             --> plan.yaml:3:8
              |
            3 | level: z
              |        ^
            2 errors

            """#)
    }
}
