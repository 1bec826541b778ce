import ArgumentParser
import ClusterSetup
import Platform
import StandardStreams

/// What is registered.
struct RegistrationOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The namespace of the service (default: that of the kubeconfig's context).", valueName: "name"))
    var namespace: String?

    @Flag(help: "Use WorkloadEntry and ServiceEntry in place of Service and Endpoints.")
    var modern = false

    @OptionGroup var cluster: ClusterOptions

    /// The namespace that is named, else that of the context.
    func resolvedNamespace() async throws -> String {
        if let namespace { return namespace }
        do throws(ClusterProblem) {
            return try await cluster.access.currentNamespace()
        } catch {
            throw Meshex.failure(error)
        }
    }

    /// Reads lists of NAME=VALUE, separated by commas.
    static func pairs(_ option: String, _ lists: [String]) throws -> [String: String] {
        var pairs: [String: String] = [:]
        for item in lists.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw Meshex.failure(2, "\(option) has '\(item)', expected NAME=VALUE[,NAME=VALUE]...")
            }
            pairs[String(parts[0])] = String(parts[1])
        }
        return pairs
    }

    static func address(_ text: String) throws -> IPAddress {
        guard let address = IPAddress(text), !address.isLoopback, !address.isUnspecified else {
            throw Meshex.failure(2, "'\(text)' is not the address of a host, expected one such as 10.150.0.5")
        }
        return address
    }

    static func name(_ text: String) throws -> String {
        guard let port = PortDeclaration(text + ":1"), port.name == text else {
            throw Meshex.failure(
                2, "'\(text)' is not a service name, expected at most 63 lower-case letters, digits and '-'")
        }
        return text
    }

    func tell(_ changes: [String], _ otherwise: String) {
        Terminal.writeText(changes.isEmpty ? otherwise + "\n" : changes.joined())
    }
}

/// `meshex register`.
struct RegisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Register a host's address for a service, as 'istioctl register' did.",
        discussion: """
            A Service without a selector and Endpoints of its name. A port without a name gets one by its number: http for 80
            and 8080, https for 443, mysql for 3306, else the number; the mesh knows the protocol by the name. An address
            that is there already is not added again.

            EXAMPLES
              meshex register -n onprem mysql 10.150.0.5 3306
              meshex register -n onprem svc1 10.150.0.5 http:7000 grpc-admin:7001 -l version=v2,tier=back
            """)

    @Argument(help: "The service.")
    var service: String

    @Argument(help: "The host's address.")
    var address: String

    @Argument(help: ArgumentHelp("Its ports.", valueName: "[name:]port"))
    var ports: [String]

    @Option(
        name: [.customShort("s"), .customLong("serviceaccount")],
        help: ArgumentHelp("The host's service account.", valueName: "name"))
    var account = "default"

    @Option(
        name: [.customShort("l"), .long],
        help: ArgumentHelp("Labels, NAME=VALUE[,NAME=VALUE]...; repeatable.", valueName: "labels"))
    var labels: [String] = []

    @Option(
        name: [.customShort("a"), .long],
        help: ArgumentHelp("Annotations, likewise.", valueName: "annotations"))
    var annotations: [String] = []

    @OptionGroup var options: RegistrationOptions

    func run() async throws {
        let address = try RegistrationOptions.address(address)
        let declared = try ports.map { text in
            guard let port = PortDeclaration(text) else {
                throw Meshex.failure(2, "'\(text)' is not a port, expected NUMBER or NAME:NUMBER such as http:7000")
            }
            return port
        }
        let (labels, annotations) = (
            try RegistrationOptions.pairs("--labels", labels),
            try RegistrationOptions.pairs("--annotations", annotations)
        )
        let registration = Registration(
            service: try RegistrationOptions.name(service), namespace: try await options.resolvedNamespace(),
            account: account, labels: labels, annotations: annotations)
        do throws(ClusterProblem) {
            let changes =
                options.modern
                ? try await registration.registerModern(address, ports: declared, options.cluster.access)
                : try await registration.register(address, ports: declared, options.cluster.access)
            options.tell(changes, "\(service): \(address) is registered already")
        } catch {
            throw Meshex.failure(error)
        }
    }
}

/// `meshex deregister`.
struct DeregisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deregister",
        abstract: "Remove a host's address from a service; the service stays.",
        discussion: """
            EXAMPLES
              meshex deregister -n onprem mysql 10.150.0.5
            """)

    @Argument(help: "The service.")
    var service: String

    @Argument(help: "The host's address.")
    var address: String

    @OptionGroup var options: RegistrationOptions

    func run() async throws {
        let address = try RegistrationOptions.address(address)
        let registration = Registration(
            service: try RegistrationOptions.name(service), namespace: try await options.resolvedNamespace())
        do throws(ClusterProblem) {
            let changes =
                options.modern
                ? try await registration.deregisterModern(address, options.cluster.access)
                : try await registration.deregister(address, options.cluster.access)
            options.tell(changes, "\(service): \(address) is not registered")
        } catch {
            throw Meshex.failure(error)
        }
    }
}
