import Documents

/// Why scenarios or diagnoses cannot be used: everything that is wrong with them.
public struct ScenarioLoadError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, with the places in the user's files.
    public let diagnostics: Diagnostics

    /// Creates an error.
    public init(_ diagnostics: Diagnostics) { self.diagnostics = diagnostics }

    /// All of it for people, in the user's own lines.
    public var description: String { DiagnosticRenderer.text(diagnostics) }
}
