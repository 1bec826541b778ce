import DebianArchive
import Files
import Platform

/// Why something could not be imported.
public enum ImportError: Error, Sendable, CustomStringConvertible {
    /// There is something where the workspace is to go.
    case exists(String)
    /// The package file cannot be read.
    case unreadable(DebReadError)
    /// What is in the file has no place in a specification, a sentence for each.
    case refused(file: String, [String])
    /// The file system failed.
    case file(FileError)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .exists(let path): "'\(path)' exists already and is not an empty folder"
        case .unreadable(let error): error.description
        case .refused(let file, let faults):
            "cannot import '\(DisplayText.inline(file))': " + faults.joined(separator: "; ")
        case .file(let error): error.description
        }
    }
}

/// A folder that is written under another name beside its own, which it gets when everything is in it.
final class OutputFolder {
    /// Where it is written.
    let path: String
    private var isDone = false

    /// Makes the folder in a folder that is there or is made.
    init(in parent: String) throws(FileError) {
        try FileTree.createDirectories(parent)
        // Not a secret: mkdir(2) decides.
        let suffix = String(UInt32.random(in: 0...0x3fff_ffff), radix: 32)
        path = (parent == "/" ? "" : parent) + "/.debbuild-import.\(suffix).tmp"
        try FileTree.createDirectory(path)
    }

    deinit { if !isDone { FileTree.removeRecursively(path) } }

    /// Refuses a target at which there is something.
    static func check(_ target: String) throws(ImportError) {
        do throws(FileError) {
            guard let status = try FileStatus.ofIfExists(target, followLinks: false) else { return }
            if status.kind == .directory, try FileTree.children(of: target).isEmpty { return }
        } catch {
            throw .file(error)
        }
        throw .exists(target)
    }

    /// Writes a small file with the folders above it.
    func put(_ bytes: [UInt8], at name: String, permissions: UInt16 = 0o644) throws(FileError) {
        let target = path + "/" + name
        try FileTree.createDirectories(LexicalPath.split(target).folder)
        let file = try NewFile(path: target, permissions: permissions)
        try file.write(bytes)
        try file.finish()
    }

    /// Replaces a file of this folder.
    func replace(_ name: String, with text: String) throws(FileError) {
        let target = path + "/" + name
        if try FileStatus.ofIfExists(target, followLinks: false) != nil { try FileTree.remove(target) }
        try put(Array(text.utf8), at: name)
    }

    /// Gives the folder its name.
    func commit(as target: String) throws(FileError) {
        try FileTree.rename(path, to: target)
        isDone = true
    }
}
