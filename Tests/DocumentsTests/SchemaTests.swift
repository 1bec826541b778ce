import Documents
import Foundation
import TestSupport
import XCTest

/// The schema is valid, and says the same as the decoder; the judge is the `jsonschema` package of Python.
final class SchemaTests: XCTestCase {
    private static let judge = """
        import json, sys
        import yaml
        from jsonschema import Draft202012Validator

        def plain(node):
            # As a YAML 1.2 reader with JSON types sees it, without the dates and truth words of YAML 1.1.
            if isinstance(node, yaml.MappingNode):
                return {key.value: plain(value) for key, value in node.value}
            if isinstance(node, yaml.SequenceNode):
                return [plain(item) for item in node.value]
            if node.style in ("'", '"', "|", ">"):
                return node.value
            if node.value in ("", "~", "null"):
                return None
            if node.value in ("true", "false"):
                return node.value == "true"
            for kind in (int, float):
                try:
                    return kind(node.value)
                except ValueError:
                    pass
            return node.value

        request = json.load(sys.stdin)
        schema = request["schema"]
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        answers = [[e.json_path for e in validator.iter_errors(plain(yaml.compose(d)))] for d in request["documents"]]
        examples = []

        def walk(node, path):
            if isinstance(node, dict):
                for example in node.get("examples", []) if "description" in node else []:
                    if list(Draft202012Validator(node).iter_errors(example)):
                        examples.append(path)
                if "default" in node and "description" in node:
                    if list(Draft202012Validator(node).iter_errors(node["default"])):
                        examples.append(path + " default")
                for key, value in node.items():
                    walk(value, path + "/" + key)
            elif isinstance(node, list):
                for index, value in enumerate(node):
                    walk(value, path + "/" + str(index))

        walk(schema, "")
        json.dump({"answers": [len(a) == 0 for a in answers], "examples": examples}, sys.stdout)
        """

    private struct Verdict: Decodable {
        var answers: [Bool]
        var examples: [String]
    }

    private func verdict(_ schema: JSONValue, _ documents: [String]) throws -> Verdict {
        try requireProgram("python3")
        let modules = try TestSupport.run("python3", ["-c", "import jsonschema, yaml"])
        try XCTSkipUnless(modules.status == 0, "python3 has no jsonschema or no yaml: \(modules.errors)")
        let request = JSONValue.object([
            ("schema", schema), ("documents", .array(documents.map { .string($0) })),
        ])
        let result = try TestSupport.run("python3", ["-c", Self.judge], input: Array(request.compact.utf8))
        XCTAssertEqual(result.status, 0, result.errors)
        return try JSONDecoder().decode(Verdict.self, from: Data(result.standardOutput))
    }

    private static let valid = [
        "name: x\n", "name: x\nversion: 1.30\nenabled: false\ncount: 9\nmode: '0755'\nlevel: high\n",
        "name: x\nmode: 0o755\n", "name: x\nmode: 4755\n", "name: x\ntags: a\n", "name: x\ntags: [a, 1, true]\n",
        "name: x\nlabels: {a: b, c: 1}\n", "name: x\nsteps: [{run: ls, mode: '0600'}, {wait: 5}]\n",
        "name: x\nsteps: {wait: 0}\n", "name: x\nremark: ~\n", "name: x\nremark: y\n", "name: x\nlimit: 7\n",
        "name: x\nlimit: low\n", "name: x\nport: ':80'\n",
    ]

    private static let invalid = [
        "{}\n", "- a\n", "count: 2\n", "name: x\ncuont: 2\n", "name: ' '\n", "name: [x]\n", "name: ~\n",
        "name: x\nenabled: yes\n", "name: x\nenabled: 'true'\ncount: 99\n", "name: x\ncount: 0\n",
        "name: x\nlevel: loud\n", "name: x\nmode: '0999'\n", "name: x\nmode: '10000'\n", "name: x\nlabels: [a]\n",
        "name: x\nlabels: {a: [b]}\n", "name: x\ntags: [[a]]\n", "name: x\nsteps: [{foo: 1}]\n",
        "name: x\nsteps: [{run: ls, wait: 1}]\n", "name: x\nsteps: [{run: ls, mdoe: '0644'}]\n",
        "name: x\nsteps: [{wait: 61}]\n", "name: x\nlimit: 101\n", "name: x\nlimit: [1]\n", "name: x\nport: '80'\n",
    ]

    func testSchemaAgreesWithDecoder() throws {
        let schema = PlanShapes.plan.jsonSchema(id: "urn:test:plan", title: "plan")
        let verdict = try verdict(schema, Self.valid + Self.invalid)
        let expected = Self.valid.map { ($0, true) } + Self.invalid.map { ($0, false) }
        XCTAssertEqual(verdict.answers.count, expected.count)
        for (answer, (document, isValid)) in zip(verdict.answers, expected) {
            XCTAssertEqual(answer, isValid, "the schema on \(document)")
            var diagnostics = Diagnostics()
            let plan = PlanShapes.load(["plan.yaml": document], diagnostics: &diagnostics)
            XCTAssertEqual(plan != nil, isValid, "the decoder on \(document)")
        }
        XCTAssertEqual(verdict.examples, [], "examples and defaults that their own schema refuses")
    }

    func testSchemaText() {
        let shape = Shape<Step>.object("Step", "A \"step\".", as: { command, _ in .run(command, mode: nil) }) {
            required("run", .nonEmptyString, "The command.", example: "ls")
            optional("seconds", .integer(0...5), default: 0, "How long.")
        }
        XCTAssertEqual(
            shape.jsonSchema(id: "urn:test:step", title: "step").pretty,
            #"""
            {
              "$schema": "https://json-schema.org/draft/2020-12/schema",
              "$id": "urn:test:step",
              "title": "step",
              "description": "A \"step\".",
              "type": "object",
              "properties": {
                "run": {
                  "description": "The command.",
                  "type": [
                    "string",
                    "number",
                    "boolean"
                  ],
                  "pattern": "\\S",
                  "examples": [
                    "ls"
                  ]
                },
                "seconds": {
                  "description": "How long.",
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 5,
                  "default": 0
                }
              },
              "additionalProperties": false,
              "required": [
                "run"
              ]
            }
            """#)
    }

    private struct Tree: Sendable {
        var name: String
        var children: [Tree]

        static let shape: Shape<Tree> = .object("tree", "A tree.", as: Tree.init) {
            required("name", .string, "Its name.")
            optional("children", .list(of: .named("tree") { Tree.shape }), default: [], "Those below it.")
        }
    }

    func testShapesMayHoldThemselves() throws {
        var diagnostics = Diagnostics()
        func tree(_ text: String) throws -> Tree? {
            let source = SourceText(path: "f", bytes: Array(text.utf8))
            return Tree.shape.decode(try XCTUnwrap(YAMLLoader.load(source, diagnostics: &diagnostics)), &diagnostics)
        }
        let value = try tree("{name: a, children: [{name: b, children: [{name: c}]}, {name: d}]}")
        XCTAssertEqual(value?.children.map(\.name), ["b", "d"])
        XCTAssertEqual(value?.children.first?.children.map(\.name), ["c"])
        XCTAssertNil(try tree("{name: a, children: [{name: b, children: [{nam: c}]}]}"))
        XCTAssertEqual(Set(diagnostics.all.map(\.code)), ["unknown-key", "missing-key"])
        let schema = Tree.shape.jsonSchema(id: "urn:test:tree", title: "tree")
        XCTAssertTrue(schema.compact.contains(##""$defs":{"tree":{"##), schema.compact)
        let verdict = try verdict(
            schema, ["{name: a, children: [{name: b, children: [{name: c}]}]}", "{name: a, children: [{nam: b}]}"])
        XCTAssertEqual(verdict.answers, [true, false])
        XCTAssertTrue(Tree.shape.markdownReference(title: "t").contains("| `children` | list of tree |"))
    }

    func testReference() {
        XCTAssertEqual(
            PlanShapes.plan.markdownReference(title: "plan.yaml"),
            #"""
            # plan.yaml

            ## Plan

            Something to do.

            | key | value | default | meaning |
            |---|---|---|---|
            | `name` (required) | text |  | What it is called. Example: `first`. |
            | `version` | text | `0` | The version \| as text. Example: `1.30`. |
            | `enabled` | true or false | `true` | Whether it runs. Example: `true`. |
            | `count` | a number from 1 to 9 | `3` | How often. |
            | `mode` | octal mode | `0644` | Permission bits. |
            | `level` | low, medium, high | `low` | How loud. |
            | `tags` | list of text |  | Words. Example: `[a, b]`. |
            | `labels` | mapping of names to text |  | Words by name. Example: `{a: b}`. |
            | `steps` | list of `run`, `wait` item |  | What to do. Example: `[{run: ls}, {wait: 5}]`. |
            | `remark` | text, or nothing |  | A remark, or nothing. |
            | `limit` | a number from 0 to 100, or low, medium, high |  | A number or a level. Example: `7`. |
            | `port` | port |  | Where it listens. Example: `':80'`. |

            ## Run

            A command.

            | key | value | default | meaning |
            |---|---|---|---|
            | `run` (required) | text |  | The command. Example: `ls -l`. |
            | `mode` | octal mode |  | The mode of its output. Example: `"0600"`. |

            ## Wait

            A pause.

            | key | value | default | meaning |
            |---|---|---|---|
            | `wait` (required) | a number from 0 to 60 |  | Seconds to wait. Example: `5`. |


            """#)
    }

    func testListsAreWrittenPieceByPiece() {
        let element: @Sendable (Int) -> JSONValue = { .object([("n", .int($0)), ("t", .string("x\n\($0)"))]) }
        for count in [0, 1, 2, 20000] {
            let lazy = JSONValue.object([("a", .list(count: count, element: element)), ("b", .null)])
            let whole = JSONValue.object([("a", .array((0..<count).map(element))), ("b", .null)])
            var pieces: [String] = []
            lazy.writePretty { pieces.append($0) }
            XCTAssertEqual(pieces.joined(), whole.pretty)
            XCTAssertEqual(lazy.compact, whole.compact)
            XCTAssertLessThan(pieces.map(\.utf8.count).max() ?? 0, 70_000)
        }
    }

    func testCompactJSON() {
        let value = JSONValue.object([
            ("b", .array([.null, .bool(true), .int(-1)])), ("a", .object([])), ("c", .string("\u{7f}\t\\")),
        ])
        XCTAssertEqual(value.compact, #"{"b":[null,true,-1],"a":{},"c":"\u007f\t\\"}"#)
    }
}
