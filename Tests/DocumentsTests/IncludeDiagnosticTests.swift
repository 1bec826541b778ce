import XCTest

/// Files that cannot be included.
final class IncludeDiagnosticTests: XCTestCase {
    func testMissingFile() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: [comon.yaml]\n", more: ["common.yaml": "count: 2\n"]),
            #"""
            error: there is no file 'comon.yaml' [include-unreadable]
             --> plan.yaml:2:11
              |
            2 | include: [comon.yaml]
              |           ^^^^^^^^^^
              = help: 'common.yaml' exists

            """#)
    }

    func testMissingInFolder() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude:\n  - sub/a.yaml\n", more: ["sub/a.yaml": "include: [b.yaml]\n"]),
            #"""
            error: there is no file 'sub/b.yaml' [include-unreadable]
             --> sub/a.yaml:1:11
              |
            1 | include: [b.yaml]
              |           ^^^^^^
              = help: 'sub/a.yaml' exists

            """#)
    }

    func testCycle() {
        XCTAssertEqual(
            PlanShapes.report(
                "name: x\ninclude: [a.yaml]\n",
                more: ["a.yaml": "include: [sub/b.yaml]\n", "sub/b.yaml": "include: [../plan.yaml]\n"]),
            #"""
            error: 'plan.yaml' includes itself [include-cycle]
             --> sub/b.yaml:1:11
              |
            1 | include: [../plan.yaml]
              |           ^^^^^^^^^^^^
              = note: plan.yaml → a.yaml → sub/b.yaml → plan.yaml
              = help: remove one of the includes

            """#)
    }

    func testItselfUnderAnotherName() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: [./sub/../plan.yaml]\n", more: [:]),
            #"""
            error: 'plan.yaml' includes itself [include-cycle]
             --> plan.yaml:2:11
              |
            2 | include: [./sub/../plan.yaml]
              |           ^^^^^^^^^^^^^^^^^^
              = note: plan.yaml → plan.yaml
              = help: remove one of the includes

            """#)
    }

    func testMistakeInIncludedFile() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: [a.yaml]\n", more: ["a.yaml": "count: many\n"]),
            #"""
            error: expected a whole number (must be >=1 and <=9), found 'many' [type]
             --> a.yaml:1:8
              |
            1 | count: many
              |        ^^^^

            """#)
    }

    func testMistakesInSeveralFiles() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount: many\ninclude: [a.yaml]\n", more: ["a.yaml": "level: loud\n"]),
            #"""
            error: expected one of low, medium, high, found 'loud' [enumeration]
             --> a.yaml:1:8
              |
            1 | level: loud
              |        ^^^^
            error: expected a whole number (must be >=1 and <=9), found 'many' [type]
             --> plan.yaml:2:8
              |
            2 | count: many
              |        ^^^^
            2 errors

            """#)
    }

    func testSyntaxInIncludedFile() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: a.yaml\n", more: ["a.yaml": "level: [\n"]),
            #"""
            error: the file ends within a list or mapping in brackets [yaml]
             --> a.yaml:1:9
              |
            1 | level: [
              |         ^
              = help: close it with ']' or '}', or put the text that begins with '[' or '{' in quotes

            """#)
    }

    func testIncludedListAtTheTop() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: a.yaml\n", more: ["a.yaml": "- x\n"]),
            #"""
            error: the file holds a list, not a mapping [type]
             --> a.yaml:1:1
              |
            1 | - x
              | ^^^
              = help: begin with 'key: value' lines

            """#)
    }

    func testIncludeIsAMapping() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: {a: b}\n", more: [:]),
            #"""
            error: 'include' is a mapping, not a list of files [type]
             --> plan.yaml:2:10
              |
            2 | include: {a: b}
              |          ^^^^^^

            """#)
    }

    func testIncludeOfNothing() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ninclude: [~, [a], '']\n", more: [:]),
            #"""
            error: an include is nothing, not a file name [type]
             --> plan.yaml:2:11
              |
            2 | include: [~, [a], '']
              |           ^
            error: an include is a list, not a file name [type]
             --> plan.yaml:2:14
              |
            2 | include: [~, [a], '']
              |              ^^^
            error: an include is an empty text, not a file name [type]
             --> plan.yaml:2:19
              |
            2 | include: [~, [a], '']
              |                   ^^
            3 errors

            """#)
    }
}
