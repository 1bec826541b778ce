import CArchive
import Files

/// An archive that could not be read or written.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable, Hashable {
        /// The bytes are not an archive that can be read here, or break its format.
        case malformed
        /// The archive ends too early.
        case truncated
        /// The archive is sound but uses something that is not supported.
        case unsupported
        /// A limit against archive bombs was reached.
        case limit
        /// Decompression would take more memory than it may.
        case memory
        /// The member that was asked for is not there.
        case memberMissing
        /// The contents of an entry have another size than was announced.
        case sizeMismatch
        /// The operating system or an output failed.
        case input(FileError)
        /// The output failed.
        case output(FileError)
        /// The library failed for another reason.
        case library
    }

    /// What was being done.
    public var operation: String
    /// The archive, or the entry in it.
    public var subject: String
    /// What kind of failure it is.
    public var code: Code
    /// The library's own text, or what was expected and found.
    public var detail: String

    /// Creates an error.
    public init(operation: String, subject: String, code: Code, detail: String) {
        self.operation = operation
        self.subject = subject
        self.code = code
        self.detail = detail
    }

    /// The sentence for people.
    public var description: String {
        switch code {
        case .input(let error), .output(let error): "cannot \(operation) '\(subject)': \(error)"
        default: "cannot \(operation) '\(subject)': \(detail)"
        }
    }

    /// What to do about an archive that reaches a bound: the options are debbuild's.
    package var help: String? {
        switch code {
        case .limit: "if you know where it comes from, allow its size: --max-unpacked 20G"
        case .memory: "if you know where it comes from, allow it the memory: --max-memory 4G"
        default: nil
        }
    }

    static func library(
        _ archive: OpaquePointer?, operation: String, subject: String, code: Code = .library
    ) -> ArchiveError {
        let text = archive.flatMap { archive_error_string($0) }.map { String(cString: $0) }
        return ArchiveError(
            operation: operation, subject: subject, code: code, detail: text ?? "libarchive gives no reason")
    }
}
