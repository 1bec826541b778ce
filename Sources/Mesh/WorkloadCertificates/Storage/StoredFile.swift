import Files
import Glibc

/// One of the certificate files with the names that replacing it takes.
struct StoredFile: Sendable, Hashable {
    /// The file.
    var path: String
    /// The mode of a new file.
    var defaultMode: UInt16
    /// The bits that its mode may have at most.
    var widestMode: UInt16

    static func key(_ path: String) -> StoredFile { StoredFile(path: path, defaultMode: 0o600, widestMode: 0o600) }
    static func certificates(_ path: String) -> StoredFile {
        StoredFile(path: path, defaultMode: 0o644, widestMode: 0o755)
    }

    /// The folder that it is in.
    var folder: String { LexicalPath.split(path).folder }

    /// What will take the file's place: complete whenever it is there.
    var next: String {
        let (folder, name) = LexicalPath.split(path)
        return folder + "/." + name + ".next"
    }

    /// Writes contents to a name in the same folder, synced, with the owner and mode that the file has or should have.
    ///
    /// A link is not followed but will be replaced: whoever may write in the folder could point it at a file that is not
    /// theirs, and the agent may run as root.
    func write(_ bytes: [UInt8], to name: String) throws(FileError) {
        let present = try FileStatus.ofIfExists(path, followLinks: false)
        let kept = present.flatMap { $0.kind == .file ? $0 : nil }
        var mode = (kept?.permissions ?? defaultMode) & widestMode
        // A file that its owner cannot read helps nobody.
        if mode & 0o400 == 0 { mode = defaultMode }
        let file = try AtomicFile(target: name, permissions: mode)
        if let kept { try file.give(owner: kept.owner, group: kept.group) }
        // The closure cannot throw a typed error through the standard library's rethrows.
        let result: Result<Void, FileError> = bytes.withUnsafeBytes { buffer in
            do throws(FileError) {
                try file.write(buffer)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        try file.commit(.contents)
    }

    /// Renames what is next into place, without syncing the folder.
    func advance() throws(FileError) {
        guard rename(next, path) == 0 else { throw FileError(operation: "rename to", path: path, errno: errno) }
    }

    /// Removes what is next, if it is there.
    func removeNext() throws(FileError) {
        if unlink(next) != 0, errno != ENOENT { throw FileError(operation: "remove", path: next, errno: errno) }
    }

    /// Removes temporary files that a killed process left.
    func removeTemporaries() throws(FileError) {
        let name = LexicalPath.split(path).name
        let prefixes = [".\(name).", "..\(name).next."].map { Array($0.utf8) }
        let suffix = Array(".tmp".utf8)
        for child in try FileTree.children(of: folder) {
            let bytes = Array(child.utf8)
            guard bytes.suffix(suffix.count).elementsEqual(suffix),
                let prefix = prefixes.first(where: { bytes.starts(with: $0) && bytes.count > $0.count + suffix.count }),
                bytes.dropFirst(prefix.count).dropLast(suffix.count).allSatisfy(Self.isBase32)
            else { continue }
            let path = folder + "/" + child
            if unlink(path) != 0, errno != ENOENT { throw FileError(operation: "remove", path: path, errno: errno) }
        }
    }

    private static func isBase32(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "v")).contains(byte)
    }
}
