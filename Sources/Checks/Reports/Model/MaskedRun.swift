import HostProbes
import Platform
import Scenarios

/// A run without secrets: the only thing that a renderer gets to see.
public struct MaskedRun: Sendable, Hashable {
    /// The run, with every text that came from the machine masked.
    public let result: RunResult

    /// Masks a run.
    public init(_ result: RunResult) {
        var copy = result
        copy.checks = result.checks.map(Self.masked)
        copy.diagnoses = result.diagnoses.map { diagnosis in
            var copy = diagnosis
            copy.cause = SecretMask.masked(diagnosis.cause)
            copy.evidence = SecretMask.masked(lines: diagnosis.evidence)
            copy.remedy = SecretMask.masked(lines: diagnosis.remedy)
            return copy
        }
        self.result = copy
    }

    /// One check without secrets, for reports that are written while a run goes on.
    public static func masked(_ check: CheckResult) -> CheckResult {
        var copy = check
        copy.title = SecretMask.masked(check.title)
        copy.subject = SecretMask.masked(check.subject)
        copy.evidence = SecretMask.masked(lines: check.evidence)
        copy.expectations = check.expectations.map { expectation in
            var copy = expectation
            copy.expected = SecretMask.masked(expectation.expected)
            copy.found = SecretMask.masked(expectation.found)
            return copy
        }
        switch check.outcome {
        case .passed, .failed, .skipped(.needs), .skipped(.stopped), .skipped(.missingCapture): break
        case .skipped(.condition(let text)): copy.outcome = .skipped(.condition(SecretMask.masked(text)))
        case .error(let error):
            copy.outcome = .error(
                ProbeError(
                    error.reason, SecretMask.masked(error.operation), expected: SecretMask.masked(error.expected),
                    found: SecretMask.masked(error.found)))
        }
        return copy
    }
}
