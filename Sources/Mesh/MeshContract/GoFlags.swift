/// Command lines as the original agent took them: Go's flag packages know one dash or two, `--flag=value` and
/// `--flag value`, and a value only after `=` for booleans.
package enum GoFlags {
    /// A boolean flag whose value is not a boolean.
    package struct BadBoolean: Error, Hashable, CustomStringConvertible {
        /// The flag with its dashes.
        package var flag: String
        /// What stood after `=`.
        package var found: String

        /// The sentence for people.
        package var description: String {
            "the value '\(found)' is invalid for '\(flag)': expected one of 1, 0, t, f, true, false"
        }
    }

    /// The arguments with two dashes before every flag and without values of booleans; a boolean that is false is left
    /// out, which is what all of ours are by default.
    ///
    /// - Parameters:
    ///   - flags: the names of flags with a value.
    ///   - booleans: the names of flags without.
    package static func normalised(
        _ arguments: [String], flags: Set<String>, booleans: Set<String>
    ) throws(BadBoolean) -> [String] {
        var result: [String] = []
        var takesNext = false
        for (index, argument) in arguments.enumerated() {
            if takesNext {
                takesNext = false
                result.append(argument)
                continue
            }
            if argument == "--" { return result + arguments[index...] }
            guard let (name, value) = flag(argument) else {
                result.append(argument)
                continue
            }
            if booleans.contains(name) {
                if try isTrue(value, flag: "--\(name)") { result.append("--\(name)") }
            } else if flags.contains(name) {
                // As one argument, so that a value that begins with a dash stays a value.
                if let value {
                    result.append("--\(name)=\(value)")
                } else {
                    result.append("--\(name)")
                    takesNext = true
                }
            } else {
                result.append(argument)
            }
        }
        return result
    }

    /// The name of a flag, behind one dash or two, and the value behind `=`; nil for anything else.
    private static func flag(_ argument: String) -> (name: String, value: String?)? {
        let bytes = Array(argument.utf8)
        let dashes = bytes.prefix { $0 == UInt8(ascii: "-") }.count
        let end = bytes.firstIndex(of: UInt8(ascii: "=")) ?? bytes.endIndex
        guard dashes == 1 || dashes == 2, dashes < end else { return nil }
        let value = end < bytes.endIndex ? String(decoding: bytes[(end + 1)...], as: UTF8.self) : nil
        return (String(decoding: bytes[dashes..<end], as: UTF8.self), value)
    }

    /// The values that Go's ParseBool takes.
    private static func isTrue(_ value: String?, flag: String) throws(BadBoolean) -> Bool {
        switch value {
        case nil, "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        case .some(let found): throw BadBoolean(flag: flag, found: found)
        }
    }

    /// Flags of the logs that the originals wrote, which say nothing to ours.
    package static let logFlags: Set<String> = [
        "vmodule", "log_backtrace_at", "log_dir", "stderrthreshold", "log_caller", "log_output_level", "log_rotate",
        "log_rotate_max_age", "log_rotate_max_backups", "log_rotate_max_size", "log_stacktrace_level", "log_target",
    ]
    /// The same, those without a value.
    package static let logSwitches: Set<String> = ["logtostderr", "alsologtostderr", "log_as_json", "log_callers"]

    /// The arguments without some flags and their values.
    ///
    /// - Parameters:
    ///   - flags: the names of flags with a value, which stands behind `=` or is the next argument.
    ///   - booleans: the names of flags whose value, if there is one, stands behind `=`.
    package static func without(_ arguments: [String], flags: Set<String>, booleans: Set<String>) -> [String] {
        var result: [String] = []
        var isValue = false
        for (index, argument) in arguments.enumerated() {
            if isValue {
                isValue = false
                continue
            }
            if argument == "--" { return result + arguments[index...] }
            guard let (name, value) = flag(argument) else {
                result.append(argument)
                continue
            }
            if flags.contains(name) {
                isValue = value == nil
            } else if !booleans.contains(name) {
                result.append(argument)
            }
        }
        return result
    }
}
