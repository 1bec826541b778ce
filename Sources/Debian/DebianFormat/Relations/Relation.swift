/// One relation to a package: a name, perhaps a version, perhaps architectures and build profiles (Policy 7.1).
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

    /// An element of `[…]`: the architectures, or all but these, that the relation is for.
    public struct ArchitectureRestriction: Hashable, Sendable, CustomStringConvertible {
        /// Whether a `!` stands before it.
        public var isNegated: Bool
        /// An architecture or a wildcard.
        public var architecture: Architecture

        /// Creates an element.
        public init(isNegated: Bool = false, architecture: Architecture) {
            self.isNegated = isNegated
            self.architecture = architecture
        }

        /// The element as it stands in the brackets.
        public var description: String { (isNegated ? "!" : "") + architecture.description }
    }

    /// An element of `<…>`: a build profile that is active, or one that is not.
    public struct BuildProfile: Hashable, Sendable, CustomStringConvertible {
        /// Whether a `!` stands before it.
        public var isNegated: Bool
        /// The profile's name, such as `nocheck`.
        public var name: String

        /// The element as it stands in the brackets.
        public var description: String { (isNegated ? "!" : "") + name }
    }

    /// The package.
    public var package: PackageName
    /// `any`, `native` or an architecture behind a colon.
    public var architectureQualifier: String?
    /// The bound on the version.
    public var constraint: Constraint?
    /// The architectures that it is for; empty for all. Only source packages have these.
    public var architectures: [ArchitectureRestriction]
    /// The build profiles that it is for: one of the lists has to hold, and a list holds when all of its elements do.
    /// Only source packages have these.
    public var profiles: [[BuildProfile]]

    /// Creates a relation.
    public init(
        package: PackageName, architectureQualifier: String? = nil, constraint: Constraint? = nil,
        architectures: [ArchitectureRestriction] = [], profiles: [[BuildProfile]] = []
    ) {
        self.package = package
        self.architectureQualifier = architectureQualifier
        self.constraint = constraint
        self.architectures = architectures
        self.profiles = profiles
    }

    /// `name:qualifier (op version) [architectures] <profiles>`.
    public var description: String {
        var text = package.description
        if let architectureQualifier { text += ":" + architectureQualifier }
        if let constraint { text += " (\(constraint.relationship.rawValue) \(constraint.version))" }
        if !architectures.isEmpty { text += " [" + architectures.map(\.description).joined(separator: " ") + "]" }
        for list in profiles { text += " <" + list.map(\.description).joined(separator: " ") + ">" }
        return text
    }
}
