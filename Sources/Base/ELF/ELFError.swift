/// A file that is not a sound ELF file.
public struct ELFError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it is.
    public enum Code: Sendable, Hashable {
        /// It does not begin with the magic number.
        case notELF
        /// It ends before what its headers promise.
        case truncated
        /// A field has a value that cannot be.
        case malformed
        /// The bytes could not be read; `cause` says why.
        case unreadable
    }

    /// What kind of fault it is.
    public var code: Code
    /// The part of the file, such as "program headers".
    public var subject: String
    /// Where the part begins, in bytes from the start of the file.
    public var offset: UInt64
    /// What is there.
    public var found: String
    /// What should be there.
    public var expected: String
    /// The error of the closure that reads, when the bytes could not be read.
    public var cause: (any Error)?

    init(
        _ code: Code, _ subject: String, at offset: UInt64, found: String, expected: String, cause: (any Error)? = nil
    ) {
        self.code = code
        self.subject = subject
        self.offset = offset
        self.found = found
        self.expected = expected
        self.cause = cause
    }

    /// One line with the part, its place, what was found and what was expected.
    public var description: String {
        switch code {
        case .notELF: "not an ELF file: begins with \(found), expected \(expected)"
        case .unreadable: "\(subject) at offset \(offset) cannot be read: \(found)"
        case .truncated: "\(subject) at offset \(offset) cut off: \(found), expected \(expected)"
        case .malformed: "bad \(subject) at offset \(offset): \(found), expected \(expected)"
        }
    }
}
