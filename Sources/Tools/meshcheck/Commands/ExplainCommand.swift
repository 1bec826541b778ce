import ArgumentParser
import Documents
import Platform
import Scenarios
import StandardStreams

/// `meshcheck explain CODE`.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explain what a cause means, what shows it, and what to do.",
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
            throw CommandFailure.message(
                "there is no file with diagnoses beside the scenarios", code: "no-diagnoses",
                help: "name one: meshcheck explain --diagnoses FILE", status: Status.wrongInput)
        }
        let catalogue: DiagnosisCatalogue
        do throws(ScenarioLoadError) {
            catalogue = try DiagnosisCatalogue.load(path: path)
        } catch {
            throw CommandFailure.report(error.diagnostics, status: Status.wrongInput)
        }
        if form == .markdown {
            if code != nil { throw ValidationError("--form markdown is a document with all codes: leave out the code") }
            Terminal.writeText(DiagnosisHandbook.text(catalogue.entries))
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
            throw CommandFailure.message(
                "'\(DisplayText.visible(code))' is not a code in '\(path)'", code: "unknown-code",
                help: nearest.map { "did you mean '\($0)'? all codes: meshcheck explain" }
                    ?? "all codes: meshcheck explain", status: Status.wrongInput)
        }
        Terminal.write(text(entry))
    }

    private func visible(_ text: String) -> String { DisplayText.visible(text) }
}

extension ExplainCommand {
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

/// All causes as a document in Markdown: `docs/diagnoses.md`.
enum DiagnosisHandbook {
    private static let head = """
        # Diagnoses

        Every cause that `meshcheck` names. Written by `meshcheck explain --form markdown` from
        [Scenarios/diagnoses.yaml](../Scenarios/diagnoses.yaml). Codes are never used for something else.

        """

    static func text(_ entries: [DiagnosisEntry]) -> String {
        var text = head
        for entry in entries {
            let weight = entry.severity == .error ? "" : " (\(entry.severity.rawValue))"
            text += "\n## \(entry.code)\n\n**\(general(entry.cause))**\(weight)\n"
            if !entry.explanation.isEmpty { text += "\n\(general(entry.explanation))\n" }
            if !entry.remedy.isEmpty {
                text += "\n```\n" + entry.remedy.map { general($0) + "\n" }.joined() + "```\n"
            }
        }
        return text
    }

    /// With dots for what is different each time.
    private static func general(_ template: String) -> String {
        var text = ""
        var rest = template[...]
        while let start = rest.utf8.firstRange(of: "${".utf8) {
            guard let end = rest[start.upperBound...].utf8.firstIndex(of: UInt8(ascii: "}")) else { break }
            text += rest[..<start.lowerBound] + "…"
            rest = rest[rest.utf8.index(after: end)...]
        }
        return text + rest
    }
}
