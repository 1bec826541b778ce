import ArgumentParser
import Documents
import MeshChecks
import Reports
import Scenarios
import StandardStreams

/// `meshcheck schema`.
struct ScenarioSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Write the JSON Schema of scenarios, reports or diagnoses.",
        discussion: """
            Made from the declarations that meshcheck itself reads and writes by. For an editor with a YAML language server:

              meshcheck schema scenario > scenario.schema.json
              # yaml-language-server: $schema=scenario.schema.json
            """)

    /// What there is a schema of.
    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case scenario, report, diagnoses
    }

    /// How it is written.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case json, markdown
    }

    @Argument(help: "scenario, report or diagnoses.") var subject: Subject = .scenario
    @Option(help: "json for the schema, markdown for a reference of scenarios to read.") var form: Form = .json

    func validate() throws {
        if form == .markdown, subject != .scenario {
            throw ValidationError("there is a reference in markdown of scenarios only; '\(subject)' has a schema")
        }
    }

    func run() throws {
        switch (subject, form) {
        case (.scenario, .json): Terminal.write(ScenarioSchema.json(kinds: .mesh).pretty + "\n")
        case (.scenario, .markdown): Terminal.write(ScenarioReference.markdown(kinds: .mesh))
        case (.report, _): Terminal.write(ReportSchema.json.pretty + "\n")
        case (.diagnoses, _): Terminal.write(DiagnosisSchema.json().pretty + "\n")
        }
    }
}
