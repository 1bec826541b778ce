import CLinux
import Certificates
import Files
import FoundationEssentials
import Glibc
import X509

/// Replaces a key and its certificate chain on disk so that no crash leaves a pair that does not match.
///
/// Two renames are not one. What is new is first written beside the files under stable names, `.cert-chain.pem.next` and
/// then `.key.pem.next`, each synced and complete from the moment it is there; then the key changes places with the old one and
/// the chain is renamed into place, back to back. A crash before that leaves the old pair, a crash between the two the new key
/// and, under its stable name, the new chain: ``recover()`` finishes what was begun. If the chain cannot be renamed, the old key
/// gets its place back.
public struct CertificateFileWriter: Sendable {
    /// What a recovery found.
    public enum Recovery: Sendable, Hashable {
        /// No replacement had been interrupted.
        case nothing
        /// An interrupted replacement was finished.
        case completed
        /// Files of a replacement that had not been written whole were removed.
        case discarded
    }

    private static let lockOperation = "lock against other certificate agents the folder"

    private let key: StoredFile
    private let chain: StoredFile

    /// A writer of a pair.
    public init(_ files: CertificateFiles) {
        key = .key(files.key)
        chain = .certificates(files.chain)
    }

    /// Finishes or undoes a replacement that was interrupted. To be called before the pair is first read.
    public func recover() throws(FileError) -> Recovery {
        let lock = try DirectoryLock(key.folder, operation: Self.lockOperation)
        defer { withExtendedLifetime(lock) {} }
        return try recoverLocked()
    }

    /// Writes a new pair beside the present one, which stays untouched until ``StagedPair/commit()``.
    ///
    /// - Throws: FileError; EWOULDBLOCK when another agent is writing there.
    public func stage(chainPEM: [UInt8], keyPEM: [UInt8]) throws(FileError) -> StagedPair {
        let lock = try DirectoryLock(key.folder, operation: Self.lockOperation)
        _ = try recoverLocked()
        let staged = StagedPair(key: key, chain: chain, lock: lock)
        try chain.write(chainPEM, to: chain.next)
        // The key comes last: a key under this name says that the chain beside it is complete.
        try key.write(keyPEM, to: key.next)
        try syncFolders()
        return staged
    }

    private func recoverLocked() throws(FileError) -> Recovery {
        try key.removeTemporaries()
        try chain.removeTemporaries()
        let hasKey = try FileStatus.ofIfExists(key.next, followLinks: false) != nil
        let hasChain = try FileStatus.ofIfExists(chain.next, followLinks: false) != nil
        guard hasKey || hasChain else { return .nothing }
        // Nil unless key and chain belong together. What is there may be newer than what is next: somebody may have copied
        // new certificates while the agent was down.
        let present = expiry(key.path, chain.path)
        let next = expiry(key.next, chain.next)
        if let next, next > present ?? .distantPast {
            try key.advance()
            try chain.advance()
        } else if present == nil, expiry(key.path, chain.next) != nil {
            try key.removeNext()
            try chain.advance()
        } else if present == nil, expiry(key.next, chain.path) != nil {
            // After a power cut, on a file system that keeps no order of renames.
            try chain.removeNext()
            try key.advance()
        } else {
            try key.removeNext()
            try chain.removeNext()
            try syncFolders()
            return .discarded
        }
        try syncFolders()
        return .completed
    }

    /// Until when a pair is valid; nil when it cannot be read or does not belong together.
    private func expiry(_ keyPath: String, _ chainPath: String) -> Date? {
        do throws(CertificateLoadError) {
            let key = try CertificatePEM.privateKey(ofPEM: try CertificatePEM.read(keyPath, .key))
            let chain = try CertificatePEM.chain(ofPEM: try CertificatePEM.read(chainPath, .chain))
            return key.publicKey == chain.leaf.publicKey ? chain.leaf.notValidAfter : nil
        } catch {
            // Why one cannot be read does not matter here: such a pair is not one to bring into place.
            return nil
        }
    }

    private func syncFolders() throws(FileError) {
        try FileTree.syncDirectory(key.folder)
        if chain.folder != key.folder { try FileTree.syncDirectory(chain.folder) }
    }
}

/// A new pair that is on disk beside the present one. Without a commit it is removed.
public final class StagedPair {
    private enum State { case staged, committing, committed }

    private let key: StoredFile
    private let chain: StoredFile
    private let lock: DirectoryLock
    private var state = State.staged

    init(key: StoredFile, chain: StoredFile, lock: DirectoryLock) {
        self.key = key
        self.chain = chain
        self.lock = lock
    }

    deinit {
        guard case .staged = state else { return }
        // Whatever stays behind is removed by the next recovery. The key goes first: without it nothing is complete.
        unlink(key.next)
        unlink(chain.next)
    }

    /// Brings the key, then the chain into place, or neither: when the chain cannot be renamed, the old key comes back.
    public func commit() throws(FileError) {
        let hasFormer = try key.exchange()
        state = .committing
        do throws(FileError) {
            try chain.advance()
        } catch {
            if hasFormer {
                _ = try key.exchange()
                state = .staged
            }
            throw error
        }
        state = .committed
        if hasFormer { try key.removeNext() }
    }

    /// Makes the renames survive a power cut. Readers see the new pair already.
    public func sync() throws(FileError) {
        try FileTree.syncDirectory(key.folder)
        if chain.folder != key.folder { try FileTree.syncDirectory(chain.folder) }
    }
}

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
        try file.write(bytes)
        try file.commit(.contents)
    }

    /// Renames what is next into place, without syncing the folder.
    func advance() throws(FileError) {
        guard rename(next, path) == 0 else { throw FileError(operation: "rename to", path: path, errno: errno) }
    }

    /// Lets the file change places with what is next; where there is no file yet, or on a file system that cannot exchange
    /// two, what is next is renamed. Returns whether what was there before is what is next now.
    func exchange() throws(FileError) -> Bool {
        switch clinux_rename(next, path, 1) {
        case 0: return true
        case ENOENT, EINVAL, ENOSYS:
            try advance()
            return false
        case let failure: throw FileError(operation: "rename to", path: path, errno: failure)
        }
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
