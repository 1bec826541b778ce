import XCTest

/// Values of the wrong type.
final class TypeDiagnosticTests: XCTestCase {
    func testYesIsNoBoolean() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nenabled: yes\n"),
            #"""
            error: expected true or false, found 'yes' [type]
             --> plan.yaml:2:10
              |
            2 | enabled: yes
              |          ^^^
              = help: write 'true'

            """#)
    }

    func testOffIsNoBoolean() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nenabled: off\n"),
            #"""
            error: expected true or false, found 'off' [type]
             --> plan.yaml:2:10
              |
            2 | enabled: off
              |          ^^^
              = help: write 'false'

            """#)
    }

    func testWordIsNoBoolean() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nenabled: maybe\n"),
            #"""
            error: expected true or false, found 'maybe' [type]
             --> plan.yaml:2:10
              |
            2 | enabled: maybe
              |          ^^^^^
              = help: write 'true' or 'false'

            """#)
    }

    func testListIsNoText() {
        XCTAssertEqual(
            PlanShapes.report("name: [x]\n"),
            #"""
            error: expected text, found a list [type]
             --> plan.yaml:1:7
              |
            1 | name: [x]
              |       ^^^

            """#)
    }

    func testMappingIsNoText() {
        XCTAssertEqual(
            PlanShapes.report("name: {x: y}\n"),
            #"""
            error: expected text, found a mapping [type]
             --> plan.yaml:1:7
              |
            1 | name: {x: y}
              |       ^^^^^^

            """#)
    }

    func testTextIsNoMapping() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlabels: y\n"),
            #"""
            error: expected a mapping, found 'y' [type]
             --> plan.yaml:2:9
              |
            2 | labels: y
              |         ^

            """#)
    }

    func testMissingValue() {
        XCTAssertEqual(
            PlanShapes.report("name:\ncount: ~\n"),
            #"""
            error: a value is missing [missing-value]
             --> plan.yaml:1:6
              |
            1 | name:
              |      ^
              = help: write text, or remove the key
            error: a value is missing [missing-value]
             --> plan.yaml:2:8
              |
            2 | count: ~
              |        ^
              = help: write a whole number, or remove the key
            2 errors

            """#)
    }

    func testNullWord() {
        XCTAssertEqual(
            PlanShapes.report("name: null\n"),
            #"""
            error: a value is missing [missing-value]
             --> plan.yaml:1:7
              |
            1 | name: null
              |       ^^^^
              = help: write text, or remove the key

            """#)
    }

    func testNoListAtAll() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ntags:\n"),
            #"""
            error: a value is missing [missing-value]
             --> plan.yaml:2:6
              |
            2 | tags:
              |      ^
              = help: write '[]' for an empty list, or remove the key

            """#)
    }

    func testEmptyText() {
        XCTAssertEqual(
            PlanShapes.report("name: ''\n"),
            #"""
            error: the text is empty [empty]
             --> plan.yaml:1:7
              |
            1 | name: ''
              |       ^^
              = help: write a value, or remove the key

            """#)
    }

    func testNumberTooLarge() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount: 10\n"),
            #"""
            error: expected a whole number (must be >=1 and <=9), found '10' [type]
             --> plan.yaml:2:8
              |
            2 | count: 10
              |        ^^

            """#)
    }

    func testNumberBeyondEverything() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount: 99999999999999999999\n"),
            #"""
            error: expected a whole number (must be >=1 and <=9), found '99999999999999999999' [type]
             --> plan.yaml:2:8
              |
            2 | count: 99999999999999999999
              |        ^^^^^^^^^^^^^^^^^^^^

            """#)
    }

    func testNumberInHexadecimal() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount: 0x5\n"),
            #"""
            error: expected a whole number (must be >=1 and <=9), found '0x5' [type]
             --> plan.yaml:2:8
              |
            2 | count: 0x5
              |        ^^^

            """#)
    }

    func testModeWithNine() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nmode: 0698\n"),
            #"""
            error: '0698' is not an octal mode (must be >=000 and <=7777) [mode]
             --> plan.yaml:2:7
              |
            2 | mode: 0698
              |       ^^^^
              = help: write it such as "0644" or "4755"

            """#)
    }

    func testModeTooLarge() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nmode: 10000\n"),
            #"""
            error: '10000' is not an octal mode (must be >=000 and <=7777) [mode]
             --> plan.yaml:2:7
              |
            2 | mode: 10000
              |       ^^^^^
              = help: write it such as "0644" or "4755"

            """#)
    }

    func testModeWithSign() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nmode: \"-000\"\n"),
            #"""
            error: '-000' is not an octal mode (must be >=000 and <=7777) [mode]
             --> plan.yaml:2:7
              |
            2 | mode: "-000"
              |       ^^^^^^
              = help: write it such as "0644" or "4755"

            """#)
    }

    func testModeTooShort() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nmode: 7\n"),
            #"""
            error: '7' is not an octal mode (must be >=000 and <=7777) [mode]
             --> plan.yaml:2:7
              |
            2 | mode: 7
              |       ^
              = help: write it such as "0644" or "4755"

            """#)
    }

    func testUnknownWord() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlevel: hihg\n"),
            #"""
            error: expected one of low, medium, high, found 'hihg' [enumeration]
             --> plan.yaml:2:8
              |
            2 | level: hihg
              |        ^^^^
              = help: did you mean 'high'?

            """#)
    }

    func testUnknownWordWithoutNearest() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlevel: none\n"),
            #"""
            error: expected one of low, medium, high, found 'none' [enumeration]
             --> plan.yaml:2:8
              |
            2 | level: none
              |        ^^^^

            """#)
    }

    func testNoneOfSeveral() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlimit: 101\n"),
            #"""
            error: expected a number from 0 to 100, or low, medium, high, found '101' [type]
             --> plan.yaml:2:8
              |
            2 | limit: 101
              |        ^^^

            """#)
    }

    func testNeitherKindOfSeveral() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlimit: [1]\n"),
            #"""
            error: expected a number from 0 to 100, or low, medium, high, found a list [type]
             --> plan.yaml:2:8
              |
            2 | limit: [1]
              |        ^^^

            """#)
    }

    func testOffsetInPlainText() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nport: :8a0\n"),
            #"""
            error: 'a' is not a digit [port]
             --> plan.yaml:2:9
              |
            2 | port: :8a0
              |         ^^

            """#)
    }

    func testOffsetInQuotes() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nport: ':80x'\n"),
            #"""
            error: 'x' is not a digit [port]
             --> plan.yaml:2:11
              |
            2 | port: ':80x'
              |           ^^

            """#)
    }

    func testOffsetBehindWideText() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nport: ':8é'\n"),
            #"""
            error: 'é' is not a digit [port]
             --> plan.yaml:2:10
              |
            2 | port: ':8é'
              |          ^^

            """#)
    }

    func testOffsetInEscapesIsNotTold() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nport: \":8\\x61\"\n"),
            #"""
            error: 'a' is not a digit [port]
             --> plan.yaml:2:7
              |
            2 | port: ":8\x61"
              |       ^^^^^^^^

            """#)
    }

    func testParserWithoutOffset() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nport: ':70000'\n"),
            #"""
            error: port ':70000' is too large (must be >=1 and <=65535) [port]
             --> plan.yaml:2:7
              |
            2 | port: ':70000'
              |       ^^^^^^^^

            """#)
    }

    func testErrorAtTheAnchor() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nenabled: &a yes\ncount: *a\n"),
            #"""
            error: expected true or false, found 'yes' [type]
             --> plan.yaml:2:10
              |
            2 | enabled: &a yes
              |          ^^^^^^
              = help: write 'true'
            error: expected a whole number (must be >=1 and <=9), found 'yes' [type]
             --> plan.yaml:2:10
              |
            2 | enabled: &a yes
              |          ^^^^^^
            2 errors

            """#)
    }
}
