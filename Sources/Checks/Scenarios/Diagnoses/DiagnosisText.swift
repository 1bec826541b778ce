import HostProbes

/// The texts of diagnoses with what was seen put in.
///
/// `${attribute.path}` is of the check that is explained, `${check.id:attribute.path}` of another check; then variables
/// of the scenarios. `${check.id}`, `${check.title}`, `${check.subject}`, `${check.error}`, `${check.expected}` and
/// `${check.found}` are what their names say; `${check.target}` is the subject without its kind: the package's name alone.
struct DiagnosisText {
    private static let valueLimit = 300

    let check: Check
    let end: CheckEnd
    /// All checks of the run with their ends, by id.
    let others: [String: CheckEnd]
    let variables: VariableTable

    /// Characters of names in templates: paths have brackets, and an id stands before its attribute.
    static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
        VariableText.isNameCharacter(scalar) || ":[]\"*/".unicodeScalars.contains(scalar)
    }

    /// Takes a template apart.
    static func parse(_ text: String) throws(VariableText.Fault) -> VariableText {
        try VariableText(text, isName: isNameCharacter)
    }

    /// A text in which what is not there is shown as `<name>`.
    func rendered(_ text: String) -> String { render(text, isStrict: false) ?? text }

    /// A line of evidence; nil when a value of it is not there.
    func evidence(_ text: String) -> String? { render(text, isStrict: true) }

    private func render(_ text: String, isStrict: Bool) -> String? {
        do throws(VariableText.Fault) {
            return render(try Self.parse(text).pieces, isStrict: isStrict)
        } catch {
            // Templates were checked when the catalogue was loaded.
            return text
        }
    }

    private func render(_ pieces: [VariableText.Piece], isStrict: Bool) -> String? {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .reference(let reference):
                if let value = value(reference.name), value != .null, value != .text("") {
                    result += ValueText.shortened(ValueText.plain(value), to: Self.valueLimit)
                } else if let fallback = reference.fallback {
                    guard let text = render(fallback, isStrict: isStrict) else { return nil }
                    result += text
                } else if isStrict {
                    return nil
                } else {
                    result += "<\(reference.name)>"
                }
            }
        }
        return result
    }

    private func value(_ name: String) -> Value? {
        if let builtin = builtin(name) { return builtin }
        do throws(ShapeError) {
            if let (id, path) = Self.qualified(name) {
                return try ValuePath(path).value(in: others[id]?.observed ?? [:])
            }
            if let value = try ValuePath(name).value(in: end.observed) { return value }
        } catch {
            return nil
        }
        if case .value(let variable) = variables.lookup(name) { return variable.value }
        return nil
    }

    private func builtin(_ name: String) -> Value? {
        switch name {
        case "check.id": return .text(end.result.id)
        case "check.title": return .text(end.result.title)
        case "check.subject": return .text(end.result.subject)
        case "check.target":
            let (subject, kind) = (end.result.subject.utf8, (end.result.kind + " ").utf8)
            return .text(
                String(
                    decoding: subject.starts(with: kind) ? subject.dropFirst(kind.count) : subject[...], as: UTF8.self))
        case "check.error":
            if case .error(let error) = end.result.outcome { return .text(error.description) }
            return .null
        case "check.expected": return failed.map { .text("\($0.attribute) \($0.expected)") } ?? .null
        case "check.found": return failed.map { .text($0.found) } ?? .null
        default: return nil
        }
    }

    private var failed: ExpectationResult? { end.result.expectations.first { !$0.holds } }

    /// `check.id:attribute.path`.
    private static func qualified(_ name: String) -> (id: String, path: String)? {
        guard let colon = name.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let path = name.utf8[name.utf8.index(after: colon)...]
        return (String(decoding: name.utf8[..<colon], as: UTF8.self), String(decoding: path, as: UTF8.self))
    }

    /// The attributes of a check that the texts of a cause mention.
    static func attributes(of entry: DiagnosisEntry, _ check: Check) -> Set<String> {
        let isPrimary = entry.conditions.first?.checks.contains { $0.matches(check) } ?? false
        var names: Set<String> = []
        for template in entry.templates where template.utf8.contains(UInt8(ascii: "$")) {
            do throws(VariableText.Fault) {
                for reference in try parse(template).references {
                    let (id, path) = qualified(reference.name) ?? (isPrimary ? check.id : "", reference.name)
                    guard id == check.id else { continue }
                    names.insert(String(decoding: path.utf8.prefix { $0 != 0x2e && $0 != 0x5b }, as: UTF8.self))
                }
            } catch {
                continue
            }
        }
        return names
    }
}
