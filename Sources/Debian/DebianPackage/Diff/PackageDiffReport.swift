import Platform
import Documents

extension PackageDiff {
    /// The differences for people: `-` before, `+` after, `~` for what is in both.
    ///
    /// - Parameter color: whether ANSI colours are used (ECMA-48).
    public func text(color: Bool = false) -> String {
        var writer = Writer(color: color)
        if isEmpty { return "no differences\n" }
        if !members.isEmpty {
            writer.heading("archive")
            for item in members { writer.item(item) }
        }
        if !fields.isEmpty {
            writer.heading("control")
            for change in fields { writer.field(change) }
        }
        if !controlFiles.isEmpty {
            writer.heading("control files")
            for item in controlFiles { writer.item(item) }
        }
        if !entries.isEmpty {
            writer.heading("entries")
            for item in entries { writer.item(item) }
        }
        return writer.text
    }

    /// The differences for programs.
    public var json: JSONValue {
        .object([
            ("equal", .bool(isEmpty)),
            ("members", .array(members.map(Self.json))),
            ("control", .array(fields.map(Self.json))),
            ("controlFiles", .array(controlFiles.map(Self.json))),
            ("entries", .array(entries.map(Self.json))),
        ])
    }

    private static func json(_ item: Item) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(item.name)), ("status", .string(item.status.rawValue)),
            ("changes", .array(item.changes.map(json))),
        ]
        if let lines = item.lines { members.append(("lines", .array(lines.text.map(JSONValue.string)))) }
        return .object(members)
    }

    private static func json(_ change: Change) -> JSONValue {
        .object([
            ("name", .string(change.name)), ("old", change.old.map(JSONValue.string) ?? .null),
            ("new", change.new.map(JSONValue.string) ?? .null),
        ])
    }

    /// Puts lines together, each in the colour of its mark.
    private struct Writer {
        let color: Bool
        var text = ""

        mutating func heading(_ title: String) {
            text += paint(title, "1") + "\n"
        }

        mutating func field(_ change: Change) {
            // A description of many lines is shown by what changed in it.
            if let old = change.old, let new = change.new, old.contains("\n") || new.contains("\n") {
                text += paint("  ~ \(DisplayText.inline(change.name))", "33") + "\n"
                lines(LineDiff(Array((old + "\n").utf8), Array((new + "\n").utf8)))
                return
            }
            for (mark, value, code) in [("-", change.old, "31"), ("+", change.new, "32")] {
                guard let value else { continue }
                for (index, line) in TextLines.of(Array(value.utf8)).enumerated() {
                    let label = index == 0 ? "\(DisplayText.inline(change.name)): " : "  "
                    text += paint("  \(mark) \(label)\(DisplayText.inline(line))", code) + "\n"
                }
            }
        }

        mutating func item(_ item: Item) {
            let name = DisplayText.inline(item.name)
            switch item.status {
            case .added: text += paint("  + \(name)\(properties(item, \.new))", "32") + "\n"
            case .removed: text += paint("  - \(name)\(properties(item, \.old))", "31") + "\n"
            case .changed:
                let changes = item.changes.map { change in
                    "\(change.name) \(shown(change.name, change.old)) -> \(shown(change.name, change.new))"
                }
                text += paint("  ~ \(name)", "33") + "  " + changes.joined(separator: ", ") + "\n"
            }
            // The entries tell what md5sums tells, and by path.
            if let difference = item.lines, item.name != "md5sums" { lines(difference) }
        }

        private mutating func lines(_ difference: LineDiff) {
            for line in difference.text {
                let code = line.hasPrefix("-") ? "31" : line.hasPrefix("+") ? "32" : line.hasPrefix("@@") ? "36" : ""
                text += "      " + paint(line, code) + "\n"
            }
        }

        private func properties(_ item: Item, _ side: KeyPath<Change, String?>) -> String {
            let shownNames = item.changes.filter {
                $0[keyPath: side] != nil && $0.name != "sha256" && $0.name != "name"
            }
            if shownNames.isEmpty { return "" }
            return "  " + shownNames.map { "\($0.name) \(shown($0.name, $0[keyPath: side]))" }.joined(separator: ", ")
        }

        private func shown(_ name: String, _ value: String?) -> String {
            guard let value else { return "none" }
            switch name {
            // Twelve digits tell two files apart; the whole checksum is in the JSON.
            case "sha256": return String(value.prefix(12))
            case "size": return Int64(value).map(ByteCount.text) ?? value
            case "modificationTime": return Int64(value).map(CivilTime.minuteText) ?? value
            case "target": return "'\(DisplayText.inline(value))'"
            default: return DisplayText.inline(value)
            }
        }

        private func paint(_ line: String, _ code: String) -> String {
            color && !code.isEmpty ? "\u{1b}[\(code)m\(line)\u{1b}[0m" : line
        }
    }
}
