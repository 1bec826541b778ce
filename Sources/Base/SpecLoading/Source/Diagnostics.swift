import Platform

/// Something that is wrong, or worth knowing, at a place in the user's files.
public struct Diagnostic: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable {
        case error, warning, note
    }

    /// How bad it is.
    public var severity: Severity
    /// A stable code such as `unknown-key`.
    public var code: String
    /// What was expected and found, in lower case.
    public var message: String
    /// Where; nil when no file has it.
    public var range: SourceRange?
    /// Further facts.
    public var notes: [String]
    /// What to do.
    public var help: String?
}

/// Everything that has been found so far. Each fact is kept once, though several architectures may run into it.
public struct Diagnostics: Sendable {
    private var items: [Diagnostic] = []
    private var seen: Set<Diagnostic> = []
    private static let messageLimit = 2000
    private static let suggestionLimit = 100

    /// Nothing found.
    public init() {}

    /// All of them by file, line and column; those without a place first.
    public var all: [Diagnostic] {
        items.enumerated().sorted { left, right in
            let (first, second) = (left.element.range, right.element.range)
            switch (first, second) {
            case (nil, nil): return left.offset < right.offset
            case (nil, _): return true
            case (_, nil): return false
            case (let first?, let second?):
                if first.source.path != second.source.path { return first.source.path < second.source.path }
                if first.line != second.line { return first.line < second.line }
                if first.column != second.column { return first.column < second.column }
                return left.offset < right.offset
            }
        }.map(\.element)
    }

    /// Whether nothing was found.
    public var isEmpty: Bool { items.isEmpty }

    /// The number of errors.
    public private(set) var errorCount = 0

    /// Whether there is an error.
    public var hasErrors: Bool { errorCount > 0 }

    /// Whether it is still worth looking for what the user meant: a hostile file has mistakes by the hundred thousand.
    var wantsSuggestions: Bool { items.count < Self.suggestionLimit }

    /// Reports an error.
    public mutating func error(
        _ code: String, _ message: String, at range: SourceRange?, notes: [String] = [], help: String? = nil
    ) {
        add(Diagnostic(severity: .error, code: code, message: message, range: range, notes: notes, help: help))
    }

    /// Reports a warning.
    public mutating func warning(
        _ code: String, _ message: String, at range: SourceRange?, notes: [String] = [], help: String? = nil
    ) {
        add(Diagnostic(severity: .warning, code: code, message: message, range: range, notes: notes, help: help))
    }

    /// Reports something that is worth knowing and not wrong.
    public mutating func note(
        _ code: String, _ message: String, at range: SourceRange?, notes: [String] = [], help: String? = nil
    ) {
        add(Diagnostic(severity: .note, code: code, message: message, range: range, notes: notes, help: help))
    }

    /// Takes over what was found elsewhere, as it is.
    mutating func append(_ other: Diagnostics) {
        for item in other.items { insert(item) }
    }

    private mutating func add(_ item: Diagnostic) {
        var item = item
        item.message = DisplayText.shortened(item.message, to: Self.messageLimit)
        if let expansion = item.range?.expansion {
            item.notes.append("with its variables it is '\(DisplayText.shortened(expansion))'")
        }
        insert(item)
    }

    private mutating func insert(_ item: Diagnostic) {
        guard seen.insert(item).inserted else { return }
        items.append(item)
        if item.severity == .error { errorCount += 1 }
    }
}
