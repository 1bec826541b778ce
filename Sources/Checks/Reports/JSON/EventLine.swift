import Scenarios
import Documents

/// A run as it goes on, one JSON value a line (jsonlines.org).
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
    public var text: String {
        let value: JSONValue
        switch self {
        case .started(let total):
            value = .object([
                ("event", .string("started")), ("version", .int(ReportVersion.current)), ("total", .int(total)),
            ])
        case .check(let check):
            value = .object([("event", .string("check")), ("check", ReportJSON.check(MaskedRun.masked(check)))])
        case .finished(let result):
            value = .object([("event", .string("finished")), ("run", ReportJSON.run(MaskedRun(result).result))])
        }
        return value.compact + "\n"
    }

    private struct Wire: Decodable {
        enum Event: String, Decodable { case started, check, finished }

        var event: Event
        var version: Int?
        var total: Int?
        var check: WireCheck?
        var run: WireRun?
    }

    /// Reads a line.
    public init(_ line: some Sequence<UInt8>) throws(ReportDecodingError) {
        let wire = try ReportReader.decode(Wire.self, line)
        switch wire.event {
        case .started:
            guard let total = wire.total, let version = wire.version else {
                throw ReportDecodingError(path: "total", expected: "a whole number", found: "nothing")
            }
            guard version == ReportVersion.current else {
                throw ReportDecodingError(path: "version", expected: "\(ReportVersion.current)", found: "\(version)")
            }
            self = .started(total: total)
        case .check:
            guard let check = wire.check else {
                throw ReportDecodingError(path: "check", expected: "an object", found: "nothing")
            }
            self = .check(try check.result(path: "check"))
        case .finished:
            guard let run = wire.run else {
                throw ReportDecodingError(path: "run", expected: "an object", found: "nothing")
            }
            self = .finished(try run.result())
        }
    }
}
