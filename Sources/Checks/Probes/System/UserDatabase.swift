import CLinux
import Files
import Glibc
import Platform

/// A user of the host (passwd(5)).
package struct UserEntry: Sendable, Hashable {
    package var name: String
    /// The number.
    package var uid: UInt32
    /// The number of the main group.
    package var gid: UInt32
    var home: String
    var shell: String
}

/// The users and groups of /etc/passwd and /etc/group, and on this host those of its other sources too (nsswitch).
struct UserDatabase: Sendable {
    private var users: [UserEntry]
    private var groups: [(name: String, gid: UInt32, members: [String])]
    private let asksSystem: Bool
    private var userNames: [UInt32: String]
    private var groupNames: [UInt32: String]

    init(passwd: [UInt8], group: [UInt8], asksSystem: Bool) {
        self.asksSystem = asksSystem
        users = Bytes.lines(passwd).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 7, let uid = Bytes.decimal(fields[2]), let gid = Bytes.decimal(fields[3]) else {
                return nil
            }
            return UserEntry(
                name: Ascii.text(fields[0]), uid: UInt32(clamping: uid), gid: UInt32(clamping: gid),
                home: Ascii.text(fields[5]), shell: Ascii.text(fields[6]))
        }
        groups = Bytes.lines(group).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 4, let gid = Bytes.decimal(fields[2]) else { return nil }
            let members = fields[3].split(separator: UInt8(ascii: ",")).map { Ascii.text($0) }
            return (Ascii.text(fields[0]), UInt32(clamping: gid), members)
        }
        userNames = Dictionary(users.map { ($0.uid, $0.name) }) { first, _ in first }
        groupNames = Dictionary(groups.map { ($0.gid, $0.name) }) { first, _ in first }
    }

    /// The users of the files.
    var all: [UserEntry] { users }

    /// A user by name.
    func user(_ name: String) -> UserEntry? {
        users.first { $0.name == name } ?? (asksSystem ? SystemUsers.user(name) : nil)
    }

    /// The names of all users of the files who have a number.
    func names(of uid: UInt32) -> [String] { users.filter { $0.uid == uid }.map(\.name) }

    /// A user by name or number.
    func user(nameOrNumber text: String) -> UserEntry? {
        if let user = user(text) { return user }
        guard let number = Bytes.decimal(text.utf8) else { return nil }
        return users.first { Int64($0.uid) == number }
    }

    /// A group by name or number.
    func group(nameOrNumber text: String) -> (name: String, gid: UInt32, members: [String])? {
        if let group = groups.first(where: { $0.name == text }) { return group }
        if asksSystem, let group = SystemUsers.group(text) { return group }
        guard let number = Bytes.decimal(text.utf8) else { return nil }
        return groups.first { Int64($0.gid) == number }
    }

    /// The number of a user.
    func number(ofUser name: String) -> UInt32? { user(name)?.uid }

    /// The number of a group of the files.
    func number(ofGroup name: String) -> UInt32? { groups.first { $0.name == name }?.gid }

    /// The name of a user, or the number in digits.
    func name(ofUser uid: UInt32) -> String { userNames[uid] ?? String(uid) }

    /// The name of a group, or the number in digits.
    func name(ofGroup gid: UInt32) -> String { groupNames[gid] ?? String(gid) }

    /// The groups of a user, the main one first.
    func groups(of user: UserEntry) -> [(name: String, gid: UInt32)] {
        let others = groups.filter { $0.members.contains(user.name) && $0.gid != user.gid }
        return [(name(ofGroup: user.gid), user.gid)] + others.map { ($0.name, $0.gid) }
    }
}

/// The user database of the system with all its sources.
private enum SystemUsers {
    static func user(_ name: String) -> UserEntry? {
        var buffer = [CChar](repeating: 0, count: 1 << 14)
        var storage = passwd()
        var found: UnsafeMutablePointer<passwd>?
        guard getpwnam_r(name, &storage, &buffer, buffer.count, &found) == 0, found != nil,
            let home = storage.pw_dir, let shell = storage.pw_shell
        else { return nil }
        return UserEntry(
            name: name, uid: storage.pw_uid, gid: storage.pw_gid, home: String(cString: home),
            shell: String(cString: shell))
    }
}

extension SystemUsers {
    static func group(_ name: String) -> (name: String, gid: UInt32, members: [String])? {
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        var storage = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        guard getgrnam_r(name, &storage, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        var members: [String] = []
        var next = storage.gr_mem
        while let member = next?.pointee {
            members.append(String(cString: member))
            next = next?.advanced(by: 1)
        }
        return (name, storage.gr_gid, members)
    }
}

extension Host {
    /// The users and groups, read once.
    nonisolated func users(for request: ProbeRequest) async throws(ProbeError) -> UserDatabase {
        let (passwd, group, isThisMachine) = (path("/etc/passwd"), path("/etc/group"), isThisMachine)
        return try await systemFact("users", "read \(passwd)", since: request.since) { () throws(ProbeError) in
            UserDatabase(
                passwd: try FileTree.readIfExists(passwd, limit: 16 << 20) ?? [],
                group: try FileTree.readIfExists(group, limit: 16 << 20) ?? [], asksSystem: isThisMachine)
        }
    }

    /// The users of the host's files.
    package nonisolated func accounts(for request: ProbeRequest) async throws(ProbeError) -> [UserEntry] {
        try await users(for: request).all
    }

    /// The users of whom programs run.
    package nonisolated func processOwners(for request: ProbeRequest) async throws(ProbeError) -> Set<UInt32> {
        Set(try await processes(for: request).entries.map(\.user))
    }

    /// A user of the host by name or number.
    package nonisolated func user(_ text: String, for request: ProbeRequest) async throws(ProbeError) -> UserEntry? {
        let users = try await users(for: request)
        // A source other than the files may be a server that does not answer.
        return try await BlockingPool.names.run("look up user \(text)", until: request.deadline) {
            () throws(ProbeError) in users.user(nameOrNumber: text)
        }
    }
}

/// The user as whom a check looks at the host (credentials(7)).
///
/// Linux keeps users per thread, so threads of our own become the user for good: what they open, resolve and connect
/// is that user's for file permissions and for the packet filter's owner match, and no other check is affected. No
/// second process is needed.
package struct UserCredentials: Sendable, Hashable {
    /// The user.
    var user: UserEntry
    /// All groups, the main one included.
    var groups: [UInt32]

    /// Makes the calling thread the user's. Returns 0 or an errno(3).
    func adopt() -> Int32 {
        groups.withUnsafeBufferPointer { clinux_become(user.uid, user.gid, $0.baseAddress, $0.count) }
    }
}

extension Host {
    /// The user to look as; nil if that is the user of this process.
    package nonisolated func credentials(
        of name: String?, for request: ProbeRequest
    ) async throws(ProbeError) -> UserCredentials? {
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
        return UserCredentials(user: user, groups: groups)
    }

    /// Threads for blocking calls as the user of a request.
    package nonisolated func pool(for request: ProbeRequest) async throws(ProbeError) -> BlockingPool {
        try await pool(as: try await credentials(of: request.user, for: request))
    }

    /// The bytes of a file, read as the request's user; nil when there is none.
    package nonisolated func contents(
        of path: String, limit: Int, for request: ProbeRequest
    ) async throws(ProbeError) -> [UInt8]? {
        let real = self.path(path)
        return try await pool(for: request).run("read \(path)", until: request.deadline) { () throws(ProbeError) in
            try FileTree.readIfExists(real, limit: limit)
        }
    }

    /// Threads of a user for blocking calls; ours when no other user is meant.
    package nonisolated func pool(as credentials: UserCredentials?) async throws(ProbeError) -> BlockingPool {
        guard let credentials else { return .files }
        return try await fact("threads-\(credentials.user.uid)", as: OwnedPool.self) { () throws(ProbeError) in
            OwnedPool(BlockingPool(threads: 1, limit: 8) { credentials.adopt() })
        }.pool
    }
}

/// A pool that ends with the host.
private final class OwnedPool: Sendable {
    let pool: BlockingPool
    init(_ pool: BlockingPool) { self.pool = pool }
    deinit { pool.close() }
}
