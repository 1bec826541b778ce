import Archive
import DebianFormat
import DebianManifest
import Documents
import Files

/// Everything that goes into one `.deb`, decided: every control field computed, every entry resolved.
///
/// Nothing that happens after a plan has been made can be a mistake in the specification; what can still fail is the
/// machine (a full disk, a file that changes while it is read).
public struct BuildPlan: Sendable {
    /// The binary package's name.
    public var package: PackageName
    /// The Debian version (deb-version(7)).
    public var version: DebianVersion
    /// The architecture that the package is built for; `all` where it has no machine code.
    public var architecture: Architecture
    /// The binary control paragraph in dpkg's field order (deb-control(5)).
    public var control: ControlParagraph
    /// The members of `control.tar` beside `control` and `md5sums`, sorted by name.
    public var controlFiles: [ControlFile]
    /// The members of `data.tar` in the order in which they are written: a directory before what is in it.
    public var entries: [PlannedEntry]
    /// How both tar members are compressed.
    public var compression: Compression
    /// Seconds since 1970 that no modification time in the package exceeds.
    public var sourceDateEpoch: Int64
    /// What is worth saying about the plan though it does not stop it.
    public var warnings: [PlanWarning]
    /// Codes of lint whose findings are meant, with where that stands.
    package var lintOverrides: [(code: String, range: SourceRange?)] = []
    /// What a machine with the package has to be like, without the files, which are ``entries``; nil to say nothing.
    public var scenario: PackageScenario?
    /// Debian packages whose programs have changed contents, such as `binutils`; those that are not installed count for
    /// nothing.
    public var toolPackages: Set<String> = []

    /// Creates a plan.
    public init(
        package: PackageName, version: DebianVersion, architecture: Architecture, control: ControlParagraph,
        controlFiles: [ControlFile], entries: [PlannedEntry], compression: Compression, sourceDateEpoch: Int64,
        warnings: [PlanWarning] = []
    ) {
        self.package = package
        self.version = version
        self.architecture = architecture
        self.control = control
        self.controlFiles = controlFiles
        self.entries = entries
        self.compression = compression
        self.sourceDateEpoch = sourceDateEpoch
        self.warnings = warnings
    }

    /// The name of the file to write, `NAME_VERSION_ARCH.deb`, with the epoch left out and the architecture's variant in its
    /// place as dpkg does.
    public var fileName: String {
        "\(package)_\(version.withoutEpoch)_\(control["Architecture-Variant"] ?? architecture.description).deb"
    }

    /// The maximum size of a member of the package: ar(5) has ten digits for it.
    public static let memberLimit: Int64 = 9_999_999_999

    /// The size of `data.tar` before compression without the headers of long names, so at least.
    package var unpackedSize: Int64 {
        entries.reduce(1024) { sum, planned in
            guard case .file(let size) = planned.entry.kind else { return sum + 512 }
            return sum + 512 + (size + 511) / 512 * 512
        }
    }

    /// The bytes of all regular files before compression.
    public var payloadSize: Int64 {
        entries.reduce(0) { sum, entry in
            if case .file(let size) = entry.entry.kind { return sum + size }
            return sum
        }
    }
}

/// A member of `data.tar` with the place that its contents come from.
public struct PlannedEntry: Sendable {
    /// Path in the archive (`./usr/bin/x`), kind, mode, owner and time.
    public var entry: Entry
    /// Where the contents are.
    public var source: ContentSource
    /// True when the file is listed in `conffiles`.
    public var isConffile: Bool
    /// The capabilities that maintainer scripts give the file.
    public var capabilities: FileCapabilities?

    /// What a look into the contents has found; nil before it.
    public var facts: ContentFacts?

    /// Whether the specification allows machine code for another architecture here.
    public var allowsForeignCode: Bool
    /// Whether machine code here loses its symbols; nil where the specification leaves that to the package.
    package var strips: Bool?
    /// Where the contents were before they lost their symbols; nil where they are as they were.
    public var unstrippedSource: ContentSource?

    /// Creates a planned entry.
    public init(
        entry: Entry, source: ContentSource, isConffile: Bool, facts: ContentFacts? = nil,
        allowsForeignCode: Bool = false
    ) {
        self.allowsForeignCode = allowsForeignCode
        self.entry = entry
        self.source = source
        self.isConffile = isConffile
        self.facts = facts
    }

    /// The absolute path on the machine that the package is installed on.
    public var installedPath: String {
        var path = entry.path.utf8[...]
        if path.first == UInt8(ascii: ".") { path = path.dropFirst() }
        if path.last == UInt8(ascii: "/") { path = path.dropLast() }
        return path.isEmpty ? "/" : String(Substring(path))
    }

    /// Whether the entry has bytes of its own, and so checksums.
    var hasContents: Bool {
        guard case .file = entry.kind else { return false }
        return source != .nothing
    }
}

/// Where the contents of a planned entry come from.
public enum ContentSource: Sendable, Hashable {
    /// A directory or a link has none.
    case nothing
    /// Made by the plan itself, such as a compressed changelog.
    case bytes([UInt8])
    /// A file on this machine, with its status when the plan was made.
    case file(path: String, status: FileStatus)
    /// The n-th entry (from 0) of an archive on this machine.
    case archiveEntry(archive: String, index: Int, status: FileStatus)
}

/// Something worth knowing about a plan, with a stable code.
public struct PlanWarning: Sendable, Hashable {
    /// A stable code such as `elf-static`.
    public var code: String
    /// The sentence for people, in lower case.
    public var message: String

    /// Creates a remark.
    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}

extension PackageImage {
    /// The package that a plan will become, so that lint can look at it before anything is written. Checksums of the
    /// files are not known yet.
    public init(plan: BuildPlan) {
        self.init(
            fileName: plan.fileName, control: plan.control, controlFiles: plan.controlFiles,
            timeLimit: plan.sourceDateEpoch, isPlanned: true)
        for planned in plan.entries {
            var facts = planned.facts ?? .nothing
            if case .bytes(let bytes) = planned.source, bytes.count <= DebReadLimits().textBytes, !bytes.contains(0) {
                facts = ContentFacts(elf: facts.elf, malformedELF: facts.malformedELF, text: bytes)
            }
            let entry = planned.entry
            entries.append(
                ImageEntry(
                    path: planned.installedPath, kind: entry.kind, permissions: entry.permissions, owner: entry.owner,
                    group: entry.group, modificationTime: entry.modificationTime, facts: facts,
                    previous: entries.last))
            if facts.isTextSkipped { skippedTexts += 1 }
        }
    }
}
