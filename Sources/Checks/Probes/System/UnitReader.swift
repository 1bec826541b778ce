import Files
import Platform

/// Asks systemd about units. Checks that ask at nearly the same time share one `systemctl show`.
///
/// It is a fact of its host and does not hold it, or neither would ever go.
actor UnitReader {
    private let user: UserEntry?
    private let credentials: UserCredentials?
    private var known: [String: (asked: ContinuousClock.Instant, result: Result<UnitProperties, ProbeError>)] = [:]
    private var waiting: [String: [CheckedContinuation<Result<UnitProperties, ProbeError>, Never>]] = [:]
    private var isCollecting = false

    /// Names in one command line: far from the system's limit.
    private static let batch = 200

    /// Creates one that asks the system's manager, or that of a user, as whom it has to be asked.
    init(user: UserEntry? = nil, credentials: UserCredentials? = nil) {
        self.user = user
        self.credentials = credentials
    }

    /// The properties of a unit.
    func properties(of unit: String, since: ContinuousClock.Instant?) async throws(ProbeError) -> UnitProperties {
        if let present = known[unit], since.map({ present.asked >= $0 }) ?? true { return try present.result.get() }
        let result = await withCheckedContinuation { continuation in
            waiting[unit, default: []].append(continuation)
            if !isCollecting {
                isCollecting = true
                Task { await self.ask() }
            }
        }
        return try result.get()
    }

    private func ask() async {
        // Time for the checks that start together to name their units.
        do { try await Task.sleep(for: .milliseconds(2)) } catch {}
        isCollecting = false
        let asked = ContinuousClock.now
        let all = waiting
        waiting = [:]
        let names = all.keys.sorted()
        for start in stride(from: 0, to: names.count, by: Self.batch) {
            let part = Array(names[start..<min(start + Self.batch, names.count)])
            let results = await show(part)
            for (name, result) in zip(part, results) {
                known[name] = (asked, result)
                for continuation in all[name] ?? [] { continuation.resume(returning: result) }
            }
        }
    }

    /// Asks for all at once and, where one of them spoils the answer, for each by itself: none may fail for another.
    private func show(_ units: [String]) async -> [Result<UnitProperties, ProbeError>] {
        let deadline = ContinuousClock.now + .seconds(10)
        do throws(ProbeError) {
            let run = try await systemctl(units, until: deadline)
            let paragraphs = UnitProperties.parse(run.output)
            let areTheirs =
                paragraphs.count == units.count && zip(paragraphs, units).allSatisfy { $0.names.contains($1) }
            if run.status == 0, !run.isTruncated, areTheirs { return paragraphs.map { .success($0) } }
        } catch {
            return units.map { _ in .failure(error) }
        }
        var results: [Result<UnitProperties, ProbeError>] = []
        for unit in units {
            do throws(ProbeError) {
                results.append(.success(try await show(unit, until: deadline)))
            } catch {
                results.append(.failure(error))
            }
        }
        return results
    }

    private func show(
        _ unit: String, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> UnitProperties {
        let run = try await systemctl([unit], until: deadline)
        guard run.status == 0 else { throw run.failure("ask systemd about \(unit)") }
        guard !run.isTruncated else {
            throw ProbeError(
                .malformed, "ask systemd about \(unit)", expected: "at most 16 MiB of properties", found: "more")
        }
        // A value with an empty line in it looks like the end of a unit.
        var properties = UnitProperties(values: [:])
        for part in UnitProperties.parse(run.output) { properties.values.merge(part.values) { first, _ in first } }
        guard !properties.values.isEmpty else {
            throw ProbeError(.malformed, "ask systemd about \(unit)", expected: "properties", found: "nothing")
        }
        return properties
    }

    private func systemctl(
        _ units: [String], until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> Tool.Run {
        let arguments = ["show", "--all", "--no-pager", "--"] + units
        guard let user else {
            return try await Tool.run("systemctl", arguments, until: deadline, outputLimit: 16 << 20)
        }
        // The manager of a user takes no calls of others, root included (systemd --user).
        let folder = "/run/user/\(user.uid)"
        let isThere = try await BlockingPool.files.run("look for \(folder)", until: deadline) { () throws(ProbeError) in
            try FileFacts.read(folder + "/systemd/private", followLinks: false) != nil
        }
        guard isThere else {
            throw ProbeError(
                .unavailable, "ask systemd of \(user.name)", expected: "the user's service manager",
                found: "none: no \(folder)/systemd/private")
        }
        return try await Tool.run(
            "systemctl", ["--user"] + arguments, as: credentials,
            environment: ["XDG_RUNTIME_DIR=\(folder)"], until: deadline, outputLimit: 16 << 20)
    }
}

/// The service manager.
enum Systemd {
    /// Fails unless systemd runs this host (sd_booted(3)).
    static func require(on host: Host) async throws(ProbeError) {
        try host.requireThisMachine("ask systemd")
        try await BlockingPool.files.run("look for systemd", until: .now + .seconds(5)) { () throws(ProbeError) in
            do throws(FileError) {
                if try FileStatus.ofIfExists("/run/systemd/system", followLinks: false)?.kind == .directory { return }
            } catch { throw ProbeError(error) }
            throw ProbeError(
                .unavailable, "ask systemd", expected: "a host that was booted with systemd",
                found: "no /run/systemd/system")
        }
    }
}

extension Host {
    /// Who asks systemd, or the service manager of a user.
    nonisolated func unitReader(of user: UserEntry? = nil) async throws(ProbeError) -> UnitReader {
        try await fact("unit-reader" + (user.map { "-\($0.uid)" } ?? ""), as: UnitReader.self) {
            () async throws(ProbeError) in
            try await Systemd.require(on: self)
            guard let user else { return UnitReader() }
            let request = ProbeRequest(parameters: [:], attributes: [], deadline: .now + .seconds(10))
            return UnitReader(user: user, credentials: try await self.credentials(of: user.name, for: request))
        }
    }
}
