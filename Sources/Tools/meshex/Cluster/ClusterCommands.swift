import ArgumentParser
import Files
import MeshExpansion
import StandardStreams

/// The commands that speak with the cluster.
enum ClusterCommands {
    static let all: [any ParsableCommand.Type] = [
        ManifestsCommand.self, ClusterEnvironmentCommand.self, NamesCommand.self, CertificatesCommand.self,
        RegisterCommand.self, DeregisterCommand.self, DoctorCommand.self,
    ]

    /// Ends a command that could not do its work.
    static func failure(_ problem: ExpansionProblem) -> ExitCode {
        Failure(status: problem.kind.status, text: problem.description).exit
    }

    /// Writes a file as a whole, or to standard output for `-`.
    static func write(_ text: String, to path: String) throws {
        if path == "-" {
            Terminal.write(text)
            return
        }
        do throws(FileError) {
            let file = try AtomicFile(target: path)
            try file.write(Array(text.utf8))
            try file.commit()
        } catch {
            throw Failure(status: 70, text: "cannot write \(path): \(error)").exit
        }
        Terminal.writeErrorLine("written: \(path)")
    }
}

/// How the cluster is reached.
struct ClusterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The context of the kubeconfig (default: the current one).", valueName: "name"))
    var context: String?

    @Option(help: ArgumentHelp("The kubeconfig (default: the user's).", valueName: "file"))
    var kubeconfig: String?

    @Option(help: ArgumentHelp("The program.", valueName: "path"))
    var kubectl = "kubectl"

    @Option(help: ArgumentHelp("Seconds for one call of kubectl.", valueName: "n"))
    var timeout = 30

    func validate() throws {
        if !(3...3600).contains(timeout) {
            throw ValidationError("--timeout is \(timeout) (must be >=3 and <=3600 seconds)")
        }
    }

    var access: Kubectl {
        Kubectl(program: kubectl, context: context, configuration: kubeconfig, timeLimit: .seconds(timeout))
    }
}

/// Where the control plane is.
struct ControlPlaneOptions: ParsableArguments {
    @Option(
        name: .customLong("istio-namespace"),
        help: ArgumentHelp("The namespace of the control plane.", valueName: "name"))
    var namespace = "istio-system"
}
