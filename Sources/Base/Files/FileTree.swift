import Glibc

/// Folders and names.
public enum FileTree {
    /// The names in a folder without `.` and `..`, in byte order.
    public static func children(of folder: String) throws(FileError) -> [String] {
        guard let directory = opendir(folder) else { throw .last("list", folder) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw .last("list", folder) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            // A name that is not UTF-8 could not be written down in any of our formats.
            guard let name else {
                throw FileError(operation: "read a name that is not UTF-8 in", path: folder, errno: EILSEQ)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes a folder and those above it; an existing one is left alone.
    public static func createDirectories(_ path: String, permissions: UInt16 = 0o755) throws(FileError) {
        if mkdir(path, mode_t(permissions)) == 0 { return }
        if errno == ENOENT {
            let parent = LexicalPath.split(path).folder
            guard parent != path else { throw .last("create", path) }
            try createDirectories(parent)
            if mkdir(path, mode_t(permissions)) == 0 { return }
        }
        let failure = FileError.last("create", path)
        if failure.errno == EEXIST, try FileStatus.of(path, followLinks: true).kind == .directory { return }
        throw failure
    }

    /// The whole of a file that has at most `limit` bytes; a larger one is refused with EFBIG.
    public static func readWhole(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        let file = try InputFile(path: path)
        guard file.status.size <= limit else { throw FileError(operation: "read", path: path, errno: EFBIG) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(file.status.size))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw FileError(operation: "read", path: path, errno: EFBIG) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// What a file, pipe or device gives up to its end; `-` is standard input.
    public static func readInput(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw .last("open", path) }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try DescriptorIO.read(descriptor, into: buffer, path: path)
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw FileError(operation: "read", path: path, errno: EFBIG) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// The target of a symbolic link, as stored.
    public static func readLink(_ path: String) throws(FileError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink(path, $0, bytes.count) } ?? -1
        }
        guard count >= 0 else { throw .last("read the link", path) }
        guard count < buffer.count, let text = String(validating: buffer[..<count], as: UTF8.self) else {
            throw FileError(operation: "read the link", path: path, errno: EILSEQ)
        }
        return text
    }

    /// The path with every link followed (realpath(3)).
    public static func realPath(_ path: String) throws(FileError) -> String {
        guard let resolved = realpath(path, nil) else { throw .last("resolve", path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Removes a file or link.
    public static func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 else { throw .last("remove", path) }
    }

    /// Removes a folder with what is in it, as far as possible; links are not followed.
    public static func removeRecursively(_ path: String) {
        if let names = try? children(of: path) {
            for name in names {
                let child = path + "/" + name
                let kind = (try? FileStatus.of(child, followLinks: false))?.kind
                if kind == .directory { removeRecursively(child) } else { unlink(child) }
            }
        }
        rmdir(path)
    }

    /// Makes a symbolic link where nothing is yet.
    public static func makeLink(to target: String, at path: String) throws(FileError) {
        guard symlink(target, path) == 0 else { throw .last("create the link", path) }
    }

    /// Gives a file another name beside the one that it has.
    public static func makeHardLink(to file: String, at path: String) throws(FileError) {
        guard link(file, path) == 0 else { throw .last("link", path) }
    }

    /// Sets the modification time of a file, directory or link itself, in seconds since 1970.
    public static func setModificationTime(_ seconds: Int64, of path: String) throws(FileError) {
        let time = timespec(tv_sec: Int(clamping: seconds), tv_nsec: 0)
        guard utimensat(AT_FDCWD, path, [time, time], AT_SYMLINK_NOFOLLOW) == 0 else {
            throw .last("set the time of", path)
        }
    }

    /// Makes one folder, where nothing is yet.
    public static func createDirectory(_ path: String, permissions: UInt16 = 0o755) throws(FileError) {
        guard mkdir(path, mode_t(permissions)) == 0 else { throw .last("create", path) }
    }

    /// Removes a folder without anything in it.
    public static func removeEmptyDirectory(_ path: String) throws(FileError) {
        guard rmdir(path) == 0 else { throw .last("remove", path) }
    }

    /// Gives a file another name and syncs the folder.
    public static func rename(_ path: String, to target: String) throws(FileError) {
        guard Glibc.rename(path, target) == 0 else { throw .last("rename to", target) }
        try syncDirectory(LexicalPath.split(target).folder)
    }

    /// Gives a file that another program has written its mode, and writes what the kernel still holds of its contents.
    public static func finish(_ path: String, permissions: UInt16) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open", path) }
        defer { close(descriptor) }
        guard fchmod(descriptor, mode_t(permissions)) == 0 else { throw .last("set the mode of", path) }
        guard fsync(descriptor) == 0 else { throw .last("sync", path) }
    }

    /// Puts a hard link to a file at a path, in place of what is there, without a moment in which nothing is there.
    public static func replaceWithHardLink(_ path: String, to file: String) throws(FileError) {
        let temporary = path + ".\(getpid()).tmp"
        unlink(temporary)
        guard link(file, temporary) == 0 else { throw .last("link", temporary) }
        // rename(2) does nothing when both names are links to one file already, and leaves the temporary one.
        let status = Glibc.rename(temporary, path)
        let failure = FileError.last("rename to", path)
        unlink(temporary)
        if status != 0 { throw failure }
    }

    /// The offset of the first byte in which two files differ, or nil when they are the same.
    public static func firstDifference(_ first: String, _ second: String) throws(FileError) -> Int64? {
        let files = (try InputFile(path: first), try InputFile(path: second))
        let size = 1 << 16
        let buffers = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * size, alignment: 16)
        defer { buffers.deallocate() }
        let left = UnsafeMutableRawBufferPointer(rebasing: buffers[..<size])
        let right = UnsafeMutableRawBufferPointer(rebasing: buffers[size...])
        var offset: Int64 = 0
        while true {
            let counts = (
                try files.0.read(at: offset, into: left), try files.1.read(at: offset, into: right)
            )
            let common = min(counts.0, counts.1)
            if let index = mismatch(left, right, count: common) { return offset + Int64(index) }
            if counts.0 != counts.1, common == 0 || counts.0 == 0 || counts.1 == 0 { return offset + Int64(common) }
            if common == 0 { return nil }
            offset += Int64(common)
        }
    }

    private static func mismatch(
        _ left: UnsafeMutableRawBufferPointer, _ right: UnsafeMutableRawBufferPointer, count: Int
    ) -> Int? {
        guard let first = left.baseAddress, let second = right.baseAddress, memcmp(first, second, count) != 0 else {
            return nil
        }
        return (0..<count).first { left[$0] != right[$0] }
    }

    /// Syncs a folder, so that a rename in it survives a power cut.
    public static func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open", path) }
        defer { close(descriptor) }
        // Some file systems (overlay, network) cannot sync a folder; the rename has happened anyway.
        if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS { throw .last("sync", path) }
    }

    /// The working directory, or `/` when it has been removed.
    public static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// This process, for names of temporary folders.
    public static var processIdentifier: Int32 { getpid() }
}
