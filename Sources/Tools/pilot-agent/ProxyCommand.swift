import ArgumentParser
import Glibc
import MeshContract
import Processes
import SidecarAgent
import StandardStreams

/// `pilot-agent proxy [ROLE]`.
struct ProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy",
        abstract: "Run Envoy and restart it without loss when the certificates change.",
        discussion: """
            Writes <configPath>/envoy-rev<epoch>.json and runs Envoy with it. When the certificates change, an Envoy of \
            the next epoch takes over the listeners (hot restart). An Envoy that fails is started again after 200 ms, and \
            each time after twice the wait, ten times; an Envoy that serves is left alone meanwhile. SIGTERM and SIGINT \
            end Envoy and the agent; nothing of Envoy's outlives the agent, even if that is killed. SIGHUP makes the agent look \
            at the certificates at once. The log is standard output, with Envoy's.

            ENVIRONMENT
              INSTANCE_IP     the machine's address (--ip)
              POD_NAME        the first part of --id; else the short host name
              POD_NAMESPACE   the second part of --id, and --domain; else 'default'

            EXAMPLES
              pilot-agent proxy
              INSTANCE_IP=10.150.0.5 POD_NAME=demo-vm-1 pilot-agent proxy
              pilot-agent proxy --discoveryAddress 10.150.0.6:8080
              pilot-agent proxy --xds ads --discoveryAddress istiod:15010
            """)

    @OptionGroup var arguments: ProxyArguments

    func run() async throws {
        let resolved = try await arguments.resolve()
        let log = AgentLog(descriptor: STDOUT_FILENO)
        for warning in resolved.warnings { log.warning(warning) }
        let outcome: ProxyAgent.Outcome
        do throws(AgentError) {
            outcome = try await ProxyAgent.run(resolved.settings, guardian: await Self.guardian(log), log: log)
        } catch {
            throw PilotAgentCommand.failure(error.description, status: 2)
        }
        if outcome == .exhausted { throw ExitCode(255) }
    }

    /// Who ends what Envoy leaves when this process is killed: systemd, where this is the first process of a service
    /// (systemd.exec(5)), else a process of our own.
    private static func guardian(_ log: AgentLog) async -> ProxyGuardian? {
        if Terminal.variable("SYSTEMD_EXEC_PID") == "\(getpid())" { return nil }
        do throws(ProcessError) {
            return try await ProxyGuardian.start(environment: Terminal.environment)
        } catch {
            log.warning("Nothing will end what Envoy leaves running if this agent is killed: \(error)")
            return nil
        }
    }
}

/// The options of `proxy` and `bootstrap`. Their names are a contract with scripts and units.
struct ProxyArguments: ParsableArguments {
    private static let defaults = ProxyOptions()

    @Argument(help: "What the proxy is in the mesh: sidecar, ingress or egress.")
    var role: NodeIdentity.Role = .sidecar

    @Option(
        name: .customLong("serviceregistry"),
        help: ArgumentHelp("The platform of the service registry.", valueName: "name"))
    var serviceRegistry = Self.defaults.serviceRegistry

    @Option(
        name: .customLong("ip"),
        help: ArgumentHelp(
            "The address that the cluster reaches this machine at. (default: $INSTANCE_IP, else the source address of "
                + "the route to the control plane)", valueName: "address"))
    var address: String?

    @Option(
        name: .customLong("id"),
        help: ArgumentHelp(
            "The name of this machine. (default: $POD_NAME.$POD_NAMESPACE, where POD_NAME is the short host name and "
                + "POD_NAMESPACE is 'default' if not set)", valueName: "name.namespace"))
    var id: String?

    @Option(
        name: .customLong("domain"),
        help: ArgumentHelp("The domain of short names. (default: $POD_NAMESPACE.svc.cluster.local)", valueName: "name"))
    var domain: String?

    @Option(
        name: .customLong("configPath"),
        help: ArgumentHelp("The folder of Envoy's configuration, one file per epoch.", valueName: "dir"))
    var configPath = Self.defaults.configurationFolder

    @Option(name: .customLong("binaryPath"), help: ArgumentHelp("Envoy.", valueName: "file"))
    var binaryPath = Self.defaults.binary

    @Option(
        name: .customLong("serviceCluster"), help: ArgumentHelp("The cluster that Envoy reports.", valueName: "name"))
    var serviceCluster = Self.defaults.serviceCluster

    @Option(
        name: .customLong("drainDuration"),
        help: ArgumentHelp("How long an Envoy that is replaced drains; whole seconds.", valueName: "duration"))
    var drainDuration = Self.defaults.drainDuration

    @Option(
        name: .customLong("parentShutdownDuration"),
        help: ArgumentHelp(
            "When an Envoy that is replaced is shut down; whole seconds, more than it drains.", valueName: "duration"))
    var parentShutdownDuration = Self.defaults.parentShutdownDuration

    @Option(
        name: .customLong("discoveryAddress"),
        help: ArgumentHelp(
            "The control plane. (default: istio-pilot:8080; with --xds ads istio-pilot:15010)", valueName: "host:port"))
    var discoveryAddress: String?

    @Option(
        name: .customLong("xds"),
        help: ArgumentHelp(
            "How Envoy gets its configuration: 'rest' asks POST /v3/discovery:… again and again, 'ads' keeps one gRPC "
                + "stream.", valueName: "protocol"))
    var discoveryProtocol = Self.defaults.discoveryProtocol

    @Option(
        name: .customLong("discoveryRefreshDelay"),
        help: ArgumentHelp("The pause between two requests of --xds rest.", valueName: "duration"))
    var discoveryRefreshDelay = Self.defaults.discoveryRefreshDelay

    @Option(
        name: .customLong("connectTimeout"),
        help: ArgumentHelp("How long a connection to the control plane may take to be made.", valueName: "duration"))
    var connectTimeout = Self.defaults.connectTimeout

    @Option(
        name: .customLong("statsdUdpAddress"),
        help: ArgumentHelp("Where Envoy sends statistics. A name is looked up once.", valueName: "host:port"))
    var statsdUDPAddress: String?

    @Option(
        name: .customLong("zipkinAddress"), help: ArgumentHelp("Where Envoy sends traces.", valueName: "host:port"))
    var zipkinAddress: String?

    @Option(
        name: .customLong("proxyAdminPort"),
        help: ArgumentHelp("The port of Envoy's administration on 127.0.0.1.", valueName: "port"))
    var adminPort = Self.defaults.adminPort

    @Option(
        name: .customLong("accessLog"),
        help: ArgumentHelp(
            "The log of requests to Envoy's administration; '' for none. Logs of traffic come with the listeners from "
                + "the control plane.", valueName: "file"))
    var accessLog = Self.defaults.accessLog

    @Option(
        name: .customLong("certPath"),
        help: ArgumentHelp("The folder of key.pem, cert-chain.pem and root-cert.pem.", valueName: "dir"))
    var certificateFolder = Self.defaults.certificateFolder

    @Option(
        name: .customLong("certBatchDuration"),
        help: ArgumentHelp(
            "How long changes of the certificates are gathered before Envoy is restarted.", valueName: "duration"))
    var certificateBatch = Self.defaults.certificateBatchDuration

    @Option(
        name: .customLong("envoyArgument"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "One more argument for Envoy, after the agent's own; can be repeated. A second agent on a machine needs "
                + "'--envoyArgument --base-id --envoyArgument 1'.", valueName: "argument"))
    var envoyArguments: [String] = []

    /// The options as the agent takes them.
    var options: ProxyOptions {
        var options = ProxyOptions()
        options.role = role
        options.serviceRegistry = serviceRegistry
        options.address = address
        options.id = id
        options.domain = domain
        options.configurationFolder = configPath
        options.binary = binaryPath
        options.serviceCluster = serviceCluster
        options.drainDuration = drainDuration
        options.parentShutdownDuration = parentShutdownDuration
        options.discoveryAddress = discoveryAddress
        options.discoveryProtocol = discoveryProtocol
        options.discoveryRefreshDelay = discoveryRefreshDelay
        options.connectTimeout = connectTimeout
        options.statsdUDPAddress = statsdUDPAddress
        options.zipkinAddress = zipkinAddress
        options.adminPort = adminPort
        options.accessLog = accessLog
        options.certificateFolder = certificateFolder
        options.certificateBatchDuration = certificateBatch
        options.envoyArguments = envoyArguments
        return options
    }

    /// The settings of this machine, or the end of the program with status 2.
    func resolve() async throws(ExitCode) -> ResolvedSettings {
        var environment: [String: String] = [:]
        for name in ["INSTANCE_IP", "POD_NAME", "POD_NAMESPACE"] { environment[name] = Terminal.variable(name) }
        do {
            return try await SettingsResolver.resolve(options, environment: environment)
        } catch {
            throw PilotAgentCommand.failure(error.description, status: 2)
        }
    }
}

extension NodeIdentity.Role: ExpressibleByArgument {}
extension ProxyOptions.DiscoveryProtocol: ExpressibleByArgument {}
