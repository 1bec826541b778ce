import Documents
import Files
import Platform

/// Assignments in a file or on standard input, for values that a list of processes must not show.
///
/// They stand in lines, `NAME=VALUE`; empty lines and those that begin with `#` say nothing. Where there is a NUL, every
/// assignment is ended by one, as env(1) writes them with `-0`, and values may have several lines.
public struct VariableFile: Sendable {
    /// Names and values in their order.
    public let assignments: [(name: String, value: String)]

    private static let limit = 1 << 20

    /// Reads a file, a pipe, or standard input for `-`.
    public init(path: String) throws(VariableFileError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileTree.readInput(path, limit: Self.limit)
        } catch {
            throw VariableFileError(description: error.description)
        }
        try self.init(bytes, path: path)
    }

    /// Reads the text of a file.
    public init(_ bytes: [UInt8], path: String) throws(VariableFileError) {
        let isNulEnded = bytes.contains(0)
        guard !isNulEnded || bytes.last == 0 else {
            throw VariableFileError(description: "'\(path)' is cut: expected a NUL behind the last assignment")
        }
        var assignments: [(name: String, value: String)] = []
        let parts = bytes.split(separator: isNulEnded ? 0 : Ascii.newline, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let part = !isNulEnded && part.last == 0x0d ? part.dropLast() : part
            if part.isEmpty || (!isNulEnded && part.first == UInt8(ascii: "#")) { continue }
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")), equals > part.startIndex else {
                // What stands there is not shown: it may be the secret.
                throw VariableFileError(
                    description:
                        "\(isNulEnded ? "assignment" : "line") \(index + 1) of '\(path)' is not of the form NAME=VALUE")
            }
            assignments.append((Ascii.text(part[..<equals]), Ascii.text(part[(equals + 1)...])))
        }
        self.assignments = assignments
    }

    /// Assignments as such a file, ended by NUL.
    public static func text(_ assignments: [(name: String, value: String)]) -> [UInt8] {
        assignments.flatMap { Array("\($0.name)=\($0.value)".utf8) + [0] }
    }
}

/// Why a file has no assignments.
public struct VariableFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The sentence for people.
    public var description: String
}
