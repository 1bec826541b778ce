import Foundation
import TestSupport
import XCTest

/// A machine that was looked at, and what came of it.
struct MachineOutcome: @unchecked Sendable {
    /// What the cases are named after when there are several machines.
    var name: String
    /// The report, or why there is none.
    var run: Result<CheckReport.Run, any Error>

    /// The machine of `MESHCHECK_TARGET`, else the servers of the suite, seen from here and through sshd.
    static func all() -> [MachineOutcome] {
        let environment = ProcessInfo.processInfo.environment
        let more = words(environment["MESHCHECK_ARGUMENTS"])
        if let target = environment["MESHCHECK_TARGET"], !target.isEmpty {
            let scenarios = environment["MESHCHECK_SCENARIOS"].map { [$0] } ?? [repositoryRoot + "/Scenarios"]
            return [look(name: target, target: target == "local" ? nil : target, scenarios, more)]
        }
        let servers: StandingServers
        do {
            servers = try StandingServers()
        } catch {
            return [MachineOutcome(name: "local", run: .failure(error))]
        }
        defer { servers.stop() }
        let scenarios = [repositoryRoot + "/Tests/ConformanceTests/Scenarios"]
        return [
            look(name: "local", target: nil, scenarios, servers.variables + more),
            look(
                name: "ssh", target: servers.ssh.target, scenarios,
                servers.variables + ["--ssh-config", servers.ssh.clientConfiguration] + more),
        ]
    }

    private static func look(
        name: String, target: String?, _ scenarios: [String], _ arguments: [String]
    ) -> MachineOutcome {
        MachineOutcome(
            name: name,
            run: Result {
                let result = try TestSupport.run(
                    productPath("meshcheck"),
                    ["run"] + scenarios + ["--format", "json", "--quiet"] + (target.map { ["--target", $0] } ?? [])
                        + arguments,
                    environment: ["NO_COLOR": "1", "LC_ALL": "C.UTF-8"], workingDirectory: repositoryRoot)
                return try CheckReport.run(result.standardOutput, isRemote: target != nil, errors: result.errors)
            })
    }

    /// Words between spaces; what is in single quotes is one.
    private static func words(_ text: String?) -> [String] {
        var words: [String] = []
        for (index, part) in (text ?? "").split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            words += index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
        }
        return words
    }
}
