import Files
import MeshContract
import Platform

/// Units of systemd.
struct UnitProbe: Probe {
    static let kind = SubjectKind(
        "unit", "A unit of systemd, as `systemctl show` has it.", mainParameter: "name",
        parameters: [.init("name", .text, "Name; `.service` may be left out.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether systemd knows it."),
            .init("active", .text, "ActiveState: active, inactive, activating, failed …"),
            .init("sub", .text, "SubState: running, exited, dead, auto-restart …"),
            .init("load", .text, "LoadState: loaded, masked, not-found …"),
            .init("enabled", .text, "UnitFileState: enabled, disabled, static, masked …"),
            .init("restarts", .integer, "How often systemd has restarted it."),
            .init("main-pid", .integer, "Number of its main process; 0 for none."),
            .init("need-daemon-reload", .bool, "Whether its file was changed since systemd read it."),
            .init("result", .text, "How the last run ended: success, exit-code, signal, timeout …"),
            .init("exit-status", .integer, "Exit status of the last main process."),
            .init("properties", .map(.text), "Every property by its name in systemd."),
            .init("stable-for", .duration, "How long it has been active without a restart; 0s when it is not active."),
            .init("started", .time, "When it became active; null when it is not."),
            .init("fragment", .text, "Path of its file."),
            .init("files", .list(.text), "Programs and environment files that it cannot do without."),
            .init("missing-files", .list(.text), "Those of them that are not there."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = UnitName.completed(try request.requiredText("name"))
        guard UnitName.isValid(name) else {
            throw ProbeError(.invalid, "read parameter name", expected: "the name of a unit", found: "'\(name)'")
        }
        let reader = try await host.unitReader()
        let since = request.since
        let unit = try await Deadline.race("ask systemd about \(name)", until: request.deadline) {
            () async throws(ProbeError) in try await reader.properties(of: name, since: since)
        }
        guard unit.exists else {
            return Observation(
                ["exists": .bool(false), "load": .text(orNull: unit["LoadState"]), "active": .text("inactive")],
                evidence: ["systemd knows no \(name)"])
        }
        return try await describe(unit, name: name, request)
    }

    private func describe(
        _ unit: UnitProperties, name: String, _ request: ProbeRequest
    ) async throws(ProbeError) -> Observation {
        var attributes: [String: Value] = [
            "exists": .bool(true), "active": .text(orNull: unit["ActiveState"]), "sub": .text(orNull: unit["SubState"]),
            "load": .text(orNull: unit["LoadState"]), "enabled": .text(orNull: unit["UnitFileState"]),
            "restarts": .integer(unit.number("NRestarts")), "main-pid": .integer(unit.number("MainPID")),
            "need-daemon-reload": .bool(unit["NeedDaemonReload"] == "yes"), "result": .text(orNull: unit["Result"]),
            "exit-status": .integer(unit.number("ExecMainStatus")), "fragment": .text(orNull: unit["FragmentPath"]),
            "stable-for": .nanoseconds(0), "started": .null,
        ]
        if request.wants("properties") {
            attributes["properties"] = .map(
                Dictionary(
                    uniqueKeysWithValues: unit.values.map { name, value in
                        // Passwords stand in Environment= of many a unit.
                        (name, .text(name == "Environment" ? Self.maskedEnvironment(value) : value))
                    }))
        }
        if let started = Self.activeSince(unit) {
            let now = MonotonicTime.now
            attributes["stable-for"] = .nanoseconds(Int64(clamping: now &- min(now, started)))
            attributes["started"] = .time(Self.wallTime(ofMonotonic: started))
        }
        if request.wants("files", "missing-files") {
            let files = unit.requiredFiles
            attributes["files"] = .texts(files)
            let missing = try await BlockingPool.files.run("look for files of \(name)", until: request.deadline) {
                () throws(ProbeError) in
                do throws(FileError) {
                    var missing: [String] = []
                    for file in files where try FileStatus.ofIfExists(file, followLinks: true) == nil {
                        missing.append(file)
                    }
                    return missing
                } catch { throw ProbeError(error) }
            }
            attributes["missing-files"] = .texts(missing)
        }
        let state = [unit["ActiveState"], unit["SubState"]].compactMap { $0 }.joined(separator: "/")
        return Observation(
            attributes,
            evidence: [
                "\(name): \(state), \(unit["UnitFileState"] ?? "no file state"), restarts "
                    + "\(unit["NRestarts"] ?? "0"), result \(unit["Result"] ?? "none"), exit status "
                    + "\(unit["ExecMainStatus"] ?? "none")"
            ])
    }

    /// When it became active, in nanoseconds of CLOCK_MONOTONIC; nil unless it is active.
    static func activeSince(_ unit: UnitProperties) -> UInt64? {
        guard unit["ActiveState"] == "active" || unit["ActiveState"] == "reloading",
            let entered = unit.number("ActiveEnterTimestampMonotonic"), entered > 0
        else { return nil }
        return UInt64(entered).multipliedReportingOverflow(by: 1000).partialValue
    }

    /// The wall clock at a moment of the monotonic one, as both stand now.
    static func wallTime(ofMonotonic nanoseconds: UInt64) -> Int64 {
        KernelClock.wall &- Int64(clamping: MonotonicTime.now) &+ Int64(clamping: nanoseconds)
    }

    private static func maskedEnvironment(_ value: String) -> String {
        value.utf8.split(separator: Bytes.space).map { word in
            let word = String(decoding: word, as: UTF8.self)
            guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return word }
            let name = String(decoding: Array(word.utf8[..<equals]), as: UTF8.self)
            return Secrets.isSecretName(name) ? name + "=" + Secrets.mask : word
        }.joined(separator: " ")
    }
}
