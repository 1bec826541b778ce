import Scenarios

/// Writes a run in one format.
public protocol Renderer: Sendable {
    /// The whole document; it ends in a newline.
    func text(of run: MaskedRun) -> String

    /// The document of several machines.
    func text(of fleet: MaskedFleet) -> String
}

extension Renderer {
    /// The whole document. Secrets are masked here, so that no format can forget to.
    public func render(_ result: RunResult) -> String { text(of: MaskedRun(result)) }

    /// The document of several machines.
    public func render(_ fleet: FleetResult) -> String { text(of: MaskedFleet(fleet)) }
}

/// The formats.
public enum ReportFormat: String, Sendable, Hashable, CaseIterable {
    /// For people at a terminal.
    case terminal
    /// For programs: stable and documented.
    case json
    /// One JSON value a line while the run goes on; see `EventLine`.
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
