extension DiagnosisCatalogue {
    /// The families of codes, by their first two digits.
    private static let families: [(digits: String, title: String)] = [
        ("00", "General"), ("01", "Packages"), ("02", "Units"), ("03", "Environment and configuration"), ("04", "DNS"),
        ("05", "Pilot"), ("06", "CA and certificates"), ("07", "Processes and Envoy"), ("08", "Interception"),
        ("09", "The node agent's log"), ("10", "Mesh traffic"), ("11", "Machines with istio-sidecar"),
    ]

    /// All causes in Markdown, for `docs/diagnoses.md`; ends with a newline.
    public func markdown() -> String {
        var text = """
            # Diagnoses

            What `meshcheck` says when a check fails, by codes that are never used for anything else. `meshcheck explain \
            CODE` shows one of them. In causes, evidence and remedies `${…}` stands for what was seen on the machine.

            This file is made of `Scenarios/diagnoses.yaml`.


            """
        for family in Self.families {
            let prefix = "MX\(family.digits)"
            let members = entries.filter { $0.code.utf8.starts(with: prefix.utf8) }
            if members.isEmpty { continue }
            text += "## \(family.title)\n\n"
            for entry in members.sorted(by: { $0.code < $1.code }) { text += Self.section(entry) }
        }
        var end = text.utf8[...]
        while end.last == UInt8(ascii: "\n") { end = end.dropLast() }
        return String(decoding: end, as: UTF8.self) + "\n"
    }

    private static func section(_ entry: DiagnosisEntry) -> String {
        var text = "### \(entry.code)\n\n**\(entry.cause)** (\(entry.severity.rawValue))\n\n\(entry.explanation)"
        if text.utf8.last != UInt8(ascii: "\n") { text += "\n" }
        if !entry.evidence.isEmpty {
            text += "\nEvidence:\n\n" + entry.evidence.map { "- `\($0)`\n" }.joined()
        }
        if !entry.remedy.isEmpty {
            text += "\n```sh\n" + entry.remedy.map { "\($0)\n" }.joined() + "```\n"
        }
        return text + "\n"
    }
}
