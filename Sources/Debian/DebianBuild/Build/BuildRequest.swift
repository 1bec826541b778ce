import Archive
import DebianArchive
import DebianFormat
import Downloads
import Files

/// What is to be built, and how.
public struct BuildRequest: Sendable {
    /// Package folders by name; nil builds every package of the workspace.
    public var packages: [String]?
    /// Architectures; empty means this machine's.
    public var architectures: [Architecture] = []
    /// The distribution that overrides are selected for; nil takes the workspace's.
    public var distribution: String?
    /// A version for every package in place of the declared ones, read as the package's `version-scheme` says; the
    /// epoch and the revision of the declared one stay unless it has its own.
    public var version: String?
    /// Where packages are written, absolute; nil takes the workspace's `output`.
    public var outputDirectory: String?
    /// Where downloads, unpacked members and records are kept, absolute.
    public var cacheDirectory: String
    /// A compression in place of the declared ones.
    public var compression: Compression?
    /// Compressor threads over all packages that are built at once.
    public var threads: Int
    /// Packages that may be built at once.
    public var jobs: Int
    /// Seconds since 1970 that no time in a package exceeds; nil takes each changelog's newest date.
    public var sourceDateEpoch: Int64?
    /// Files given in place of declared payloads.
    public var payloadOverrides: [PayloadOverride] = []
    /// What one download may cost.
    package var downloadLimits = DownloadLimits()
    /// What an archive that contents or payloads are taken from may cost.
    public var archiveLimits = ArchiveLimits()
    /// Whether a `.buildinfo` is written beside each package.
    public var writesBuildInformation = true
    /// Build even when nothing has changed.
    public var isForced = false

    /// A request for everything with the defaults.
    public init(cacheDirectory: String, threads: Int, jobs: Int) {
        self.cacheDirectory = cacheDirectory
        self.threads = threads
        self.jobs = jobs
    }
}

/// Told what a build is doing. Called from several threads.
public protocol BuildObserver: Sendable {
    /// Something that takes time has begun, in a few words.
    func note(_ text: String)
    /// A package with so many payload bytes is being written.
    func began(_ plan: BuildPlan)
    /// So many payload bytes more have been read.
    func advanced(_ plan: BuildPlan, bytes: Int)
    /// A package is there.
    func finished(_ outcome: BuildOutcome)
}

/// What became of one package.
public struct BuildOutcome: Sendable {
    /// The plan that it was made of.
    public var plan: BuildPlan
    /// The file, absolute.
    public var path: String
    /// Bytes.
    public var size: Int64
    /// Checksums of the file.
    public var checksums: PackageChecksums
    /// True when nothing had changed and the file was left as it was.
    public var isUpToDate: Bool
    /// The checks of the package as a scenario; nil when it was not written, or has none.
    package var scenario: String?
    /// The state of the file.
    package var status: FileStatus
}
