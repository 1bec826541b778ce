import Glibc
import Platform

/// Mounted file systems.
struct MountProbe: Probe {
    static let kind = SubjectKind(
        "mount", "A file system that is mounted at a path, and how full it is.", mainParameter: "path",
        parameters: [.init("path", .text, "Absolute path of the mount point.", isRequired: true, form: .path)],
        attributes: [
            .init("exists", .bool, "Whether something is mounted at the path itself."),
            .init("type", .text, "Type of the file system: ext4, tmpfs, nfs4 …"),
            .init("source", .text, "What is mounted: a device, a share, or a name."),
            .init(
                "options", .list(.text), "Options of the mount, then those of the file system: rw, noexec, size=64k …"),
            .init("size-bytes", .integer, "Size in bytes."),
            .init("available-bytes", .integer, "Bytes that users other than root can still write."),
            .init(
                "used-percent", .number,
                "Percentage that is used of what users other than root can have, as df(1) says."),
            .init(
                "inodes-used-percent", .number, "Percentage of the inodes that are used; null where there is no limit."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("look at mounts")
        let path = try request.requiredPath()
        // The kernel's table has no links in it.
        let real = try await BlockingPool.files.run("look at \(path)", until: request.deadline) {
            () throws(ProbeError) -> String? in
            guard let real = realpath(path, nil) else {
                if [ENOENT, ENOTDIR].contains(errno) { return nil }
                throw .system("look at \(path)", errno: errno)
            }
            defer { free(real) }
            return String(cString: real)
        }
        let table = try await host.mounts(for: request)
        // Of several at one place the last hides the others.
        guard let real, let mount = table.mounts.last(where: { $0.point.elementsEqual(real.utf8) }) else {
            return Observation(["exists": .bool(false)], evidence: ["nothing is mounted at \(path)"])
        }
        var attributes: [String: Value] = [
            "exists": .bool(true), "type": .text(mount.type), "source": .text(mount.source),
            "options": .texts(mount.options),
        ]
        if request.wants("size-bytes", "available-bytes", "used-percent", "inodes-used-percent") {
            let usage = try await BlockingPool.files.run("ask how full \(path) is", until: request.deadline) {
                () throws(ProbeError) in
                var usage = statvfs()
                guard statvfs(real, &usage) == 0 else { throw .system("ask how full \(path) is", errno: errno) }
                return usage
            }
            attributes["size-bytes"] = .integer(
                usage.f_blocks.multipliedReportingOverflow(by: usage.f_frsize).partialValue)
            attributes["available-bytes"] = .integer(
                usage.f_bavail.multipliedReportingOverflow(by: usage.f_frsize).partialValue)
            attributes["used-percent"] = Self.percentage(usage.f_blocks &- usage.f_bfree, and: usage.f_bavail)
            attributes["inodes-used-percent"] = Self.percentage(usage.f_files &- usage.f_ffree, and: usage.f_ffree)
        }
        return Observation(
            attributes,
            evidence: ["\(mount.source) on \(path) type \(mount.type) (\(mount.options.joined(separator: ",")))"])
    }

    /// What is used of that and what is left.
    private static func percentage(_ used: UInt, and left: UInt) -> Value {
        let whole = Double(used) + Double(left)
        return whole > 0 ? .number(Double(used) / whole * 100) : .null
    }
}
