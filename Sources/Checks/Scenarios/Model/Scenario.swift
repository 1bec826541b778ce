/// One step of the guide: a file with checks.
public struct Scenario: Sendable {
    /// The name, unique in a run.
    public let name: String
    /// What the step is about.
    public let title: String
    /// Tags that all its checks have.
    public let tags: [String]
    /// The profiles that it belongs to; empty for all.
    public let profiles: [String]
    /// The path of its file.
    public let path: String
    /// The ids of its checks, in the order of the file.
    public let checks: [String]
}

/// Which checks of a suite are to be run.
public struct Selection: Sendable, Hashable {
    /// Checks with one of these tags; empty for all.
    public var tags: [String]
    /// Checks with one of these ids; `*` stands for any characters: `dns.*`; empty for all.
    public var ids: [String]

    /// Creates a selection.
    public init(tags: [String] = [], ids: [String] = []) {
        self.tags = tags
        self.ids = ids
    }
}

/// Ids with `*` in them.
struct IdentifierPattern: Sendable, Hashable {
    let source: String
    private let parts: [[UInt8]]

    init(_ source: String) {
        self.source = source
        parts = source.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) }
    }

    /// Whether it stands for one id only.
    var isExact: Bool { parts.count == 1 }

    /// Whether it stands for this id.
    func matches(_ id: String) -> Bool {
        var rest = Array(id.utf8)[...]
        guard let first = parts.first, rest.starts(with: first) else { return false }
        if parts.count == 1 { return rest.count == first.count }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() {
            guard let place = Self.firstPlace(of: part, in: rest) else { return false }
            rest = rest[(place + part.count)...]
        }
        guard let last = parts.last else { return true }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    /// Whether it stands for a check, by its id or by that of its family.
    func matches(_ check: Check) -> Bool { matches(check.id) || matches(check.family) }

    private static func firstPlace(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= part.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - part.count)).first { bytes[$0...].starts(with: part) }
    }
}
