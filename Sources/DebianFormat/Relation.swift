/// One relation to a package: a name, perhaps a version, perhaps architectures (Policy 7.1).
public struct Relation: Hashable, Sendable, CustomStringConvertible {
    /// How versions compare.
    public enum Relationship: String, Hashable, Sendable, CaseIterable {
        case earlier = "<<"
        case earlierOrEqual = "<="
        case equal = "="
        case laterOrEqual = ">="
        case later = ">>"
    }

    /// A bound on the version.
    public struct Constraint: Hashable, Sendable {
        /// How it compares.
        public var relationship: Relationship
        /// The version.
        public var version: DebianVersion
    }

    /// The package.
    public var package: PackageName
    /// `any`, `native` or an architecture behind a colon.
    public var architectureQualifier: String?
    /// The bound on the version.
    public var constraint: Constraint?

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
    /// The fields of a binary package that hold relations.
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

        /// Policy 7.1: the others take no `|`.
        var allowsAlternatives: Bool {
            switch self {
            case .preDepends, .depends, .recommends, .suggests: true
            default: false
            }
        }
    }

    /// Groups of alternatives.
    public var groups: [[Relation]]

    /// Creates a field from its groups.
    public init(groups: [[Relation]]) { self.groups = groups }

    /// Reads a field's value.
    public init(parsing text: String, field kind: Kind) throws(FormatError) {
        var parser = RelationParser(text: text, kind: kind)
        groups = try parser.groups()
    }

    /// `a (>= 1), b | c`.
    public var description: String {
        groups.map { $0.map(\.description).joined(separator: " | ") }.joined(separator: ", ")
    }
}

private struct RelationParser {
    let text: String
    let kind: RelationField.Kind
    let bytes: [UInt8]
    var position = 0

    init(text: String, kind: RelationField.Kind) {
        self.text = text
        self.kind = kind
        bytes = Array(text.utf8)
    }

    func fault(_ expected: String, at offset: Int? = nil) -> FormatError {
        FormatError(
            subject: "relation in \(kind.rawValue)", found: text, expected: expected, offset: offset ?? position,
            source: "Policy 7.1")
    }

    mutating func groups() throws(FormatError) -> [[Relation]] {
        var groups: [[Relation]] = []
        skipBlanks()
        guard position < bytes.count else { throw fault("a package name") }
        while true {
            var alternatives = [try relation()]
            while peek == 0x7c {
                guard kind.allowsAlternatives else { throw fault("no alternatives ('|')") }
                position += 1
                alternatives.append(try relation())
            }
            groups.append(alternatives)
            guard let byte = peek else { return groups }
            guard byte == 0x2c else { throw fault("',' or '|' between packages, or the end") }
            position += 1
        }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = peek, Ascii.isBlank(byte) { position += 1 }
    }

    private mutating func relation() throws(FormatError) -> Relation {
        skipBlanks()
        let start = position
        while let byte = peek, !Ascii.isBlank(byte), ![0x28, 0x29, 0x2c, 0x3a, 0x3c, 0x5b, 0x7c].contains(byte) {
            position += 1
        }
        guard position > start else { throw fault("a package name") }
        let package: PackageName
        do throws(FormatError) {
            package = try PackageName(Ascii.text(bytes[start..<position]))
        } catch {
            throw fault("a package name (\(error.expected))", at: start + error.offset)
        }
        var qualifier: String?
        if peek == 0x3a {
            position += 1
            let from = position
            while let byte = peek, Ascii.isAlphanumeric(byte) || byte == 0x2d { position += 1 }
            let word = Ascii.text(bytes[from..<position])
            guard ["any", "native"].contains(word) || Architecture.known.contains(word) else {
                throw fault("'any' or an architecture behind ':'", at: from)
            }
            qualifier = word
        }
        skipBlanks()
        var constraint: Relation.Constraint?
        if peek == 0x28 { constraint = try self.constraint() }
        skipBlanks()
        if peek == 0x5b || peek == 0x3c {
            throw fault("no '[architecture]' and no '<profile>': a binary package is for one of each already")
        }
        if kind == .builtUsing, constraint?.relationship != .equal {
            throw fault("an exact version '(= …)' for each source", at: start)
        }
        return Relation(package: package, architectureQualifier: qualifier, constraint: constraint)
    }

    private mutating func constraint() throws(FormatError) -> Relation.Constraint {
        position += 1
        skipBlanks()
        let start = position
        while let byte = peek, byte == 0x3c || byte == 0x3d || byte == 0x3e { position += 1 }
        let word = Ascii.text(bytes[start..<position])
        guard let relationship = Relation.Relationship(rawValue: word) else {
            let hint =
                word == "<" || word == ">" ? "; '\(word)' means '\(word)=' to dpkg: write that or '\(word)\(word)'" : ""
            throw fault("one of <<, <=, =, >=, >>\(hint)", at: start)
        }
        if kind == .provides, relationship != .equal { throw fault("'=' alone in Provides", at: start) }
        skipBlanks()
        let from = position
        while let byte = peek, !Ascii.isBlank(byte), byte != 0x29 { position += 1 }
        let version: DebianVersion
        do throws(FormatError) { version = try DebianVersion(Ascii.text(bytes[from..<position])) } catch {
            throw fault("a version (\(error.expected))", at: from + error.offset)
        }
        skipBlanks()
        guard peek == 0x29 else { throw fault("')' behind the version") }
        position += 1
        return Relation.Constraint(relationship: relationship, version: version)
    }
}
