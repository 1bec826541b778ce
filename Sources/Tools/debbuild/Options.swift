import Archive
import ArgumentParser
import DebianArchive
import DebianBuild
import DebianFormat
import Documents
import Downloads
import Files
import Glibc
import MeshLint
import Platform
import StandardStreams

/// How results and diagnostics are written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// `--format`.
struct FormatOptions: ParsableArguments {
    @Option(help: "How results are written: text or json (see docs/json.md).")
    var format: OutputFormat = .text
}

/// What a package or another archive may cost to read.
struct ReadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What a package or archive may unpack to, in bytes or with K, M, G or T (default: 512 times its size, and 512M "
                + "in any case).", valueName: "size"))
    var maxUnpacked: ByteSize?

    @Option(
        help: ArgumentHelp(
            "Memory that decompression may take, in bytes or with K, M, G or T (default: 129M, which is what 'xz -9' and "
                + "'zstd --long' need).", valueName: "size"))
    var maxMemory: ByteSize?

    /// The limits of packages with it.
    var limits: DebReadLimits {
        var limits = DebReadLimits()
        if let maxMemory { limits.decoderMemory = maxMemory.bytes }
        if let maxUnpacked {
            limits.dataBytes = maxUnpacked.bytes
            limits.unmeasuredBytes = maxUnpacked.bytes
            // Whoever allows gigabytes does not mean to stop at many small files.
            let bytes = Int(clamping: maxUnpacked.bytes)
            limits.entries = max(limits.entries, bytes / Self.leastEntry)
            limits.controlBytes = max(limits.controlBytes, bytes)
            limits.controlFileBytes = max(limits.controlFileBytes, bytes)
            limits.pathBytes = max(limits.pathBytes, bytes)
            limits.machineCodeBytes = max(limits.machineCodeBytes, bytes)
        }
        return limits
    }

    /// The limits of archives that something is taken from.
    var archiveLimits: ArchiveLimits {
        let limits = limits
        var result = ArchiveLimits()
        result.decoderMemory = limits.decoderMemory
        guard let maxUnpacked else { return result }
        let bytes = Int(clamping: maxUnpacked.bytes)
        (result.totalBytes, result.unmeasuredBytes) = (maxUnpacked.bytes, maxUnpacked.bytes)
        result.entries = max(result.entries, bytes / Self.leastEntry)
        result.pathBytes = max(result.pathBytes, bytes)
        return result
    }

    /// Bytes of a tar for each entry, at least.
    private static let leastEntry = 512
}

/// A number of bytes such as `20G`; the units are powers of 1024, as dd(1) has them.
struct ByteSize: ExpressibleByArgument {
    let bytes: Int64

    init?(argument: String) {
        let digits = argument.prefix { "0123456789".contains($0) }
        guard let number = Int64(digits), number > 0,
            let shift = ["": 0, "K": 10, "M": 20, "G": 30, "T": 40][argument.dropFirst(digits.count).uppercased()],
            number <= Int64.max >> (shift + 1)
        else { return nil }
        bytes = number << shift
    }
}

/// A length of time such as `90s` or `2h`, of whole seconds.
struct TimeSpan: ExpressibleByArgument {
    let seconds: Int

    init?(argument: String) {
        guard let duration = DurationText.parse(argument), duration.nanoseconds >= 1_000_000_000 else { return nil }
        seconds = Int(clamping: duration.nanoseconds / 1_000_000_000)
    }
}

/// What one download may cost.
struct DownloadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What one download may take, all attempts together, such as 90s or 2h (default: 1h).", valueName: "time"))
    var downloadTime: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "How long a download may go on without a byte (default: 1m).", valueName: "time"))
    var downloadStall: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "How long a server may ask to wait before the next attempt, with Retry-After (default: 2m).",
            valueName: "time"))
    var downloadWait: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "What one download may have, in bytes or with K, M, G or T (default: 64G).", valueName: "size"))
    var downloadSize: ByteSize?

    /// The limits with them.
    var limits: DownloadLimits {
        var limits = DownloadLimits()
        if let downloadTime { limits.time = downloadTime.seconds }
        if let downloadStall { limits.stall = downloadStall.seconds }
        if let downloadWait { limits.wait = downloadWait.seconds }
        if let downloadSize { limits.bytes = Int(downloadSize.bytes) }
        return limits
    }
}

/// Which workspace, for what, in which version.
struct WorkspaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder with workspace.yaml.", valueName: "dir"))
    var workspace: String?

    @Option(
        name: .customLong("arch"),
        help: ArgumentHelp("Architecture to build for; repeatable (default: this machine's).", valueName: "arch"))
    var architectures: [String] = []

    @Option(help: ArgumentHelp("Distribution that overrides are selected for, such as bookworm.", valueName: "name"))
    var distribution: String?

    @Option(help: ArgumentHelp("Version for every package; a declared epoch stays.", valueName: "version"))
    var version: String?

    @Option(
        name: .customLong("payload"),
        help: ArgumentHelp("A file in place of a declared payload; repeatable.", valueName: "name[:arch]=file"))
    var payloads: [String] = []

    @Option(
        help: ArgumentHelp(
            "Seconds since 1970 that no time in a package exceeds (default: SOURCE_DATE_EPOCH, else the newest date of "
                + "each changelog).", valueName: "seconds"))
    var sourceDateEpoch: String?

    @Option(
        help: ArgumentHelp(
            "Folder for downloads and records (default: $XDG_CACHE_HOME/debbuild or ~/.cache/debbuild).",
            valueName: "dir"))
    var cache: String?

    @Option(
        help: ArgumentHelp(
            "xz, zstd, gzip or none, with a level: xz:9, zstd:19 (default: the package's, else xz:6).",
            valueName: "codec[:level]"))
    var compression: String?

    @Flag(help: "Compress with zstd at level 1, for quick rebuilds.")
    var fast = false

    @OptionGroup var downloads: DownloadOptions
    @OptionGroup var reading: ReadOptions
}

/// How a build runs.
struct BuildOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Where packages are written.", valueName: "dir"))
    var output: String?

    @Option(help: ArgumentHelp("Packages built at once (default: the number of processors).", valueName: "n"))
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "Compressor threads over all packages (default: the number of processors); the bytes do not depend on it.",
            valueName: "n"))
    var threads: Int?

    @Flag(help: "Build even what has not changed.")
    var force = false

    @Flag(help: "Build despite lint errors, which otherwise stop the build.")
    var noLint = false

    @Flag(help: "Build everything twice, in another order and with other threads, and compare the bytes.")
    var verifyReproducible = false

    @Flag(
        name: .customLong("no-buildinfo"),
        help: "Write no .buildinfo beside the packages, and do not compute the checksums that only it needs.")
    var noBuildInformation = false

    @Option(
        help: ArgumentHelp(
            "Where the packages will be published: writes istio.VERSION and plain NAME.deb beside them.",
            valueName: "url"))
    var releaseURL: String?

    @Flag(name: .shortAndLong, help: "No progress and no remarks.")
    var quiet = false

    func validate() throws {
        for (name, value) in [("jobs", jobs), ("threads", threads)] {
            if let value, !(1...1024).contains(value) {
                throw ValidationError("--\(name) is \(value) (must be >=1 and <=1024)")
            }
        }
        if let releaseURL, IstioVersionFile(url: releaseURL) == nil {
            throw ValidationError(
                "--release-url '\(releaseURL)' is not an http, https or file URL without quotes or spaces")
        }
    }
}

extension WorkspaceOptions {
    /// The request, with every option checked; all that is wrong is reported at once.
    func request(packages: [String]?, build: BuildOptions?, diagnostics: inout Diagnostics) -> BuildRequest? {
        let environment = Terminal.environment
        let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        guard let cache = cacheDirectory(environment, diagnostics: &diagnostics) else { return nil }
        var request = BuildRequest(
            cacheDirectory: cache, threads: build?.threads ?? processors, jobs: build?.jobs ?? processors)
        request.packages = packages
        request.distribution = distribution
        request.downloadLimits = downloads.limits
        request.archiveLimits = reading.archiveLimits
        request.isForced = build?.force ?? false
        request.writesBuildInformation = !(build?.noBuildInformation ?? false)
        request.outputDirectory = (build?.output).map(absolute)
        for text in architectures {
            do throws(FormatError) {
                let architecture = try Architecture(text)
                if !request.architectures.contains(architecture) { request.architectures.append(architecture) }
            } catch {
                diagnostics.error(
                    "architecture", "--arch: \(error)", at: nil,
                    help: Architecture.suggestion(for: text).map { "did you mean '\($0)'?" })
            }
        }
        if let version {
            do throws(FormatError) {
                // Whether a package takes it as it is, is known later.
                _ = try DebianVersion.mapped(from: version)
                request.version = version
            } catch {
                diagnostics.error("version", "--version: \(error)", at: nil, help: "see 'debbuild version map'")
            }
        }
        if fast, compression != nil {
            diagnostics.error("compression", "--fast and --compression cannot be used together", at: nil)
        }
        if let text = compression ?? (fast ? "zstd:1" : nil) {
            do throws(CompressionError) { request.compression = try Compression(parsing: text) } catch {
                diagnostics.error("compression", "--compression: \(error)", at: nil)
            }
        }
        for text in payloads {
            guard let item = payloadOverride(text, diagnostics: &diagnostics) else { continue }
            request.payloadOverrides.append(item)
        }
        let epoch = sourceDateEpoch ?? environment["SOURCE_DATE_EPOCH"]
        if let epoch {
            // Plain digits, as the reproducible builds' specification wants; a malformed one must not be ignored.
            if let seconds = Int64(epoch), epoch.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                seconds <= 253_402_300_799
            {
                request.sourceDateEpoch = seconds
            } else {
                diagnostics.error(
                    "source-date-epoch",
                    "\(sourceDateEpoch == nil ? "SOURCE_DATE_EPOCH" : "--source-date-epoch") '\(epoch)' is not a number of "
                        + "seconds (must be >=0 and <=253402300799)", at: nil,
                    help: "for the date of the last commit: git log -1 --format=%ct")
            }
        }
        return diagnostics.hasErrors ? nil : request
    }

    /// The workspace that is named or found.
    func load(diagnostics: inout Diagnostics) -> Workspace? {
        let directory: String
        if let workspace {
            directory = absolute(workspace)
        } else if let found = Workspace.find(from: absolute(".")) {
            directory = found
        } else {
            diagnostics.error(
                "workspace", "there is no workspace.yaml here, in ./Packaging, or in a folder above", at: nil,
                help: "pass --workspace DIR, or begin with 'debbuild init NAME'")
            return nil
        }
        return Workspace.load(directory: directory, environment: Terminal.environment, diagnostics: &diagnostics)
    }

    func absolute(_ path: String) -> String { AbsolutePath.of(path) }

    private func cacheDirectory(_ environment: [String: String], diagnostics: inout Diagnostics) -> String? {
        if let cache { return absolute(cache) }
        if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") { return folder + "/debbuild" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.cache/debbuild" }
        diagnostics.error(
            "cache", "neither XDG_CACHE_HOME nor HOME says where records are kept", at: nil, help: "pass --cache DIR")
        return nil
    }

    private func payloadOverride(_ text: String, diagnostics: inout Diagnostics) -> PayloadOverride? {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex, text.last != "=" else {
            diagnostics.error(
                "payload", "--payload '\(text)' is not NAME[:ARCH]=FILE", at: nil, help: "such as envoy=/opt/envoy")
            return nil
        }
        let key = text[..<equals].split(separator: ":", maxSplits: 1)
        let path = absolute(String(text[text.index(after: equals)...]))
        var architecture: Architecture?
        if key.count == 2 {
            do throws(FormatError) { architecture = try Architecture(String(key[1])) } catch {
                diagnostics.error("architecture", "--payload '\(text)': \(error)", at: nil)
                return nil
            }
        }
        return PayloadOverride(name: String(key.first ?? ""), architecture: architecture, path: path)
    }
}

/// Paths from the command line, relative to the working directory.
enum AbsolutePath {
    static func of(_ path: String) -> String {
        let absolute = LexicalPath.isAbsolute(path) ? path : FileTree.currentDirectory + "/" + path
        return LexicalPath.normalised(absolute) ?? path
    }
}
