import Files
import Glibc
import Platform
import Processes

/// Downloads by curl(1): bounded in time and size, without the user's `~/.curlrc`, and safe to run several times at once.
public struct Downloader: Sendable {
    /// Seconds for one file.
    public var timeLimit: Int
    /// Bytes of one file.
    public var sizeLimit: Int

    /// Creates a downloader.
    public init(timeLimit: Int, sizeLimit: Int) {
        self.timeLimit = timeLimit
        self.sizeLimit = sizeLimit
    }

    /// Puts the file of a URL at a path once it is complete and right.
    ///
    /// Until then it is beside the path, with `.partial` behind its name, and locked: whoever wants the same file waits.
    ///
    /// - Parameters:
    ///   - isCovered: whether `isRight` finds every wrong file, as a checksum does. Only then an earlier beginning is
    ///     continued, and a file that is there already is used.
    ///   - isRight: whether the file at a path is the one that is wanted.
    /// - Returns: false when the server has another file.
    public func file(
        _ url: String, to target: String, isCovered: Bool, isRight: (_ path: String) -> Bool
    ) async throws(DownloadError) -> Bool {
        let partial = try await PartialFile.locked(target + ".partial", of: url, within: timeLimit)
        // Somebody else may have been faster.
        if isCovered, try partial.exists(target), isRight(target) {
            try partial.remove()
            return true
        }
        var isContinued = false
        if isCovered { isContinued = try partial.size() > 0 }
        while true {
            if !isContinued { try partial.empty() }
            let isWhole: Bool
            do throws(DownloadError) {
                isWhole = try await transfer(url, partial, continued: isContinued)
            } catch {
                let isUseless = try partial.size() == 0
                if isUseless || !isCovered || error.reason == .tooLarge(limit: sizeLimit) { try partial.remove() }
                throw error
            }
            if isWhole, isRight(partial.path) {
                try partial.at { () throws(FileError) in try FileTree.rename(partial.path, to: target) }
                return true
            }
            guard isContinued else {
                try partial.remove()
                return false
            }
            // The beginning is another file's, or the server cannot continue.
            isContinued = false
        }
    }

    /// Runs curl; false when the server cannot continue what has begun.
    private func transfer(
        _ url: String, _ partial: PartialFile, continued: Bool
    ) async throws(DownloadError) -> Bool {
        guard let program = ExecutablePath.find("curl") else {
            throw DownloadError(url: url, reason: .noCurl("curl is not installed here"))
        }
        var arguments = [
            // First, or it has no effect: the user's ~/.curlrc is not read.
            "--disable", "--silent", "--show-error", "--fail", "--location", "--max-redirs", "10", "--globoff",
            "--proto", "=http,https,file", "--proto-redir", "=http,https", "--connect-timeout", "20",
            "--max-time", String(timeLimit), "--speed-limit", "1", "--speed-time", "60", "--retry", "3",
            "--retry-max-time", String(timeLimit), "--max-filesize", String(sizeLimit), "--write-out", "%{http_code}",
            "--output", partial.path,
        ]
        if continued { arguments += ["--continue-at", "-"] }
        let output: ProcessOutput
        do throws(ProcessError) {
            output = try await ChildProcess.run(
                SpawnOptions(executable: program, arguments: arguments + ["--", url]),
                limits: RunLimits(time: .seconds(timeLimit + 10), outputBytes: 1 << 14), group: .inherit)
        } catch {
            throw DownloadError(url: url, reason: .noCurl(error.description))
        }
        let code = output.reason == .ended ? output.status.shellStatus : 28
        let status = String(decoding: output.standardOutput, as: UTF8.self)
        // 33 and status 416: the server has no ranges, or the file is shorter than what has begun.
        if continued, code == 33 || (code == 22 && status == "416") { return false }
        switch code {
        case 0: return true
        case 18: throw DownloadError(url: url, reason: .interrupted(bytes: try partial.size()))
        case 22: throw DownloadError(url: url, reason: .status(status))
        case 28: throw DownloadError(url: url, reason: .timedOut(seconds: timeLimit))
        case 63: throw DownloadError(url: url, reason: .tooLarge(limit: sizeLimit))
        default:
            let message = output.standardError.split(separator: Ascii.newline).last ?? []
            throw DownloadError(
                url: url, reason: .curl(status: code, message: String(decoding: message, as: UTF8.self)))
        }
    }
}

/// A file while it is downloaded, locked against others.
private struct PartialFile {
    let path: String
    let url: String
    let descriptor: Descriptor

    /// Waits for others who download the same file.
    static func locked(
        _ path: String, of url: String, within seconds: Int
    ) async throws(DownloadError) -> PartialFile {
        let deadline = MonotonicTime.now + .seconds(seconds)
        while true {
            let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
            guard number >= 0 else { throw failure("create", path, url) }
            let partial = PartialFile(path: path, url: url, descriptor: Descriptor(owning: number))
            if flock(number, LOCK_EX | LOCK_NB) == 0 {
                // Whoever had the lock may have given the file its name, or removed it.
                if try partial.hasItsName() { return partial }
                continue
            }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw failure("lock", path, url) }
            guard MonotonicTime.now < deadline else {
                throw DownloadError(url: url, reason: .timedOut(seconds: seconds))
            }
            do {
                try await Task.sleep(for: .milliseconds(100))
            } catch {
                throw DownloadError(url: url, reason: .curl(status: 28, message: "cancelled"))
            }
        }
    }

    func size() throws(DownloadError) -> Int64 {
        try at { () throws(FileError) in try FileStatus.of(path, followLinks: false).size }
    }

    func exists(_ path: String) throws(DownloadError) -> Bool {
        try at { () throws(FileError) in try FileStatus.ofIfExists(path, followLinks: false) != nil }
    }

    func empty() throws(DownloadError) {
        guard ftruncate(descriptor.number, 0) == 0 else { throw Self.failure("truncate", path, url) }
    }

    func remove() throws(DownloadError) {
        try at { () throws(FileError) in try FileTree.remove(path) }
    }

    func at<Value>(_ body: () throws(FileError) -> Value) throws(DownloadError) -> Value {
        do throws(FileError) {
            return try body()
        } catch {
            throw DownloadError(url: url, reason: .file(error))
        }
    }

    private func hasItsName() throws(DownloadError) -> Bool {
        var own = stat()
        guard fstat(descriptor.number, &own) == 0 else { throw Self.failure("stat", path, url) }
        return try at { () throws(FileError) in try FileStatus.ofIfExists(path, followLinks: false)?.inode }
            == UInt64(own.st_ino)
    }

    private static func failure(_ operation: String, _ path: String, _ url: String) -> DownloadError {
        DownloadError(url: url, reason: .file(FileError(operation: operation, path: path, errno: errno)))
    }
}
