import Documents
import Foundation
import Platform
import TestSupport
import XCTest

/// Loading, merging, variables and decoding.
final class DocumentsTests: XCTestCase {
    private enum Color: String, CaseIterable, Sendable { case red, green }

    private struct Item: Sendable {
        var name: Located<String>
        var mode: UInt16?
        var count: Int
        var isOn: Bool
        var color: Color?
        var tags: [String]
        var more: [(name: Located<String>, value: String)]
    }

    private var item: Shape<Item> {
        .object(
            "Item", "An item.", as: { Item(name: $0, mode: $1, count: $2, isOn: $3, color: $4, tags: $5, more: $6) }
        ) {
            required("name", .located(.nonEmptyString), "Its name.", example: "x")
            optional("mode", .octalMode, "Its mode.")
            optional("count", .integer(1...9), default: 7, "How many.")
            optional("on", .boolean, default: false, "Whether it is on.")
            optional("color", .enumeration(Color.self), "Its colour.")
            optional("tags", .list(of: .string), default: [], "Its tags.")
            optional("more", .entries(of: .string), default: [], "Anything else.")
        }
    }

    private func load(_ text: String, _ diagnostics: inout Diagnostics) -> YAMLNode? {
        YAMLLoader.load(SourceText(path: "f.yaml", bytes: Array(text.utf8)), diagnostics: &diagnostics)
    }

    private func decode(_ text: String) -> (Item?, String) {
        var diagnostics = Diagnostics()
        let value = load(text, &diagnostics).flatMap { item.decode($0, &diagnostics) }
        return (value, DiagnosticRenderer.text(diagnostics))
    }

    func testScalarsAreWhatTheShapeSays() {
        let (value, errors) = decode(
            "name: 1.30\nmode: 0755\ncount: 3\non: true\ncolor: red\ntags: one\nmore: {a: 1, b: x}\n")
        XCTAssertEqual(errors, "")
        XCTAssertEqual(value?.name.value, "1.30")
        XCTAssertEqual(value?.mode, 0o755)
        XCTAssertEqual(value?.tags, ["one"])
        XCTAssertEqual(value?.more.map(\.name.value), ["a", "b"])
        for (text, mode) in [("\"4755\"", 0o4755), ("0o644", 0o644), ("000", 0)] {
            XCTAssertEqual(decode("name: x\nmode: \(text)\n").0?.mode, UInt16(mode))
        }
    }

    func testEverythingThatIsWrongIsShownInTheUsersText() {
        let (value, errors) = decode("nam: x\nmode: 999\n\"on\": yes\ncolor: gren\ntags: {a: b}\n")
        XCTAssertNil(value)
        XCTAssertEqual(
            errors,
            """
            error: unknown key 'nam' [unknown-key]
             --> f.yaml:1:1
              |
            1 | nam: x
              | ^^^
              = help: did you mean 'name'?
            error: key 'name' is missing [missing-key]
             --> f.yaml:1:1
              |
            1 | nam: x
              | ^^^^^^
              = help: Its name. Example: name: x
            error: '999' is not an octal mode (must be >=000 and <=7777) [mode]
             --> f.yaml:2:7
              |
            2 | mode: 999
              |       ^^^
              = help: write it such as "0644" or "4755"
            error: expected true or false, found 'yes' [type]
             --> f.yaml:3:7
              |
            3 | "on": yes
              |       ^^^
              = help: write 'true'
            error: expected one of red, green, found 'gren' [enumeration]
             --> f.yaml:4:8
              |
            4 | color: gren
              |        ^^^^
              = help: did you mean 'green'?
            error: expected text, found a mapping [type]
             --> f.yaml:5:7
              |
            5 | tags: {a: b}
              |       ^^^^^^
            6 errors

            """)
    }

    func testTerminalIsNotDrivenByTheFile() {
        let (_, errors) = decode("name: x\n\"a\\e[31m\": b\n")
        XCTAssertTrue(errors.contains("unknown key 'a\\u{1b}[31m'"), errors)
        XCTAssertFalse(errors.contains("\u{1b}"), errors)
    }

    func testLongLinesAreCutAroundTheMarker() {
        let (_, errors) = decode("name: x\ntags: [" + String(repeating: "aaaaaaaaa, ", count: 30) + "{b: c}]\n")
        let lines = errors.split(separator: "\n")
        XCTAssertTrue(lines.allSatisfy { $0.count < 140 }, errors)
        XCTAssertTrue(lines.contains { $0.contains("{b: c}") && $0.contains("…") }, errors)
    }

    func testMerging() throws {
        var diagnostics = Diagnostics()
        let base = try XCTUnwrap(load("a: {x: 1, y: 2}\nl: [1]\ns: 1\nr: [1]\n", &diagnostics))
        let top = try XCTUnwrap(load("a: {y: 3, z: 4}\nl: [2]\ns: 2\nr: !replace [2]\n", &diagnostics))
        func texts(_ node: YAMLNode?) -> [String] {
            guard case .sequence(let items) = node?.content else { return [] }
            return items.compactMap(\.scalarText)
        }
        let merged = NodeMerge.overlay(base, top, lists: .append)
        XCTAssertEqual(merged[key: "a"]?[key: "x"]?.scalarText, "1")
        XCTAssertEqual(merged[key: "a"]?[key: "y"]?.scalarText, "3")
        XCTAssertEqual(merged[key: "a"]?[key: "z"]?.scalarText, "4")
        XCTAssertEqual(texts(merged[key: "l"]), ["1", "2"])
        XCTAssertEqual(texts(merged[key: "r"]), ["2"])
        XCTAssertEqual(texts(NodeMerge.overlay(base, top, lists: .replace)[key: "l"]), ["2"])
        XCTAssertEqual(merged[key: "s"]?.scalarText, "2")
    }

    func testVariables() throws {
        var diagnostics = Diagnostics()
        let node = try XCTUnwrap(
            load("a: \"${x} ${env:HOME_OF_TEST} ${none:-d e} $$ $5 ${y}\"\nk: {\"${x}\": 1}\n", &diagnostics))
        var scope = VariableScope(environment: ["HOME_OF_TEST": "/h"])
        scope.define("x", "1", range: nil)
        scope.define("y", "<${x}>", range: nil)
        let expanded = VariableExpansion.expand(node, scope: scope, diagnostics: &diagnostics)
        XCTAssertEqual(expanded?[key: "a"]?.scalarText, "1 /h d e $ $5 <1>")
        XCTAssertNotNil(expanded?[key: "k"]?[key: "${x}"], "keys are left as they are")
        XCTAssertTrue(diagnostics.isEmpty)
    }

    func testDiagnosticsOfExpandedValuesShowBoth() throws {
        var diagnostics = Diagnostics()
        let node = try XCTUnwrap(load("name: x\ncount: \"${n}\"\n", &diagnostics))
        var scope = VariableScope(environment: [:])
        scope.define("n", "many", range: nil)
        let expanded = try XCTUnwrap(VariableExpansion.expand(node, scope: scope, diagnostics: &diagnostics))
        XCTAssertNil(item.decode(expanded, &diagnostics))
        let text = DiagnosticRenderer.text(diagnostics)
        XCTAssertTrue(text.contains("2 | count: \"${n}\""), text)
        XCTAssertTrue(text.contains("note: with its variables it is 'many'"), text)
    }

    func testNearestMatch() {
        XCTAssertEqual(SpellingSuggestion.of("deepnds", among: ["depends", "section"]), "depends")
        XCTAssertEqual(SpellingSuggestion.of("dependz", among: ["depends"]), "depends")
        XCTAssertNil(SpellingSuggestion.of("zzz", among: ["depends", "section"]))
    }

    func testSchemaIsOneAndAgreesWithTheDecoder() throws {
        let python = "python3"
        guard try TestSupport.run(python, ["-c", "import jsonschema, yaml"]).status == 0 else {
            throw XCTSkip("the Python packages jsonschema and PyYAML are not installed")
        }
        let documents = [
            "name: x\n", "name: 1.5\nmode: \"0644\"\ntags: [a]\n", "name: x\ntags: a\nmore: {k: v}\n", "nam: x\n",
            "name: x\ncount: 10\n", "name: x\non: maybe\n", "name: [x]\n", "name: x\ncolor: blue\n", "{}\n",
            "name: x\nmode: \"9\"\n",
        ]
        let script = """
            import json, sys, jsonschema, yaml
            given = json.load(sys.stdin)
            schema = json.loads(given["schema"])
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
            print(json.dumps([validator.is_valid(yaml.safe_load(d)) for d in given["documents"]]))
            """
        let schema = item.jsonSchema(id: "urn:test", title: "Test").pretty
        let input = try JSONSerialization.data(
            withJSONObject: ["schema": schema, "documents": documents] as [String: Any])
        let result = try TestSupport.run(python, ["-c", script], input: [UInt8](input))
        let valid = try JSONSerialization.jsonObject(with: Data(result.standardOutput)) as? [Bool]
        XCTAssertEqual(valid, documents.map { decode($0).0 != nil }, result.errors)
    }

    func testMutatedDocuments() {
        let seconds = Double(ProcessInfo.processInfo.environment["FUZZ_SECONDS"] ?? "") ?? 2
        let end = Date().addingTimeInterval(seconds)
        let seed = Array(
            "name: &a ${x:-y}\nmode: \"0755\"\ntags: [a, 'b', *a]\nmore:\n  k: |\n    text\n  l: >-\n    folded\ninclude: [x]\n"
                .utf8)
        var generator = SeededGenerator(seed: 12)
        var count = 0
        while Date() < end {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                case 2:
                    bytes.insert(
                        Array(":-[]{}&*!|>'\"%@\t\n ${}#,?".utf8).randomElement(using: &generator) ?? 0, at: index)
                default: bytes.append(contentsOf: bytes[index...].prefix(60))
                }
            }
            var diagnostics = Diagnostics()
            let source = SourceText(path: "f", bytes: bytes)
            if let node = YAMLLoader.load(source, diagnostics: &diagnostics),
                let expanded = VariableExpansion.expand(
                    node, scope: VariableScope(environment: [:]), diagnostics: &diagnostics)
            {
                let value = item.decode(NodeMerge.overlay(node, expanded, lists: .append), &diagnostics)
                XCTAssertTrue(value != nil || diagnostics.hasErrors, String(decoding: bytes, as: UTF8.self))
            } else {
                XCTAssertTrue(diagnostics.hasErrors, String(decoding: bytes, as: UTF8.self))
            }
            _ = DiagnosticRenderer.text(diagnostics)
            _ = DiagnosticRenderer.json(diagnostics)
            count += 1
        }
        print("\(count) mutated documents")
    }
}
