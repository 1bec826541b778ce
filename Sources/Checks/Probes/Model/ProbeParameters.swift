import Platform

extension ProbeRequest {
    /// Whether somebody asks for one of these attributes.
    package func wants(_ names: String...) -> Bool { names.contains { attributes.contains($0) } }

    /// A text; nil when it is not set.
    package func text(_ name: String) throws(ProbeError) -> String? {
        switch parameters[name] {
        case nil, .null: nil
        case .text(let text): text
        // A bare number in YAML is a number, whatever it stands for: a user's id, a port.
        case .integer(let number): String(number)
        case .some(let other): throw wrong(name, "a text", other)
        }
    }

    /// A text that the probe needs.
    package func requiredText(_ name: String) throws(ProbeError) -> String {
        guard let text = try text(name), !text.isEmpty else {
            throw ProbeError(.invalid, "read parameter \(name)", expected: "a text", found: "nothing")
        }
        // C's strings end there, and something else would be looked at.
        guard !text.utf8.contains(0) else {
            throw ProbeError(.invalid, "read parameter \(name)", expected: "a text without NUL", found: "one with NUL")
        }
        return text
    }

    /// A path from the root.
    package func requiredPath(_ name: String = "path") throws(ProbeError) -> String {
        let path = try requiredText(name)
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= 4096 else {
            throw ProbeError(.invalid, "read parameter \(name)", expected: "an absolute path", found: "'\(path)'")
        }
        return path
    }

    /// A number within bounds; nil when it is not set.
    package func integer(_ name: String, in bounds: ClosedRange<Int64>) throws(ProbeError) -> Int64? {
        let number: Int64?
        switch parameters[name] {
        case nil, .null: return nil
        case .integer(let value): number = value
        case .text(let text): number = Int64(text)
        case .some: number = nil
        }
        guard let number, bounds.contains(number) else {
            throw wrong(name, "a number from \(bounds.lowerBound) to \(bounds.upperBound)", parameters[name] ?? .null)
        }
        return number
    }

    /// A port; nil when it is not set.
    package func port(_ name: String = "port") throws(ProbeError) -> Int? {
        try integer(name, in: 1...65535).map { Int($0) }
    }

    /// Yes or no, `fallback` when it is not set.
    package func flag(_ name: String, or fallback: Bool) throws(ProbeError) -> Bool {
        switch parameters[name] {
        case nil, .null: fallback
        case .bool(let value): value
        case .some(let other): throw wrong(name, "true or false", other)
        }
    }

    /// A list of texts; a text alone is a list of one; nil when it is not set.
    package func texts(_ name: String) throws(ProbeError) -> [String]? {
        switch parameters[name] {
        case nil, .null: return nil
        case .text(let text): return [text]
        case .list(let items):
            var texts: [String] = []
            for item in items {
                switch item {
                case .text(let text): texts.append(text)
                case .integer(let number): texts.append(String(number))
                default: throw wrong(name, "a list of texts", item)
                }
            }
            return texts
        case .some(let other): throw wrong(name, "a list of texts", other)
        }
    }

    /// Texts by name; empty when it is not set.
    package func textMap(_ name: String) throws(ProbeError) -> [String: String] {
        switch parameters[name] {
        case nil, .null: return [:]
        case .map(let entries):
            var texts: [String: String] = [:]
            for (key, value) in entries {
                switch value {
                case .text(let text): texts[key] = text
                case .integer(let number): texts[key] = String(number)
                default: throw wrong("\(name).\(key)", "a text", value)
                }
            }
            return texts
        case .some(let other): throw wrong(name, "a map of texts", other)
        }
    }

    /// A length of time; nil when it is not set.
    package func duration(_ name: String) throws(ProbeError) -> GoDuration? {
        switch parameters[name] {
        case nil, .null: return nil
        case .duration(let duration): return duration
        case .text(let text):
            if let duration = GoDuration(text) { return duration }
            throw wrong(name, "a duration such as 10s", .text(text))
        case .some(let other): throw wrong(name, "a duration such as 10s", other)
        }
    }

    /// The error of a parameter that has another form than it should.
    package func wrong(_ name: String, _ expected: String, _ found: Value) -> ProbeError {
        ProbeError(.invalid, "read parameter \(name)", expected: expected, found: "\(found)")
    }
}
