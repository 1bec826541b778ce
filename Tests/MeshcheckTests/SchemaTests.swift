import Foundation
import TestSupport
import XCTest

/// The generated schema, judged by another validator, beside what the program itself says.
final class SchemaTests: XCTestCase {
    /// Prints a line for each file: its name and `valid` or `invalid`.
    private static let judge = """
        import json, sys, yaml, jsonschema
        schema = json.load(open(sys.argv[1]))
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        validator = kind(schema)
        for path in sys.argv[2:]:
            errors = [e.message for e in validator.iter_errors(yaml.safe_load(open(path)))]
            print(path, 'invalid' if errors else 'valid', (errors or [''])[0][:200])
        """

    private func judged(_ files: [String]) throws -> [String] {
        let modules = try TestSupport.run("python3", ["-c", "import jsonschema, yaml"])
        if modules.status != 0 { throw XCTSkip("python3-jsonschema or python3-yaml is not installed") }
        let folder = try TemporaryDirectory()
        let schema = try MeshcheckFixture.run(["schema", "scenario"])
        XCTAssertEqual(schema.status, 0, schema.errors)
        let path = try folder.file("schema.json", bytes: schema.standardOutput)
        let result = try TestSupport.run("python3", ["-c", Self.judge, path] + files)
        XCTAssertEqual(result.status, 0, result.errors)
        return result.output.split(separator: "\n").map(String.init)
    }

    func testShippedScenariosFitTheSchema() throws {
        let root = repositoryRoot + "/Scenarios"
        let files = try FileManager.default.subpathsOfDirectory(atPath: root).sorted().filter {
            $0.hasSuffix(".yaml") && !$0.hasSuffix("diagnoses.yaml")
        }.map { root + "/" + $0 }
        XCTAssertGreaterThan(files.count, 10)
        for line in try judged(files) { XCTAssertTrue(line.contains(" valid "), line) }
    }

    /// What another validator refuses the program refuses as well, with status 2 and the place.
    func testWrongScenariosAreRefusedByBoth() throws {
        let folder = try TemporaryDirectory()
        let texts = [
            "name: t\nchecks: []\n", "checks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, expect: {exists: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, user: root, expect: {exists: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exist: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: {}}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {mode: {equal: x}}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: maybe}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}, timeout: 5}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}, timeout: '5'}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}, severity: fatal}\n",
            "name: t\nchecks:\n  - {id: a b, title: T, file: /a, expect: {exists: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: {pth: /a}, expect: {exists: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, port: http, expect: {listening: true}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}, when: {package.x: there}}\n",
            "name: t\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}, eventually: {every: 1s}}\n",
            "name: t\nnmae: u\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n",
        ]
        let files = try texts.enumerated().map { try folder.file("\($0).yaml", $1) }
        let lines = try judged(files)
        XCTAssertEqual(lines.count, files.count)
        for line in lines { XCTAssertTrue(line.contains(" invalid "), line) }
        for (text, file) in zip(texts, files) {
            let result = try MeshcheckFixture.run(["validate", file])
            XCTAssertEqual(result.status, 2, text)
            XCTAssertEqual(result.output, "", text)
            XCTAssertTrue(result.errors.contains(file + ":"), "no place: \(result.errors)")
        }
    }

    /// What only the loader can tell ends with status 2, too, and nothing runs.
    func testMistakesEndWithStatus2() throws {
        let folder = try TemporaryDirectory()
        let mark = folder.path + "/mark"
        let fine = "  - {id: a, title: T, command: [touch, \(mark)], expect: {exit-status: 0}}\n"
        for text in [
            "", "- a\n", "name: t\nchecks: [\n", "name: t\nchecks:\n\t- id: a\n",
            "name: t\nchecks:\n\(fine)\(fine)",
            "name: t\nchecks:\n\(fine)  - {id: b, title: T, file: '/${nowhere}', expect: {exists: true}}\n",
            "name: t\nchecks:\n\(fine)  - {id: b, title: T, file: /a, needs: [b], expect: {exists: true}}\n",
            "name: t\nchecks:\n\(fine)  - {id: b, title: T, port: 70000, expect: {listening: true}}\n",
            "name: t\nchecks:\n\(fine)  - {id: b, title: T, file: /a, expect: {contents: {matches: '('}}}\n",
            "name: t\nchecks:\n\(fine)  - {id: b, title: T, dns: a, expect: {addresses: {some: {in-cidr: 1/2}}}}\n",
            "name: t\nname: t\nchecks:\n\(fine)",
        ] {
            let file = try folder.file("t.yaml", text)
            for command in ["validate", "run"] {
                let result = try MeshcheckFixture.run([command, file])
                XCTAssertEqual(result.status, 2, "\(command): \(text)")
                XCTAssertEqual(result.output, "", text)
                XCTAssertTrue(result.errors.contains("t.yaml:"), result.errors)
            }
        }
        XCTAssertFalse(FileManager.default.fileExists(atPath: mark))
    }
}
