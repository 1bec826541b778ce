import FoundationEssentials
import Scenarios

/// A document that is no report of ours.
public struct ReportDecodingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where: `checks[3].severity`; empty for the document itself.
    public var path: String
    /// What belongs there.
    public var expected: String
    /// What stands there.
    public var found: String

    /// Creates an error.
    public init(path: String, expected: String, found: String) {
        self.path = path
        self.expected = expected
        self.found = found
    }

    /// The sentence for people.
    public var description: String {
        "\(path.isEmpty ? "the report" : "'\(path)' of the report"): expected \(expected), found \(found)"
    }
}

/// Reads reports in JSON that came from elsewhere.
public enum ReportReader {
    /// Bytes of a report; a run of ten thousand checks has about 10 MB.
    public static let limit = 64 << 20

    /// Reads the run that `JSONRenderer` wrote. Members that are not known are passed over.
    public static func run(_ bytes: some Sequence<UInt8>) throws(ReportDecodingError) -> RunResult {
        try decode(WireRun.self, bytes).result()
    }

    static func decode<Wire: Decodable>(
        _ type: Wire.Type, _ bytes: some Sequence<UInt8>
    ) throws(ReportDecodingError) -> Wire {
        let data = Data(bytes)
        guard data.count <= limit else {
            throw ReportDecodingError(path: "", expected: "at most \(limit) bytes", found: "\(data.count) bytes")
        }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw ReportDecodingError(error, of: data)
        } catch {
            throw ReportDecodingError(path: "", expected: "JSON", found: "\(error)")
        }
    }
}

extension ReportDecodingError {
    fileprivate init(_ error: DecodingError, of data: Data) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(path: Self.path(context.codingPath + [key]), expected: "a value", found: "nothing")
        case .valueNotFound(let type, let context):
            self.init(path: Self.path(context.codingPath), expected: Self.name(type), found: "null")
        case .typeMismatch(let type, let context):
            self.init(path: Self.path(context.codingPath), expected: Self.name(type), found: "another type")
        case .dataCorrupted(let context):
            guard context.codingPath.isEmpty else {
                self.init(
                    path: Self.path(context.codingPath), expected: "a value that is known",
                    found: context.debugDescription)
                return
            }
            let start = String(decoding: data.prefix(80), as: UTF8.self)
            self.init(path: "", expected: "JSON", found: data.isEmpty ? "nothing" : "text that begins '\(start)'")
        @unknown default:
            self.init(path: "", expected: "JSON", found: "\(error)")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
    }

    private static func name(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is Int.Type, is Int64.Type: "a whole number"
        case is [Any].Type: "a list"
        default: "an object"
        }
    }
}
