import DebianManifest
import Documents
import MeshProbes
import Probes

/// Checks for a unit of systemd: it runs, stays up, is there after a reboot, and listens where it listens now.
struct UnitDraft {
    let reader: MachineReader
    let unit: String

    /// `nginx` of `nginx.service`, as the beginning of ids.
    var stem: String {
        let suffix = ".service"
        let bare =
            unit.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
            ? unit.utf8.dropLast(suffix.utf8.count) : unit.utf8[...]
        return DraftIdentifier.made(of: String(decoding: bare, as: UTF8.self))
    }

    /// The checks.
    ///
    /// - Returns: nil when systemd does not know the unit.
    /// - Throws: why systemd cannot be asked.
    func checks() async throws(ProbeError) -> [ScenarioDraft.Check]? {
        let seen = try await reader.look(
            "unit", ["name": .text(unit)],
            ["exists", "active", "sub", "enabled", "main-pid", "missing-files", "need-daemon-reload"])
        guard seen["exists"] == .bool(true) else { return nil }
        var checks: [ScenarioDraft.Check] = []
        let isActive = seen["active"] == .text("active")
        let running = "\(stem).running"
        var expectations: [(String, JSONValue)] = [("active", .string("active"))]
        if isActive, case .text(let state)? = seen["sub"] { expectations.append(("sub", .string(state))) }
        expectations += [
            ("stable-for", .object([("at-least", .string("15s"))])),
            ("need-daemon-reload", .bool(false)), ("missing-files", .object([("empty", .bool(true))])),
        ]
        checks.append(
            ScenarioDraft.Check(
                id: running, title: "\(unit) runs and stays up", kind: "unit",
                parameters: [(nil, .string(unit))], expectations: expectations,
                note: isActive ? nil : "It did not run when this was drafted."))
        if case .text(let state)? = seen["enabled"], state == "enabled" {
            checks.append(
                ScenarioDraft.Check(
                    id: "\(stem).enabled", title: "\(unit) is there after a reboot", kind: "unit",
                    parameters: [(nil, .string(unit))], expectations: [("enabled", .string("enabled"))],
                    severity: "warning"))
        }
        if isActive { checks += await processChecks(needs: running) }
        return checks
    }

    /// Its process and ports. What may not be seen is left out and said.
    private func processChecks(needs running: String) async -> [ScenarioDraft.Check] {
        do throws(ProbeError) {
            let seen = try await reader.look(
                "process", ["unit": .text(unit)], ["exists", "executable", "user", "pids", "count"])
            guard seen["exists"] == .bool(true), case .text(let executable)? = seen["executable"],
                case .text(let user)? = seen["user"]
            else { return [] }
            var checks = [
                ScenarioDraft.Check(
                    id: "\(stem).process", title: "\(unit) runs its own program, as its own user", kind: "process",
                    parameters: [("executable", .string(executable)), ("unit", .string(unit))],
                    expectations: [
                        ("exists", .bool(true)), ("user", .string(user)), ("deleted", .bool(false)),
                    ], needs: [running])
            ]
            var processes: Set<Int64> = []
            if case .list(let pids)? = seen["pids"] {
                for case .integer(let pid) in pids { processes.insert(pid) }
            }
            for port in try await ListeningPorts.owned(by: processes, on: reader.host) {
                checks.append(self.check(port, executable: executable, needs: running))
            }
            return checks
        } catch {
            return [
                ScenarioDraft.Check(
                    id: "\(stem).process", title: "\(unit) has a process", kind: "process",
                    parameters: [("unit", .string(unit))], expectations: [("exists", .bool(true))], needs: [running],
                    note: "More could not be seen: \(error.description)")
            ]
        }
    }

    private func check(
        _ port: ListeningPorts.Port, executable: String, needs running: String
    ) -> ScenarioDraft.Check {
        let isPlain = port.transport == "tcp"
        var parameters: [(String?, JSONValue)] = [(isPlain ? nil : "port", .int(port.number))]
        if !isPlain { parameters.append(("protocol", .string(port.transport))) }
        return ScenarioDraft.Check(
            id: "\(stem).port.\(port.transport)-\(port.number)",
            title: "\(unit) listens on port \(port.number) of \(port.transport)", kind: "port", parameters: parameters,
            expectations: [
                ("listening", .bool(true)), ("owner-executable", .string(executable)),
                ("loopback-only", .bool(port.isLoopbackOnly)),
            ], needs: [running])
    }
}

/// Ids of checks from names of things.
enum DraftIdentifier {
    /// Letters, digits, dots and dashes; anything else becomes a dash.
    static func made(of name: String) -> String {
        let bytes = name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                byte
            default: UInt8(ascii: "-")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Looks at this host for a draft, by the probes that checks use.
struct MachineReader {
    let host = Host()

    /// What there is to see of a subject.
    func look(
        _ kind: String, _ parameters: [String: Value], _ attributes: Set<String>
    ) async throws(ProbeError) -> [String: Value] {
        guard let probe = ProbeCatalogue.mesh.probe(kind) else {
            throw ProbeError(.unavailable, "look at a \(kind)", expected: "a probe", found: "none")
        }
        let request = ProbeRequest(
            parameters: parameters, attributes: attributes, deadline: .now + .seconds(10))
        return try await probe.init(host: host).observe(request).attributes
    }
}
