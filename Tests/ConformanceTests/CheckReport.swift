import Foundation

/// What meshcheck's JSON says of its checks, as far as a test needs it (docs/report.schema.json).
struct CheckReport {
    /// A check and what became of it.
    struct Check: Decodable {
        struct Expectation: Decodable {
            var attribute: String
            var expected: String
            var found: String
            var holds: Bool
        }

        struct Skip: Decodable {
            var reason: String
            var needs: [String]?
            var condition: String?
            var name: String?
        }

        struct Failure: Decodable {
            var reason: String
            var operation: String
            var expected: String
            var found: String
        }

        var id: String
        var title: String
        var place: String
        var subject: String
        var severity: String
        var outcome: String
        var skip: Skip?
        var error: Failure?
        var expectations: [Expectation]
        var evidence: [String]
        var diagnosis: String?
    }

    /// A cause.
    struct Diagnosis: Decodable {
        var code: String
        var cause: String
        var evidence: [String]
        var remedy: [String]
        var documentation: String
        var checks: [String]
    }

    /// One machine's run.
    struct Run: Decodable {
        var version: Int
        var host: String
        var profile: String
        var checks: [Check]
        var diagnoses: [Diagnosis]
    }

    /// Several machines.
    private struct Fleet: Decodable {
        struct Host: Decodable {
            struct Failure: Decodable {
                var reason: String
                var operation: String
                var found: String
                var remedy: String?
            }

            var target: String
            var run: Run?
            var failure: Failure?
        }

        var hosts: [Host]
    }

    /// Why there is no run.
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    /// Reads the report of one machine, whether it was this one or another.
    static func run(_ json: [UInt8], isRemote: Bool, errors: String) throws -> Run {
        let data = Data(json)
        guard !json.isEmpty else { throw Missing(description: "meshcheck gave no report: \(errors)") }
        guard isRemote else { return try JSONDecoder().decode(Run.self, from: data) }
        guard let host = try JSONDecoder().decode(Fleet.self, from: data).hosts.first else {
            throw Missing(description: "meshcheck reports no machine: \(errors)")
        }
        if let run = host.run { return run }
        let failure = host.failure.map {
            "\($0.reason): \($0.operation): \($0.found)" + ($0.remedy.map { "\n  do    \($0)" } ?? "")
        }
        throw Missing(description: "no result of \(host.target): \(failure ?? errors)")
    }
}

extension CheckReport.Run {
    /// Why a check did not pass, for a person: what was expected and found, the cause and what to do.
    func explanation(of check: CheckReport.Check) -> String {
        var lines = ["\(check.id) \(check.title) (\(check.place))", "  \(check.subject)"]
        for expectation in check.expectations where !expectation.holds {
            lines.append("  \(expectation.attribute): expected \(expectation.expected), found \(expectation.found)")
        }
        if let error = check.error {
            lines.append("  \(error.reason): \(error.operation): expected \(error.expected), found \(error.found)")
        }
        lines += check.evidence.map { "  | \($0)" }
        if let code = check.diagnosis, let diagnosis = diagnoses.first(where: { $0.code == code }) {
            lines.append("  \(diagnosis.code) \(diagnosis.cause)")
            lines += diagnosis.evidence.map { "  seen  \($0)" }
            lines += diagnosis.remedy.map { "  do    \($0)" }
            lines.append("  read  \(diagnosis.documentation)")
        }
        return lines.joined(separator: "\n")
    }
}
