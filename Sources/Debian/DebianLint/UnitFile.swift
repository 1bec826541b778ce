import DebianArchive
import Files
import Platform

/// A systemd unit file (systemd.syntax(7)) as lint looks at it.
public struct UnitFile: Sendable {
    /// One assignment.
    public struct Setting: Sendable, Hashable {
        /// The section without brackets.
        public var section: String
        /// The key.
        public var key: String
        /// The value, continuation lines joined.
        public var value: String
        /// The line that it begins on, from 1.
        public var line: Int
    }

    /// The installed path.
    public let path: String
    /// The assignments in order.
    public let settings: [Setting]
    /// The sections that occur.
    public let sections: Set<String>
    /// Lines that are neither an assignment, a section nor a comment, or that stand before any section.
    public let malformedLines: [Int]

    /// The last component of the path.
    public var name: String { LexicalPath.components(path).last.map(String.init) ?? path }

    /// Reads a unit file.
    public init(path: String, text: [UInt8]) {
        self.path = path
        var settings: [Setting] = []
        var sections: Set<String> = []
        var malformed: [Int] = []
        var section: String?
        var pending: Setting?
        for (index, raw) in TextLines.of(text).enumerated() {
            let line = Self.trimmed(raw)
            if var setting = pending {
                // Comments within a continued value are skipped (systemd.syntax(7)).
                if line.startsBytewise("#") || line.startsBytewise(";") { continue }
                let continues = line.endsBytewise("\\")
                setting.value += " " + Self.trimmed(continues ? line.dropLast() : line)
                pending = continues ? setting : nil
                if !continues { settings.append(setting) }
                continue
            }
            if line.isEmpty || line.startsBytewise("#") || line.startsBytewise(";") { continue }
            if line.startsBytewise("["), line.endsBytewise("]") {
                let name = String(line.dropFirst().dropLast())
                section = name
                sections.insert(name)
                continue
            }
            guard let section, let equals = line.firstIndex(of: "="), equals != line.startIndex else {
                malformed.append(index + 1)
                continue
            }
            let value = line[line.index(after: equals)...]
            let continues = value.endsBytewise("\\")
            let setting = Setting(
                section: section, key: String(Self.trimmed(line[..<equals])),
                value: String(Self.trimmed(continues ? value.dropLast() : value)), line: index + 1)
            if continues { pending = setting } else { settings.append(setting) }
        }
        if let pending { settings.append(pending) }
        self.settings = settings
        self.sections = sections
        malformedLines = malformed
    }

    /// The assignments of a key, in order; an empty one resets those before it.
    public func values(_ section: String, _ key: String) -> [String] {
        var values: [String] = []
        for setting in settings where setting.section == section && setting.key == key {
            if setting.value.isEmpty { values = [] } else { values.append(setting.value) }
        }
        return values
    }

    /// The assignment that counts for a key that holds one value.
    public func value(_ section: String, _ key: String) -> String? { values(section, key).last }

    /// The words of a key that holds a list, such as `After`.
    public func list(_ section: String, _ key: String) -> Set<String> {
        Set(values(section, key).flatMap { $0.split(separator: " ").map(String.init) })
    }

    /// The settings of [Service] that run a program, such as `ExecStart` and `ExecStartPre`.
    public var executions: [Setting] {
        settings.filter { $0.section == "Service" && $0.key.startsBytewise("Exec") && !$0.value.isEmpty }
    }

    /// A command line without the prefixes of systemd.service(5) (`@`, `-`, `:`, `+`, `!`), split at spaces.
    public static func words(ofCommand value: String) -> [String] {
        let prefixes: Set<Character> = ["@", "-", ":", "+", "!"]
        return value.drop { prefixes.contains($0) }.split(separator: " ").map { word in
            String(word.drop { $0 == "\"" || $0 == "'" }.reversed().drop { $0 == "\"" || $0 == "'" }.reversed())
        }
    }

    /// The names of the programs that `ExecStart` runs, without their folders.
    public var programs: [String] {
        values("Service", "ExecStart").compactMap { value in
            UnitFile.words(ofCommand: value).first.flatMap { $0.split(separator: "/").last.map(String.init) }
        }
    }

    /// A boolean setting (systemd.syntax(7)).
    public func isTrue(_ section: String, _ key: String) -> Bool {
        guard let value = value(section, key)?.lowercased() else { return false }
        return ["1", "yes", "y", "true", "t", "on"].contains(value)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" && $0 != "\r" }) else { return "" }
        return start[...last]
    }

    private static func trimmed(_ text: some StringProtocol) -> Substring { trimmed(Substring(text)) }
}
