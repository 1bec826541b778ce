import Foundation
import TestSupport
import XCTest

/// Schemas, explanations and drafts.
final class DocumentTests: XCTestCase {
    private static let validate = """
        import json, sys, yaml, jsonschema
        schema = json.load(open(sys.argv[1]))
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        validator(schema).validate(yaml.safe_load(open(sys.argv[2])))
        """

    func testSchemasAreSchemas() throws {
        let folder = try TemporaryDirectory()
        let fixture = try MeshcheckFixture()
        for subject in ["scenario", "report", "diagnoses"] {
            let result = try MeshcheckFixture.run(["schema", subject])
            XCTAssertEqual(result.status, 0, result.errors)
            let file = try folder.file("\(subject).json", bytes: result.standardOutput)
            let check = try TestSupport.run(
                "python3",
                [
                    "-c",
                    "import json,sys,jsonschema\ns=json.load(open(sys.argv[1]))\n"
                        + "jsonschema.validators.validator_for(s).check_schema(s)", file,
                ])
            XCTAssertEqual(check.status, 0, check.errors)
        }
        let report = try MeshcheckFixture.run(["run", fixture.scenarios, "--format", "json"])
        let document = try folder.file("report.json.yaml", bytes: report.standardOutput)
        let valid = try TestSupport.run("python3", ["-c", Self.validate, folder.path + "/report.json", document])
        XCTAssertEqual(valid.status, 0, valid.errors)
        XCTAssertTrue(try MeshcheckFixture.run(["schema", "--form", "markdown"]).output.hasPrefix("#"))
    }

    /// What is drawn up loads, fits the schema, and passes on the machine that it was drawn up from.
    func testADraftOfAPackageIsAScenario() throws {
        try requireProgram("dpkg-query")
        let folder = try TemporaryDirectory()
        let file = folder.path + "/95-base.yaml"
        let made = try MeshcheckFixture.run(["init", "--package", "base-files", "--output", file])
        XCTAssertEqual(made.status, 0, made.errors)
        XCTAssertEqual(made.output, "")
        let version = try TestSupport.run("dpkg-query", ["-W", "-f", "${Version}", "base-files"]).output
        XCTAssertTrue(try String(contentsOfFile: file, encoding: .utf8).contains("version: \"\(version)\""))
        XCTAssertEqual(try MeshcheckFixture.run(["validate", file]).status, 0)
        let run = try MeshcheckFixture.run(["run", file, "--id", "package.base-files.installed"])
        XCTAssertEqual(run.status, 0, run.output)
        let schema = try folder.file("schema.json", bytes: try MeshcheckFixture.run(["schema"]).standardOutput)
        let valid = try TestSupport.run("python3", ["-c", Self.validate, schema, file])
        XCTAssertEqual(valid.status, 0, valid.errors)
        let again = try MeshcheckFixture.run(["init", "--package", "base-files", "--output", file])
        XCTAssertEqual(again.status, 2, "nothing is overwritten")
        XCTAssertTrue(again.errors.contains("already exists"), again.errors)
    }

    func testADraftOfAPackageWithAServiceHasItsUnit() throws {
        guard FileManager.default.fileExists(atPath: "/var/lib/dpkg/info/openssh-server.list") else {
            throw XCTSkip("openssh-server is not installed")
        }
        let made = try MeshcheckFixture.run(["init", "--package", "openssh-server"])
        XCTAssertEqual(made.status, 0, made.errors)
        XCTAssertTrue(made.output.contains("ssh.service"), made.output)
        XCTAssertFalse(made.output.contains("ssh@"), "a template is not a unit")
    }

    func testWhatIsNotThereCannotBeDrawnUp() throws {
        for arguments in [
            ["--package", "no-such-package"], ["--package", "../../etc/passwd"], [], ["--package", "a", "--unit", "b"],
        ] {
            let result = try MeshcheckFixture.run(["init"] + arguments)
            XCTAssertEqual(result.status, 2, "\(arguments): \(result.errors)")
            XCTAssertEqual(result.output, "")
        }
    }

    /// Whoever changes a cause runs: meshcheck explain --form markdown --diagnoses Scenarios/diagnoses.yaml >docs/diagnoses.md
    func testTheHandbookIsThatOfTheCauses() throws {
        let result = try MeshcheckFixture.run([
            "explain", "--form", "markdown", "--diagnoses", repositoryRoot + "/Scenarios/diagnoses.yaml",
        ])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertEqual(
            result.output, try String(contentsOfFile: repositoryRoot + "/docs/diagnoses.md", encoding: .utf8))
        XCTAssertEqual(try MeshcheckFixture.run(["explain", "MX0101", "--form", "markdown"]).status, 2)
    }

    /// Whoever changes a declaration runs: meshcheck schema --form markdown >docs/scenarios.md,
    /// meshcheck schema report >docs/report.schema.json
    func testTheReferencesAreThoseOfTheProgram() throws {
        for (arguments, name) in [(["--form", "markdown"], "scenarios.md"), (["report"], "report.schema.json")] {
            let result = try MeshcheckFixture.run(["schema"] + arguments)
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(
                result.output, try String(contentsOfFile: repositoryRoot + "/docs/" + name, encoding: .utf8), name)
        }
    }

    /// docs/meshcheck.md names every command, exit status, format and metric that the program has.
    func testTheManualNamesWhatThereIs() throws {
        let text = try String(contentsOfFile: repositoryRoot + "/docs/meshcheck.md", encoding: .utf8)
        let help = try MeshcheckFixture.run(["--help"]).output
        let commands = help.split(separator: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst().compactMap { line in
            line.hasPrefix("  ") && !line.hasPrefix("   ") ? line.split(separator: " ").first.map(String.init) : nil
        }
        XCTAssertGreaterThan(commands.count, 8)
        for command in commands where !["help", "See"].contains(command) {
            XCTAssertTrue(text.contains("| `\(command)"), "\(command) is missing")
        }
        for format in ["terminal", "json", "events", "junit", "tap", "prometheus", "html"] {
            XCTAssertTrue(text.contains("| `\(format)` |"), "\(format) is missing")
        }
    }

    func testCausesAreExplained() throws {
        let folder = try TemporaryDirectory()
        let file = repositoryRoot + "/Scenarios/diagnoses.yaml"
        let list = try MeshcheckFixture.run(["explain", "--diagnoses", file])
        XCTAssertEqual(list.status, 0, list.errors)
        let codes = list.output.split(separator: "\n").map { String($0.prefix(6)) }
        XCTAssertGreaterThan(codes.count, 30)
        XCTAssertEqual(codes.count, Set(codes).count)
        for code in codes {
            let result = try MeshcheckFixture.run(["explain", code.lowercased(), "--diagnoses", file])
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertTrue(result.output.hasPrefix(code), result.output)
        }
        let unknown = try MeshcheckFixture.run(["explain", "MX9999", "--diagnoses", file])
        XCTAssertEqual(unknown.status, 2)
        XCTAssertTrue(unknown.errors.contains("unknown-code"), unknown.errors)
        let nothing = try MeshcheckFixture.runUninstalled(["explain", "MX0101"], workingDirectory: folder.path)
        XCTAssertNotEqual(nothing.status, 0)
        XCTAssertTrue(nothing.errors.hasPrefix("error: "), nothing.errors)
    }
}
