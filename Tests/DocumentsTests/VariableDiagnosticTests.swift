import XCTest

/// Variables that cannot be put in.
final class VariableDiagnosticTests: XCTestCase {
    func testUndefined() {
        XCTAssertEqual(
            PlanShapes.report("name: a-${nmae}-b\nvariables: {name: x}\n"),
            #"""
            error: there is no variable 'nmae' [undefined-variable]
             --> plan.yaml:1:9
              |
            1 | name: a-${nmae}-b
              |         ^^^^^^^
              = help: did you mean '${name}'?

            """#)
    }

    func testUndefinedWithoutNearest() {
        XCTAssertEqual(
            PlanShapes.report("name: ${zz}\n"),
            #"""
            error: there is no variable 'zz' [undefined-variable]
             --> plan.yaml:1:7
              |
            1 | name: ${zz}
              |       ^^^^^
              = help: define it under 'variables', or give a default: ${zz:-…}

            """#)
    }

    func testUndefinedEnvironment() {
        XCTAssertEqual(
            PlanShapes.report("name: ${env:HOM}\n"),
            #"""
            error: the environment has no variable 'HOM' [undefined-variable]
             --> plan.yaml:1:7
              |
            1 | name: ${env:HOM}
              |       ^^^^^^^^^^
              = help: set it, or give a default: ${env:HOM:-…}

            """#)
    }

    func testTwoInOneText() {
        XCTAssertEqual(
            PlanShapes.report("name: ${a} and ${b}\n"),
            #"""
            error: there is no variable 'a' [undefined-variable]
             --> plan.yaml:1:7
              |
            1 | name: ${a} and ${b}
              |       ^^^^
              = help: define it under 'variables', or give a default: ${a:-…}
            error: there is no variable 'b' [undefined-variable]
             --> plan.yaml:1:16
              |
            1 | name: ${a} and ${b}
              |                ^^^^
              = help: define it under 'variables', or give a default: ${b:-…}
            2 errors

            """#)
    }

    func testInsideQuotes() {
        XCTAssertEqual(
            PlanShapes.report("name: \"x ${a}\"\n"),
            #"""
            error: there is no variable 'a' [undefined-variable]
             --> plan.yaml:1:10
              |
            1 | name: "x ${a}"
              |          ^^^^
              = help: define it under 'variables', or give a default: ${a:-…}

            """#)
    }

    func testInsideBlockText() {
        XCTAssertEqual(
            PlanShapes.report("name: |\n  one\n  two ${a} three\n"),
            #"""
            error: there is no variable 'a' [undefined-variable]
             --> plan.yaml:3:7
              |
            3 |   two ${a} three
              |       ^^^^
              = help: define it under 'variables', or give a default: ${a:-…}

            """#)
    }

    func testInsideFoldedQuotes() {
        XCTAssertEqual(
            PlanShapes.report("name: \"one\n  two ${a} three\"\n"),
            #"""
            error: there is no variable 'a' [undefined-variable]
             --> plan.yaml:2:7
              |
            2 |   two ${a} three"
              |       ^^^^
              = help: define it under 'variables', or give a default: ${a:-…}

            """#)
    }

    func testInsideEscapedQuotes() {
        XCTAssertEqual(
            PlanShapes.report("name: \"\\t ${a} \\x24{b}\"\n"),
            #"""
            error: there is no variable 'a' [undefined-variable]
             --> plan.yaml:1:7
              |
            1 | name: "\t ${a} \x24{b}"
              |       ^^^^^^^^^^^^^^^^^
              = help: define it under 'variables', or give a default: ${a:-…}
            error: there is no variable 'b' [undefined-variable]
             --> plan.yaml:1:7
              |
            1 | name: "\t ${a} \x24{b}"
              |       ^^^^^^^^^^^^^^^^^
              = help: define it under 'variables', or give a default: ${b:-…}
            2 errors

            """#)
    }

    func testNotClosed() {
        XCTAssertEqual(
            PlanShapes.report("name: a${b\n"),
            #"""
            error: '${' has no '}' [variable-syntax]
             --> plan.yaml:1:8
              |
            1 | name: a${b
              |        ^^
              = help: add '}', or write '$$' for a dollar sign

            """#)
    }

    func testNoName() {
        XCTAssertEqual(
            PlanShapes.report("name: a${}\n"),
            #"""
            error: '${}' does not name a variable [variable-syntax]
             --> plan.yaml:1:8
              |
            1 | name: a${}
              |        ^^^
              = help: letters, digits, '.', '_' and '-'; write '$$' for a dollar sign

            """#)
    }

    func testBadName() {
        XCTAssertEqual(
            PlanShapes.report("name: ${a b}\n"),
            #"""
            error: '${a b}' does not name a variable [variable-syntax]
             --> plan.yaml:1:7
              |
            1 | name: ${a b}
              |       ^^^^^^
              = help: letters, digits, '.', '_' and '-'; write '$$' for a dollar sign

            """#)
    }

    func testDefaultNotClosed() {
        XCTAssertEqual(
            PlanShapes.report("name: ${a:-${b}\n"),
            #"""
            error: '${' has no '}' [variable-syntax]
             --> plan.yaml:1:7
              |
            1 | name: ${a:-${b}
              |       ^^
              = help: add '}', or write '$$' for a dollar sign

            """#)
    }

    func testCycle() {
        XCTAssertEqual(
            PlanShapes.report("name: ${a}\nvariables:\n  a: x${b}\n  b: ${c}\n  c: ${a}\n"),
            #"""
            error: variable 'a' refers to itself [variable-cycle]
             --> plan.yaml:3:6
              |
            3 |   a: x${b}
              |      ^^^^^
              = note: a → b → c → a

            """#)
    }

    func testDefinedByItself() {
        XCTAssertEqual(
            PlanShapes.report("name: ${a}\nvariables: {a: \"${a}\"}\n"),
            #"""
            error: variable 'a' refers to itself [variable-cycle]
             --> plan.yaml:2:16
              |
            2 | variables: {a: "${a}"}
              |                ^^^^^^
              = note: a → a

            """#)
    }

    func testExpandedValueInNote() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount: ${n}\nvariables: {n: many}\n"),
            #"""
            error: expected a whole number (must be >=1 and <=9), found 'many' [type]
             --> plan.yaml:2:8
              |
            2 | count: ${n}
              |        ^^^^
              = note: with its variables it is 'many'

            """#)
    }

    func testOffsetInExpandedValue() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nport: ${p}\nvariables: {p: \":8x\"}\n"),
            #"""
            error: 'x' is not a digit [port]
             --> plan.yaml:2:7
              |
            2 | port: ${p}
              |       ^^^^
              = note: with its variables it is ':8x'

            """#)
    }

    func testDefinitionIsAList() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nvariables: {a: [1], b: , 'c d': e}\n"),
            #"""
            error: expected a text, found a list [type]
             --> plan.yaml:2:16
              |
            2 | variables: {a: [1], b: , 'c d': e}
              |                ^^^
            error: a value is missing [missing-value]
             --> plan.yaml:2:24
              |
            2 | variables: {a: [1], b: , 'c d': e}
              |                        ^
              = help: write a text, or remove the key; an empty text is ''
            error: 'c d' is not a name for a variable [variable-name]
             --> plan.yaml:2:26
              |
            2 | variables: {a: [1], b: , 'c d': e}
              |                          ^^^^^
              = help: letters, digits, '.', '_' and '-'
            3 errors

            """#)
    }

    func testDefinitionsAreAList() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nvariables: [a]\n"),
            #"""
            error: expected a mapping of names to texts, found a list [type]
             --> plan.yaml:2:12
              |
            2 | variables: [a]
              |            ^^^

            """#)
    }
}
