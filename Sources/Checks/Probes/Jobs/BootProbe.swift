import Platform

/// What the next boot does to files.
struct BootProbe: Probe {
    static let kind = SubjectKind(
        "boot",
        "What the next boot does to files and directories that are there now, by the rules of tmpfiles.d(5), fstab(5) and mount "
            + "units. Nothing is started or changed for it.",
        mainParameter: "files",
        parameters: [
            .init(
                "files", .list(.text), "Paths of files, programs and directories that have to stay.", isRequired: true),
            .init("writable", .list(.text), "Directories whose contents may go, and that the user has to write to."),
            .init("user", .text, "Who has to use them; root by default."),
        ],
        attributes: [
            .init(
                "losses", .list(.text),
                "Rules that remove, empty, replace or write over one of the files, at boot or when nobody has used it for a while."
            ),
            .init(
                "changes", .list(.text),
                "Rules after which the user can no longer use one of them, or others can read what is closed to them."),
            .init(
                "mounts", .list(.text),
                "What is not mounted now and will be mounted over one of them, or ends the boot because its device is missing."
            ),
            .init("undo", .list(.text), "Commands that turn those lines into comments."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let paths = try request.texts("files") ?? []
        let writable = try request.texts("writable") ?? []
        for path in paths + writable where !path.startsBytewise("/") {
            throw request.wrong("files", "absolute paths", .text(path))
        }
        let users = try await host.users(for: request)
        var reader: BootFiles.Reader?
        if let name = try request.text("user"), let user = users.user(nameOrNumber: name) {
            reader = .init(uid: user.uid, groups: Set(users.groups(of: user).map(\.gid)))
        }
        let mounts = try await host.mounts(for: request)
        let host = host
        let who = reader
        let (files, over) = try await BlockingPool.files.run("look at the next boot", until: request.deadline) {
            () throws(ProbeError) in
            let place = { (path: String) in host.path(path) }
            let files = try BootFiles(
                TmpfilesRules.read(path: place), paths: paths, writable: writable, reader: who, users: users,
                place: place)
            return (files, try BootMounts(paths: paths + writable, mounts: mounts, place: place))
        }
        let found = files.losses + files.changes + over.lines
        return Observation(
            [
                "losses": .texts(files.losses.prefix(12)), "changes": .texts(files.changes.prefix(12)),
                "mounts": .texts(over.lines.prefix(12)), "undo": .texts(files.undo + over.undo),
            ], evidence: found.isEmpty ? ["nothing that the next boot does is about them"] : Array(found.prefix(12)))
    }
}
