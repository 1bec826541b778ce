import ArgumentParser
import CLinux
import HTTP
import Reports
import Scenarios
import StandardStreams
import Synchronization

/// `meshcheck serve [PATH…]`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the state of this host over HTTP.",
        discussion: """
            GET /healthz      200 when no check of severity error fails, else 503, with the causes as text
            GET /metrics      Prometheus' text format
            GET /report       the page; /report.json for programs

            Checks run when somebody asks and the last result is older than --cache; runs never overlap. A request \
            waits for them for five seconds at most and then gets the last result, with its age in seconds in the \
            header Age, or 503 where there is none yet. There is no \
            password and no TLS: listen on another address than loopback only where everybody may know the answers.

            EXAMPLES
              meshcheck serve
              meshcheck serve --listen 10.150.0.5:9115 --cache 1m Scenarios/
              curl --fail http://127.0.0.1:9115/healthz

            EXIT STATUS
              0   ended by SIGTERM or SIGINT
              2   the input is wrong
              3   the address cannot be used
            """)

    @OptionGroup(title: "Scenarios") var suite: SuiteOptions
    @OptionGroup(title: "Execution") var execution: ExecutionOptions
    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "address:port"))
    var listen = ListenAddress(host: "127.0.0.1", port: 9115)
    @Option(help: ArgumentHelp("How long a result is served again.", valueName: "time"))
    var cache = DurationArgument(seconds: 30)

    func run() async throws {
        clinux_share_memory()
        // Mistakes show now, and not at the first request.
        _ = try await LocalRun.load(suite)
        let suite = suite
        let execution = execution
        let cache = ResultCache(lifetime: cache.value) {
            // A run uses many threads, and what they have freed stays theirs: over hours it is tens of megabytes.
            defer { clinux_give_memory_back() }
            do {
                return .result(try await LocalRun.load(suite).result(execution) { _ in }.result)
            } catch {
                return .broken("the scenarios cannot be loaded any more: meshcheck validate says why")
            }
        }
        let isListening = Mutex(false)
        let reports = ReportServer(cache: cache, refreshSeconds: max(5, Int(self.cache.value.components.seconds)))
        let server = HTTPServer { await reports.respond(to: $0) }
        let listen = listen
        do {
            try await Signals.cancelling {
                try await server.run(host: listen.host, port: listen.port) { host, port in
                    isListening.withLock { $0 = true }
                    Terminal.writeText("listening on http://\(host):\(port)\n")
                }
            }
        } catch {
            if isListening.withLock({ $0 }) { throw error }
            throw CommandFailure.message(
                "cannot listen on \(listen.host):\(listen.port): \(error)", code: "listen",
                help: "see what holds the port: ss -ltnp 'sport = :\(listen.port)'", status: Status.unreachable)
        }
        await cache.stop()
    }
}

/// `address:port`, with an IPv6 address in brackets.
struct ListenAddress: ExpressibleByArgument {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        guard let colon = argument.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(argument[argument.utf8.index(after: colon)...])
        else { return nil }
        var host = argument.utf8[..<colon]
        if host.first == UInt8(ascii: "[") {
            guard host.last == UInt8(ascii: "]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            return nil
        }
        self.host = host.isEmpty ? "0.0.0.0" : String(decoding: host, as: UTF8.self)
        self.port = Int(port)
    }

    var defaultValueDescription: String { "\(host):\(port)" }
}
