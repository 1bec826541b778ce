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
        // An assignment whose value goes on in the next line.
        var pending: (key: String, value: [UInt8], line: Int)?
        func finish() {
            guard let section, let setting = pending else { return }
            settings.append(
                Setting(section: section, key: setting.key, value: Ascii.text(setting.value), line: setting.line))
            pending = nil
        }
        let backslash = UInt8(ascii: "\\")
        for (index, raw) in Lines(text).enumerated() {
            let line = Self.trimmed(raw.bytes)
            let isRemark = line.first == UInt8(ascii: "#") || line.first == UInt8(ascii: ";")
            if pending != nil {
                // Comments within a continued value are skipped (systemd.syntax(7)).
                if isRemark { continue }
                let continues = line.last == backslash
                pending?.value.append(Ascii.space)
                pending?.value += Self.trimmed(continues ? line.dropLast() : line)
                if !continues { finish() }
                continue
            }
            if line.isEmpty || isRemark { continue }
            if line.first == UInt8(ascii: "["), line.last == UInt8(ascii: "]") {
                let name = Ascii.text(line.dropFirst().dropLast())
                section = name
                sections.insert(name)
                continue
            }
            guard section != nil, let equals = line.firstIndex(of: UInt8(ascii: "=")), equals != line.startIndex else {
                malformed.append(index + 1)
                continue
            }
            let value = line[(equals + 1)...]
            let continues = value.last == backslash
            pending = (
                Ascii.text(Self.trimmed(line[..<equals])), Array(Self.trimmed(continues ? value.dropLast() : value)),
                index + 1
            )
            if !continues { finish() }
        }
        finish()
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
        let quotes = "\"'".utf8
        return value.utf8.drop { "@-:+!".utf8.contains($0) }.split(separator: Ascii.space).map { word in
            var word = word.drop { quotes.contains($0) }
            while let last = word.last, quotes.contains(last) { word = word.dropLast() }
            return String(Substring(word))
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

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line.drop(while: Ascii.isHorizontalBlank)
        while let last = line.last, Ascii.isHorizontalBlank(last) || last == UInt8(ascii: "\r") {
            line = line.dropLast()
        }
        return line
    }
}
