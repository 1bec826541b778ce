/// A cause with what followed from it.
public struct DiagnosisResult: Sendable, Hashable {
    /// The stable code, `MX0101`.
    public var code: String
    /// How much it matters.
    public var severity: Severity
    /// The cause in one sentence.
    public var cause: String
    /// What was seen that tells this cause from others.
    public var evidence: [String]
    /// What to do: commands, one a line.
    public var remedy: [String]
    /// The section of the documents.
    public var documentation: String
    /// The ids of the checks that it explains, the most telling first.
    public var checks: [String]

    /// Creates a result.
    public init(
        code: String, severity: Severity, cause: String, evidence: [String], remedy: [String], documentation: String,
        checks: [String]
    ) {
        self.code = code
        self.severity = severity
        self.cause = cause
        self.evidence = evidence
        self.remedy = remedy
        self.documentation = documentation
        self.checks = checks
    }
}

/// All checks of one run on one machine.
public struct RunResult: Sendable, Hashable {
    /// The machine's name.
    public var host: String
    /// The profile that was chosen.
    public var profile: String
    /// Nanoseconds since 1970.
    public var startedAt: Int64
    /// How long the run took.
    public var duration: Duration
    /// The checks in the order of the scenarios.
    public var checks: [CheckResult]
    /// The causes, the most important first.
    public var diagnoses: [DiagnosisResult]

    /// Creates a result.
    public init(
        host: String, profile: String, startedAt: Int64, duration: Duration, checks: [CheckResult],
        diagnoses: [DiagnosisResult]
    ) {
        self.host = host
        self.profile = profile
        self.startedAt = startedAt
        self.duration = duration
        self.checks = checks
        self.diagnoses = diagnoses
    }

    /// Whether a check of severity error failed.
    public var hasFailed: Bool { checks.contains { $0.severity == .error && $0.isFailure } }
}

/// What a run tells while it goes on.
public enum RunEvent: Sendable {
    /// So many checks will be looked at.
    case started(total: Int)
    /// A check is looked at for the first time.
    case began(id: String, title: String)
    /// A check is through.
    case ended(CheckResult)
}
