import Platform
import Documents

/// A scenario that is written for somebody to go on with.
struct ScenarioDraft {
    /// One check.
    struct Check {
        var id: String
        var title: String
        var kind: String
        /// The parameters; one that is alone and the kind's main one has no name.
        var parameters: [(name: String?, value: JSONValue)]
        var expectations: [(attribute: String, value: JSONValue)]
        var needs: [String] = []
        var severity: String?
        /// What whoever goes on with it should know.
        var note: String?
    }

    var name: String
    var title: String
    /// What it was drawn up from.
    var origin: String
    var checks: [Check]

    /// The file. JSON's strings are YAML's double-quoted ones.
    var yaml: String {
        var text = """
            # Drawn up by 'meshcheck init' from \(DisplayText.visible(origin, keepsNewlines: false)) as it was on this machine.
            # Take out what may change, and say in the titles why each check exists.
            name: \(scalar(name))
            title: \(scalar(title))
            checks:

            """
        for check in checks { text += self.text(check) }
        return text
    }

    private func text(_ check: Check) -> String {
        var text = ""
        if let note = check.note { text += "  # \(DisplayText.visible(note, keepsNewlines: false))\n" }
        text += "  - id: \(scalar(check.id))\n    title: \(scalar(check.title))\n"
        if check.parameters.count == 1, let only = check.parameters.first, only.name == nil {
            text += "    \(check.kind): \(value(only.value))\n"
        } else {
            let members = check.parameters.map { "\($0.name ?? "name"): \(value($0.value))" }
            text += "    \(check.kind): {\(members.joined(separator: ", "))}\n"
        }
        text += "    expect:\n"
        for expectation in check.expectations {
            text += "      \(expectation.attribute): \(value(expectation.value))\n"
        }
        if !check.needs.isEmpty { text += "    needs: [\(check.needs.map(scalar).joined(separator: ", "))]\n" }
        if let severity = check.severity { text += "    severity: \(severity)\n" }
        return text
    }

    /// A text as people write it: with quotes only where YAML or variables would take it for something else.
    private func scalar(_ text: String) -> String {
        let isPlain =
            text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."), UInt8(ascii: " "), UInt8(ascii: "@"), UInt8(ascii: "+"):
                    true
                default: false
                }
            }
        let words = ["true", "false", "yes", "no", "on", "off", "null"]
        let beginsWell =
            text.utf8.first.map { first in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) || first == UInt8(ascii: "/")
            } ?? false
        if isPlain, beginsWell, text.utf8.last != UInt8(ascii: " "), !words.contains(text.lowercased()) { return text }
        return JSONValue.string(text.replacing("${", with: "$${")).compact
    }

    private func value(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): scalar(text)
        case .array(let items): "[\(items.map { self.value($0) }.joined(separator: ", "))]"
        case .object(let members): "{\(members.map { "\($0.0): \(self.value($0.1))" }.joined(separator: ", "))}"
        case .null, .bool, .int: value.compact
        }
    }
}
