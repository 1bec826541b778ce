import Platform
import Probes

/// What a report may show of the values that were seen.
///
/// Checks compare the values as they are; whatever is written down goes through here while its names and neighbours are
/// still known: of a line in the middle of a private key alone nobody could tell what it is.
enum ReportedValue {
    /// The value at a path with its secrets masked; nil where there is none.
    static func at(_ path: ValuePath, in attributes: [String: Value]) -> Value? {
        guard let whole = attributes[path.attribute] else { return nil }
        return path.value(in: [path.attribute: masked(whole, named: path.attribute)])
    }

    /// Whether what is behind a path is a secret by a name on the way.
    static func isSecret(_ path: ValuePath) -> Bool {
        path.steps.contains { step in
            if case .key(let name) = step { SecretMask.isSecretName(name) } else { false }
        }
    }

    /// A value without secrets, of the same shape.
    static func masked(_ value: Value, named name: String = "") -> Value {
        switch value {
        case .text(let text):
            return .text(name == "Environment" ? maskedAssignments(text) : SecretMask.maskedValue(text, of: name))
        case .list(let items):
            guard !SecretMask.isSecretName(name), items.contains(where: { hasFrame($0) }) else {
                return .list(items.map { masked($0, named: name) })
            }
            return .list(maskedLines(items))
        case .map(let entries):
            // What is within a secret is secret, whatever its own name.
            let isSecret = SecretMask.isSecretName(name)
            return .map(
                Dictionary(
                    uniqueKeysWithValues: entries.map { key, value in
                        (key, masked(value, named: isSecret ? name : key))
                    }))
        default: return value
        }
    }

    private static func hasFrame(_ value: Value) -> Bool {
        if case .text(let text) = value { text.containsBytewise("-----BEGIN ") } else { false }
    }

    /// Lines with a private key among them: every line of it is masked, in its place.
    private static func maskedLines(_ items: [Value]) -> [Value] {
        var isInKey = false
        return items.map { item in
            guard case .text(let text) = item else { return masked(item) }
            let begins = text.containsBytewise("-----BEGIN ") && text.containsBytewise("PRIVATE KEY")
            if begins { isInKey = true }
            let shown = isInKey && !begins ? SecretMask.key : SecretMask.maskedKeys(text)
            if isInKey, text.containsBytewise("-----END ") { isInKey = false }
            return .text(shown)
        }
    }

    /// `NAME=VALUE` between blanks, as systemd shows an environment.
    private static func maskedAssignments(_ text: String) -> String {
        text.utf8.split(separator: Ascii.space, omittingEmptySubsequences: false).map { word in
            let word = String(decoding: Array(word), as: UTF8.self)
            guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return word }
            let name = String(decoding: Array(word.utf8[..<equals]), as: UTF8.self)
            return SecretMask.isSecretName(name) ? name + "=" + SecretMask.value : word
        }.joined(separator: " ")
    }
}
