import Archive
import Files
import Platform

/// A file that dpkg would not accept as a package.
public struct DebReadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for programs.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The file cannot be opened or read.
        case unreadable
        /// The file does not begin as an `ar` archive.
        case notArchive
        /// A member is missing, repeated or out of order.
        case memberOrder
        /// `debian-binary` names another format than 2.
        case formatVersion
        /// A member's compression is unknown, or other than its name says.
        case memberCompression
        /// A tar header is of a kind that dpkg refuses, such as pax.
        case tarEntryType
        /// A tar header is malformed.
        case tarHeader
        /// A path climbs, is empty, or has characters that file lists cannot hold.
        case path
        /// `control.tar` has no `control`.
        case controlMissing
        /// `control` or another member of `control.tar` is malformed.
        case controlMalformed
        /// The archive is truncated or corrupt.
        case corrupt
        /// A bound against hostile archives was reached.
        case limit
        /// Decompression would take more memory than it may.
        case memory
    }

    /// What is wrong.
    public var code: Code
    /// The package's file.
    public var path: String
    /// The member or entry in it, or the file itself.
    public var subject: String
    /// What was being done.
    public var operation: String
    /// What was expected, with its bounds.
    public var expected: String
    /// What was found.
    public var found: String

    /// Creates an error.
    public init(
        code: Code, path: String, subject: String, operation: String, expected: String, found: String
    ) {
        self.code = code
        self.path = path
        self.subject = subject
        self.operation = operation
        self.expected = expected
        self.found = found
    }

    /// The sentence for people; safe to print whatever the package has in it.
    public var description: String {
        let place = subject == path ? "" : " in '\(subject)'"
        return DisplayText.inline(
            "cannot read package '\(path)': \(operation)\(place): expected \(expected), found \(found)")
    }
}

/// What the parts of the reader fail with: the reader itself knows the file.
struct DebFault: Error, Hashable {
    var code: DebReadError.Code
    var subject: String
    var operation: String
    var expected: String
    var found: String

    init(_ code: DebReadError.Code, _ subject: String, _ operation: String, expected: String, found: String) {
        self.code = code
        self.subject = subject
        self.operation = operation
        self.expected = expected
        self.found = found
    }

    /// What the archive layer says, in the reader's terms.
    init(_ error: ArchiveError, subject: String, operation: String) {
        switch error.code {
        case .input(let file), .output(let file):
            self.init(.unreadable, subject, operation, expected: "a readable file", found: "\(file)")
        case .limit:
            self.init(.limit, subject, operation, expected: "a package within bounds", found: error.detail)
        case .memory:
            self.init(.memory, subject, "decompress", expected: "a dictionary within bounds", found: error.detail)
        case .unsupported:
            self.init(.path, subject, operation, expected: "names in UTF-8", found: error.detail)
        case .malformed, .truncated, .memberMissing, .sizeMismatch, .library:
            self.init(.corrupt, subject, operation, expected: "a whole archive", found: error.detail)
        }
    }

    func error(path: String) -> DebReadError {
        DebReadError(
            code: code, path: path, subject: subject.isEmpty ? path : subject, operation: operation,
            expected: expected, found: found)
    }
}
