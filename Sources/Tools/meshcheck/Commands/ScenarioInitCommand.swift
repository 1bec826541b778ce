import ArgumentParser
import DebianManifest
import Files
import Probes
import StandardStreams

/// `meshcheck init`.
struct ScenarioInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Draft a scenario from an installed package or a unit.",
        discussion: """
            The scenario says how the package or unit is now: go on from there. Nothing is overwritten.

            EXAMPLES
              meshcheck init --package nginx --output Scenarios/95-nginx.yaml
              meshcheck init --unit mysql.service
            """)

    @Option(help: ArgumentHelp("An installed Debian package.", valueName: "name"))
    var package: String?
    @Option(help: ArgumentHelp("A unit of systemd; '.service' may be left out.", valueName: "name"))
    var unit: String?
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where the scenario goes (default: standard output).", valueName: "file"))
    var output: String?

    func validate() throws {
        if (package == nil) == (unit == nil) {
            throw ValidationError("name one thing to begin from: --package NAME or --unit NAME")
        }
    }

    func run() async throws {
        let draft = try await draft()
        guard let output else {
            Terminal.write(draft.yaml)
            return
        }
        let isTaken: Bool
        do throws(FileError) {
            isTaken = try FileStatus.ofIfExists(output, followLinks: false) != nil
            if !isTaken { try OutputFile.write(draft.yaml, to: output) }
        } catch {
            throw CommandFailure.message(error.description, code: "output", status: Status.fault)
        }
        if isTaken {
            throw CommandFailure.message(
                "the file '\(output)' already exists", code: "output", help: "name another one, or move it away",
                status: Status.wrongInput)
        }
    }

    private func draft() async throws -> ScenarioDraft {
        let reader = MachineReader()
        if let package { return try await draft(of: package, on: reader.host) }
        let name = unit ?? ""
        do throws(ProbeError) {
            let isPlain = name.utf8.contains(UInt8(ascii: "."))
            let unitDraft = UnitDraft(reader: reader, unit: isPlain ? name : name + ".service")
            guard let checks = try await unitDraft.checks() else {
                throw ProbeError(
                    .invalid, "draft a scenario", expected: "a unit that systemd knows", found: "'\(name)'")
            }
            return ScenarioDraft(
                comments: [
                    "Drafted by 'meshcheck init' from the unit \(unitDraft.unit) as it was on this host.",
                    "Take out what may change, and say in the titles why each check exists.",
                ], name: unitDraft.stem, title: "\(unitDraft.unit) runs", checks: checks)
        } catch {
            throw failure(error)
        }
    }

    /// The same checks that debbuild writes for a package of its own.
    private func draft(of package: String, on host: Host) async throws -> ScenarioDraft {
        let found: (scenario: PackageScenario?, state: String)
        do throws(ProbeError) {
            found = try await PackageSurvey.scenario(of: package, on: host, until: .now + .seconds(120))
        } catch {
            throw failure(error)
        }
        guard let scenario = found.scenario else {
            throw CommandFailure.message(
                "the package '\(package)' is '\(found.state)' (must be installed)", code: "not-installed",
                help: "dpkg -l '\(package)*' lists what is there", status: Status.wrongInput)
        }
        return scenario.draft
    }

    private func failure(_ error: ProbeError) -> ExitCode {
        switch error.reason {
        case .invalid: CommandFailure.message(error.description, code: "init", status: Status.wrongInput)
        case .timedOut: CommandFailure.message(error.description, code: "init", status: Status.timedOut)
        case .unreachable, .unavailable, .notPermitted, .denied:
            CommandFailure.message(error.description, code: "init", status: Status.unreachable)
        case .malformed: CommandFailure.message(error.description, code: "init", status: Status.fault)
        }
    }
}
