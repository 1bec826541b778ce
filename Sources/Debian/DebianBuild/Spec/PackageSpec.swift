import Archive
import DebianFormat
import DebianManifest
import Documents
import Platform

/// A package as its folder declares it, for one architecture: defaults merged, overrides applied, variables expanded,
/// each value typed and with its place in the user's file.
public struct PackageSpec: Sendable {
    /// `Package` (Policy 5.6.7).
    public var name: Located<PackageName>
    /// The synopsis: the first line of `Description`.
    public var summary: Located<String>
    /// The extended description.
    public var description: DescriptionSpec?
    /// Whether the paragraphs of the extended description are folded.
    public var foldsDescription: Bool
    /// What the package can be built for.
    public var architectures: [Located<Architecture>]
    /// What of the architecture the package needs more than others, such as `amd64v3`.
    public var architectureVariant: Located<String>?
    /// What decides the version.
    public var versioning: VersionSpec
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
    public var isEssential: Bool
    /// Further control fields.
    public var extraFields: [(name: Located<String>, value: Located<String>)]
    /// Control fields that are taken as they are; empty ones are left out.
    public var rawFields: [(name: Located<String>, value: Located<String>)]
    /// How the package is compressed.
    public var compression: Located<Compression>?
    /// Relations to other packages by field.
    public var relations: [RelationField.Kind: [Located<String>]]
    /// Whether shared libraries that ELF payload needs become `Depends`.
    public var hasShlibDepends: Bool
    /// Sonames and the relations that stand for them.
    public var shlibs: [(name: Located<String>, value: Located<String>)]
    /// Whether shared libraries that every program may need are announced to the linker and to other packages.
    public var publishesLibraries: Bool
    /// A deb-symbols(5) file.
    public var symbols: Located<String>?
    /// Whether machine code loses its symbols, where its item does not say otherwise.
    public var strips: Bool
    /// Whether the symbols that machine code loses become the package `NAME-dbgsym`.
    public var hasDebugPackage: Bool
    /// Files, trees, directories, links and archives.
    public var contents: [ContentSpec]
    /// systemd units.
    public var units: [UnitSpec]
    /// Units of users' own managers.
    public var userUnits: [UserUnitSpec]
    /// Where units are installed.
    public var unitDirectory: UnitDirectory
    /// System users that the package needs before it is unpacked.
    public var users: [UserSpec]
    /// System groups that the package needs before it is unpacked.
    public var groups: [GroupSpec]
    /// A sysusers.d(5) file.
    public var sysusers: Located<String>?
    /// A tmpfiles.d(5) file.
    public var tmpfiles: Located<String>?
    /// A logrotate(8) file.
    public var logrotate: Located<String>?
    /// Maintainer scripts by name.
    public var scripts: [MaintainerScriptName: Located<String>]
    /// What upgrades do to paths of earlier versions.
    public var maintenance: [Located<MaintenanceAction>]
    /// Templates of the questions that the package asks by debconf.
    public var templates: Located<String>?
    /// Choices for update-alternatives(1).
    public var alternatives: [AlternativeSpec]
    /// deb-triggers(5) lines.
    public var triggers: [Located<Trigger>]
    /// Paths of files in the package that are conffiles (deb-conffiles(5)), beside those declared in `contents`.
    public var conffiles: [Located<String>]
    /// Conffiles of earlier versions that dpkg removes on upgrade.
    public var obsoleteConffiles: [Located<String>]
    /// Members of the control archive that are taken as they are.
    public var controlFiles: [ControlFileSpec]
    /// The changelog, or what it is made of.
    public var changelog: ChangelogSpec?
    /// SOURCE_DATE_EPOCH, instead of the changelog's newest date.
    public var sourceDateEpoch: Int?
    /// The upstream project's changelog, which is compressed.
    public var upstreamChangelog: Located<String>?
    /// A copyright file.
    public var copyright: Located<String>?
    /// What a copyright file is made of where none is given.
    public var licensing: LicenseSpec
    /// A lintian overrides file.
    public var lintianOverrides: Located<String>?
    /// Codes of lint and why their findings are meant.
    public var lintOverrides: [(name: Located<String>, value: Located<String>)]
    /// Manual pages, compressed into their sections.
    public var manualPages: [Located<String>]
    /// Whether the package brings its own checks for meshcheck(1).
    public var shipsChecks: Bool
}

/// A member of the control archive that is taken as it is.
public struct ControlFileSpec: Sendable {
    /// The file in the package folder; its last component is the member's name.
    public var file: Located<String>
    /// Twelve permission bits.
    public var mode: UInt16?
}

/// What decides the version of a package.
public struct VersionSpec: Sendable {
    /// A version of its own as it is written; the workspace's otherwise.
    public var version: Located<String>?
    /// An epoch for a version that has none of its own.
    public var epoch: Int?
    /// A Debian revision for a version that has none of its own.
    public var revision: Located<String>?
    /// How the version is read.
    public var scheme: VersionScheme
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
    /// What it is, where it comes from, and the path that it gets in the package.
    public enum Kind: Sendable {
        /// A file of the package folder, or with a pattern several.
        case file(Located<String>, to: Located<String>)
        /// A file that dpkg treats as configuration (deb-conffiles(5)).
        case conffile(Located<String>, to: Located<String>)
        /// A payload of the workspace.
        case payload(Located<String>, to: Located<String>)
        /// A folder with its structure.
        case tree(Located<String>, to: Located<String>, Selection)
        /// A directory that the package owns.
        case directory(Located<String>)
        /// A symbolic link at this path.
        case symlink(Located<String>, target: Located<String>)
        /// A file whose kind decides where it goes.
        case placed(Located<String>, SystemPlace)
        /// The entries of an archive, without some leading components of their paths.
        case archive(Located<String>, to: Located<String>, Selection, stripComponents: Int)
    }

    /// What becomes of the entries of a tree or archive.
    public struct Selection: Sendable {
        /// Patterns of what is taken; everything where there are none.
        public var includes: [Located<String>]
        /// Patterns of what is left out, whether it is taken or not.
        public var excludes: [Located<String>]
        /// Modes and owners by pattern; the last match wins.
        public var rules: [ContentRule]
    }

    /// Who may do what with it.
    public struct Ownership: Sendable {
        /// Twelve permission bits.
        public var mode: UInt16?
        /// Owner by name.
        public var owner: Located<String>?
        /// Group by name.
        public var group: Located<String>?
        /// What becomes of machine code for another architecture.
        public var foreignCode: ForeignMachineCode?
    }

    /// What it is.
    public var kind: Kind
    /// Its mode and owner, where they are declared.
    public var ownership: Ownership
    /// The capabilities that installation gives the file.
    public var capabilities: Located<FileCapabilities>? = nil
    /// Whether absolute links in a tree are meant.
    public var keepsAbsoluteLinks = false
    /// Whether machine code loses its symbols; nil does as the package.
    public var strips: Bool? = nil
    /// Where the item stands.
    public var range: SourceRange?

    /// Twelve permission bits.
    public var mode: UInt16? { ownership.mode }
    /// Owner by name.
    public var owner: Located<String>? { ownership.owner }
    /// Group by name.
    public var group: Located<String>? { ownership.group }
}

/// A mode or owner for the files of a tree that match a pattern.
public struct ContentRule: Sendable {
    /// The pattern.
    public var match: Located<String>
    /// Twelve permission bits.
    public var mode: UInt16?
    /// Owner by name.
    public var owner: Located<String>?
    /// Group by name.
    public var group: Located<String>?
    /// Whether matching files are conffiles.
    public var isConffile: Bool
    /// What becomes of machine code for another architecture.
    public var foreignCode: ForeignMachineCode?
    /// Whether machine code loses its symbols; nil does as the item.
    public var strips: Bool?
}

/// What becomes of absolute links in a tree.
public enum AbsoluteLinks: String, Sendable, CaseIterable {
    /// They are taken for links into this machine's file system.
    case refuse
    /// They are meant: what they point to is on the machine that the package is installed on.
    case keep
}

/// What becomes of machine code that is not for the package's architecture.
public enum ForeignMachineCode: String, Sendable, CaseIterable {
    /// It is taken for a mistake.
    case refuse
    /// It is meant: firmware, a cross toolchain, a program that chooses at run time.
    case allow
}

/// A systemd unit that the package ships.
public struct UnitSpec: Sendable {
    /// The unit file in the package folder; its last component is the unit's name.
    public var file: Located<String>
    /// Whether installation enables it.
    public var isEnabled: Bool
    /// Whether installation starts it.
    public var isStarted: Bool
    /// What an upgrade does to it.
    public var onUpgrade: UnitPolicy.Upgrade
    /// Whether removal stops it.
    public var stopsOnRemove: Bool
    /// The ports that it listens on while it runs.
    public var ports: [Located<UnitPort>]
}

/// A unit that every user's own manager gets (systemd(1), `--user`).
public struct UserUnitSpec: Sendable {
    /// The unit file in the package folder; its last component is the unit's name.
    public var file: Located<String>
    /// Whether installation enables it for all users.
    public var isEnabled: Bool
}

/// A port that a unit listens on, such as `8080/tcp`.
public struct UnitPort: Sendable, Hashable, CustomStringConvertible {
    /// 1 to 65535.
    public var number: Int
    /// `tcp` or `udp`.
    public var transport: String

    /// Reads a number, with `/tcp` or `/udp` behind it or neither.
    public init(_ text: String) throws(FormatError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = Int(parts[0]), (1...65535).contains(number), parts[0].utf8.allSatisfy(Ascii.isDigit),
            parts.count == 1 || ["tcp", "udp"].contains(parts[1])
        else {
            throw FormatError(
                subject: "port", found: text,
                expected: "a number from 1 to 65535, with /tcp or /udp behind it or neither",
                offset: 0, source: "services(5)")
        }
        self.number = number
        transport = parts.count == 1 ? "tcp" : String(parts[1])
    }

    /// The number and the transport.
    public var description: String { "\(number)/\(transport)" }
}

/// A system user as declared.
public struct UserSpec: Sendable {
    /// The name.
    public var name: Located<String>
    /// The main group; one of the user's name when it is missing.
    public var group: Located<String>?
    /// Further groups.
    public var groups: [Located<String>]
    /// The home directory, which is not made.
    public var home: Located<String>?
    /// The login shell.
    public var shell: Located<String>?
    /// The comment in passwd(5).
    public var comment: Located<String>?
    /// A fixed number.
    public var id: Int?
    /// The package that makes the user, if it is not this one.
    public var package: Located<String>?
}

/// A system group as declared.
public struct GroupSpec: Sendable {
    /// The name.
    public var name: Located<String>
    /// A fixed number.
    public var id: Int?
    /// The package that makes the group, if it is not this one.
    public var package: Located<String>?
}

/// A choice for update-alternatives(1) as declared.
public struct AlternativeSpec: Sendable {
    /// The group's name.
    public var name: Located<String>
    /// The generic path.
    public var link: Located<String>
    /// The file offered.
    public var path: Located<String>
    /// The higher one wins.
    public var priority: Int
    /// Links that go with this one, such as that of a manual page.
    public var followers: [Follower]

    /// A link that points to this package's file for as long as the choice does.
    public struct Follower: Sendable {
        /// The link's name.
        public var name: Located<String>
        /// The generic path.
        public var link: Located<String>
        /// The file offered.
        public var path: Located<String>
    }
}
