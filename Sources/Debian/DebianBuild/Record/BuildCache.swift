import DebianArchive
import Files
import Glibc
import Synchronization

/// Where downloads, unpacked members and records are kept. A cache that cannot be written is a pity and no failure: what
/// this run needs is then kept in a temporary folder, which is removed with this object.
final class BuildCache: Sendable {
    /// The folder that the user has, absolute.
    let directory: String
    private let warn: @Sendable (String) -> Void
    private let replacement = Mutex<Replacement?>(nil)

    /// A temporary folder, locked so that another run can tell whether it was abandoned.
    private final class Replacement: Sendable {
        static let prefix = ".debbuild-cache-"
        let path: String
        private let lock: DirectoryLock

        init() throws(FileError) {
            let folder = DebReader.temporaryFolder
            Self.removeAbandoned(in: folder)
            let name = Self.prefix + String(UInt64.random(in: 0...(.max)), radix: 32)
            path = folder + "/" + name
            guard mkdir(path, 0o700) == 0 else { throw FileError(operation: "create", path: path, errno: errno) }
            lock = try DirectoryLock(path)
        }

        deinit { FileTree.removeRecursively(path) }

        static func removeAbandoned(in folder: String) { AbandonedFolders.remove(in: folder, prefix: prefix) }
    }

    /// Opens a cache.
    ///
    /// - Parameter warn: called once if the cache cannot be written.
    init(_ directory: String, warn: @escaping @Sendable (String) -> Void) {
        self.directory = directory
        self.warn = warn
    }

    /// A folder of the cache, made if it is not there, or one of the temporary folder in its place.
    func folder(_ name: String, permissions: UInt16 = 0o755) throws(FileError) -> String {
        while true {
            let path = (replacement.withLock { $0?.path } ?? directory) + "/" + name
            do throws(FileError) {
                try FileTree.createDirectories(path, permissions: permissions)
                return path
            } catch {
                guard try giveUp(error) else { throw error }
            }
        }
    }

    /// Turns to a temporary folder after the cache could not be written.
    ///
    /// - Returns: whether it is worth trying again: the error was about the cache, and not about its replacement.
    func giveUp(_ error: FileError) throws(FileError) -> Bool {
        let reasons = [ENOSPC, EDQUOT, EROFS, EACCES, EPERM, ENOTDIR, ELOOP, EEXIST, EFBIG, EIO, ENAMETOOLONG]
        guard reasons.contains(error.errno), LexicalPath.isInside(error.path, folder: directory) || isAbove(error.path)
        else { return false }
        if let used = replacement.withLock({ $0?.path }), LexicalPath.isInside(error.path, folder: used) {
            return false
        }
        if try replaced() {
            warn(
                "warning: the cache cannot be used: \(error); downloads of this run are fetched again by the next one. "
                    + "make room there, or name another folder with --cache")
        }
        return true
    }

    /// Says that a record could not be kept; the next build does more than it would have to.
    func report(_ error: FileError) {
        warn("warning: the cache cannot be used: \(error); the next build will not know what has changed")
    }

    private func isAbove(_ path: String) -> Bool { LexicalPath.isInside(directory, folder: path) }

    private func replaced() throws(FileError) -> Bool {
        var failure: FileError?
        let isNew = replacement.withLock { replacement in
            guard replacement == nil else { return false }
            do throws(FileError) { replacement = try Replacement() } catch {
                failure = error
                return false
            }
            return true
        }
        if let failure { throw failure }
        return isNew
    }

    /// Removes what killed builds have left.
    func removeAbandoned() {
        for folder in [directory] + ["builds", "downloads", "members", "products"].map({ directory + "/" + $0 }) {
            AtomicFile.removeAbandoned(in: folder)
        }
        AbandonedFolders.remove(in: directory + "/stripped", prefix: StripFolder.prefix)
        Replacement.removeAbandoned(in: DebReader.temporaryFolder)
    }
}

/// Temporary folders of killed builds: those that nobody holds locked.
enum AbandonedFolders {
    /// Removes the folders whose names begin like this, as far as possible.
    static func remove(in folder: String, prefix: String) {
        let names: [String]
        do throws(FileError) { names = try FileTree.children(of: folder) } catch { return }
        for name in names where name.hasPrefix(prefix) {
            let path = folder + "/" + name
            do throws(FileError) {
                let status = try FileStatus.of(path, followLinks: false)
                guard status.kind == .directory, status.owner == geteuid() else { continue }
                let lock = try DirectoryLock(path)
                FileTree.removeRecursively(path)
                withExtendedLifetime(lock) {}
            } catch {
                // Somebody works in it, or it is another user's.
                continue
            }
        }
    }
}
