import DebianFormat
import Documents

/// Where the extended description is written.
public enum DescriptionSpec: Sendable {
    /// In the specification.
    case text(Located<String>)
    /// In a file of the package folder.
    case file(Located<String>)
}

/// Where the changelog comes from.
public enum ChangelogSpec: Sendable {
    /// A Debian changelog, or a file in YAML by its ending.
    case file(Located<String>)
    /// A git repository.
    case git(GitChangelogSpec)

    /// Where it is declared.
    var range: SourceRange? {
        switch self {
        case .file(let file): file.range
        case .git(let git): git.range
        }
    }
}

/// A changelog that is made of what a git repository says.
public struct GitChangelogSpec: Sendable {
    /// What an entry is made of.
    public enum Source: String, Sendable, CaseIterable {
        /// A tag, and the commits since the one before.
        case tags
    }

    /// What an entry is made of.
    public var source: Source
    /// Which tags are versions.
    public var match: Located<String>?
    /// The distribution of every entry.
    public var distribution: Located<String>?
    /// The urgency of every entry.
    public var urgency: Urgency?
    /// Where it stands.
    public var range: SourceRange?
}

/// What decides the copyright file that is made for a package.
public struct LicenseSpec: Sendable {
    /// The licences.
    public var license: Located<SPDXExpression>?
    /// Who has the copyright, with the years.
    public var holders: [Located<String>]
    /// Files with the texts of licences.
    public var files: Files?

    /// Files with the texts of licences.
    public enum Files: Sendable {
        /// That of the only licence that needs one.
        case one(Located<String>)
        /// One by licence, and where they are declared.
        case several([(name: Located<String>, value: Located<String>)], SourceRange?)

        /// Where they are declared.
        var range: SourceRange? {
            switch self {
            case .one(let file): file.range
            case .several(_, let range): range
            }
        }
    }
}
