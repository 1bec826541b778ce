import Archive
import DebianFormat
import SpecLoading

/// A package as its folder declares it, for one architecture: defaults merged, overrides applied, variables expanded,
/// each value typed and with its place in the user's file.
public struct PackageSpec: Sendable {
    /// `Package` (Policy 5.6.7).
    public var name: Located<PackageName>?
    /// The synopsis: the first line of `Description`.
    public var summary: Located<String>?
    /// The extended description.
    public var description: Located<String>?
    /// What the package can be built for.
    public var architectures: [Located<Architecture>] = []
    /// A version of its own; the workspace's otherwise.
    public var version: Located<DebianVersion>?
    /// `Section` (Policy 2.4).
    public var section: Located<String>?
    /// `Priority` (Policy 2.5).
    public var priority: Located<Priority>?
    /// `Maintainer` (Policy 5.6.2).
    public var maintainer: Located<Maintainer>?
    /// `Homepage` (Policy 5.6.23).
    public var homepage: Located<String>?
    /// `Source`, when it differs from the package's name.
    public var source: Located<String>?
    /// `Multi-Arch` (deb-control(5)).
    public var multiArch: Located<MultiArch>?
    /// `Essential`.
    public var isEssential = false
    /// Relations to other packages by field.
    public var relations: [RelationField.Kind: [Located<String>]] = [:]
    /// Whether libraries that ELF payload needs become `Depends`.
    public var hasAutomaticDepends = true
    /// Further control fields.
    public var extraFields: [(name: Located<String>, value: Located<String>)] = []
    /// Files, trees, directories, links and archives.
    public var contents: [ContentSpec] = []
    /// systemd units.
    public var units: [UnitSpec] = []
    /// A sysusers.d(5) file.
    public var sysusers: Located<String>?
    /// A tmpfiles.d(5) file.
    public var tmpfiles: Located<String>?
    /// A logrotate(8) file.
    public var logrotate: Located<String>?
    /// Maintainer scripts by name.
    public var scripts = ScriptsSpec()
    /// Choices for update-alternatives(1).
    public var alternatives: [AlternativeSpec] = []
    /// Paths of files in the package that are conffiles (deb-conffiles(5)), beside those declared in `contents`.
    public var conffiles: [Located<String>] = []
    /// Conffiles of earlier versions that dpkg removes on upgrade.
    public var obsoleteConffiles: [Located<String>] = []
    /// deb-triggers(5) lines.
    public var triggers: [Located<Trigger>] = []
    /// A Debian changelog.
    public var changelog: Located<String>?
    /// A copyright file.
    public var copyright: Located<String>?
    /// A lintian overrides file.
    public var lintianOverrides: Located<String>?
    /// Manual pages, compressed into their sections.
    public var manualPages: [Located<String>] = []
    /// How the package is compressed.
    public var compression: Located<Compression>?
    /// Sonames and the relations that stand for them.
    public var libraries: [(name: Located<String>, value: Located<String>)] = []

    /// An empty specification.
    public init() {}
}

/// `Priority` values of Policy 2.5.
public enum Priority: String, Sendable, CaseIterable {
    case required, important, standard, optional, extra
}

/// `Multi-Arch` values of deb-control(5).
public enum MultiArch: String, Sendable, CaseIterable {
    case no, same, foreign, allowed
}

/// One item of `contents`.
public struct ContentSpec: Sendable {
    /// What it is and where it comes from.
    public enum Kind: Sendable {
        /// A file of the package folder.
        case file(Located<String>)
        /// A file that dpkg treats as configuration (deb-conffiles(5)).
        case conffile(Located<String>)
        /// A payload of the workspace.
        case payload(Located<String>)
        /// A folder with its structure.
        case tree(Located<String>)
        /// A directory that the package owns.
        case directory(Located<String>)
        /// A symbolic link at this path.
        case symlink(Located<String>)
        /// The entries of an archive.
        case archive(Located<String>)
    }

    /// What it is; nil only before decoding.
    public var kind: Kind?
    /// The path in the package, or the folder for a tree or archive.
    public var destination: Located<String>?
    /// The target of a link.
    public var target: Located<String>?
    /// Twelve permission bits.
    public var mode: UInt16?
    /// Owner by name.
    public var owner: Located<String>?
    /// Group by name.
    public var group: Located<String>?
    /// Patterns of what a tree or archive leaves out.
    public var excludes: [Located<String>] = []
    /// Modes and owners by pattern within a tree or archive; the last match wins.
    public var rules: [ContentRule] = []
    /// Leading path components of an archive's entries to drop.
    public var stripComponents = 0
    /// Where the item stands.
    public var range: SourceRange?

    /// An empty item.
    public init() {}
}

/// A mode or owner for the files of a tree that match a pattern.
public struct ContentRule: Sendable {
    /// The pattern.
    public var match: Located<String>?
    /// Twelve permission bits.
    public var mode: UInt16?
    /// Owner by name.
    public var owner: Located<String>?
    /// Group by name.
    public var group: Located<String>?
    /// Whether matching files are conffiles.
    public var isConffile = false

    /// An empty rule.
    public init() {}
}

/// A systemd unit that the package ships.
public struct UnitSpec: Sendable {
    /// The unit file in the package folder; its last component is the unit's name.
    public var file: Located<String>?
    /// Whether installation enables it.
    public var isEnabled = true
    /// Whether installation starts it.
    public var isStarted = true
    /// What an upgrade does to it.
    public var onUpgrade = UnitPolicy.Upgrade.restart
    /// Whether removal stops it.
    public var stopsOnRemove = true

    /// A unit with the defaults.
    public init() {}
}

/// Maintainer scripts in the package folder.
public struct ScriptsSpec: Sendable {
    /// Files by script name.
    public var files: [MaintainerScriptName: Located<String>] = [:]

    /// No scripts.
    public init() {}

    subscript(name: MaintainerScriptName) -> Located<String>? {
        get { files[name] }
        set { files[name] = newValue }
    }
}

/// A choice for update-alternatives(1) as declared.
public struct AlternativeSpec: Sendable {
    /// The group's name.
    public var name: Located<String>?
    /// The generic path.
    public var link: Located<String>?
    /// The file offered.
    public var path: Located<String>?
    /// The higher one wins.
    public var priority = 0

    /// An empty declaration.
    public init() {}
}
