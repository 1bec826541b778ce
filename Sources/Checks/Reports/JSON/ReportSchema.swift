import HostProbes
import Scenarios
import Documents

/// The JSON Schema (draft 2020-12) of `JSONRenderer`'s documents.
public enum ReportSchema {
    /// The schema: a run of one machine, or of several.
    public static var json: JSONValue {
        .object([
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("$id", .string("https://istio.io/schemas/meshcheck/report.json")),
            ("title", .string("Report of meshcheck, version \(ReportVersion.current)")),
            (
                "description",
                .string("A run on one machine has 'checks', a run on several has 'hosts'. Members may be added.")
            ),
            ("oneOf", .array([reference("run"), reference("fleet")])),
            (
                "$defs",
                .object([
                    ("run", run), ("fleet", fleet), ("host", host), ("check", check), ("diagnosis", diagnosis),
                    ("summary", summary), ("severity", words(Severity.allCases.map(\.rawValue))),
                    ("nanoseconds", .object([("type", .string("integer")), ("minimum", .int(0))])),
                    (
                        "time",
                        .object([
                            ("type", .string("string")), ("format", .string("date-time")),
                            ("pattern", .string("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$")),
                        ])
                    ),
                ])
            ),
        ])
    }

    private static var version: JSONValue { .object([("const", .int(ReportVersion.current))]) }

    private static var run: JSONValue {
        object([
            ("version", version), ("host", text("The machine's own name.")),
            ("profile", text("The profile that the scenarios were chosen by.")),
            ("startedAt", reference("time")), ("durationNanoseconds", reference("nanoseconds")),
            ("summary", reference("summary")),
            ("diagnoses", list(of: reference("diagnosis"), "Causes, the most important first.")),
            ("checks", list(of: reference("check"), "In the order of the scenarios.")),
        ])
    }

    private static var fleet: JSONValue {
        object([
            ("version", version), ("startedAt", reference("time")), ("durationNanoseconds", reference("nanoseconds")),
            (
                "summary",
                object([
                    ("hosts", number("Machines that were asked.")), ("passed", number("Without a failure.")),
                    ("failed", number("With at least one failure of severity error.")),
                    ("withoutResult", number("Not reached, or gone before the end.")),
                    ("verdict", words(["passed", "failed", "incomplete"])),
                ])
            ),
            (
                "groups",
                list(
                    of: object([
                        ("hosts", strings("Names of the machines.")),
                        ("status", words(CheckStatus.allCases.map(\.rawValue))),
                        ("diagnoses", strings("Codes of the causes.")), ("failures", strings("Ids of failed checks.")),
                    ]), "Machines that came out alike.")
            ),
            ("hosts", list(of: reference("host"), "In the order in which they were named.")),
        ])
    }

    private static var host: JSONValue {
        object(
            [("target", text("The name that the user gave.")), ("groups", strings("Groups of the inventory."))],
            optional: [
                ("run", reference("run")),
                (
                    "failure",
                    object([
                        ("reason", words(HostFailure.Reason.allCases.map(\.rawValue))),
                        ("operation", text("What was tried.")), ("found", text("What came instead.")),
                        ("remedy", text("What to do.")),
                    ])
                ),
                ("partialChecks", list(of: reference("check"), "Checks that were through before the machine went.")),
            ])
    }

    private static var check: JSONValue {
        object(
            [
                ("id", text("Unique in a run.")), ("title", text("Why the check exists.")),
                ("step", text("The scenario's name.")), ("place", text("File and line of the check.")),
                ("kind", text("The kind of subject.")), ("subject", text("The subject in words.")),
                ("tags", strings("Tags of the check and its scenario.")), ("severity", reference("severity")),
                ("outcome", words(["passed", "failed", "skipped", "error"])),
                ("attempts", number("How often it was looked at.")),
                ("durationNanoseconds", reference("nanoseconds")),
                (
                    "expectations",
                    list(
                        of: object([
                            ("attribute", text("What was looked at.")), ("expected", text("In words.")),
                            ("found", text("Shortened for people.")),
                            ("holds", .object([("type", .string("boolean"))])),
                        ]), "Those of the last look.")
                ),
                ("evidence", strings("What a person wants to see when it failed.")),
            ],
            optional: [
                (
                    "skip",
                    object(
                        [("reason", words(["needs", "condition", "stopped", "missing-capture"]))],
                        optional: [
                            ("needs", strings("Ids that failed before.")), ("condition", text("What does not hold.")),
                            ("name", text("The value that is missing.")), ("from", text("Who would have captured it.")),
                        ])
                ),
                (
                    "error",
                    object([
                        ("reason", words(ProbeError.Reason.allCases.map(\.rawValue))),
                        ("operation", text("What was tried.")), ("expected", text("What a healthy machine answers.")),
                        ("found", text("What came instead.")),
                    ])
                ),
                ("diagnosis", text("Code of the diagnosis that explains it.")),
            ])
    }

    private static var diagnosis: JSONValue {
        object([
            ("code", .object([("type", .string("string")), ("pattern", .string("^MX[0-9]{4}$"))])),
            ("severity", reference("severity")), ("cause", text("In one sentence.")),
            ("evidence", strings("What tells this cause from others.")), ("remedy", strings("Commands, one a line.")),
            ("documentation", text("The section of the documents.")),
            ("checks", strings("Ids of the checks that it explains, the most telling first.")),
        ])
    }

    private static var summary: JSONValue {
        object([
            ("total", number("All checks.")), ("passed", number("Everything holds.")),
            ("failed", number("An expectation of severity error does not hold.")),
            ("errors", number("Nothing could be seen where something had to be.")),
            ("warnings", number("Failed with severity warning.")), ("infos", number("Failed with severity info.")),
            ("notPermitted", number("This user may not see it.")), ("skipped", number("Not looked at.")),
            ("verdict", words(["passed", "failed"])),
        ])
    }

    private static func object(
        _ required: [(String, JSONValue)], optional: [(String, JSONValue)] = []
    ) -> JSONValue {
        .object([
            ("type", .string("object")), ("required", .array(required.map { .string($0.0) })),
            ("properties", .object(required + optional)),
        ])
    }

    private static func reference(_ name: String) -> JSONValue { .object([("$ref", .string("#/$defs/\(name)"))]) }

    private static func text(_ description: String) -> JSONValue {
        .object([("type", .string("string")), ("description", .string(description))])
    }

    private static func number(_ description: String) -> JSONValue {
        .object([("type", .string("integer")), ("minimum", .int(0)), ("description", .string(description))])
    }

    private static func words(_ words: [String]) -> JSONValue { .object([("enum", .array(words.map { .string($0) }))]) }

    private static func strings(_ description: String) -> JSONValue {
        list(of: .object([("type", .string("string"))]), description)
    }

    private static func list(of item: JSONValue, _ description: String) -> JSONValue {
        .object([("type", .string("array")), ("items", item), ("description", .string(description))])
    }
}
