import CLinux
import Files
import Glibc

/// The folder that certificates are written to for a host.
///
/// Where the folder holds nothing else, whoever reads it sees all three files of one secret or none: they are written into a
/// new folder, which then takes the place of the old one at once. In a folder with other files, such as the current one,
/// each is replaced by itself, the key last.
struct CertificateFolder {
    /// Why the folder is not used.
    enum Fault: Error, CustomStringConvertible {
        /// Somebody else could replace the files.
        case writableByOthers(path: String)
        /// A file cannot be written.
        case file(FileError)

        var description: String {
            switch self {
            case .writableByOthers(let path):
                "'\(path)' can be written by others, who could take or replace the key"
            case .file(let error): "\(error)"
            }
        }
    }

    /// The folder, absolute and without links.
    private let path: String
    private let status: FileStatus?

    /// Looks at a folder, which need not exist; those above it are made.
    init(_ given: String) throws(Fault) {
        do throws(FileError) {
            status = try FileStatus.ofIfExists(given, followLinks: true)
            if status == nil {
                let (folder, name) = LexicalPath.split(given)
                let parent = folder.isEmpty ? "." : folder
                try FileTree.createDirectories(parent)
                path = try FileTree.realPath(parent) + "/" + name
            } else {
                path = try FileTree.realPath(given)
            }
        } catch {
            throw .file(error)
        }
    }

    /// Writes files by name, the last one last.
    func write(_ files: [(name: String, bytes: [UInt8], permissions: UInt16)]) throws(Fault) {
        let parent = LexicalPath.split(path).folder
        try Self.requireOwn(parent.isEmpty ? "/" : parent)
        if status != nil { try Self.requireOwn(path) }
        do throws(FileError) {
            let others =
                status == nil
                ? []
                : try FileTree.children(of: path).filter { child in
                    !files.contains { $0.name == child }
                }
            // A shell in the folder would stay in the one that goes.
            guard others.isEmpty, try !isCurrent else { return try replaceEach(files) }
            try replaceAll(files)
        } catch {
            throw .file(error)
        }
    }

    private var isCurrent: Bool {
        get throws(FileError) { try FileTree.realPath(".") == path }
    }

    private func replaceEach(_ files: [(name: String, bytes: [UInt8], permissions: UInt16)]) throws(FileError) {
        var written: [AtomicFile] = []
        for file in files {
            let copy = try AtomicFile(target: path + "/" + file.name, permissions: file.permissions)
            try copy.write(file.bytes)
            written.append(copy)
        }
        for file in written { try file.commit() }
    }

    private func replaceAll(_ files: [(name: String, bytes: [UInt8], permissions: UInt16)]) throws(FileError) {
        let (parent, name) = LexicalPath.split(path)
        let new = try Self.temporaryFolder(parent + "/.\(name).")
        // After an exchange this is the old one.
        defer { FileTree.removeRecursively(new) }
        for file in files {
            let target = try AtomicFile(target: new + "/" + file.name, permissions: file.permissions)
            try target.write(file.bytes)
            try target.commit()
        }
        try FileTree.syncDirectory(new)
        if let status {
            guard chmod(new, mode_t(status.permissions)) == 0 else {
                throw FileError(operation: "change", path: new, errno: errno)
            }
            try Self.rename(new, path, exchange: true)
        } else {
            try Self.rename(new, path, exchange: false)
        }
        try FileTree.syncDirectory(parent.isEmpty ? "/" : parent)
    }

    private static func rename(_ path: String, _ target: String, exchange: Bool) throws(FileError) {
        let status = clinux_rename(path, target, exchange ? 1 : 0)
        if status != 0 { throw FileError(operation: "replace", path: target, errno: status) }
    }

    private static func temporaryFolder(_ prefix: String) throws(FileError) -> String {
        var template = Array((prefix + "XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw FileError(operation: "create", path: prefix, errno: errno) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Refuses a folder in which somebody other than root and this user can rename.
    private static func requireOwn(_ path: String) throws(Fault) {
        let status: FileStatus
        do throws(FileError) { status = try FileStatus.of(path, followLinks: true) } catch { throw .file(error) }
        let isSticky = status.permissions & 0o1000 != 0
        let isOurs = status.owner == 0 || status.owner == geteuid()
        guard isOurs, status.permissions & 0o022 == 0 || isSticky else { throw .writableByOthers(path: path) }
    }
}
