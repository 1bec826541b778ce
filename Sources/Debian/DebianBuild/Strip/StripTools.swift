import DebianFormat
import Documents
import Files
import Glibc
import Platform
import Processes

/// strip(1) and objcopy(1) for one architecture, with the arguments that dh_strip(1) gives them.
struct StripTools: Sendable {
    /// What is to be stripped; dh_strip(1) tells programs from libraries by their mode.
    enum Subject: String, Sendable {
        case executable
        case sharedLibrary = "shared-library"
        /// An ar(5) archive of object files.
        case staticLibrary = "static-library"

        /// The arguments of strip(1), but for the files.
        fileprivate var arguments: [String] {
            let common = ["--remove-section=.comment", "--remove-section=.note"]
            return switch self {
            case .executable: common
            case .sharedLibrary: common + ["--strip-unneeded"]
            case .staticLibrary:
                ["--strip-debug"] + common + [
                    "--enable-deterministic-archives", "-R", ".gnu.lto_*", "-R", ".gnu.debuglto_*",
                    "-N", "__gnu_lto_slim", "-N", "__gnu_lto_v1",
                ]
            }
        }
    }

    /// Tells these programs from others: what they write may differ from version to version.
    let identity: String
    /// Debian packages that they may be from.
    let packages: Set<String>
    private let strip: String
    private let objcopy: String

    /// Raised whenever other arguments are given.
    private static let generation = 1
    /// Enough for the largest program.
    private static let limits = RunLimits(time: .seconds(3600), outputBytes: 1 << 16)

    /// Looks the programs up.
    ///
    /// - Parameter prefix: what stands before their names, with or without a folder; nil takes binutils' own: nothing for
    ///   the architecture of this machine, the GNU name of any other.
    init(for architecture: Architecture, prefix: String?) throws(StripError) {
        let before: String
        if let prefix {
            before = prefix
        } else if architecture == .host {
            before = ""
        } else if let name = architecture.gnuType {
            before = name + "-"
        } else {
            throw .unknownArchitecture(architecture)
        }
        func find(_ name: String) throws(StripError) -> String {
            // A prefix with a slash is not looked for on PATH, so that nobody has said that there is such a program.
            guard let path = ExecutablePath.find(before + name), access(path, X_OK) == 0 else {
                throw .toolMissing(
                    before + name, package: Self.package(of: architecture, prefix: prefix), architecture)
            }
            return path
        }
        strip = try find("strip")
        objcopy = try find("objcopy")
        var identity = "\(Self.generation)"
        var packages: Set = ["binutils", "binutils-common", "libbinutils"]
        if let name = architecture.gnuType { packages.insert(Self.package(ofType: name)) }
        do throws(FileError) {
            for path in [strip, objcopy] {
                let real = try FileTree.realPath(path)
                let status = try FileStatus.of(real, followLinks: true)
                identity += " \(real) \(status.size) \(status.modificationSeconds).\(status.modificationNanoseconds)"
                // Such as /usr/lib/llvm-19/bin/llvm-objcopy.
                for part in LexicalPath.components(real) where part.hasPrefix("llvm-") { packages.insert(String(part)) }
            }
        } catch { throw .file(error) }
        self.identity = identity
        self.packages = packages
    }

    /// What a workspace wants to stand before the names of the programs, by architecture.
    static func prefixes(of workspace: Workspace, diagnostics: inout Diagnostics) -> [Architecture: String] {
        var prefixes: [Architecture: String] = [:]
        for (name, value) in workspace.spec.binutils {
            guard let architecture = Workspace.architecture(name, diagnostics: &diagnostics) else { continue }
            let isRelative = value.value.utf8.contains(UInt8(ascii: "/")) && !LexicalPath.isAbsolute(value.value)
            prefixes[architecture] = isRelative ? workspace.directory + "/" + value.value : value.value
        }
        return prefixes
    }

    /// The package that Debian has the programs in; nil where the user has named others.
    private static func package(of architecture: Architecture, prefix: String?) -> String? {
        guard let prefix else {
            if architecture == .host { return "binutils" }
            return architecture.gnuType.map(package(ofType:))
        }
        return prefix == "llvm-" ? "llvm" : nil
    }

    private static func package(ofType name: String) -> String {
        "binutils-" + name.split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-")
    }

    /// Writes what a debugger wants of a file, compressed, to another.
    func copyDebug(of file: String, to target: String) async throws(StripError) {
        try await run(objcopy, ["--only-keep-debug", "--compress-debug-sections", file, target], about: file)
    }

    /// Writes a file without its symbols to another, with the name and checksum of the file that has them if there is one.
    func strip(
        _ file: String, as subject: Subject, to target: String, linkingTo debugFile: String?
    ) async throws(StripError) {
        try await run(strip, subject.arguments + ["-o", target, file], about: file)
        if let debugFile { try await run(objcopy, ["--add-gnu-debuglink", debugFile, target], about: file) }
    }

    private func run(_ program: String, _ arguments: [String], about file: String) async throws(StripError) {
        let output: ProcessOutput
        do throws(ProcessError) {
            output = try await ChildProcess.run(
                SpawnOptions(executable: program, arguments: arguments), limits: Self.limits, group: .inherit)
        } catch { throw .process(error) }
        guard output.status.isSuccess, output.reason == .ended else {
            let text = String(decoding: output.standardError.suffix(2000), as: UTF8.self)
            throw .failed(program: program, file: file, output.status, message: text)
        }
    }
}

extension Architecture {
    /// The name that GNU's programs for it begin with (dpkg-architecture(1), `DEB_HOST_GNU_TYPE`); nil where none is known
    /// here.
    fileprivate var gnuType: String? {
        // The folder of libraries is that of the oldest processor, the compiler's is not.
        self == .i386 ? "i686-linux-gnu" : multiarch
    }
}

/// Why a file could not be stripped.
enum StripError: Error, Sendable {
    /// A program is not installed.
    case toolMissing(String, package: String?, Architecture)
    /// Nobody knows how the programs for the architecture are called.
    case unknownArchitecture(Architecture)
    /// A program has not done it.
    case failed(program: String, file: String, ExitStatus, message: String)
    /// A program could not be run.
    case process(ProcessError)
    /// A file is not what it was when the plan was made.
    case changed(path: String)
    /// A file could not be read or written.
    case file(FileError)
    /// An archive could not be read.
    case archive(String)
}

extension StripError: CustomStringConvertible {
    /// The sentence for people.
    var description: String {
        switch self {
        case .toolMissing(let name, _, let architecture):
            "'\(name)' is not installed; it is needed to strip machine code for \(architecture)"
        case .unknownArchitecture(let architecture):
            "it is not known which 'strip' and 'objcopy' are for \(architecture)"
        case .failed(let program, let file, let status, let message):
            "'\(program)' has not stripped '\(DisplayText.inline(file))' (\(status)): "
                + DisplayText.inline(message.split(separator: "\n").joined(separator: "; "))
        case .process(let error): error.description
        case .changed(let path): "'\(DisplayText.inline(path))' changed while it was stripped"
        case .file(let error): error.description
        case .archive(let message): message
        }
    }

    /// What to do about it.
    var help: String? {
        switch self {
        case .toolMissing(_, let package?, let architecture):
            "apt-get install \(package), or name other programs in workspace.yaml, such as 'binutils: {\(architecture): "
                + "llvm-}'"
        case .toolMissing(_, nil, let architecture):
            "'binutils' in workspace.yaml names it: check what stands there for \(architecture)"
        case .unknownArchitecture(let architecture):
            "name them in workspace.yaml, such as 'binutils: {\(architecture): llvm-}', or set 'strip: false'"
        case .failed: "if it cannot be stripped, set 'strip: false' on its item or by a rule"
        case .changed: "build again when nothing writes to it"
        case .process, .file, .archive: nil
        }
    }

    /// The code of the diagnostic.
    var code: String {
        switch self {
        case .toolMissing, .unknownArchitecture: "strip-tool"
        default: "strip"
        }
    }
}
