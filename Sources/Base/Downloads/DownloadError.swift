import Files
import Platform

/// Why a file could not be downloaded.
public struct DownloadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong.
    public enum Reason: Sendable, Hashable {
        /// curl(1) is not installed, or cannot be run.
        case noCurl(String)
        /// The server answered with this HTTP status.
        case status(Int)
        /// The server is not ready and asks to come back after more seconds than are allowed.
        case retryLater(status: Int, seconds: Int, limit: Int)
        /// The time limit, in seconds, was over.
        case timedOut(seconds: Int)
        /// No byte came for so many seconds.
        case stalled(seconds: Int)
        /// Another process has been downloading the same file for so many seconds.
        case waited(seconds: Int)
        /// The file has more bytes than allowed.
        case tooLarge(limit: Int)
        /// The transfer ended after this many bytes.
        case interrupted(bytes: Int64)
        /// The file could not be written here.
        case file(FileError)
        /// Whoever wanted the file does not want it any more.
        case cancelled
        /// Another reason: curl's exit status, and what it said last.
        case curl(status: Int32, message: String)
    }

    /// The address, without what may be a secret in it.
    public var url: String
    /// What went wrong.
    public var reason: Reason

    init(_ address: DownloadAddress, _ reason: Reason) {
        url = address.shown
        self.reason = reason
    }

    /// The part of the sentence that says what was found.
    public var found: String {
        switch reason {
        case .noCurl(let found): found
        case .status(let status): "the server answers with status \(status)"
        case .retryLater(let status, let seconds, let limit):
            "the server answers with status \(status) and asks to come back in \(Self.length(seconds)) "
                + "(must be <=\(Self.length(limit)))"
        case .timedOut(let seconds): "not complete within \(Self.length(seconds))"
        case .stalled(let seconds): "no byte came for \(Self.length(seconds))"
        case .waited(let seconds): "another process has been downloading it for \(Self.length(seconds))"
        case .tooLarge(let limit): "more than \(limit) bytes"
        case .interrupted(let bytes): "the transfer ended after \(bytes) bytes"
        case .file(let error): error.description
        case .cancelled: "cancelled"
        case .curl(let status, let message): message.isEmpty ? "curl ended with status \(status)" : message
        }
    }

    /// Whether another attempt a moment later may well succeed.
    var isPassing: Bool {
        switch reason {
        case .status(let status): [408, 429, 500, 502, 503, 504].contains(status)
        case .interrupted: true
        // No such host (the resolver may be starting), an empty answer, and errors of sending, receiving and HTTP/2.
        case .curl(let status, _): [6, 16, 52, 55, 56, 92].contains(status)
        default: false
        }
    }

    /// The sentence for people.
    public var description: String { "cannot download '\(url)': \(found)" }

    private static func length(_ seconds: Int) -> String {
        seconds < 100_000_000 ? DurationText.short(.seconds(seconds)) : "years"
    }
}
