import Archive
import DebianFormat
import Documents
import Downloads
import Files
import Platform
import Processes

/// Where a payload comes from: everything that `debbuild` does not make itself and that a package folder does not hold.
enum PayloadLocation: Sendable, Hashable {
    /// A file on this machine, absolute.
    case path(String)
    /// An executable product of a Swift package, built with `swift build`.
    case product(String)
    /// A member of an archive on this machine, by its exact path in it.
    case archive(path: String, member: String)
    /// A file at an http, https or file URL, or a member of it.
    case url(String, member: String?)
}

/// One payload for one architecture.
struct PayloadSource: Sendable, Hashable {
    /// The name by which packages refer to it.
    var name: String
    /// The architecture that it is for; `all` where one serves every architecture.
    var architecture: Architecture
    /// Where it comes from.
    var location: PayloadLocation
    /// SHA-256 of the file that the location names (of the archive, not of its member), in lower-case hexadecimal.
    var sha256: String?
    /// Where the specification names it, to point at when something is wrong.
    var range: SourceRange?
}

/// A payload that lies as a plain file on this machine, ready to be packaged.
struct ResolvedPayload: Sendable, Hashable {
    /// The file.
    var path: String
    /// Its status when it was resolved.
    var status: FileStatus
}

/// Why a payload is not available. Each case holds what was expected and found; `help` says what to do.
enum PayloadError: Error, Sendable {
    /// The file is not there.
    case missing(path: String, nearest: String?)
    /// The path is a directory, device or socket.
    case notAFile(path: String)
    /// The file's SHA-256 is not the one that the workspace gives.
    case checksum(path: String, expected: String, found: String)
    /// The file could not be read.
    case file(FileError)
    /// The archive could not be read or lacks the member.
    case archive(ArchiveError)
    /// The file has no size of its own, as those of /proc have not.
    case sizeless(path: String)
    /// The URL could not be downloaded.
    case download(DownloadError)
    /// A program could not be run.
    case program(String, purpose: String, ProcessError)
    /// A program that is needed is not installed.
    case programMissing(String, purpose: String)
    /// `swift build` failed.
    case productBuild(product: String, status: Int32, output: String)
    /// A product of this package cannot be compiled for the architecture here.
    case productArchitecture(product: String, wanted: Architecture, host: Architecture)
}

extension PayloadError: CustomStringConvertible {
    /// The sentence for people.
    var description: String {
        switch self {
        case .missing(let path, _): "there is no file '\(path)'"
        case .notAFile(let path): "'\(path)' is not a regular file"
        case .checksum(let path, let expected, let found):
            "'\(path)' has SHA-256 \(found), expected \(expected)"
        case .file(let error): error.description
        case .archive(let error): error.description
        case .sizeless(let path): "'\(path)' is made while it is read, as the files of /proc and /sys are"
        case .download(let error): error.description
        case .program(let program, let purpose, let error): "'\(program)' cannot be run to \(purpose): \(error)"
        case .programMissing(let program, let purpose): "'\(program)' is not installed; it is needed to \(purpose)"
        case .productBuild(let product, let status, _): "swift build of product '\(product)' ended with \(status)"
        case .productArchitecture(let product, let wanted, let host):
            "product '\(product)' cannot be compiled for \(wanted) on this machine (\(host))"
        }
    }

    /// The code of the diagnostic; a download has its own, because its failure may not be the user's fault.
    var code: String {
        if case .download = self { "payload-download" } else { "payload" }
    }

    /// What to do about it.
    var help: String? {
        switch self {
        case .missing(_, let nearest): nearest.map { "'\($0)' exists" }
        case .notAFile, .file, .program: nil
        case .archive(let error): error.help
        case .sizeless: "copy it to a file, and name that"
        case .checksum:
            "the file is not the one that was reviewed: fetch it again, or review it and update the checksum"
        case .download(let error): Self.help(error.reason)
        case .programMissing(let program, _): "apt-get install \(program)"
        case .productBuild(_, _, let output): output.isEmpty ? nil : output
        case .productArchitecture(let product, let wanted, _):
            "build it on \(wanted) and pass --payload \(product):\(wanted)=FILE, or set 'swift-sdk' for the architecture"
        }
    }
}

extension PayloadError {
    private static func help(_ reason: DownloadError.Reason) -> String? {
        switch reason {
        case .status(401), .status(403), .status(407): "the server wants other credentials in the URL, or refuses all"
        case .status(404), .status(410): "check the address: there is nothing"
        case .status: "try again later, or fetch the file by hand and pass it with --payload"
        case .retryLater: "try again then, or allow to wait for it: --download-wait"
        case .timedOut: "run it again, it goes on where it stopped; or allow more time: --download-time"
        case .stalled: "run it again, it goes on where it stopped; or be more patient: --download-stall"
        case .waited: "look for a debbuild that does not go on; or be more patient: --download-time"
        case .tooLarge: "if you know that the file is so large, allow it: --download-size"
        case .interrupted, .cancelled: "run it again"
        case .curl: "see EXIT CODES in curl(1)"
        case .noCurl, .file: nil
        }
    }
}

/// `--payload NAME[:ARCH]=FILE`.
public struct PayloadOverride: Sendable, Hashable {
    /// The payload's name in the workspace.
    public var name: String
    /// The architecture that it is for; nil for every one.
    public var architecture: Architecture?
    /// The file, absolute.
    public var path: String

    /// Creates an override.
    public init(name: String, architecture: Architecture?, path: String) {
        self.name = name
        self.architecture = architecture
        self.path = path
    }
}

/// The payloads that a workspace declares, with those given on the command line in their place.
struct PayloadCatalogue {
    let workspace: Workspace
    let overrides: [PayloadOverride]

    var names: Set<String> {
        Set(workspace.spec.payloads.map(\.name.value)).union(overrides.map(\.name))
    }

    /// A name given on the command line that nothing declares is a spelling mistake.
    func checkOverrides(diagnostics: inout Diagnostics) {
        let declared = workspace.spec.payloads.map(\.name.value)
        for item in overrides where !declared.contains(item.name) {
            diagnostics.error(
                "payload-unknown", "--payload names '\(item.name)', which the workspace does not declare", at: nil,
                help: SpellingSuggestion.of(item.name, among: declared).map { "did you mean '\($0)'?" })
        }
    }

    /// The source of a payload for an architecture, or nil after a diagnostic.
    func source(
        of name: String, for architecture: Architecture, diagnostics: inout Diagnostics
    ) -> PayloadSource? {
        if let item = overrides.last(where: { $0.name == name && ($0.architecture ?? architecture) == architecture }) {
            return PayloadSource(
                name: name, architecture: architecture, location: .path(item.path), sha256: nil, range: nil)
        }
        guard let (declaredName, payload) = workspace.spec.payloads.first(where: { $0.name.value == name }) else {
            return nil
        }
        for (key, _) in payload.architectures where (try? Architecture(key.value)) == nil {
            diagnostics.error(
                "architecture", "'\(key.value)' is not an architecture", at: key.range,
                help: Architecture.suggestion(for: key.value).map { "did you mean '\($0)'?" })
            return nil
        }
        let hasCommon = locations(payload.common).isEmpty == false
        if hasCommon, !payload.architectures.isEmpty {
            diagnostics.error(
                "payload-source", "payload '\(name)' has a source for all and sources by architecture",
                at: declaredName.range, help: "move the common source below 'architectures'")
            return nil
        }
        let specific = payload.architectures.first { $0.name.value == architecture.description }?.value
        guard let source = specific ?? (hasCommon ? payload.common : nil) else {
            let known = payload.architectures.map(\.name.value).joined(separator: ", ")
            diagnostics.error(
                "payload-architecture",
                "payload '\(name)' has no source for \(architecture)" + (known.isEmpty ? "" : " (it has \(known))"),
                at: declaredName.range, help: "add one, or pass --payload \(name):\(architecture)=FILE")
            return nil
        }
        let found = locations(source)
        guard found.count == 1, let location = found.first else {
            diagnostics.error(
                "payload-source",
                found.isEmpty
                    ? "payload '\(name)' has no source" : "payload '\(name)' has \(found.count) sources for one file",
                at: source.range ?? declaredName.range, help: "give one of: path, product, archive with member, url")
            return nil
        }
        if case .archive = location, source.member == nil {
            diagnostics.error(
                "payload-member", "payload '\(name)' names an archive and no member",
                at: source.archive?.range, help: "add 'member:' with the exact path in the archive")
            return nil
        }
        if let member = source.member, source.archive == nil, source.url == nil {
            diagnostics.error(
                "payload-member", "payload '\(name)' names a member and no archive", at: member.range,
                help: "use 'archive:' in place of 'path:'")
            return nil
        }
        return PayloadSource(
            name: name, architecture: architecture, location: location, sha256: source.sha256?.value,
            range: (source.path ?? source.product ?? source.archive ?? source.url)?.range)
    }

    private func locations(_ source: PayloadSourceSpec) -> [PayloadLocation] {
        var result: [PayloadLocation] = []
        if let path = source.path { result.append(.path(workspace.absolute(path.value))) }
        if let product = source.product { result.append(.product(product.value)) }
        if let archive = source.archive {
            result.append(.archive(path: workspace.absolute(archive.value), member: source.member?.value ?? ""))
        }
        if let url = source.url { result.append(.url(url.value, member: source.member?.value)) }
        return result
    }
}
