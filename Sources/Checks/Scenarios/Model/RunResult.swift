import Probes

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
    /// What to do: commands, one per line.
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

/// All checks of one run on one host.
public struct RunResult: Sendable, Hashable {
    /// The host's name.
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

    /// Whether no check failed, but one of severity error asked for what this user may not see: the run proves nothing.
    public var isIncomplete: Bool {
        !hasFailed
            && checks.contains { check in
                guard case .error(let error) = check.outcome, check.severity == .error else { return false }
                return error.reason == .notPermitted
            }
    }
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

/// What became of one check.
public enum Outcome: Sendable, Hashable {
    case passed
    /// At least one expectation does not hold.
    case failed
    /// It was not looked at.
    case skipped(SkipReason)
    /// Nothing could be seen; a `notPermitted` error never counts as passed, and as failed only with `--strict`.
    case error(ProbeError)
}

/// Why a check was not looked at.
public enum SkipReason: Sendable, Hashable {
    /// These checks failed before, and this one depends on them.
    case needs([String])
    /// The condition in `when` does not hold; the text says which.
    case condition(String)
    /// `--fail-fast` ended the run.
    case stopped
    /// A value that another check would have captured is not there.
    case missingCapture(name: String, from: String)
}

/// How much a failure matters.
public enum Severity: String, Sendable, Hashable, CaseIterable {
    case error, warning, info

    /// Its place in an order with the heaviest first.
    public var weight: Int {
        switch self {
        case .error: 0
        case .warning: 1
        case .info: 2
        }
    }
}

/// One expectation with what was found.
public struct ExpectationResult: Sendable, Hashable {
    /// The attribute, with the path inside it: `hosts[0].port`.
    public var attribute: String
    /// The expectation in words: `at least 1`, `inside 10.63.240.0/20`.
    public var expected: String
    /// What was read, shortened for people.
    public var found: String
    /// Whether it holds.
    public var holds: Bool

    /// Creates a result.
    public init(attribute: String, expected: String, found: String, holds: Bool) {
        self.attribute = attribute
        self.expected = expected
        self.found = found
        self.holds = holds
    }
}

/// One check of one run.
public struct CheckResult: Sendable, Hashable {
    /// The check's id, unique in a run.
    public var id: String
    /// Why the check exists.
    public var title: String
    /// The step of the guide: the scenario's name.
    public var step: String
    /// The file and line of the check.
    public var place: String
    /// The kind of subject.
    public var kind: String
    /// The subject in words: `file /etc/certs/key.pem`.
    public var subject: String
    /// Tags of the check and its scenario.
    public var tags: [String]
    /// How much a failure matters.
    public var severity: Severity
    /// What became of it.
    public var outcome: Outcome
    /// How often it was looked at.
    public var attempts: Int
    /// From the first look to the last.
    public var duration: Duration
    /// The expectations of the last look.
    public var expectations: [ExpectationResult]
    /// Lines that a person wants to see when it failed.
    public var evidence: [String]
    /// The code of the diagnosis that explains it.
    public var diagnosis: String?

    /// Creates a result.
    public init(
        id: String, title: String, step: String, place: String, kind: String, subject: String, tags: [String],
        severity: Severity, outcome: Outcome, attempts: Int, duration: Duration,
        expectations: [ExpectationResult], evidence: [String], diagnosis: String? = nil
    ) {
        self.id = id
        self.title = title
        self.step = step
        self.place = place
        self.kind = kind
        self.subject = subject
        self.tags = tags
        self.severity = severity
        self.outcome = outcome
        self.attempts = attempts
        self.duration = duration
        self.expectations = expectations
        self.evidence = evidence
        self.diagnosis = diagnosis
    }

    /// Whether it was skipped although it is about this host: something else failed, or the run was stopped.
    public var isWithheld: Bool {
        switch outcome {
        case .skipped(.needs), .skipped(.stopped), .skipped(.missingCapture): true
        case .passed, .failed, .error, .skipped(.condition): false
        }
    }

    /// Whether it says that something is wrong with the host.
    public var isFailure: Bool {
        switch outcome {
        case .failed: true
        case .error(let error): error.reason != .notPermitted
        case .passed, .skipped: false
        }
    }
}

/// What became of a check, with what others need of it.
struct CompletedCheck: Sendable {
    /// For the report.
    var result: CheckResult
    /// What was seen at the last look, for diagnoses.
    var observed: [String: Value] = [:]
    /// Values for other checks.
    var captured: [String: Value] = [:]
    /// Facts that were read before this moment are older than what the check has seen.
    var since: ContinuousClock.Instant?
}
