import Documents
import Platform
import Probes
import Scenarios

/// Writes a run in one format.
public protocol Renderer: Sendable {
    /// The whole document; it ends in a newline.
    func text(of run: MaskedRun) -> String

    /// The document of several hosts.
    func text(of fleet: MaskedFleet) -> String
}

extension Renderer {
    /// The whole document. Secrets are masked here, so that no format can forget to.
    public func render(_ result: RunResult) -> String { text(of: MaskedRun(result)) }

    /// The document of several hosts.
    public func render(_ fleet: FleetResult) -> String { text(of: MaskedFleet(fleet)) }
}

/// The formats.
public enum ReportFormat: String, Sendable, Hashable, CaseIterable {
    /// For people at a terminal.
    case terminal
    /// For programs: stable and documented.
    case json
    /// One JSON value per line while the run goes on; see `EventLine`.
    case events
    /// JUnit's XML, for CI servers.
    case junit
    /// Test Anything Protocol, version 14.
    case tap
    /// Prometheus's text format, for a scrape or node_exporter's textfile collector.
    case prometheus
    /// A page that stands by itself.
    case html

    /// What it is for, in a few words.
    public var summary: String {
        switch self {
        case .terminal: "for people"
        case .json: "for programs, version \(ReportVersion.current)"
        case .events: "JSON lines while the run goes on"
        case .junit: "JUnit XML for CI servers"
        case .tap: "Test Anything Protocol 14"
        case .prometheus: "metrics, fit for node_exporter's textfile collector"
        case .html: "a page that stands by itself"
        }
    }

    /// The media type (RFC 6838) that a server gives with it.
    public var mediaType: String {
        switch self {
        case .terminal, .tap: "text/plain; charset=utf-8"
        case .json: "application/json"
        case .events: "application/jsonl"
        case .junit: "application/xml"
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .html: "text/html; charset=utf-8"
        }
    }
}

/// The version of our formats for programs.
public enum ReportVersion {
    /// Raised when a member goes or changes its meaning; members may be added without.
    public static let current = 1
}

/// A run without secrets: the only thing that a renderer gets to see.
public struct MaskedRun: Sendable, Hashable {
    /// The run, with every text that came from the host masked.
    public let result: RunResult

    /// Masks a run.
    public init(_ result: RunResult) {
        var copy = result
        copy.host = SecretMask.masked(result.host)
        copy.profile = SecretMask.masked(result.profile)
        copy.checks = result.checks.map(Self.masked)
        copy.diagnoses = result.diagnoses.map { diagnosis in
            var copy = diagnosis
            copy.code = SecretMask.masked(diagnosis.code)
            copy.cause = SecretMask.masked(diagnosis.cause)
            copy.documentation = SecretMask.masked(diagnosis.documentation)
            copy.evidence = SecretMask.masked(lines: diagnosis.evidence)
            copy.remedy = SecretMask.masked(lines: diagnosis.remedy)
            copy.checks = diagnosis.checks.map { SecretMask.masked($0) }
            return copy
        }
        self.result = copy
    }

    /// One check without secrets, for reports that are written while a run goes on.
    public static func masked(_ check: CheckResult) -> CheckResult {
        var copy = check
        // An id has the item of a `for-each` in it.
        copy.id = SecretMask.masked(check.id)
        copy.step = SecretMask.masked(check.step)
        copy.tags = check.tags.map { SecretMask.masked($0) }
        copy.title = SecretMask.masked(check.title)
        copy.subject = SecretMask.masked(check.subject)
        copy.place = SecretMask.masked(check.place)
        copy.diagnosis = check.diagnosis.map { SecretMask.masked($0) }
        copy.evidence = SecretMask.masked(lines: check.evidence)
        copy.expectations = check.expectations.map { expectation in
            var copy = expectation
            copy.attribute = SecretMask.masked(expectation.attribute)
            copy.expected = SecretMask.masked(expectation.expected)
            copy.found = SecretMask.masked(expectation.found)
            return copy
        }
        switch check.outcome {
        case .passed, .failed, .skipped(.stopped): break
        case .skipped(.missingCapture(let name, let source)):
            copy.outcome = .skipped(.missingCapture(name: SecretMask.masked(name), from: SecretMask.masked(source)))
        case .skipped(.needs(let ids)): copy.outcome = .skipped(.needs(ids.map { SecretMask.masked($0) }))
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

/// Text inside XML and HTML.
enum Markup {
    /// The text with every character escaped that means something there, and those that neither allows made visible.
    ///
    /// XML 1.0 has no way to write most control characters (section 2.2), so they become `\u{1b}` and the like.
    ///
    /// - Parameter keepsLines: whether newlines and tabs stay what they are, as they may outside attributes.
    static func escaped(_ text: String, keepsLines: Bool = true) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n" where keepsLines, "\t" where keepsLines: result.unicodeScalars.append(scalar)
            case "\t": result += " "
            default:
                if DisplayText.isShown(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    result += DisplayText.escape(scalar)
                }
            }
        }
        return result
    }

    /// The same for an attribute.
    static func attribute(_ text: String) -> String { escaped(text, keepsLines: false) }
}
