import Platform

/// One relation to a package: a name, perhaps a version (Policy 7.1).
public struct Relation: Hashable, Sendable, CustomStringConvertible {
    /// How versions compare.
    public enum Relationship: String, Hashable, Sendable, CaseIterable {
        /// Strictly earlier.
        case earlier = "<<"
        /// Earlier or equal.
        case earlierOrEqual = "<="
        /// Equal in dpkg's order.
        case equal = "="
        /// Later or equal.
        case laterOrEqual = ">="
        /// Strictly later.
        case later = ">>"
    }

    /// A bound on the version.
    public struct Constraint: Hashable, Sendable {
        /// How it compares.
        public var relationship: Relationship
        /// The version.
        public var version: DebianVersion

        /// Creates a bound.
        public init(relationship: Relationship, version: DebianVersion) {
            self.relationship = relationship
            self.version = version
        }

        /// Whether a version is within the bound.
        public func isSatisfied(by candidate: DebianVersion) -> Bool {
            switch relationship {
            case .earlier: candidate < version
            case .earlierOrEqual: candidate <= version
            case .equal: candidate == version
            case .laterOrEqual: candidate >= version
            case .later: candidate > version
            }
        }
    }

    /// The package.
    public var package: PackageName
    /// `any` or an architecture after a colon.
    public var architectureQualifier: String?
    /// The bound on the version.
    public var constraint: Constraint?
    /// Creates a relation.
    public init(package: PackageName, architectureQualifier: String? = nil, constraint: Constraint? = nil) {
        self.package = package
        self.architectureQualifier = architectureQualifier
        self.constraint = constraint
    }

    /// `name:qualifier (op version)`.
    public var description: String {
        var text = package.description
        if let architectureQualifier { text += ":" + architectureQualifier }
        if let constraint { text += " (\(constraint.relationship.rawValue) \(constraint.version))" }
        return text
    }
}

/// The value of a relation field: groups that all have to hold, each of alternatives of which one has to.
public struct RelationField: Hashable, Sendable, CustomStringConvertible {
    /// The fields of binary packages that hold relations (deb-control(5)).
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case preDepends = "Pre-Depends"
        case depends = "Depends"
        case recommends = "Recommends"
        case suggests = "Suggests"
        case enhances = "Enhances"
        case conflicts = "Conflicts"
        case breaks = "Breaks"
        case provides = "Provides"
        case replaces = "Replaces"
        case builtUsing = "Built-Using"
        case staticBuiltUsing = "Static-Built-Using"

        /// Whether `|` may stand between packages (Policy 7.1).
        public var allowsAlternatives: Bool {
            switch self {
            case .preDepends, .depends, .recommends, .suggests: true
            default: false
            }
        }

        /// What may stand before a version.
        public var relationships: [Relation.Relationship] {
            switch self {
            case .provides, .builtUsing, .staticBuiltUsing: [.equal]
            default: Relation.Relationship.allCases
            }
        }

        /// Whether each package needs a version (Policy 7.8).
        public var demandsVersion: Bool { self == .builtUsing || self == .staticBuiltUsing }
    }

    /// Groups of alternatives.
    public var groups: [[Relation]]

    /// Creates a field from its groups.
    public init(groups: [[Relation]]) { self.groups = groups }

    /// Reads a field's value, which may be folded over several lines.
    ///
    /// An empty value and an empty element are refused, as are `<` and `>` and a version without a relationship, which
    /// dpkg only warns of, and a name or architecture that Policy does not know.
    public init(parsing text: String, field kind: Kind) throws(FormatError) {
        var parser = RelationParser(text: text, kind: kind)
        groups = try parser.groups()
    }

    /// `a (>= 1), b | c`.
    public var description: String {
        groups.map { $0.map(\.description).joined(separator: " | ") }.joined(separator: ", ")
    }
}

/// Reads relation fields byte by byte, each once; lists nest to a fixed depth, so nothing recurs.
struct RelationParser {
    private let text: String
    private let kind: RelationField.Kind
    private let bytes: [UInt8]
    private var position = 0

    init(text: String, kind: RelationField.Kind) {
        self.text = text
        self.kind = kind
        bytes = Array(text.utf8)
    }

    mutating func groups() throws(FormatError) -> [[Relation]] {
        var groups: [[Relation]] = []
        while true {
            var alternatives = [try relation()]
            while peek == UInt8(ascii: "|") {
                guard kind.allowsAlternatives else { throw fault("no alternatives ('|')") }
                position += 1
                alternatives.append(try relation())
            }
            groups.append(alternatives)
            guard let byte = peek else { return groups }
            guard byte == UInt8(ascii: ",") else { throw fault("',' or '|' between packages, or the end") }
            position += 1
        }
    }

    // MARK: - bytes

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func fault(_ expected: String, at offset: Int? = nil) -> FormatError {
        FormatError(
            subject: "relation in \(kind.rawValue)", found: text, expected: expected, offset: offset ?? position,
            source: "Policy 7.1")
    }

    private mutating func skipBlanks() {
        while let byte = peek, Ascii.isBlank(byte) { position += 1 }
    }

    /// The bytes up to a blank or one of some others.
    private mutating func word(until delimiters: StaticString) -> (text: String, start: Int) {
        let ends = UnsafeBufferPointer(start: delimiters.utf8Start, count: delimiters.utf8CodeUnitCount)
        let start = position
        while let byte = peek, !Ascii.isBlank(byte), !ends.contains(byte) { position += 1 }
        return (Ascii.text(bytes[start..<position]), start)
    }

    // MARK: - parts

    /// A relation with the blanks around it.
    private mutating func relation() throws(FormatError) -> Relation {
        skipBlanks()
        let start = position
        var relation = Relation(package: try package())
        if peek == UInt8(ascii: ":") { relation.architectureQualifier = try qualifier() }
        skipBlanks()
        if peek == UInt8(ascii: "(") { relation.constraint = try constraint() }
        skipBlanks()
        if peek == UInt8(ascii: "[") || peek == UInt8(ascii: "<") {
            throw fault("no '[architecture]' and no '<profile>': a binary package is for one of each already")
        }
        if kind.demandsVersion, relation.constraint == nil {
            throw fault("an exact version '(= …)' for each source", at: start)
        }
        return relation
    }

    private mutating func package() throws(FormatError) -> PackageName {
        let (name, start) = word(until: "(),:<>[]|")
        guard !name.isEmpty else { throw fault("a package name") }
        do throws(FormatError) {
            return try PackageName(name)
        } catch {
            throw fault("a package name (\(error.expected))", at: start + error.offset)
        }
    }

    private mutating func qualifier() throws(FormatError) -> String {
        position += 1
        let (name, start) = word(until: "(),:<>[]|")
        guard name == "any" || (name != "all" && Architecture.known.contains(name)) else {
            throw fault("'any' or an architecture after ':'", at: start)
        }
        return name
    }

    private mutating func constraint() throws(FormatError) -> Relation.Constraint {
        position += 1
        skipBlanks()
        let start = position
        while let byte = peek, byte >= UInt8(ascii: "<"), byte <= UInt8(ascii: ">") { position += 1 }
        let word = Ascii.text(bytes[start..<position])
        guard let relationship = Relation.Relationship(rawValue: word) else {
            let hint =
                word == "<" || word == ">" ? "; '\(word)' means '\(word)=' to dpkg: write that or '\(word)\(word)'" : ""
            throw fault("one of <<, <=, =, >=, >>\(hint)", at: start)
        }
        guard kind.relationships.contains(relationship) else {
            throw fault("'=' alone in \(kind.rawValue)", at: start)
        }
        skipBlanks()
        let (version, from) = self.word(until: "()")
        let value: DebianVersion
        do throws(FormatError) {
            value = try DebianVersion(version)
        } catch {
            throw fault("a version (\(error.expected))", at: from + error.offset)
        }
        skipBlanks()
        guard peek == UInt8(ascii: ")") else { throw fault("')' after the version") }
        position += 1
        return Relation.Constraint(relationship: relationship, version: value)
    }
}
