import ArgumentParser
import ClusterSetup
import StandardStreams

/// `meshex manifests`.
struct ManifestsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifests",
        abstract: "Make the four internal load balancers through which hosts reach the control plane.",
        discussion: """
            Pilot 8080, Mixer 9091 and the certificate authority 8060 in the control plane's namespace, the cluster's DNS
            53/udp in kube-system. Without the cloud's annotation a load balancer is open to the world, so the cloud has to
            be named; 'metallb' and 'none' have no annotation.

            EXAMPLES
              meshex manifests --cloud gke --out mesh-expansion.yaml
              meshex manifests --cloud aws --apply
            """)

    @Option(help: ArgumentHelp("gke, aws, azure, openstack, metallb or none.", valueName: "cloud"))
    var cloud: Cloud

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
    var out = "-"

    @Flag(help: "Hand them to kubectl apply.")
    var apply = false

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var controlPlane: ControlPlaneOptions

    func run() async throws {
        let text = LoadBalancerManifest.text(cloud: cloud, controlPlane: controlPlane.namespace)
        if !apply || out != "-" { try Meshex.write(text, to: out) }
        guard apply else { return }
        do throws(ClusterProblem) {
            Terminal.writeText(try await cluster.access.applyManifests(text))
        } catch {
            throw Meshex.failure(error)
        }
    }
}

extension Cloud: ExpressibleByArgument {}
