import Glibc

/// Programs that can be found.
struct ProgramProbe: Probe {
    static let kind = SubjectKind(
        "program", "Whether a program can be found; it is not run.", mainParameter: "name",
        parameters: [.init("name", .text, "Name, or absolute path.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether it can be found on PATH, or in the system's folders for programs."),
            .init("path", .text, "Where; null when it cannot."),
        ])

    init(host: Host) {}

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let path = try await BlockingPool.files.run("look for program \(name)", until: request.deadline) {
            () throws(ProbeError) in Tool.path(name).flatMap { access($0, X_OK) == 0 ? $0 : nil }
        }
        return Observation(
            ["exists": .bool(path != nil), "path": .text(orNull: path)], evidence: [path ?? "no program \(name)"])
    }
}
