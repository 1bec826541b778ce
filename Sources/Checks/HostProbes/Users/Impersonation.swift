import CLinux
import Glibc

/// Looking at the machine as another user.
///
/// Linux keeps users per thread, so threads of our own become the user for good: what they open, resolve and connect
/// is that user's for file permissions and for the packet filter's owner match, and no other check is touched. No
/// second process is needed.
struct Impersonation: Sendable, Hashable {
    /// The user.
    var user: UserEntry
    /// All groups, the main one included.
    var groups: [UInt32]

    /// Makes the calling thread the user's. Gives 0 or an errno(3).
    func become() -> Int32 {
        groups.withUnsafeBufferPointer { clinux_become(user.uid, user.gid, $0.baseAddress, $0.count) }
    }
}

extension Host {
    /// As whom to look; nil when it is the user that runs us.
    nonisolated func impersonation(
        of name: String?, for request: ProbeRequest
    ) async throws(ProbeError) -> Impersonation? {
        guard let name else { return nil }
        guard let user = try await user(name, for: request) else {
            throw ProbeError(.unavailable, "look as user '\(name)'", expected: "a user of this name", found: "none")
        }
        if user.uid == geteuid() { return nil }
        guard geteuid() == 0 else {
            throw ProbeError(
                .notPermitted, "look as user '\(name)'", expected: "to be run by root", found: "uid \(geteuid())")
        }
        let groups = try await users(for: request).groups(of: user).map(\.gid)
        return Impersonation(user: user, groups: groups)
    }

    /// Threads of a user for blocking calls; ours when no other user is meant.
    nonisolated func pool(as impersonation: Impersonation?) async throws(ProbeError) -> BlockingPool {
        guard let impersonation else { return .files }
        return try await fact("threads-\(impersonation.user.uid)", as: OwnedPool.self) { () throws(ProbeError) in
            OwnedPool(BlockingPool(threads: 1, limit: 8) { impersonation.become() })
        }.pool
    }
}

/// A pool that ends with the host.
private final class OwnedPool: Sendable {
    let pool: BlockingPool
    init(_ pool: BlockingPool) { self.pool = pool }
    deinit { pool.close() }
}
