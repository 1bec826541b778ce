import Files
import FoundationEssentials
import Glibc
import X509

/// Replaces a key and its certificate chain on disk so that no crash leaves a pair that does not match.
///
/// Two renames are not one. What is new is first written beside the files under stable names, `.cert-chain.pem.next` and
/// then `.key.pem.next`, each synced and complete from the moment it is there; then the key and the chain are renamed into
/// place, back to back. A crash before the renames leaves the old pair, a crash between them the new key and, under its
/// stable name, the new chain: ``recover()`` finishes what was begun.
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

    private let key: StoredFile
    private let chain: StoredFile

    /// A writer of a pair.
    public init(_ files: CertificateFiles) {
        key = .key(files.key)
        chain = .certificates(files.chain)
    }

    /// Finishes or undoes a replacement that was interrupted. To be called before the pair is first read.
    public func recover() throws(FileError) -> Recovery {
        let lock = try DirectoryLock(key.folder)
        defer { withExtendedLifetime(lock) {} }
        return try recoverLocked()
    }

    /// Writes a new pair beside the present one, which stays untouched until ``StagedPair/commit()``.
    ///
    /// - Throws: FileError; EWOULDBLOCK when another agent is writing there.
    public func stage(chainPEM: [UInt8], keyPEM: [UInt8]) throws(FileError) -> StagedPair {
        let lock = try DirectoryLock(key.folder)
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
            let key = try PEMDecoding.privateKey(try WorkloadCertificates.read(keyPath, .key))
            let chain = try WorkloadCertificates.chain(ofPEM: try WorkloadCertificates.read(chainPath, .chain))
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

    /// Renames the key, then the chain into place.
    ///
    /// When the second rename fails, the new chain stays under its stable name for the next recovery.
    public func commit() throws(FileError) {
        state = .committing
        try key.advance()
        try chain.advance()
        state = .committed
    }

    /// Makes the renames survive a power cut. Readers see the new pair already.
    public func sync() throws(FileError) {
        try FileTree.syncDirectory(key.folder)
        if chain.folder != key.folder { try FileTree.syncDirectory(chain.folder) }
    }
}
