import ArgumentParser
import Platform
import Scenarios
import Documents
import StandardStreams

/// `meshcheck explain CODE`.
struct DiagnosisExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say what a cause means, how it is told from others, and what to do.",
        discussion: """
            Codes are stable and never used again for something else.

            EXAMPLES
              meshcheck explain MX0401
              meshcheck explain                  all codes with their causes
              meshcheck explain --form markdown  all of them at length, for a handbook
            """)

    /// How it is written.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case text, markdown
    }

    @Argument(help: "A code such as MX0401 (default: all are listed).") var code: String?
    @Option(help: "text, or markdown for a document with all codes.") var form: Form = .text
    @Option(help: ArgumentHelp("The file with diagnoses (default: that of the scenarios).", valueName: "file"))
    var diagnoses: String?

    func run() throws {
        var suite = SuiteOptions()
        suite.paths = []
        suite.diagnoses = diagnoses
        let path = try diagnoses ?? suite.diagnosesPath(scenarios: try suite.scenarioPaths())
        guard let path else {
            throw Failure.message(
                "there is no file with diagnoses beside the scenarios", code: "no-diagnoses",
                help: "name one: meshcheck explain --diagnoses FILE", status: Status.wrongInput)
        }
        let catalogue: DiagnosisCatalogue
        do throws(ScenarioLoadError) {
            catalogue = try DiagnosisCatalogue.load(path: path)
        } catch {
            throw Failure.report(error.diagnostics, status: Status.wrongInput)
        }
        if form == .markdown {
            if code != nil { throw ValidationError("--form markdown is a document with all codes: leave out the code") }
            Terminal.write(DiagnosisHandbook.text(catalogue.entries))
            return
        }
        guard let code else {
            for entry in catalogue.entries {
                Terminal.write("\(entry.code)  \(visible(entry.cause))\n")
            }
            return
        }
        let wanted = code.uppercased()
        guard let entry = catalogue.entry(wanted) else {
            let nearest = SpellingSuggestion.of(wanted, among: catalogue.entries.map(\.code))
            throw Failure.message(
                "'\(DisplayText.visible(code))' is no code of '\(path)'", code: "unknown-code",
                help: nearest.map { "did you mean '\($0)'? all codes: meshcheck explain" }
                    ?? "all codes: meshcheck explain", status: Status.wrongInput)
        }
        Terminal.write(text(entry))
    }

    private func visible(_ text: String) -> String { DisplayText.visible(text) }
}

extension DiagnosisExplain {
    /// One entry for people.
    private func text(_ entry: DiagnosisEntry) -> String {
        var text = "\(entry.code) \(entry.severity.rawValue): \(visible(entry.cause))\n"
        if !entry.explanation.isEmpty { text += "\n\(visible(entry.explanation))\n" }
        for (title, lines) in [("Seen as", entry.evidence), ("What to do", entry.remedy)] where !lines.isEmpty {
            text += "\n\(title):\n" + lines.map { "  \(visible($0))\n" }.joined()
        }
        if !entry.documentation.isEmpty { text += "\nRead: \(visible(entry.documentation))\n" }
        return text
    }
}
