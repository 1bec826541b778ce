import Archive
import DebianFormat
import Files
import Documents

/// Where a payload comes from: everything that `debbuild` does not make itself and that a package folder does not hold.
public enum PayloadLocation: Sendable, Hashable {
    /// A file on this machine, absolute.
    case path(String)
    /// An executable product of a Swift package, built with `swift build`.
    case product(String)
    /// A member of an archive on this machine, by its exact path in it.
    case archive(path: String, member: String)
    /// A file behind an http, https or file URL, or a member of it.
    case url(String, member: String?)
}

/// One payload for one architecture.
public struct PayloadSource: Sendable, Hashable {
    /// The name by which packages refer to it.
    public var name: String
    /// The architecture that it is for; `all` where one serves every architecture.
    public var architecture: Architecture
    /// Where it comes from.
    public var location: PayloadLocation
    /// SHA-256 of the file that the location names (of the archive, not of its member), in lower-case hexadecimal.
    public var sha256: String?
    /// Where the specification names it, to point at when something is wrong.
    public var range: SourceRange?
}

/// A payload that lies as a plain file on this machine, ready to be packaged.
public struct ResolvedPayload: Sendable, Hashable {
    /// The file.
    public var path: String
    /// Its status when it was resolved.
    public var status: FileStatus
}

/// Why a payload cannot be had. What was expected and found is in each case; `help` says what to do.
public enum PayloadError: Error, Sendable {
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
    /// curl(1) ended with this status.
    case download(url: String, status: Int32, message: String)
    /// A program that is needed is not installed.
    case programMissing(String, purpose: String)
    /// `swift build` failed.
    case productBuild(product: String, status: Int32, output: String)
    /// A product of this package cannot be compiled for the architecture here.
    case productArchitecture(product: String, wanted: Architecture, host: Architecture)
}

extension PayloadError: CustomStringConvertible {
    /// The sentence for people.
    public var description: String {
        switch self {
        case .missing(let path, _): "there is no file '\(path)'"
        case .notAFile(let path): "'\(path)' is not a regular file"
        case .checksum(let path, let expected, let found):
            "'\(path)' has SHA-256 \(found), expected \(expected)"
        case .file(let error): error.description
        case .archive(let error): error.description
        case .download(let url, let status, let message):
            "curl could not fetch '\(url)' (status \(status))" + (message.isEmpty ? "" : ": \(message)")
        case .programMissing(let program, let purpose): "'\(program)' is not installed; it is needed to \(purpose)"
        case .productBuild(let product, let status, _): "swift build of product '\(product)' ended with \(status)"
        case .productArchitecture(let product, let wanted, let host):
            "product '\(product)' cannot be compiled for \(wanted) on this machine (\(host))"
        }
    }

    /// The code of the diagnostic; a download is told apart because its failure may not be the user's.
    public var code: String {
        if case .download = self { "payload-download" } else { "payload" }
    }

    /// What to do about it.
    public var help: String? {
        switch self {
        case .missing(_, let nearest): nearest.map { "'\($0)' exists" }
        case .notAFile, .file, .archive: nil
        case .checksum:
            "the file is not the one that was reviewed: fetch it again, or put the new checksum in after a look"
        case .download: "see EXIT CODES in curl(1)"
        case .programMissing(let program, _): "apt-get install \(program)"
        case .productBuild(_, _, let output): output.isEmpty ? nil : output
        case .productArchitecture(let product, let wanted, _):
            "build it on \(wanted) and pass --payload \(product):\(wanted)=FILE, or set 'swift-sdk' for the architecture"
        }
    }
}
