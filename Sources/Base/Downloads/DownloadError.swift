import Files

/// Why a file could not be downloaded.
public struct DownloadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong.
    public enum Reason: Sendable, Hashable {
        /// curl(1) is not installed, or cannot be run.
        case noCurl(String)
        /// The server answered with this HTTP status.
        case status(String)
        /// The time limit, in seconds, was over.
        case timedOut(seconds: Int)
        /// The file has more bytes than allowed.
        case tooLarge(limit: Int)
        /// The transfer ended after this many bytes.
        case interrupted(bytes: Int64)
        /// The file could not be written here.
        case file(FileError)
        /// Another reason: curl's exit status, and what it said last.
        case curl(status: Int32, message: String)
    }

    /// The address.
    public var url: String
    /// What went wrong.
    public var reason: Reason

    /// The part of the sentence that says what was found.
    public var found: String {
        switch reason {
        case .noCurl(let found): found
        case .status(let status): "the server answers with status \(status)"
        case .timedOut(let seconds): "not complete within \(seconds) seconds"
        case .tooLarge(let limit): "more than \(limit) bytes"
        case .interrupted(let bytes): "the transfer ended after \(bytes) bytes"
        case .file(let error): error.description
        case .curl(let status, let message): message.isEmpty ? "curl ended with status \(status)" : message
        }
    }

    /// The exit status of curl(1) that stands for it.
    public var curlStatus: Int32 {
        switch reason {
        case .noCurl: 127
        case .interrupted: 18
        case .status: 22
        case .file: 23
        case .timedOut: 28
        case .tooLarge: 63
        case .curl(let status, _): status
        }
    }

    /// The sentence for people.
    public var description: String { "cannot download '\(url)': \(found)" }
}
