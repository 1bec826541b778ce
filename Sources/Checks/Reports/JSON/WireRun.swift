import HostProbes
import Platform
import Scenarios

/// The shape of a run in JSON, for reading.
struct WireRun: Decodable {
    var version: Int
    var host: String
    var profile: String
    var startedAt: String
    var durationNanoseconds: Int64
    var diagnoses: [WireDiagnosis]
    var checks: [WireCheck]

    func result() throws(ReportDecodingError) -> RunResult {
        guard version == ReportVersion.current else {
            throw ReportDecodingError(path: "version", expected: "\(ReportVersion.current)", found: "\(version)")
        }
        guard let moment = RFC3339.nanoseconds(startedAt) else {
            throw ReportDecodingError(path: "startedAt", expected: "a time as in RFC 3339, in UTC", found: startedAt)
        }
        var results: [CheckResult] = []
        results.reserveCapacity(checks.count)
        for (index, check) in checks.enumerated() { results.append(try check.result(path: "checks[\(index)]")) }
        return RunResult(
            host: host, profile: profile, startedAt: moment, duration: .nanoseconds(durationNanoseconds),
            checks: results, diagnoses: diagnoses.map(\.result))
    }
}

/// A check.
struct WireCheck: Decodable {
    enum Result: String, Decodable { case passed, failed, skipped, error }

    struct Expectation: Decodable {
        var attribute: String
        var expected: String
        var found: String
        var holds: Bool
    }

    struct Skip: Decodable {
        enum Reason: String, Decodable {
            case needs, condition, stopped
            case missingCapture = "missing-capture"
        }

        var reason: Reason
        var needs: [String]?
        var condition: String?
        var name: String?
        var from: String?

        var value: SkipReason {
            switch reason {
            case .needs: .needs(needs ?? [])
            case .condition: .condition(condition ?? "")
            case .stopped: .stopped
            case .missingCapture: .missingCapture(name: name ?? "", from: from ?? "")
            }
        }
    }

    struct Failure: Decodable {
        var reason: WireWord<ProbeError.Reason>
        var operation: String
        var expected: String
        var found: String
    }

    var id: String
    var title: String
    var step: String
    var place: String
    var kind: String
    var subject: String
    var tags: [String]
    var severity: WireWord<Severity>
    var outcome: Result
    var skip: Skip?
    var error: Failure?
    var attempts: Int
    var durationNanoseconds: Int64
    var expectations: [Expectation]
    var evidence: [String]
    var diagnosis: String?

    func result(path: String) throws(ReportDecodingError) -> CheckResult {
        let value: Outcome
        switch outcome {
        case .passed: value = .passed
        case .failed: value = .failed
        case .skipped:
            guard let skip else {
                throw ReportDecodingError(path: path + ".skip", expected: "why it was skipped", found: "nothing")
            }
            value = .skipped(skip.value)
        case .error:
            guard let error else {
                throw ReportDecodingError(path: path + ".error", expected: "the error", found: "nothing")
            }
            value = .error(
                ProbeError(error.reason.value, error.operation, expected: error.expected, found: error.found))
        }
        return CheckResult(
            id: id, title: title, step: step, place: place, kind: kind, subject: subject, tags: tags,
            severity: severity.value, outcome: value, attempts: attempts,
            duration: .nanoseconds(durationNanoseconds),
            expectations: expectations.map {
                ExpectationResult(
                    attribute: $0.attribute, expected: $0.expected, found: $0.found, holds: $0.holds)
            }, evidence: evidence, diagnosis: diagnosis)
    }
}

/// A diagnosis.
struct WireDiagnosis: Decodable {
    var code: String
    var severity: WireWord<Severity>
    var cause: String
    var evidence: [String]
    var remedy: [String]
    var documentation: String
    var checks: [String]

    var result: DiagnosisResult {
        DiagnosisResult(
            code: code, severity: severity.value, cause: cause, evidence: evidence, remedy: remedy,
            documentation: documentation, checks: checks)
    }
}

/// One of the words of an enumeration that is declared elsewhere and need not know of JSON.
struct WireWord<Word: RawRepresentable & CaseIterable>: Decodable where Word.RawValue == String {
    var value: Word

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath, debugDescription: "expected one of \(words), found \(text)"))
        }
        self.value = value
    }
}
