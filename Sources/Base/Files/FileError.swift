import Glibc
import Platform

/// A system call on a path that failed.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, such as `open` or `rename`.
    public var operation: String
    /// The path that it was about.
    public var path: String
    /// The error number (errno(3)).
    public var errno: Int32

    /// Creates an error.
    public init(operation: String, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// An error with the number that the C library has just left.
    static func last(_ operation: String, _ path: String) -> FileError {
        FileError(operation: operation, path: path, errno: Glibc.errno)
    }

    /// The sentence for people.
    public var description: String { "cannot \(operation) '\(path)': \(SystemErrorText.of(errno))" }
}
