/// How much a finding matters.
public enum LintSeverity: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The package cannot be installed, or does harm or nothing useful once it is.
    case error
    /// The package works and somebody will suffer from it.
    case warning
    /// Worth knowing.
    case info

    /// An error comes before a warning, a warning before information.
    public static func < (left: LintSeverity, right: LintSeverity) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .error: 0
        case .warning: 1
        case .info: 2
        }
    }
}

/// One fault that lint found in a package.
public struct LintFinding: Sendable, Hashable {
    /// The rule's stable code, such as `DB0101`.
    public var code: String
    /// How much it matters.
    public var severity: LintSeverity
    /// What it is about: a path, a control field, a script. Safe to print.
    public var subject: String
    /// The fault in lower case, with what was found. Safe to print.
    public var message: String
    /// What to do, in the imperative.
    public var remedy: String
    /// Where it is written down.
    public var reference: String

    /// Creates a finding.
    public init(
        code: String, severity: LintSeverity, subject: String, message: String, remedy: String, reference: String
    ) {
        self.code = code
        self.severity = severity
        self.subject = subject
        self.message = message
        self.remedy = remedy
        self.reference = reference
    }
}
