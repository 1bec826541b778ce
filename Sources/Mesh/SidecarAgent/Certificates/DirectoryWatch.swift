import Dispatch
import Files
import Glibc
import Synchronization

/// Tells that something may have changed about some files, by inotify(7).
///
/// A file is reached by names in folders: its own, those of the folders above it, and those of links on the way. Each of
/// these folders is watched, so that a folder that is made, replaced or linked elsewhere is seen as well as a file that is
/// renamed into its place.
final class DirectoryWatch: Sendable {
    private let descriptor: Int32
    // Sources may be used from every thread; Dispatch only lacks the annotation.
    nonisolated(unsafe) private let source: any DispatchSourceRead
    private let paths: [String]
    private let watched = Mutex<Set<Int32>>([])
    /// Links that are followed for one path, as many as the kernel does.
    private static let linkLimit = 40

    /// Begins to watch; nil with errno where the kernel's limits leave no room.
    ///
    /// - Parameter changed: called in a queue of its own, once for many changes.
    init(_ paths: [String], changed: @escaping @Sendable () -> Void) throws(FileError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else {
            throw FileError(operation: "watch", path: paths.first ?? "", errno: errno)
        }
        self.paths = paths
        let queue = DispatchQueue(label: "certificates")
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { [weak self] in
            guard let self else { return }
            self.drain()
            // What is a folder or a link may be another one now.
            self.arm()
            changed()
        }
        let number = descriptor
        source.setCancelHandler { close(number) }
        arm()
        source.activate()
    }

    deinit { source.cancel() }

    /// Events say what has changed, but which files that means is found out by reading them.
    private func drain() {
        withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 8) { buffer in
            while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
        }
    }

    private func arm() {
        let mask =
            IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF
            | IN_MOVE_SELF
        var present: Set<Int32> = []
        for folder in Set(paths.flatMap(Self.folders)) {
            // One that has just gone is seen by its parent; the rest is for the regular look.
            let watch = inotify_add_watch(descriptor, folder, UInt32(mask) | UInt32(IN_ONLYDIR))
            if watch >= 0 { present.insert(watch) }
        }
        watched.withLock { watched in
            for old in watched.subtracting(present) { inotify_rm_watch(descriptor, old) }
            watched = present
        }
    }

    /// The folders whose names lead to a path, as far as they exist.
    static func folders(_ path: String) -> [String] {
        var folders: [String] = []
        var pending = LexicalPath.components(path).map(String.init)[...]
        var current = ""
        var links = 0
        while let name = pending.popFirst() {
            let folder = current.isEmpty ? "/" : current
            if name == "." { continue }
            if name == ".." {
                current = LexicalPath.split(folder).folder
                if current == "/" { current = "" }
                continue
            }
            folders.append(folder)
            current += "/" + name
            // A path that ends here is watched by its parent.
            guard let status = try? FileStatus.ofIfExists(current, followLinks: false) else { break }
            if status.kind == .symbolicLink, let target = try? FileTree.readLink(current) {
                links += 1
                guard links <= linkLimit else { break }
                pending = LexicalPath.components(target).map(String.init) + pending
                current = LexicalPath.isAbsolute(target) ? "" : (folder == "/" ? "" : folder)
            } else if status.kind != .directory {
                break
            }
        }
        return folders
    }
}
