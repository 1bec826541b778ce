import XCTest

/// Keys that are unknown, twice or missing, all of them at once.
final class KeyDiagnosticTests: XCTestCase {
    func testUnknownKeyWithNearest() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncuont: 2\n"),
            #"""
            error: unknown key 'cuont' [unknown-key]
             --> plan.yaml:2:1
              |
            2 | cuont: 2
              | ^^^^^
              = help: did you mean 'count'?

            """#)
    }

    func testUnknownKeyWithoutNearest() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nzzzzzz: 2\n"),
            #"""
            error: unknown key 'zzzzzz' [unknown-key]
             --> plan.yaml:2:1
              |
            2 | zzzzzz: 2
              | ^^^^^^
              = help: known here: count, enabled, labels, level, limit, mode, name, port, remark, steps, tags, version

            """#)
    }

    func testMissingKey() {
        XCTAssertEqual(
            PlanShapes.report("count: 2\n"),
            #"""
            error: key 'name' is missing [missing-key]
             --> plan.yaml:1:1
              |
            1 | count: 2
              | ^^^^^^^^
              = help: What it is called. Example: name: first

            """#)
    }

    func testEveryDuplicate() {
        XCTAssertEqual(
            PlanShapes.report("name: x\ncount: 1\nname: y\ncount: 2\nname: z\n"),
            #"""
            error: key 'name' stands twice in one mapping [duplicate-key]
             --> plan.yaml:3:1
              |
            3 | name: y
              | ^^^^
              = note: it stands in plan.yaml:1:1 already
              = help: keep one of them
            error: key 'count' stands twice in one mapping [duplicate-key]
             --> plan.yaml:4:1
              |
            4 | count: 2
              | ^^^^^
              = note: it stands in plan.yaml:2:1 already
              = help: keep one of them
            error: key 'name' stands twice in one mapping [duplicate-key]
             --> plan.yaml:5:1
              |
            5 | name: z
              | ^^^^
              = note: it stands in plan.yaml:1:1 already
              = help: keep one of them
            3 errors

            """#)
    }

    func testDuplicateInFlow() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlabels: {a: b, a: c}\n"),
            #"""
            error: key 'a' stands twice in one mapping [duplicate-key]
             --> plan.yaml:2:16
              |
            2 | labels: {a: b, a: c}
              |                ^
              = note: it stands in plan.yaml:2:10 already
              = help: keep one of them

            """#)
    }

    func testEverythingAtOnce() {
        XCTAssertEqual(
            PlanShapes.report(
                "nmae: x\ncount: many\nenabled: yes\nsteps:\n  - rnu: ls\n  - run: ls\n    wait: 2\n  - run: ls\n    mdoe: '0644'\n"
            ),
            #"""
            error: unknown key 'nmae' [unknown-key]
             --> plan.yaml:1:1
              |
            1 | nmae: x
              | ^^^^
              = help: did you mean 'name'?
            error: key 'name' is missing [missing-key]
             --> plan.yaml:1:1
              |
            1 | nmae: x
              | ^^^^^^^
              = help: What it is called. Example: name: first
            error: expected a whole number (must be >=1 and <=9), found 'many' [type]
             --> plan.yaml:2:8
              |
            2 | count: many
              |        ^^^^
            error: expected true or false, found 'yes' [type]
             --> plan.yaml:3:10
              |
            3 | enabled: yes
              |          ^^^
              = help: write 'true'
            error: the item has none of 'run', 'wait' [item-kind]
             --> plan.yaml:5:5
              |
            5 |   - rnu: ls
              |     ^^^^^^^
              = help: did you mean 'run' for 'rnu'?
            error: the item has 'run' and 'wait' [item-kind]
             --> plan.yaml:7:5
              |
            7 |     wait: 2
              |     ^^^^
              = help: keep one of them and make another item of the other
            error: unknown key 'mdoe' [unknown-key]
             --> plan.yaml:9:5
              |
            9 |     mdoe: '0644'
              |     ^^^^
              = help: did you mean 'mode'?
            7 errors

            """#)
    }

    func testItemHasNoKind() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nsteps: [{foo: 1}]\n"),
            #"""
            error: the item has none of 'run', 'wait' [item-kind]
             --> plan.yaml:2:9
              |
            2 | steps: [{foo: 1}]
              |         ^^^^^^^^

            """#)
    }

    func testItemIsNoMapping() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nsteps: [ls]\n"),
            #"""
            error: expected a mapping with one of 'run', 'wait', found 'ls' [type]
             --> plan.yaml:2:9
              |
            2 | steps: [ls]
              |         ^^

            """#)
    }

    func testKeyWithNewline() {
        XCTAssertEqual(
            PlanShapes.report("name: x\n\"a\\nerror: forged\": 1\n"),
            #"""
            error: unknown key 'a
                error: forged' [unknown-key]
             --> plan.yaml:2:1
              |
            2 | "a\nerror: forged": 1
              | ^^^^^^^^^^^^^^^^^^
              = help: known here: count, enabled, labels, level, limit, mode, name, port, remark, steps, tags, version

            """#)
    }

    func testValidation() {
        XCTAssertEqual(
            PlanShapes.report("name: a\nversion: a\n"),
            #"""
            error: name and version are the same [same]
             --> plan.yaml:2:10
              |
            2 | version: a
              |          ^

            """#)
    }
}
