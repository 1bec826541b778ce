/// Users.
struct UserProbe: Probe {
    static let kind = SubjectKind(
        "user", "A user of the host.", mainParameter: "name",
        parameters: [.init("name", .text, "Name or number.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether there is such a user."),
            .init("name", .text, "Name."),
            .init("uid", .integer, "Number."),
            .init("gid", .integer, "Number of the primary group."),
            .init("home", .text, "Home directory."),
            .init("shell", .text, "The login shell."),
            .init("groups", .list(.text), "Names of all groups, the primary one first."),
            .init(
                "system", .bool, "Whether the number is a system user's (below 1000, adduser.conf(5))."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        guard let user = try await host.user(name, for: request) else {
            return Observation(["exists": .bool(false)], evidence: ["no user '\(name)'"])
        }
        let groups = try await host.users(for: request).groups(of: user).map(\.name)
        return Observation(
            [
                "exists": .bool(true), "name": .text(user.name), "uid": .integer(user.uid), "gid": .integer(user.gid),
                "home": .text(user.home), "shell": .text(user.shell), "groups": .texts(groups),
                "system": .bool(user.uid < 1000),
            ],
            evidence: [
                "\(user.name): uid \(user.uid), gid \(user.gid), home \(user.home), "
                    + "groups \(groups.joined(separator: " "))"
            ])
    }
}

/// Groups.
struct GroupProbe: Probe {
    static let kind = SubjectKind(
        "group", "A group of the host, in /etc/group.", mainParameter: "name",
        parameters: [.init("name", .text, "Name.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether there is such a group."),
            .init("gid", .integer, "Number."),
            .init("members", .list(.text), "Users that it lists; not those whose primary group it is."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let groups = try await host.users(for: request)
        guard let number = groups.number(ofGroup: name) else {
            return Observation(["exists": .bool(false)], evidence: ["no group '\(name)'"])
        }
        let members = groups.members(ofGroup: name) ?? []
        return Observation(
            ["exists": .bool(true), "gid": .integer(number), "members": .texts(members)],
            evidence: ["\(name): gid \(number), members \(members.joined(separator: " "))"])
    }
}
