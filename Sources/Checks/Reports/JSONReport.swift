import Documents
import Platform
import Probes
import Scenarios

/// The report for programs (docs/json.md, docs/report.schema.json): stable, versioned, members in one order.
public struct JSONRenderer: Renderer {
    /// Creates a renderer.
    public init() {}

    /// The document of one run.
    public func text(of run: MaskedRun) -> String { ReportDocument.run.write(run.result).pretty + "\n" }

    /// The document of several hosts.
    public func text(of fleet: MaskedFleet) -> String { ReportDocument.fleet.write(fleet.result).pretty + "\n" }
}

/// Reads reports in JSON that came from elsewhere.
public enum ReportReader {
    /// Bytes of a report; a run of ten thousand checks has about 10 MB.
    public static let limit = 64 << 20

    /// Reads the run that `JSONRenderer` wrote. Unknown members are ignored.
    public static func run(_ bytes: some Sequence<UInt8>) throws(ReportDecodingError) -> RunResult {
        try ReportDocument.run.decode(bytes)
    }
}

/// The JSON Schema (draft 2020-12) of `JSONRenderer`'s documents.
public enum ReportSchema {
    /// The schema: a run of one host, or of several.
    public static var json: JSONValue {
        .object([
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("$id", .string("https://istio.io/schemas/meshcheck/report.json")),
            ("title", .string("Report of meshcheck, version \(ReportVersion.current)")),
            (
                "description",
                .string("A run on one host has 'checks', a run on several has 'hosts'. Members may be added.")
            ),
            ("oneOf", .array([ReportDocument.run.named("run").schema, ReportDocument.fleet.named("fleet").schema])),
            (
                "$defs",
                .object([
                    ("run", ReportDocument.run.schema), ("fleet", ReportDocument.fleet.schema),
                    ("host", ReportDocument.host.schema), ("check", ReportDocument.check.schema),
                    ("diagnosis", ReportDocument.diagnosis.schema), ("summary", ReportDocument.summary.schema),
                    ("severity", ReportType<Severity>.word.schema), ("nanoseconds", ReportDocument.nanoseconds.schema),
                    ("time", ReportDocument.time.schema),
                ])
            ),
        ])
    }
}

/// A run as it goes on, one JSON value per line (jsonlines.org).
///
/// `{"event":"started","total":80}`, one `{"event":"check","check":{…}}` for every check that is through, and at the end
/// `{"event":"finished","run":{…}}` with the whole report. A line that is missing at the end means a run that was cut.
public enum EventLine: Sendable {
    /// So many checks will be looked at.
    case started(total: Int)
    /// A check is through.
    case check(CheckResult)
    /// All are through.
    case finished(RunResult)

    /// Bytes of a line that is still read.
    public static let limit = ReportReader.limit

    /// The line with its newline. Secrets are masked.
    public var text: String { ReportDocument.event.write(self).compact + "\n" }

    /// Reads a line.
    public init(_ line: some Sequence<UInt8>) throws(ReportDecodingError) {
        self = try ReportDocument.event.decode(line)
    }
}

/// What stands in reports: the one declaration that they are written, read and described by.
enum ReportDocument {
    static let run = ReportType<RunResult>.object(
        ReportMember("version", version) { _ in },
        ReportMember("host", .text, "The host's own name.") { $0.host },
        ReportMember("profile", .text, "The profile that the scenarios were chosen by.") { $0.profile },
        ReportMember("startedAt", time.named("time")) { $0.startedAt },
        ReportMember("durationNanoseconds", nanoseconds.named("nanoseconds")) { $0.duration },
        derived("summary", summary.named("summary")) { Summary($0.checks) },
        ReportMember("diagnoses", .list(diagnosis.named("diagnosis")), "Causes, the most important first.") {
            $0.diagnoses
        },
        ReportMember("checks", .list(check.named("check")), "In the order of the scenarios.") { $0.checks }
    ) { _, host, profile, startedAt, duration, _, diagnoses, checks in
        RunResult(
            host: host, profile: profile, startedAt: startedAt, duration: duration, checks: checks,
            diagnoses: diagnoses)
    }

    static let check = ReportType<CheckResult>.object(
        ReportMember("id", .text, "Unique in a run.") { $0.id },
        ReportMember("title", .text, "Why the check exists.") { $0.title },
        ReportMember("step", .text, "The scenario's name.") { $0.step },
        ReportMember("place", .text, "File and line of the check.") { $0.place },
        ReportMember("kind", .text, "The kind of subject.") { $0.kind },
        ReportMember("subject", .text, "The subject in words.") { $0.subject },
        ReportMember("tags", .list(.text), "Tags of the check and its scenario.") { $0.tags },
        ReportMember("severity", severity) { $0.severity },
        ReportMember("outcome", .word) { OutcomeWord($0.outcome) },
        optional("skip", skip) { if case .skipped(let reason) = $0.outcome { reason } else { nil } },
        optional("error", error) { if case .error(let error) = $0.outcome { error } else { nil } },
        ReportMember("attempts", .count, "How often it was looked at.") { $0.attempts },
        ReportMember("durationNanoseconds", nanoseconds.named("nanoseconds")) { $0.duration },
        ReportMember("expectations", .list(expectation), "Those of the last look.") { $0.expectations },
        ReportMember("evidence", .list(.text), "What a person wants to see when it failed.") { $0.evidence },
        optional("diagnosis", .text, "Code of the diagnosis that explains it.") { $0.diagnosis }
    ) {
        id, title, step, place, kind, subject, tags, severity, word, skip, error, attempts, duration, expectations,
        evidence, diagnosis in
        CheckResult(
            id: id, title: title, step: step, place: place, kind: kind, subject: subject, tags: tags,
            severity: severity, outcome: try word.outcome(skip, error), attempts: attempts, duration: duration,
            expectations: expectations, evidence: evidence, diagnosis: diagnosis)
    }

    enum OutcomeWord: String, CaseIterable, Sendable {
        case passed, failed, skipped, error

        init(_ outcome: Outcome) {
            self =
                switch outcome {
                case .passed: .passed
                case .failed: .failed
                case .skipped: .skipped
                case .error: .error
                }
        }

        func outcome(_ skip: SkipReason?, _ error: ProbeError?) throws(ReportMisfit) -> Outcome {
            switch (self, skip, error) {
            case (.passed, _, _): return .passed
            case (.failed, _, _): return .failed
            case (.skipped, let reason?, _): return .skipped(reason)
            case (.error, _, let error?): return .error(error)
            case (.skipped, nil, _):
                throw ReportMisfit(member: "skip", expected: "why it was skipped", found: "nothing")
            case (.error, _, nil): throw ReportMisfit(member: "error", expected: "the error", found: "nothing")
            }
        }
    }

    private static let skip = ReportType<SkipReason>.object(
        ReportMember("reason", .word) { SkipWord($0) },
        optional("needs", .list(.text), "Ids that failed before.") {
            if case .needs(let ids) = $0 { ids } else { nil }
        },
        optional("condition", .text, "What does not hold.") {
            if case .condition(let text) = $0 { text } else { nil }
        },
        optional("name", .text, "The value that is missing.") {
            if case .missingCapture(let name, _) = $0 { name } else { nil }
        },
        optional("from", .text, "Who would have captured it.") {
            if case .missingCapture(_, let source) = $0 { source } else { nil }
        }
    ) { word, needs, condition, name, source in
        switch word {
        case .needs: .needs(needs ?? [])
        case .condition: .condition(condition ?? "")
        case .stopped: .stopped
        case .missingCapture: .missingCapture(name: name ?? "", from: source ?? "")
        }
    }

    enum SkipWord: String, CaseIterable, Sendable {
        case needs, condition, stopped
        case missingCapture = "missing-capture"

        init(_ reason: SkipReason) {
            self =
                switch reason {
                case .needs: .needs
                case .condition: .condition
                case .stopped: .stopped
                case .missingCapture: .missingCapture
                }
        }
    }

    private static let error = ReportType<ProbeError>.object(
        ReportMember("reason", .word) { $0.reason },
        ReportMember("operation", .text, "What was tried.") { $0.operation },
        ReportMember("expected", .text, "What a healthy host answers.") { $0.expected },
        ReportMember("found", .text, "What came instead.") { $0.found }
    ) { reason, operation, expected, found in
        ProbeError(reason, operation, expected: expected, found: found)
    }

    private static let expectation = ReportType<ExpectationResult>.object(
        ReportMember("attribute", .text, "What was looked at.") { $0.attribute },
        ReportMember("expected", .text, "In words.") { $0.expected },
        ReportMember("found", .text, "Shortened for people.") { $0.found },
        ReportMember("holds", .flag) { $0.holds }
    ) { ExpectationResult(attribute: $0, expected: $1, found: $2, holds: $3) }

    static let diagnosis = ReportType<DiagnosisResult>.object(
        ReportMember("code", .text(pattern: "^MX[0-9]{4}$")) { $0.code },
        ReportMember("severity", severity) { $0.severity },
        ReportMember("cause", .text, "In one sentence.") { $0.cause },
        ReportMember("evidence", .list(.text), "What tells this cause from others.") { $0.evidence },
        ReportMember("remedy", .list(.text), "Commands, one per line.") { $0.remedy },
        ReportMember("documentation", .text, "The section of the documents.") { $0.documentation },
        ReportMember("checks", .list(.text), "Ids of the checks that it explains, the most telling first.") {
            $0.checks
        }
    ) {
        DiagnosisResult(
            code: $0, severity: $1, cause: $2, evidence: $3, remedy: $4, documentation: $5, checks: $6)
    }

    static let event = ReportType<EventLine>.object(
        ReportMember("event", .word) { EventWord($0) },
        optional("version", version) { if case .started = $0 { () } else { nil } },
        optional("total", .count) { if case .started(let total) = $0 { total } else { nil } },
        optional("check", check) { if case .check(let check) = $0 { MaskedRun.masked(check) } else { nil } },
        optional("run", run) { if case .finished(let result) = $0 { MaskedRun(result).result } else { nil } }
    ) { event, version, total, check, run in
        func given<Value>(_ value: Value?, _ member: String, _ expected: String) throws(ReportMisfit) -> Value {
            guard let value else { throw ReportMisfit(member: member, expected: expected, found: "nothing") }
            return value
        }
        switch event {
        case .started:
            try given(version, "version", "\(ReportVersion.current)")
            return .started(total: try given(total, "total", "a whole number"))
        case .check: return .check(try given(check, "check", "an object"))
        case .finished: return .finished(try given(run, "run", "an object"))
        }
    }

    enum EventWord: String, CaseIterable, Sendable {
        case started, check, finished

        init(_ event: EventLine) {
            self =
                switch event {
                case .started: .started
                case .check: .check
                case .finished: .finished
                }
        }
    }

    // MARK: - what is only written

    static let summary = written(
        derived("total", .count, "All checks.") { (summary: Summary) in summary.total },
        derived("passed", .count, "Everything holds.") { $0[.passed] },
        derived("failed", .count, "An expectation of severity error does not hold.") { $0[.failed] },
        derived("errors", .count, "Nothing could be seen where something had to be.") { $0[.error] },
        derived("warnings", .count, "Failed with severity warning.") { $0[.warning] },
        derived("infos", .count, "Failed with severity info.") { $0[.info] },
        derived("notPermitted", .count, "This user may not see it.") { $0[.notPermitted] },
        derived("skipped", .count, "Not looked at.") { $0[.skipped] },
        derived("verdict", .word) { $0.hasFailed ? Verdict.failed : $0.isIncomplete ? .incomplete : .passed })

    private enum Verdict: String, CaseIterable, Sendable { case passed, failed, incomplete }

    static let fleet = written(
        derived("version", version) { (_: FleetResult) in },
        derived("startedAt", time.named("time")) { $0.startedAt },
        derived("durationNanoseconds", nanoseconds.named("nanoseconds")) { $0.duration },
        derived("summary", fleetSummary) { $0 },
        derived("groups", .list(group), "Hosts that came out alike.") { FleetMatrix($0).rows },
        derived("hosts", .list(host.named("host")), "In the order in which they were named.") { $0.hosts })

    private static let fleetSummary = written(
        derived("hosts", .count, "Hosts that were asked.") { (fleet: FleetResult) in fleet.hosts.count },
        derived("passed", .count, "Without a failure.") { fleet in
            fleet.hosts.count { $0.run.map { !$0.hasFailed && !$0.isIncomplete } ?? false }
        },
        derived("failed", .count, "With at least one failure of severity error.") {
            $0.hosts.count { $0.run?.hasFailed == true }
        },
        derived("withoutResult", .count, "Not reached, or gone before the end.") { $0.hosts.count { $0.run == nil } },
        derived("verdict", .word) {
            $0.hasFailed ? FleetVerdict.failed : $0.isIncomplete ? .incomplete : .passed
        })

    private enum FleetVerdict: String, CaseIterable, Sendable { case passed, failed, incomplete }

    private static let group = written(
        derived("hosts", .list(.text), "Names of the hosts.") { (row: FleetMatrix.Row) in row.hosts },
        derived("status", .word) { $0.status },
        derived("diagnoses", .list(.text), "Codes of the causes.") { $0.diagnoses.map(\.code) },
        derived("failures", .list(.text), "Ids of failed checks.") { $0.failures })

    static let host = written(
        derived("target", .text, "The name that the user gave.") { (host: HostResult) in host.target },
        derived("groups", .list(.text), "Groups of the inventory.") { $0.groups },
        derived("run", run.named("run"), isRequired: false) { $0.run },
        derived("failure", failure, isRequired: false) { $0.failure },
        derived(
            "partialChecks", .list(check.named("check")), "Checks that were through before the host went.",
            isRequired: false
        ) { $0.run == nil ? $0.partialChecks : nil })

    private static let failure = written(
        derived("reason", .word) { (failure: HostFailure) in failure.reason },
        derived("operation", .text, "What was tried.") { $0.operation },
        derived("found", .text, "What came instead.") { $0.found },
        derived("remedy", .text, "What to do.") { $0.remedy })

    private static func optional<Object, Content>(
        _ name: String, _ type: ReportType<Content>, _ summary: String? = nil,
        _ get: @escaping @Sendable (Object) -> Content?
    ) -> ReportMember<Object, Content?> { .optional(name, type, summary, get) }

    private static func derived<Object, Content>(
        _ name: String, _ type: ReportType<Content>, _ summary: String? = nil, isRequired: Bool = true,
        _ get: @escaping @Sendable (Object) -> Content?
    ) -> ReportMember<Object, Void> { .derived(name, type, summary, isRequired: isRequired, get) }

    private static func written<Object, each Member>(
        _ members: repeat ReportMember<Object, each Member>
    ) -> ReportType<Object> {
        .object(repeat each members) { (_: repeat each Member) in
            throw ReportMisfit(expected: "something that is read back", found: "a part that is only written")
        }
    }

    // MARK: - values

    private static let severity = ReportType<Severity>.word.named("severity")

    private static let version = ReportType<Void>(
        schema: .object([("const", .int(ReportVersion.current))]), write: { .int(ReportVersion.current) },
        read: { decoder in
            let version = try decoder.singleValueContainer().decode(Int.self)
            guard version == ReportVersion.current else {
                throw ReportMisfit(expected: "\(ReportVersion.current)", found: "\(version)")
            }
        })

    static let nanoseconds = ReportType<Duration>(
        schema: ReportType<Int>.count.schema, write: { .int(Int(max(0, GoDuration($0).nanoseconds))) },
        read: { .nanoseconds(try $0.singleValueContainer().decode(Int64.self)) })

    static let time = ReportType<Int64>(
        schema: .object([
            ("type", .string("string")), ("format", .string("date-time")),
            ("pattern", .string("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$")),
        ]), write: { .string(RFC3339.preciseText($0)) },
        read: { decoder in
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let moment = RFC3339.nanoseconds(text) else {
                throw ReportMisfit(expected: "a time as in RFC 3339, in UTC", found: text)
            }
            return moment
        })
}
