import Files
import MeshContract
import Platform

/// Checks of single values; each throws with the name that it is given.
enum SettingsChecks {
    static func nodePart(_ name: String, _ text: String) throws(SettingsError) -> String {
        guard PlainText.isNodePart(text) else {
            throw SettingsError(
                name, found: text, expected: "1 to 253 printable ASCII characters without spaces and '~'",
                remedy: "'~' separates the parts of a node id")
        }
        return text
    }

    static func path(_ name: String, _ text: String) throws(SettingsError) -> String {
        guard !text.utf8.contains(0), let path = LexicalPath.normalised(text) else {
            throw SettingsError(name, found: text, expected: "an absolute path")
        }
        return path
    }

    static func duration(_ name: String, _ text: String) throws(SettingsError) -> GoDuration {
        let range = GoDuration(nanoseconds: 1_000_000)...GoDuration(nanoseconds: 86_400_000_000_000)
        guard let duration = GoDuration(text), range.contains(duration) else {
            throw SettingsError(name, found: text, expected: "a duration from 1ms to 24h, such as 500ms, 2s or 1m30s")
        }
        return duration
    }

    /// Envoy's own options count whole seconds.
    static func seconds(_ name: String, _ text: String, atLeast least: Int64) throws(SettingsError) -> Int {
        let second: Int64 = 1_000_000_000
        guard let duration = GoDuration(text), duration.nanoseconds % second == 0,
            (least...86_400).contains(duration.nanoseconds / second)
        else {
            throw SettingsError(
                name, found: text, expected: "a duration of whole seconds from \(least)s to 24h, such as 2s or 1m")
        }
        return Int(duration.nanoseconds / second)
    }

    static func port(_ name: String, _ number: Int) throws(SettingsError) -> Int {
        guard (1...65535).contains(number) else {
            throw SettingsError(name, found: String(number), expected: "a port from 1 to 65535")
        }
        return number
    }
}
