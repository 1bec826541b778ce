import ArgumentParser
import MeshContract
import SidecarAgent
import StandardStreams

/// `pilot-agent request METHOD PATH`.
struct RequestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request",
        abstract: "Ask Envoy's administration on 127.0.0.1.",
        discussion: """
            Prints the body of the answer.

            EXAMPLES
              pilot-agent request GET /server_info
              pilot-agent request GET '/stats?filter=^cluster\\..*upstream_cx_active$'
              pilot-agent request POST '/logging?level=debug'

            EXIT STATUS
              0 for a status 2xx, 1 for another, 3 if nothing listens, 4 if the answer takes too long
            """)

    @Argument(help: "GET or POST.") var method: EnvoyAdminClient.Method
    @Argument(help: "The path with its query; see /help.") var path: String

    @Option(
        name: .customLong("proxyAdminPort"),
        help: ArgumentHelp("The port of Envoy's administration.", valueName: "port"))
    var adminPort = MeshPorts.envoyAdmin

    @Option(help: ArgumentHelp("For the request with its answer, in seconds.", valueName: "seconds"))
    var timeout = 5

    func validate() throws {
        guard (1...65535).contains(adminPort) else {
            throw ValidationError("--proxyAdminPort: expected a port from 1 to 65535, found \(adminPort)")
        }
        guard (1...3600).contains(timeout) else {
            throw ValidationError("--timeout: expected 1 to 3600 seconds, found \(timeout)")
        }
    }

    func run() async throws {
        let answer: EnvoyAdminClient.Answer
        do throws(EnvoyAdminError) {
            answer = try await EnvoyAdminClient(port: adminPort, timeout: .seconds(timeout)).request(method, path)
        } catch {
            throw PilotAgentCommand.failure(error.description, status: Self.status(of: error))
        }
        Terminal.write(answer.body)
        guard (200..<300).contains(answer.status) else {
            throw PilotAgentCommand.failure("HTTP status \(answer.status) for \(method.rawValue) \(path)", status: 1)
        }
    }

    private static func status(of error: EnvoyAdminError) -> Int32 {
        switch error.problem {
        case .badPath: 2
        case .unreachable, .malformed: 3
        case .timedOut: 4
        }
    }
}

extension EnvoyAdminClient.Method: ExpressibleByArgument {}
