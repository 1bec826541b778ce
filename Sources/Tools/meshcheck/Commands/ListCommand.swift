import ArgumentParser
import Documents
import Platform
import Reports
import Scenarios
import StandardStreams

/// How a list is written.
enum ListFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// `meshcheck list [PATH…]`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List checks without running them.",
        discussion: """
            Columns are the id, the kind of subject, the severity, the tags and the title.

            EXAMPLES
              meshcheck list --tag dns
              meshcheck list --format json | jq -r '.checks[].id'
            """)

    @OptionGroup(title: "Scenarios") var suite: SuiteOptions
    @Option(help: "text or json.") var format: ListFormat = .text

    func run() async throws {
        let suite = try await LocalRun.load(suite).suite
        switch format {
        case .text:
            var step: String?
            for check in suite.checks {
                if check.step != step {
                    Terminal.write((step == nil ? "" : "\n") + visible(check.step) + "\n")
                    step = check.step
                }
                let columns = [
                    padded(check.id, 28), padded(check.kind, 16), padded(check.severity.rawValue, 8),
                    visible(check.title)
                        + (check.tags.isEmpty ? "" : "  [\(visible(check.tags.joined(separator: ", ")))]"),
                ]
                Terminal.write("  " + columns.joined(separator: " ") + "\n")
            }
        case .json:
            let checks = suite.checks.map { check in
                JSONValue.object([
                    ("id", .string(check.id)), ("title", .string(check.title)), ("step", .string(check.step)),
                    ("place", .string("\(check.place)")), ("kind", .string(check.kind)),
                    ("severity", .string(check.severity.rawValue)), ("tags", .array(check.tags.map { .string($0) })),
                ])
            }
            let members: [(String, JSONValue)] = [
                ("version", .int(ReportVersion.current)), ("profile", .string(suite.profile)),
                ("checks", .array(checks)),
            ]
            Terminal.write(JSONValue.object(members).pretty + "\n")
        }
    }

    private func visible(_ text: String) -> String { DisplayText.visible(text, keepsNewlines: false) }

    private func padded(_ text: String, _ width: Int) -> String {
        let text = visible(text)
        return text + String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
    }
}
