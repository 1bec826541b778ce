import Archive
import Files

/// A build that could not be finished though its plan was sound. The file of an earlier build is still there.
public enum BuildError: Error, Sendable, CustomStringConvertible {
    /// The archive layer failed.
    case archive(package: String, ArchiveError)
    /// The file system failed.
    case file(package: String, FileError)
    /// A file is not what it was when the plan was made.
    case changedWhileRead(path: String)
    /// Two builds of the same plan differ.
    case notReproducible(path: String, firstDifference: Int64)
    /// A fault of this program.
    case unexpected(package: String, detail: String)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .archive(let package, let error): "cannot write \(package): \(error)"
        case .file(let package, let error): "cannot write \(package): \(error)"
        case .changedWhileRead(let path):
            "'\(path)' changed while it was read; nothing was written. Build again when it is at rest"
        case .notReproducible(let path, let offset):
            "two builds of \(path) differ, first at byte \(offset); see what each was made of with 'debbuild diff'"
        case .unexpected(let package, let detail): "internal fault while writing \(package): \(detail)"
        }
    }
}
