/// Something that is wrong, or worth knowing, at a place in the user's files.
public struct Diagnostic: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable {
        case error, warning
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
    public var errorCount: Int { items.count { $0.severity == .error } }

    /// Whether there is an error.
    public var hasErrors: Bool { items.contains { $0.severity == .error } }

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

    private mutating func add(_ item: Diagnostic) {
        if seen.insert(item).inserted { items.append(item) }
    }
}
