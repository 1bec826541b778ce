import HostProbes
import Scenarios

/// What became of a check, as a report shows it: the outcome and how much it matters in one word.
public enum CheckStatus: String, Sendable, Hashable, CaseIterable {
    /// Everything holds.
    case passed
    /// An expectation of severity error does not hold.
    case failed
    /// Nothing could be seen where something had to be.
    case error
    /// It failed with severity warning.
    case warning
    /// It failed with severity info.
    case info
    /// This user may not see it: it says nothing about the machine.
    case notPermitted = "not-permitted"
    /// It was not looked at.
    case skipped

    /// The status of a result.
    public init(_ check: CheckResult) {
        switch (check.outcome, check.severity) {
        case (.passed, _): self = .passed
        case (.skipped, _): self = .skipped
        case (.error(let error), _) where error.reason == .notPermitted: self = .notPermitted
        case (_, .warning): self = .warning
        case (_, .info): self = .info
        case (.failed, .error): self = .failed
        case (.error, .error): self = .error
        }
    }

    /// Whether the run fails by it.
    public var isFailure: Bool { self == .failed || self == .error }

    /// Whether a person has to look at it.
    public var needsAttention: Bool { self != .passed && self != .skipped }

    /// The word for people.
    public var label: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .error: "error"
        case .warning: "warning"
        case .info: "remark"
        case .notPermitted: "not permitted"
        case .skipped: "skipped"
        }
    }
}
