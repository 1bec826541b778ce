import Files
import Glibc
import MeshContract

/// The folder with `envoy-rev<epoch>.json`, held by one agent.
final class BootstrapFiles: Sendable {
    private let folder: String
    private let lock: Int32

    /// The mode of a configuration: Envoy runs as the agent's user, and the group may look.
    private static let permissions: UInt16 = 0o640

    /// Takes the folder, making it if it is not there.
    init(folder: String) throws(AgentError) {
        self.folder = folder
        do {
            try FileTree.createDirectories(folder, permissions: 0o750)
        } catch {
            throw .folder(error)
        }
        lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else { throw .folder(FileError(operation: "open", path: folder, errno: errno)) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            close(lock)
            throw number == EWOULDBLOCK
                ? .folderInUse(folder) : .folder(FileError(operation: "lock", path: folder, errno: number))
        }
    }

    deinit { close(lock) }

    /// Removes what agents that were killed have left.
    func removeStale() throws(FileError) {
        for name in try FileTree.children(of: folder) where Self.isOurs(name) {
            try remove(folder + "/" + name)
        }
    }

    /// Writes the configuration of an epoch.
    func write(_ json: [UInt8], epoch: Int) throws(FileError) {
        let file = try AtomicFile(target: path(epoch), permissions: Self.permissions)
        var failure: FileError?
        json.withUnsafeBytes { bytes in
            do throws(FileError) { try file.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        // Made anew at every start: nothing of it has to survive a power cut.
        try file.commit(.none)
    }

    /// Removes the configuration of an epoch; it may be gone already.
    func remove(epoch: Int) throws(FileError) { try remove(path(epoch)) }

    private func remove(_ path: String) throws(FileError) {
        do throws(FileError) {
            try FileTree.remove(path)
        } catch  where error.errno == ENOENT {
            // Somebody else has tidied up.
        }
    }

    private func path(_ epoch: Int) -> String {
        folder + "/" + EnvoyCommand.configurationFileName(epoch: epoch)
    }

    /// `envoy-rev<number>.json`, or the temporary file of one.
    private static func isOurs(_ name: String) -> Bool {
        var rest = name.utf8[...]
        if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst() }
        guard rest.starts(with: "envoy-rev".utf8) else { return false }
        let tail = rest.dropFirst(9).drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard tail.count < rest.count - 9 else { return false }
        let isTemporary = name.utf8.first == UInt8(ascii: ".")
        guard tail.starts(with: ".json".utf8) else { return false }
        return isTemporary ? tail.suffix(4).elementsEqual(".tmp".utf8) : tail.count == 5
    }
}
