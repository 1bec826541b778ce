/// The properties of a unit as `systemctl show` prints them: `NAME=VALUE` lines.
struct UnitProperties: Sendable, Hashable {
    /// The values by name.
    var values: [String: String]

    /// A value; an empty one is none.
    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// A number; nil where systemd has none, which it writes as the largest number or `[not set]`.
    func number(_ name: String) -> Int64? { values[name].flatMap { Bytes.decimal($0.utf8) } }

    /// Whether systemd knows the unit.
    var exists: Bool { self["LoadState"].map { $0 != "not-found" } ?? false }

    /// Reads what `systemctl show` prints for several units: one paragraph each, in the order of the arguments.
    static func parse(_ output: [UInt8]) -> [UnitProperties] {
        var units: [UnitProperties] = []
        var values: [String: String] = [:]
        for line in output.split(separator: Bytes.newline, omittingEmptySubsequences: false) {
            if line.isEmpty {
                if !values.isEmpty { units.append(UnitProperties(values: values)) }
                values = [:]
                continue
            }
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Bytes.text(line[..<equals])
            let value = Bytes.text(line[(equals + 1)...])
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
            for line in (values[name] ?? "").utf8.split(separator: Bytes.newline) {
                // { path=/usr/bin/x ; argv[]=/usr/bin/x -a ; ignore_errors=no ; … }
                let fields = Self.fields(Array(line))
                if let path = fields["path"], fields["ignore_errors"] != "yes" { files.append(path) }
            }
        }
        for line in (values["EnvironmentFiles"] ?? "").utf8.split(separator: Bytes.newline) {
            // /etc/x (ignore_errors=no)
            let text = Array(line)
            guard let range = Self.position(of: " (ignore_errors=no)", in: text) else { continue }
            files.append(Bytes.text(text[..<range]))
        }
        var seen: Set<String> = []
        return files.filter { $0.utf8.first == UInt8(ascii: "/") && seen.insert($0).inserted }
    }

    private static func fields(_ line: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        for part in line.split(separator: UInt8(ascii: ";")) {
            var field = Bytes.trimmed(Array(part))
            if field.first == UInt8(ascii: "{") { field = Bytes.trimmed(Array(field.dropFirst())) }
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Bytes.text(field[..<equals])
            if fields[name] == nil { fields[name] = Bytes.text(field[(equals + 1)...]) }
        }
        return fields
    }

    private static func position(of text: String, in bytes: [UInt8]) -> Int? {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).last { bytes[$0...].starts(with: wanted) }
    }
}
