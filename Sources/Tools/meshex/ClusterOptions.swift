import ArgumentParser
import ClusterSetup

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
