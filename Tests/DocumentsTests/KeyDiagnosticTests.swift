import Documents
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
              = help: known keys: count, enabled, labels, level, limit, mode, name, port, remark, steps, tags, version

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
            error: key 'name' is in this mapping twice [duplicate-key]
             --> plan.yaml:3:1
              |
            3 | name: y
              | ^^^^
              = note: the first one is at plan.yaml:1:1
              = help: keep one of them
            error: key 'count' is in this mapping twice [duplicate-key]
             --> plan.yaml:4:1
              |
            4 | count: 2
              | ^^^^^
              = note: the first one is at plan.yaml:2:1
              = help: keep one of them
            error: key 'name' is in this mapping twice [duplicate-key]
             --> plan.yaml:5:1
              |
            5 | name: z
              | ^^^^
              = note: the first one is at plan.yaml:1:1
              = help: keep one of them
            3 errors

            """#)
    }

    func testDuplicateInFlow() {
        XCTAssertEqual(
            PlanShapes.report("name: x\nlabels: {a: b, a: c}\n"),
            #"""
            error: key 'a' is in this mapping twice [duplicate-key]
             --> plan.yaml:2:16
              |
            2 | labels: {a: b, a: c}
              |                ^
              = note: the first one is at plan.yaml:2:10
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
              = help: keep one of them, and move the other to an item of its own
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
              = help: known keys: count, enabled, labels, level, limit, mode, name, port, remark, steps, tags, version

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

    // MARK: - keys that were renamed

    private struct Renamed: Sendable, Equatable {
        var count: Int
        var items: [String]
    }

    private static let item = Shape<String>.object("Item", "An item.", as: { $0 }) {
        required("title", .string, "Its title.", former: "name")
    }

    private static let shape = Shape<Renamed>.object("Renamed", "Keys with former names.", as: Renamed.init) {
        optional("count", .integer(1...9), default: 3, "How often.", former: "number")
        optional("items", .list(of: item), default: [], "Items.")
    }

    private func renamed(_ files: [String: String]) -> (Renamed?, String) {
        var diagnostics = Diagnostics()
        let resolver = IncludeResolver(
            schema: Self.shape.schema, readFile: { Array((files[$0] ?? "").utf8) })
        let node = resolver.load("plan.yaml", diagnostics: &diagnostics)
        let value = node.flatMap { Self.shape.decode($0, &diagnostics) }
        return (value, DiagnosticRenderer.text(diagnostics))
    }

    func testFormerKeysWorkWithANote() {
        let (value, report) = renamed(["plan.yaml": "number: 2\nitems: [{name: a}, {title: b}]\n"])
        XCTAssertEqual(value, Renamed(count: 2, items: ["a", "b"]))
        XCTAssertEqual(
            report,
            #"""
            note: 'number' is now called 'count' [renamed-key]
             --> plan.yaml:1:1
              |
            1 | number: 2
              | ^^^^^^
              = help: write 'count'; the former name still works
            note: 'name' is now called 'title' [renamed-key]
             --> plan.yaml:2:10
              |
            2 | items: [{name: a}, {title: b}]
              |          ^^^^
              = help: write 'title'; the former name still works
            2 notes

            """#)
    }

    func testFormerKeysMergeWithTheirNamesOfToday() {
        let (value, report) = renamed(["plan.yaml": "include: base.yaml\ncount: 5\n", "base.yaml": "number: 2\n"])
        XCTAssertEqual(value, Renamed(count: 5, items: []))
        XCTAssertTrue(report.hasPrefix("note: 'number' is now called 'count'"), report)
    }

    func testFormerKeyBesideItsNameOfToday() {
        let (value, report) = renamed(["plan.yaml": "count: 1\nnumber: 2\n"])
        XCTAssertEqual(value?.count, 1)
        XCTAssertEqual(
            report,
            #"""
            error: 'number' is the former name of 'count', which is here as well [duplicate-key]
             --> plan.yaml:2:1
              |
            2 | number: 2
              | ^^^^^^
              = note: 'count' is at plan.yaml:1:1
              = help: keep 'count'

            """#)
    }

    func testFormerKeysAreNotInTheSchema() {
        let schema = Self.shape.jsonSchema(id: "urn:test", title: "test").compact
        XCTAssertFalse(schema.contains(#""number":"#), schema)
        XCTAssertFalse(Self.shape.markdownReference(title: "test").contains("`number`"))
    }
}
