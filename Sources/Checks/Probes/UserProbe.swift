import Platform

/// Users.
struct UserProbe: Probe {
    static let kind = SubjectKind(
        "user", "A user of the host.", mainParameter: "name",
        parameters: [
            .init("name", .text, "Name or number.", isRequired: true),
            .init("home", .text, "The home directory that it should have, for `repair`."),
            .init("shell", .text, "The login shell that it should have, for `repair`."),
            .init("groups", .list(.text), "Groups that it should be in, the main one first, for `repair`."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a user."),
            .init("name", .text, "Name."),
            .init("uid", .integer, "Number."),
            .init("gid", .integer, "Number of the primary group."),
            .init("home", .text, "Home directory."),
            .init("shell", .text, "The login shell."),
            .init("groups", .list(.text), "Names of all groups, the primary one first."),
            .init("sharers", .list(.text), "Names of other users with the same number."),
            .init(
                "system", .bool, "Whether the number is a system user's (below 1000, adduser.conf(5))."),
            .init(
                "password", .text,
                "`set`, `locked` if no password can match, `none` if none is asked for; null without an entry in /etc/shadow."
            ),
            .init("password-changed", .time, "The day on which the password was changed; null if it is not known."),
            .init(
                "password-expires", .time, "The day on which the password has to be changed; null if it never has to."),
            .init("account-expires", .time, "The day from which on nobody can log in any more; null if there is none."),
            .init("repair", .list(.text), "Commands that make it as `home`, `shell` and `groups` say."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let users = try await host.users(for: request)
        let user = try await host.user(name, for: request)
        let repair = Value.texts(try Self.repair(user, named: name, users, request))
        guard let user else {
            return Observation(["exists": .bool(false), "repair": repair], evidence: ["no user '\(name)'"])
        }
        let groups = users.groups(of: user).map(\.name)
        var attributes: [String: Value] = [
            "exists": .bool(true), "name": .text(user.name), "uid": .integer(user.uid), "gid": .integer(user.gid),
            "home": .text(user.home), "shell": .text(user.shell), "groups": .texts(groups),
            "sharers": .texts(users.names(of: user.uid).filter { $0 != user.name }), "system": .bool(user.uid < 1000),
            "repair": repair,
        ]
        if request.wants("password", "password-changed", "password-expires", "account-expires") {
            let shadow = try await host.contents(of: "/etc/shadow", limit: 16 << 20, for: request) ?? []
            for (name, value) in Self.aging(of: user.name, shadow) { attributes[name] = value }
        }
        return Observation(
            attributes,
            evidence: [
                "\(user.name): uid \(user.uid), gid \(user.gid), home \(user.home), "
                    + "groups \(groups.joined(separator: " "))"
            ])
    }

    /// The command of useradd(8) or usermod(8) that makes a user as the request says, as far as it says anything.
    private static func repair(
        _ user: UserEntry?, named name: String, _ users: UserDatabase, _ request: ProbeRequest
    ) throws(ProbeError) -> [String] {
        let (home, shell) = (try request.text("home"), try request.text("shell"))
        let wanted = try request.texts("groups") ?? []
        let present = user.map { users.groups(of: $0).map(\.name) } ?? []
        var words: [String] = user == nil ? ["useradd", "--system", "--no-create-home"] : ["usermod"]
        let short = words.count
        if let home, user?.home != home { words += [user == nil ? "--home-dir" : "--home", home] }
        if let shell, user?.shell != shell { words += ["--shell", shell] }
        var missing = wanted.filter { !present.contains($0) }
        if let user {
            if !missing.isEmpty { words += ["--append", "--groups", missing.joined(separator: ",")] }
            words.append(user.name)
            if words.count == short + 1 { return [] }
        } else {
            if let main = missing.first {
                let isThere = users.number(ofGroup: main) != nil
                words += main == name && !isThere ? ["--user-group"] : ["--gid", main]
                missing.removeFirst()
            }
            if !missing.isEmpty { words += ["--groups", missing.joined(separator: ",")] }
            words.append(name)
        }
        return [words.map { ShellWord.quoted($0) ?? "''" }.joined(separator: " ")]
    }

    /// What shadow(5) says of a user's password.
    private static func aging(of name: String, _ shadow: [UInt8]) -> [String: Value] {
        var values: [String: Value] = [
            "password": .null, "password-changed": .null, "password-expires": .null, "account-expires": .null,
        ]
        for line in Bytes.lines(shadow) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 8, fields[0].elementsEqual(name.utf8) else { continue }
            func days(_ place: Int) -> Int64? { Bytes.decimal(fields[place]) }
            func time(_ days: Int64?) -> Value { .time(orNull: days.map { $0 &* 86_400_000_000_000 }) }
            values["password"] = .text(
                fields[1].isEmpty ? "none" : "!*".utf8.contains(fields[1][fields[1].startIndex]) ? "locked" : "set")
            // Day 0 means that it has to be changed at the next login.
            values["password-changed"] = time(days(2).flatMap { $0 > 0 ? $0 : nil })
            // 99999 days are never, to every tool that writes them.
            if let changed = days(2), changed > 0, let longest = days(4), longest < 99999 {
                values["password-expires"] = time(changed + longest)
            }
            values["account-expires"] = time(days(7))
            break
        }
        return values
    }
}

/// Groups.
struct GroupProbe: Probe {
    static let kind = SubjectKind(
        "group", "A group of the host.", mainParameter: "name",
        parameters: [.init("name", .text, "Name or number.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether there is such a group."),
            .init("name", .text, "Name."),
            .init("gid", .integer, "Number."),
            .init("members", .list(.text), "Users that it lists; those whose primary group it is are not among them."),
            .init("system", .bool, "Whether the number is a system group's (below 1000, adduser.conf(5))."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let users = try await host.users(for: request)
        // A source other than the files may be a server that does not answer.
        let group = try await BlockingPool.names.run("look up group \(name)", until: request.deadline) {
            () throws(ProbeError) in users.group(nameOrNumber: name)
        }
        guard let group else { return Observation(["exists": .bool(false)], evidence: ["no group '\(name)'"]) }
        return Observation(
            [
                "exists": .bool(true), "name": .text(group.name), "gid": .integer(group.gid),
                "members": .texts(group.members), "system": .bool(group.gid < 1000),
            ], evidence: ["\(group.name): gid \(group.gid), members \(group.members.joined(separator: " "))"])
    }
}
