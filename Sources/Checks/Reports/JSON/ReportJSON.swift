import HostProbes
import MeshContract
import Platform
import Scenarios
import Documents

/// Results as JSON values.
enum ReportJSON {
    static func run(_ result: RunResult) -> JSONValue {
        let members: [(String, JSONValue)] = [
            ("version", .int(ReportVersion.current)),
            ("host", .string(result.host)),
            ("profile", .string(result.profile)),
            ("startedAt", .string(RFC3339.preciseText(result.startedAt))),
            ("durationNanoseconds", nanoseconds(result.duration)),
            ("summary", summary(Summary(result.checks))),
            ("diagnoses", .array(result.diagnoses.map(diagnosis))),
            ("checks", .array(result.checks.map(check))),
        ]
        return .object(members)
    }

    static func summary(_ summary: Summary) -> JSONValue {
        .object([
            ("total", .int(summary.total)), ("passed", .int(summary[.passed])), ("failed", .int(summary[.failed])),
            ("errors", .int(summary[.error])), ("warnings", .int(summary[.warning])), ("infos", .int(summary[.info])),
            ("notPermitted", .int(summary[.notPermitted])), ("skipped", .int(summary[.skipped])),
            ("verdict", .string(summary.hasFailed ? "failed" : "passed")),
        ])
    }

    static func check(_ check: CheckResult) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("id", .string(check.id)), ("title", .string(check.title)), ("step", .string(check.step)),
            ("place", .string(check.place)), ("kind", .string(check.kind)), ("subject", .string(check.subject)),
            ("tags", strings(check.tags)), ("severity", .string(check.severity.rawValue)),
        ]
        members += outcome(check.outcome)
        members += [
            ("attempts", .int(check.attempts)), ("durationNanoseconds", nanoseconds(check.duration)),
            ("expectations", .array(check.expectations.map(expectation))), ("evidence", strings(check.evidence)),
        ]
        if let code = check.diagnosis { members.append(("diagnosis", .string(code))) }
        return .object(members)
    }

    private static func outcome(_ outcome: Outcome) -> [(String, JSONValue)] {
        switch outcome {
        case .passed: return [("outcome", .string("passed"))]
        case .failed: return [("outcome", .string("failed"))]
        case .skipped(let reason):
            let detail: [(String, JSONValue)]
            switch reason {
            case .needs(let ids): detail = [("reason", .string("needs")), ("needs", strings(ids))]
            case .condition(let text): detail = [("reason", .string("condition")), ("condition", .string(text))]
            case .stopped: detail = [("reason", .string("stopped"))]
            case .missingCapture(let name, let source):
                detail = [("reason", .string("missing-capture")), ("name", .string(name)), ("from", .string(source))]
            }
            return [("outcome", .string("skipped")), ("skip", .object(detail))]
        case .error(let error):
            let detail: [(String, JSONValue)] = [
                ("reason", .string(error.reason.rawValue)), ("operation", .string(error.operation)),
                ("expected", .string(error.expected)), ("found", .string(error.found)),
            ]
            return [("outcome", .string("error")), ("error", .object(detail))]
        }
    }

    private static func expectation(_ result: ExpectationResult) -> JSONValue {
        .object([
            ("attribute", .string(result.attribute)), ("expected", .string(result.expected)),
            ("found", .string(result.found)), ("holds", .bool(result.holds)),
        ])
    }

    static func diagnosis(_ diagnosis: DiagnosisResult) -> JSONValue {
        .object([
            ("code", .string(diagnosis.code)), ("severity", .string(diagnosis.severity.rawValue)),
            ("cause", .string(diagnosis.cause)), ("evidence", strings(diagnosis.evidence)),
            ("remedy", strings(diagnosis.remedy)), ("documentation", .string(diagnosis.documentation)),
            ("checks", strings(diagnosis.checks)),
        ])
    }

    static func fleet(_ fleet: FleetResult) -> JSONValue {
        let matrix = FleetMatrix(fleet)
        let runs = fleet.hosts.compactMap(\.run)
        let members: [(String, JSONValue)] = [
            ("version", .int(ReportVersion.current)),
            ("startedAt", .string(RFC3339.preciseText(fleet.startedAt))),
            ("durationNanoseconds", nanoseconds(fleet.duration)),
            (
                "summary",
                .object([
                    ("hosts", .int(fleet.hosts.count)), ("passed", .int(runs.count { !$0.hasFailed })),
                    ("failed", .int(runs.count(where: \.hasFailed))),
                    ("withoutResult", .int(fleet.hosts.count - runs.count)),
                    (
                        "verdict",
                        .string(fleet.hasFailed ? "failed" : fleet.hasUnreachable ? "incomplete" : "passed")
                    ),
                ])
            ),
            ("groups", .array(matrix.rows.map { group($0) })),
            ("hosts", .array(fleet.hosts.map(host))),
        ]
        return .object(members)
    }

    /// Machines that fail alike.
    private static func group(_ row: FleetMatrix.Row) -> JSONValue {
        .object([
            ("hosts", strings(row.hosts)), ("status", .string(row.status.rawValue)),
            ("diagnoses", strings(row.diagnoses.map(\.code))), ("failures", strings(row.failures)),
        ])
    }

    private static func host(_ host: HostResult) -> JSONValue {
        var members: [(String, JSONValue)] = [("target", .string(host.target)), ("groups", strings(host.groups))]
        switch host.outcome {
        case .success(let run): members.append(("run", Self.run(run)))
        case .failure(let failure):
            let detail: [(String, JSONValue)] = [
                ("reason", .string(failure.reason.rawValue)), ("operation", .string(failure.operation)),
                ("found", .string(failure.found)), ("remedy", .string(failure.remedy)),
            ]
            members.append(("failure", .object(detail)))
            members.append(("partialChecks", .array(host.partialChecks.map(check))))
        }
        return .object(members)
    }

    private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    static func nanoseconds(_ duration: Duration) -> JSONValue {
        .int(Int(max(0, GoDuration(duration).nanoseconds)))
    }
}
