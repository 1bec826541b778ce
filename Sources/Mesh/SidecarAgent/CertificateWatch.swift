import Certificates
import Crypto
import Dispatch
import Files
import Glibc
import Synchronization
import WorkloadCertificates

/// Follows the certificates of a folder.
struct CertificateWatch: Sendable {
    /// What people may want to know, and what the supervisor has to.
    enum Observation: Sendable, Hashable {
        /// There are certificates that can be used, other than the ones before.
        case changed
        /// The files have changed and cannot be used, or are gone; the ones before stay in use.
        case unusable(reason: String)
        /// Changes are seen late: there is no inotify(7).
        case unwatched(FileError)
    }

    /// How long changes are gathered when nothing else is said, as Go writes it.
    static let standardBatch = "10s"

    let files: CertificateFiles
    /// How long changes are gathered before the files are compared, from the first of them on.
    let batch: Duration
    /// How often they are compared without any sign of a change: inotify(7) sees nothing of network file systems.
    var regularly = Duration.seconds(60)

    /// Why the files are looked at.
    private enum Sign {
        /// Something may have happened to them: a sign of inotify(7) is as often another file's in a folder above.
        case occasion
        /// Changes have been gathered for long enough, or somebody wants to know now.
        case look
    }

    /// The observations after a state, until the task that reads them ends.
    ///
    /// - Parameter requests: each makes the watch look at the files at once.
    func observations(
        after first: CertificateState, requests: AsyncStream<Void>
    ) -> AsyncStream<Observation> {
        let (stream, continuation) = AsyncStream.makeStream(of: Observation.self)
        let task = Task { await follow(first, requests, continuation) }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    private func follow(
        _ first: CertificateState, _ requests: AsyncStream<Void>, _ output: AsyncStream<Observation>.Continuation
    ) async {
        let (signs, sign) = AsyncStream.makeStream(of: Sign.self)
        var watch: DirectoryWatch?
        do throws(FileError) {
            watch = try DirectoryWatch([files.key, files.chain, files.root]) { sign.yield(.occasion) }
        } catch {
            output.yield(.unwatched(error))
        }
        let regular = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: max(regularly, batch))
                sign.yield(.occasion)
            }
        }
        let asking = Task { for await _ in requests { sign.yield(.look) } }
        var window: Task<Void, Never>?
        defer {
            regular.cancel()
            asking.cancel()
            window?.cancel()
            sign.finish()
            withExtendedLifetime(watch) {}
        }
        // A change between the first reading and the watch would not be seen.
        sign.yield(.occasion)
        var used = first.usability == .usable ? first.digests : nil
        var last = first
        for await next in signs {
            if next != .look {
                // A change opens the window, not what happens beside the files: a change at its end would be alone.
                guard window == nil, CertificateState.read(files) != last else { continue }
                window = Task {
                    do { try await Task.sleep(for: batch) } catch { return }
                    sign.yield(.look)
                }
                continue
            }
            window?.cancel()
            window = nil
            let state = CertificateState.read(files)
            guard state != last else { continue }
            last = state
            switch state.usability {
            case .unusable(let reason): output.yield(.unusable(reason: reason))
            case .absent: output.yield(.unusable(reason: "there is none of the three files any more"))
            case .usable where state.digests != used:
                used = state.digests
                output.yield(.changed)
            case .usable: break
            }
        }
    }
}

/// The three files at a moment.
struct CertificateState: Sendable, Hashable {
    /// Why the files cannot be used, or that they can.
    enum Usability: Sendable, Hashable {
        /// All three can be read and the key belongs to the chain.
        case usable
        /// None of them is there.
        case absent
        /// They are of no use together, as in the moment between two renames.
        case unusable(reason: String)
    }

    /// SHA-256 of the contents of key, chain and root; nil for one that is not there or cannot be read.
    var digests: [[UInt8]?]
    /// Whether they can be used.
    var usability: Usability

    /// Reads the files.
    static func read(_ files: CertificateFiles) -> CertificateState {
        var contents: [[UInt8]?] = []
        var problem: FileError?
        for path in [files.key, files.chain, files.root] {
            do throws(FileError) {
                contents.append(try FileTree.readWhole(path, limit: CertificatePEM.fileSizeLimit))
            } catch {
                contents.append(nil)
                if problem == nil || problem?.isAbsence == true { problem = error }
            }
        }
        let digests = contents.map { $0.map { Array(SHA256.hash(data: $0)) } }
        return CertificateState(digests: digests, usability: usability(contents, problem))
    }

    private static func usability(_ contents: [[UInt8]?], _ problem: FileError?) -> Usability {
        if let problem {
            let isAbsent = problem.isAbsence && contents.allSatisfy { $0 == nil }
            return isAbsent ? .absent : .unusable(reason: problem.description)
        }
        guard let key = contents[0], let chain = contents[1], let root = contents[2] else { return .absent }
        do {
            let certificates = try WorkloadCertificates(chainPEM: chain, keyPEM: key, rootPEM: root)
            guard certificates.keyFault == nil else {
                return .unusable(reason: "the private key is not that of the certificate")
            }
            return .usable
        } catch {
            return .unusable(reason: error.description)
        }
    }
}

extension FileError {
    /// Whether there is no such file.
    fileprivate var isAbsence: Bool { errno == ENOENT || errno == ENOTDIR }
}

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
