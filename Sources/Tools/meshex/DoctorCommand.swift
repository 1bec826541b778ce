import ArgumentParser
import ClusterSetup
import StandardStreams

/// `meshex doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check from here whether the cluster is ready for hosts.",
        discussion: """
            The API server, the four load balancers and whether they answer, the secret of the service account and how long
            it is good for. Run it in the hosts' network: load balancers are internal.

            EXAMPLES
              meshex doctor
              meshex doctor --service-account payments --namespace onprem --context prod
            """)

    @Option(help: ArgumentHelp("The service account of the hosts.", valueName: "name"))
    var serviceAccount = "default"

    @Option(name: .shortAndLong, help: ArgumentHelp("Its namespace.", valueName: "name"))
    var namespace = "default"

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var controlPlane: ControlPlaneOptions

    func run() async throws {
        let doctor = Doctor(
            kubectl: cluster.access, namespace: controlPlane.namespace, account: (serviceAccount, namespace))
        let findings = await doctor.examine { finding in
            Terminal.writeText("\(finding.problem == nil ? "ok  " : "FAIL") \(finding.subject): \(finding.seen)\n")
            if let problem = finding.problem { Terminal.writeText("     remedy: \(problem.remedy)\n") }
        }
        let worst = findings.compactMap { $0.problem?.kind.status }.max()
        if let worst { throw ExitCode(worst) }
    }
}
