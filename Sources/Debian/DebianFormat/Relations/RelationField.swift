import Platform

/// The value of a relation field: groups that all have to hold, each of alternatives of which one has to.
public struct RelationField: Hashable, Sendable, CustomStringConvertible {
    /// The fields that hold relations: of binary packages (deb-control(5)), of source packages (deb-src-control(5)).
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
        case buildDepends = "Build-Depends"
        case buildDependsArch = "Build-Depends-Arch"
        case buildDependsIndep = "Build-Depends-Indep"
        case buildConflicts = "Build-Conflicts"
        case buildConflictsArch = "Build-Conflicts-Arch"
        case buildConflictsIndep = "Build-Conflicts-Indep"

        /// Whether `|` may stand between packages (Policy 7.1).
        public var allowsAlternatives: Bool {
            switch self {
            case .preDepends, .depends, .recommends, .suggests, .buildDepends, .buildDependsArch, .buildDependsIndep:
                true
            default: false
            }
        }

        /// Whether it is a field of a source package, where `[…]`, `<…>` and `:native` may stand.
        public var isOfSource: Bool {
            switch self {
            case .buildDepends, .buildDependsArch, .buildDependsIndep, .buildConflicts, .buildConflictsArch,
                .buildConflictsIndep:
                true
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
