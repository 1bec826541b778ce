import Scenarios

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
