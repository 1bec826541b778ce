import Platform

/// The properties of a unit as `systemctl show` prints them: `NAME=VALUE` lines.
struct UnitProperties: Sendable, Hashable {
    /// The values by name.
    var values: [String: String]

    /// A value; nil for an empty one.
    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// A number; nil where systemd has none, which it writes as the largest number or `[not set]`.
    func number(_ name: String) -> Int64? { values[name].flatMap { Bytes.decimal($0.utf8) } }

    /// All names of the unit.
    var names: Set<String> { Set((values["Names"] ?? "").utf8.split(separator: Ascii.space).map { Ascii.text($0) }) }
    /// Whether it runs or is starting, or has a reason not to.
    var isUp: Bool {
        switch self["ActiveState"] {
        case "active", "reloading", "refreshing": return true
        case "activating": return self["SubState"] != "auto-restart"
        case "inactive":
            let wasTried = number("ConditionTimestampMonotonic") ?? 0 > 0
            if wasTried, self["ConditionResult"] == "no" || self["AssertResult"] == "no" { return true }
            return self["Type"] == "oneshot" && self["Result"] == "success"
                && number("ExecMainExitTimestampMonotonic") ?? 0 > 0
        default: return false
        }
    }

    /// Whether systemd knows the unit.
    var exists: Bool { self["LoadState"].map { $0 != "not-found" } ?? false }

    /// Reads what `systemctl show` prints for several units: one paragraph each, in the order of the arguments.
    static func parse(_ output: [UInt8]) -> [UnitProperties] {
        var units: [UnitProperties] = []
        var values: [String: String] = [:]
        for line in output.split(separator: Ascii.newline, omittingEmptySubsequences: false) {
            if line.isEmpty {
                if !values.isEmpty { units.append(UnitProperties(values: values)) }
                values = [:]
                continue
            }
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Ascii.text(line[..<equals])
            let value = Ascii.text(line[(equals + 1)...])
            // Some properties come once for each command, such as ExecStart.
            if let present = values[name] { values[name] = present + "\n" + value } else { values[name] = value }
        }
        if !values.isEmpty { units.append(UnitProperties(values: values)) }
        return units
    }

    /// The files that the unit cannot do without: programs that it starts and environment files that may not be missing.
    var requiredFiles: [String] {
        var files: [String] = []
        for name in ["ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop"] {
            for line in (values[name] ?? "").utf8.split(separator: Ascii.newline) {
                // { path=/usr/bin/x ; argv[]=/usr/bin/x -a ; ignore_errors=no ; … }
                let fields = Self.fields(Array(line))
                if let path = fields["path"], fields["ignore_errors"] != "yes" { files.append(path) }
            }
        }
        for line in (values["EnvironmentFiles"] ?? "").utf8.split(separator: Ascii.newline) {
            // /etc/x (ignore_errors=no)
            let text = Array(line)
            guard let range = Self.position(of: " (ignore_errors=no)", in: text) else { continue }
            files.append(Ascii.text(text[..<range]))
        }
        var seen: Set<String> = []
        return files.filter { $0.utf8.first == UInt8(ascii: "/") && seen.insert($0).inserted }
    }

    /// The command lines that it runs as its main process.
    var commands: [String] {
        (values["ExecStart"] ?? "").utf8.split(separator: Ascii.newline).compactMap { line in
            Self.fields(Array(line))["argv[]"]
        }
    }

    /// The programs of its main process.
    var programs: [String] {
        (values["ExecStart"] ?? "").utf8.split(separator: Ascii.newline).compactMap { line in
            Self.fields(Array(line))["path"]
        }
    }

    /// The drop-ins that change its file.
    var dropIns: [String] {
        (values["DropInPaths"] ?? "").utf8.split(separator: Ascii.space).map { Ascii.text($0) }
    }

    /// The settings that give its programs another network than the host's (systemd.exec(5)).
    var foreignNetwork: [String] {
        var found: [String] = []
        if self["PrivateNetwork"] == "yes" { found.append("PrivateNetwork=yes") }
        if let path = self["NetworkNamespacePath"] { found.append("NetworkNamespacePath=\(path)") }
        // `~` stands before what is forbidden, and alone for nothing.
        func isForbidden(_ name: String, by setting: String) -> Bool {
            guard let text = self[setting] else { return false }
            let isForbidding = text.utf8.first == UInt8(ascii: "~")
            let names = Ascii.words(Array(text.utf8.drop { $0 == UInt8(ascii: "~") })[...]).map { Ascii.text($0) }
            return names.contains(name) == isForbidding
        }
        if isForbidden("AF_INET", by: "RestrictAddressFamilies") {
            found.append("RestrictAddressFamilies=\(self["RestrictAddressFamilies"] ?? "")")
        }
        for call in ["socket", "connect"] where isForbidden(call, by: "SystemCallFilter") {
            found.append("SystemCallFilter= forbids \(call)(2)")
        }
        return found
    }

    private static func fields(_ line: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        for part in line.split(separator: UInt8(ascii: ";")) {
            var field = Ascii.trimmed(part)
            if field.first == UInt8(ascii: "{") { field = Ascii.trimmed(field.dropFirst()) }
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Ascii.text(field[..<equals])
            if fields[name] == nil { fields[name] = Ascii.text(field[(equals + 1)...]) }
        }
        return fields
    }

    private static func position(of text: String, in bytes: [UInt8]) -> Int? {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).last { bytes[$0...].starts(with: wanted) }
    }
}

/// Names of systemd's units.
enum UnitName {
    private static let suffixes = [
        ".service", ".socket", ".target", ".timer", ".mount", ".automount", ".path", ".slice", ".scope", ".swap",
        ".device",
    ]

    /// The name with `.service` behind it unless it says its type, as systemctl(1) takes it.
    static func completed(_ name: String) -> String {
        suffixes.contains { name.endsBytewise($0) } ? name : name + ".service"
    }

    /// Whether it is the name of a unit that can be loaded (systemd.unit(5)): a template, such as `getty@.service`, is
    /// not, and nothing that systemctl would take for a pattern is.
    static func isValid(_ name: String) -> Bool {
        guard (1...255).contains(name.utf8.count), let suffix = suffixes.first(where: { name.endsBytewise($0) }) else {
            return false
        }
        let stem = name.utf8.dropLast(suffix.utf8.count)
        let at = UInt8(ascii: "@")
        guard let last = stem.indices.last, stem.first != at, stem.firstIndex(of: at) != last else { return false }
        return stem.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: ":-_.\\@".utf8.contains(byte)
            }
        }
    }

    /// The error of a name that is not one.
    static func fault(_ name: String) -> ProbeError {
        let isTemplate = name.utf8.contains(UInt8(ascii: "@"))
        return ProbeError(
            .invalid, "read the name of a unit",
            expected: "the name of a unit" + (isTemplate ? " (of a template, an instance such as getty@tty1)" : ""),
            found: "'\(name)'")
    }
}

extension ParameterForm {
    /// The name of a unit, with or without `.service`.
    public static let unit = ParameterForm { request throws(ProbeError) in
        let name = UnitName.completed(try request.requiredText(name))
        guard UnitName.isValid(name) else { throw UnitName.fault(name) }
    }
}
