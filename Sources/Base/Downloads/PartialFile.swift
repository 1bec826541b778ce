import Files
import Glibc
import Platform
import Processes

/// A file while it is downloaded, locked against others (flock(2)).
///
/// curl(1) writes to this very descriptor, so that the lock lasts as long as anybody writes, and goes when all of them
/// have ended, however they end.
struct PartialFile: Sendable {
    let path: String
    let address: DownloadAddress
    let descriptor: Descriptor

    /// Where the headers of the response are that the file began with.
    var headersPath: String { path + ".headers" }
    /// Where the headers of the response are that the file goes on with.
    var laterHeadersPath: String { path + ".later" }

    /// Waits for others who download the same file.
    static func locked(
        _ path: String, of address: DownloadAddress, within seconds: Int,
        progress: (DownloadProgress) -> Void
    ) async throws(DownloadError) -> PartialFile {
        let deadline = MonotonicTime.now + .seconds(seconds)
        while true {
            let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
            guard number >= 0 else { throw failure("create", path, address) }
            let partial = PartialFile(path: path, address: address, descriptor: Descriptor(owning: number))
            if flock(number, LOCK_EX | LOCK_NB) == 0 {
                // Whoever had the lock may have given the file its name, or removed it.
                if try partial.hasItsName() { return partial }
                continue
            }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw failure("lock", path, address) }
            guard MonotonicTime.now < deadline else {
                throw DownloadError(address, .waited(seconds: seconds))
            }
            progress(.waiting(bytes: try partial.size()))
            do {
                try await Task.sleep(for: .milliseconds(100))
            } catch {
                throw DownloadError(address, .cancelled)
            }
        }
    }

    func size() throws(DownloadError) -> Int64 { Int64(try status().st_size) }

    func exists(_ path: String) throws(DownloadError) -> Bool {
        try at { () throws(FileError) in try FileStatus.ofIfExists(path, followLinks: false) != nil }
    }

    /// Begins again from nothing.
    func empty() throws(DownloadError) {
        try removeHeaders()
        guard ftruncate(descriptor.number, 0) == 0 else { throw Self.failure("truncate", path, address) }
    }

    /// The next bytes go behind those that are there.
    func seekToEnd() throws(DownloadError) {
        guard lseek(descriptor.number, 0, SEEK_END) >= 0 else { throw Self.failure("seek in", path, address) }
    }

    /// What identifies the file that the partial download is from; nil if the server gave nothing.
    func validator() throws(DownloadError) -> String? {
        guard let validator = try headers(headersPath).validator else { return nil }
        // A server that went on with another file spoilt it; one that answered with an error added nothing.
        let later = try headers(laterHeadersPath)
        if let status = later.status, status < 400, later.validator != validator { return nil }
        return validator
    }

    func headers(_ path: String) throws(DownloadError) -> ResponseHeaders {
        try at { () throws(FileError) in try ResponseHeaders(file: path) }
    }

    func remove() throws(DownloadError) {
        try at { () throws(FileError) in try FileTree.remove(path) }
        try removeHeaders()
    }

    /// Gives the file its name, unless what has it is the same: somebody may be reading that.
    func finish(as target: String) throws(DownloadError) {
        try removeHeaders()
        if try exists(target), try at({ () throws(FileError) in try FileTree.firstDifference(path, target) }) == nil {
            return try at { () throws(FileError) in try FileTree.remove(path) }
        }
        try at { () throws(FileError) in try FileTree.rename(path, to: target) }
    }

    /// Why nothing more can be written; nil when something can.
    func obstacle() throws(DownloadError) -> FileError? {
        let size = try size()
        let block = [UInt8](repeating: 0, count: 1 << 16)
        let written = block.withUnsafeBytes { pwrite(descriptor.number, $0.baseAddress, $0.count, off_t(size)) }
        let number = written < 0 ? errno : ENOSPC
        let error = written < block.count ? FileError(operation: "write", path: path, errno: number) : nil
        guard ftruncate(descriptor.number, off_t(size)) == 0 else { throw Self.failure("truncate", path, address) }
        return error
    }

    private func removeHeaders() throws(DownloadError) {
        for path in [headersPath, laterHeadersPath] where try exists(path) {
            try at { () throws(FileError) in try FileTree.remove(path) }
        }
    }

    private func at<Value>(_ body: () throws(FileError) -> Value) throws(DownloadError) -> Value {
        do throws(FileError) {
            return try body()
        } catch {
            throw DownloadError(address, .file(error))
        }
    }

    private func status() throws(DownloadError) -> stat {
        var own = stat()
        guard fstat(descriptor.number, &own) == 0 else { throw Self.failure("stat", path, address) }
        return own
    }

    private func hasItsName() throws(DownloadError) -> Bool {
        let own = try status()
        return try at { () throws(FileError) in try FileStatus.ofIfExists(path, followLinks: false)?.inode }
            == UInt64(own.st_ino)
    }

    private static func failure(_ operation: String, _ path: String, _ address: DownloadAddress) -> DownloadError {
        DownloadError(address, .file(FileError(operation: operation, path: path, errno: errno)))
    }
}
