import Documents
import Files
import MeshProbes
import Platform
import Probes

/// A scenario that is written for somebody to go on with.
struct ScenarioDraft {
    /// One check.
    struct Check {
        var id: String
        var title: String
        var kind: String
        /// The parameters; one that is alone and the kind's main one has no name.
        var parameters: [(name: String?, value: JSONValue)]
        var expectations: [(attribute: String, value: JSONValue)]
        var needs: [String] = []
        var severity: String?
        /// What whoever goes on with it should know.
        var note: String?
    }

    var name: String
    var title: String
    /// What it was drawn up from.
    var origin: String
    var checks: [Check]

    /// The file. JSON's strings are YAML's double-quoted ones.
    var yaml: String {
        var text = """
            # Drafted by 'meshcheck init' from \(DisplayText.visible(origin, keepsNewlines: false)) as it was on this host.
            # Take out what may change, and say in the titles why each check exists.
            name: \(scalar(name))
            title: \(scalar(title))
            checks:

            """
        for check in checks { text += self.text(check) }
        return text
    }

    private func text(_ check: Check) -> String {
        var text = ""
        if let note = check.note { text += "  # \(DisplayText.visible(note, keepsNewlines: false))\n" }
        text += "  - id: \(scalar(check.id))\n    title: \(scalar(check.title))\n"
        if check.parameters.count == 1, let only = check.parameters.first, only.name == nil {
            text += "    \(check.kind): \(value(only.value))\n"
        } else {
            let members = check.parameters.map { "\($0.name ?? "name"): \(value($0.value))" }
            text += "    \(check.kind): {\(members.joined(separator: ", "))}\n"
        }
        text += "    expect:\n"
        for expectation in check.expectations {
            text += "      \(expectation.attribute): \(value(expectation.value))\n"
        }
        if !check.needs.isEmpty { text += "    needs: [\(check.needs.map(scalar).joined(separator: ", "))]\n" }
        if let severity = check.severity { text += "    severity: \(severity)\n" }
        return text
    }

    /// A text as people write it: with quotes only where YAML or variables would take it for something else.
    private func scalar(_ text: String) -> String {
        let isPlain =
            text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."), UInt8(ascii: " "), UInt8(ascii: "@"), UInt8(ascii: "+"):
                    true
                default: false
                }
            }
        let words = ["true", "false", "yes", "no", "on", "off", "null"]
        let beginsWell =
            text.utf8.first.map { first in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) || first == UInt8(ascii: "/")
            } ?? false
        if isPlain, beginsWell, text.utf8.last != UInt8(ascii: " "), !words.contains(text.lowercased()) { return text }
        return JSONValue.string(text.replacing("${", with: "$${")).compact
    }

    private func value(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): scalar(text)
        case .array(let items): "[\(items.map { self.value($0) }.joined(separator: ", "))]"
        case .object(let members): "{\(members.map { "\($0.0): \(self.value($0.1))" }.joined(separator: ", "))}"
        case .null, .bool, .int: value.compact
        }
    }
}

/// Checks for an installed package: it is whole, and its units run.
struct PackageDraft {
    let reader: MachineReader
    let package: String

    /// Why there is no draft.
    enum Problem: Error {
        case notInstalled(state: String)
        case probe(ProbeError)
        case file(FileError)
    }

    private static let unitFolders = ["/lib/systemd/system/", "/usr/lib/systemd/system/"]

    /// The draft.
    func draft() async throws(Problem) -> ScenarioDraft {
        let seen = try await look()
        guard seen["installed"] == .bool(true) else {
            if case .text(let state)? = seen["state"] { throw .notInstalled(state: state) }
            throw .notInstalled(state: "not-installed")
        }
        let stem = DraftIdentifier.made(of: package)
        var version = ""
        var expectations: [(String, JSONValue)] = [("installed", .bool(true))]
        if case .text(let text)? = seen["version"] {
            version = " \(text)"
            expectations.append(
                ("version", .object([("version", .object([("at-least", .string(text))]))])))
        }
        var checks = [
            ScenarioDraft.Check(
                id: "\(stem).installed", title: "\(package) is installed, in this version or a later one",
                kind: "package", parameters: [(nil, .string(package))], expectations: expectations),
            ScenarioDraft.Check(
                id: "\(stem).files", title: "\(package) is whole: no file was changed, lost or left over",
                kind: "package", parameters: [(nil, .string(package))],
                expectations: [
                    ("missing-files", .object([("empty", .bool(true))])),
                    ("modified-files", .object([("empty", .bool(true))])),
                    ("conffiles-leftover", .object([("empty", .bool(true))])),
                    ("depends-satisfied", .bool(true)),
                ], needs: ["\(stem).installed"]),
        ]
        let architecture: String
        if case .text(let text)? = seen["architecture"] { architecture = text } else { architecture = "" }
        for unit in try units(architecture: architecture) { checks += try await unitChecks(unit) }
        return ScenarioDraft(
            name: stem, title: "\(package) is whole and runs", origin: "the package \(package)\(version)",
            checks: checks)
    }

    private func look() async throws(Problem) -> [String: Value] {
        do throws(ProbeError) {
            return try await reader.look(
                "package", ["name": .text(package)], ["installed", "state", "version", "architecture"])
        } catch { throw .probe(error) }
    }

    private func unitChecks(_ unit: String) async throws(Problem) -> [ScenarioDraft.Check] {
        let draft = UnitDraft(reader: reader, unit: unit)
        do throws(ProbeError) {
            return try await draft.checks() ?? []
        } catch {
            // A container or chroot without systemd: what the package is made for still holds.
            return draft.plainChecks
        }
    }

    /// The services that it brings, without templates.
    private func units(architecture: String) throws(Problem) -> [String] {
        let name = String(decoding: package.utf8.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        let paths: [String]
        do throws(FileError) {
            paths = try reader.paths(ofPackage: name, architecture: architecture)
        } catch { throw .file(error) }
        var units: [String] = []
        for path in paths {
            let (folder, unit) = LexicalPath.split(path)
            guard Self.unitFolders.contains(folder + "/"), unit.utf8.suffix(8).elementsEqual(".service".utf8),
                !unit.utf8.contains(UInt8(ascii: "@")), !units.contains(unit),
                (try? FileStatus.of(reader.host.path(path), followLinks: false))?.kind == .file
            else { continue }
            units.append(unit)
        }
        return units
    }
}

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

    /// Checks that hold whatever systemd says now, for a host on which it cannot be asked.
    var plainChecks: [ScenarioDraft.Check] {
        [
            ScenarioDraft.Check(
                id: "\(stem).running", title: "\(unit) runs and stays up", kind: "unit",
                parameters: [(nil, .string(unit))],
                expectations: [
                    ("active", .string("active")), ("stable-for", .object([("at-least", .string("15s"))])),
                    ("missing-files", .object([("empty", .bool(true))])),
                ], note: "systemd could not be asked when this was drafted.")
        ]
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

    /// The paths that an installed package brings.
    func paths(ofPackage name: String, architecture: String) throws(FileError) -> [String] {
        let folder = host.path("/var/lib/dpkg/info")
        for candidate in ["\(folder)/\(name).list", "\(folder)/\(name):\(architecture).list"] {
            guard try FileStatus.ofIfExists(candidate, followLinks: true) != nil else { continue }
            return try FileTree.readWhole(candidate, limit: 64 << 20).split(separator: 0x0a)
                .map { String(decoding: $0, as: UTF8.self) }
        }
        return []
    }
}
