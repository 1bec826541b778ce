import ArgumentParser
import MachineSetup
import StandardStreams

/// `meshex machine-script`.
struct MachineScriptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine-script",
        abstract: "Prints setupIstioVM.sh: what machine-setup runs on a machine, to be read or run by hand.",
        discussion: """
            The script needs nothing of ours: copy it to the machine with kubedns, cluster.env, the three .pem files and the
            packages, and run it there as root in that folder. 'sh setupIstioVM.sh help' names its functions and settings.

            EXAMPLE
              meshex machine-script > setupIstioVM.sh
            """)

    func run() throws { Terminal.write(SetupScript.text) }
}
