import Documents
import Probes

/// Every key of a scenario in Markdown, made of the declarations that the loader goes by.
public enum ScenarioReference {
    /// The reference; ends with a newline.
    public static func markdown(kinds: KindCatalogue) -> String {
        var text = "# Scenarios: reference\n\n"
        text += section(
            "Keys of a scenario", ["key", "type", "meaning"],
            ScenarioKey.allCases.map { key in
                [code(key.rawValue) + (key.isRequired ? " (required)" : ""), key.type, key.summary]
            })
        text += section(
            "Keys of a check", ["key", "type", "default", "meaning"],
            CheckKey.allCases.map { key in
                [code(key.rawValue) + (key.isRequired ? " (required)" : ""), key.type, key.fallback, key.summary]
            })
        text +=
            "Beside these a check has exactly one kind of subject, such as `file: /etc/certs/key.pem` or "
            + "`dns: {name: istio-pilot, type: A}`: see below.\n\n"
        text += section(
            "Conditions (`when`)", ["key", "values", "meaning"],
            ConditionReader.forms.map { form in
                [code(form.key), form.words.map(code).joined(separator: ", "), form.summary]
            })
        text += section(
            "Matchers", ["key", "of", "meaning"],
            MatcherKey.allCases.map { key in
                [code(key.rawValue), key.types, key.summary]
            })
        text += section(
            "Facts of the host", ["variable", "type", "where it comes from"],
            kinds.facts.flatMap(\.declarations).map {
                [code($0.name), ValueText.name($0.type), $0.summary]
            })
        text += "## Subjects\n\n"
        for kind in kinds.kinds.sorted(by: { $0.name < $1.name }) { text += subject(kind) }
        return text
    }

    private static func subject(_ kind: SubjectKind) -> String {
        var text = "### \(kind.name)\n\n\(kind.summary) "
        text += "`\(kind.name): VALUE` stands for `\(kind.name): {\(kind.mainParameter): VALUE}`.\n\n"
        text += table(
            ["parameter", "type", "meaning"],
            kind.parameters.map { parameter in
                let words =
                    parameter.choices.isEmpty
                    ? ValueText.name(parameter.type) : parameter.choices.map(code).joined(separator: ", ")
                return [code(parameter.name) + (parameter.isRequired ? " (required)" : ""), words, parameter.summary]
            })
        text += table(
            ["attribute", "type", "meaning"],
            kind.attributes.map { attribute in
                [code(attribute.name), ValueText.name(attribute.type), attribute.summary]
            })
        return text
    }

    private static func section(_ title: String, _ columns: [String], _ rows: [[String]]) -> String {
        "## \(title)\n\n" + table(columns, rows)
    }

    private static func table(_ columns: [String], _ rows: [[String]]) -> String {
        if rows.isEmpty { return "" }
        var text =
            "| " + columns.joined(separator: " | ") + " |\n|" + String(repeating: "---|", count: columns.count) + "\n"
        for row in rows { text += "| " + row.map(cell).joined(separator: " | ") + " |\n" }
        return text + "\n"
    }

    private static func code(_ text: String) -> String { "`\(text)`" }

    /// A bar would end the cell.
    private static func cell(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "|" { result.append("\\") }
            result.append(scalar == "\n" ? " " : scalar)
        }
        return String(result)
    }
}
