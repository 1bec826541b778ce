import ArgumentParser
import SidecarAgent

/// `pilot-agent proxy [ROLE]`.
struct ProxyRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy",
        abstract: "Run Envoy and restart it without loss when the certificates change.",
        discussion: """
            Writes <configPath>/envoy-rev<epoch>.json and runs Envoy with it. When the certificates change, an Envoy of \
            the next epoch takes over the listeners (hot restart). An Envoy that fails is started again after 200 ms, and \
            each time after twice the wait, ten times; an Envoy that serves is left alone meanwhile. SIGTERM and SIGINT \
            end Envoy and the agent; Envoy never outlives the agent. The log is standard output, with Envoy's.

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
        let log = AgentLog()
        for warning in resolved.warnings { log.warning(warning) }
        let outcome: ProxyAgent.Outcome
        do throws(AgentError) {
            outcome = try await ProxyAgent.run(resolved.settings, log: log)
        } catch {
            throw ExitCode(Failure.report(error.description, status: 2))
        }
        if outcome == .exhausted { throw ExitCode(255) }
    }
}
