import ArgumentParser
import ClusterSetup
import FoundationEssentials
import MeshContract
import StandardStreams

/// `meshex dnsmasq`.
struct DnsmasqCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dnsmasq",
        abstract: "Write kubedns: how a host finds the cluster's names.",
        discussion: """
            Waits until all four load balancers have an address; a file with an empty one is never written. A host name, as
            AWS gives it, is looked up, and a remark in the file says when.

            EXAMPLES
              meshex dnsmasq
              meshex dnsmasq --format hosts --out - >> /etc/hosts
              meshex dnsmasq --wait 600 --context prod
            """)

    @Option(help: ArgumentHelp("dnsmasq, systemd-resolved or hosts.", valueName: "format"))
    var format = NameConfiguration.Format.dnsmasq

    @Option(help: ArgumentHelp("Seconds to wait for the addresses.", valueName: "n"))
    var wait = 300

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The file to write (default: kubedns, istio.conf or hosts); - for standard output.", valueName: "file"))
    var out: String?

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var controlPlane: ControlPlaneOptions

    func validate() throws {
        if !(0...86400).contains(wait) { throw ValidationError("--wait is \(wait) (must be >=0 and <=86400 seconds)") }
    }

    func run() async throws {
        let addresses: BalancerAddresses
        do throws(ClusterProblem) {
            addresses = try await BalancerAddresses.wait(
                cluster.access, controlPlane: controlPlane.namespace, limit: .seconds(wait)
            ) { Terminal.writeErrorLine($0) }
        } catch {
            throw Meshex.failure(error)
        }
        let date = Date().formatted(.iso8601)
        let text = NameConfiguration(addresses: addresses, namespace: controlPlane.namespace, date: date).text(format)
        let file: String
        switch format {
        case .dnsmasq:
            // What hosts will read is read here first.
            let problems = KubeDNSFile(text, namespace: controlPlane.namespace).problems
            if let first = problems.first { throw Meshex.failure(70, "a faulty kubedns: \(first)") }
            file = "kubedns"
        case .resolved: file = "istio.conf"
        case .hosts: file = "hosts"
        }
        try Meshex.write(text, to: out ?? file)
    }
}

extension NameConfiguration.Format: ExpressibleByArgument {}
