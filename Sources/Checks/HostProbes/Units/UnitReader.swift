import Files

/// Asks systemd about units. Checks that ask at nearly the same time share one `systemctl show`.
actor UnitReader {
    private let host: Host
    private var known: [String: (asked: ContinuousClock.Instant, result: Result<UnitProperties, ProbeError>)] = [:]
    private var waiting: [String: [CheckedContinuation<Result<UnitProperties, ProbeError>, Never>]] = [:]
    private var isCollecting = false

    /// Names in one command line: far from the system's limit.
    private static let batch = 200

    init(host: Host) { self.host = host }

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

    private func show(_ units: [String]) async -> [Result<UnitProperties, ProbeError>] {
        do throws(ProbeError) {
            try await Systemd.require(on: host)
            let run = try await Tool.run(
                "systemctl", ["show", "--all", "--no-pager", "--"] + units, until: .now + .seconds(10),
                outputLimit: 16 << 20)
            guard run.status == 0 else { throw run.failure("ask systemd") }
            let paragraphs = UnitProperties.parse(run.output)
            guard paragraphs.count == units.count else {
                throw ProbeError(
                    .malformed, "ask systemd", expected: "\(units.count) units", found: "\(paragraphs.count)")
            }
            return paragraphs.map { .success($0) }
        } catch {
            return units.map { _ in .failure(error) }
        }
    }
}

/// The service manager.
enum Systemd {
    /// Fails unless systemd runs this machine (sd_booted(3)).
    static func require(on host: Host) async throws(ProbeError) {
        guard host.isThisMachine else {
            throw ProbeError(
                .unavailable, "ask systemd", expected: "the machine that runs us", found: "files below \(host.root)")
        }
        try await BlockingPool.files.run("look for systemd", until: .now + .seconds(5)) { () throws(ProbeError) in
            do throws(FileError) {
                if try FileStatus.ofIfExists("/run/systemd/system", followLinks: false)?.kind == .directory { return }
            } catch { throw ProbeError(error) }
            throw ProbeError(
                .unavailable, "ask systemd", expected: "a machine that was booted with systemd",
                found: "no /run/systemd/system")
        }
    }
}

extension Host {
    /// Who asks systemd.
    nonisolated func unitReader() async throws(ProbeError) -> UnitReader {
        try await fact("unit-reader", as: UnitReader.self) { () throws(ProbeError) in UnitReader(host: self) }
    }
}
