import Hummingbird
import Logging
import MeshChecks
import NIOCore
import Reports
import Scenarios

/// Health, metrics and the page over HTTP.
struct ReportServer {
    let host: String
    let port: Int
    let cache: ResultCache
    /// After how many seconds a browser asks for the page again.
    let refreshSeconds: Int

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter onListening: gets the address as `host:port`, once it is listened at.
    func run(onListening: @escaping @Sendable (String) -> Void) async throws {
        var logger = Logger(label: "meshcheck")
        logger.logLevel = .error
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                let address = channel.localAddress
                let shown = address?.ipAddress.map { $0.utf8.contains(UInt8(ascii: ":")) ? "[\($0)]" : $0 } ?? host
                onListening("\(shown):\(address?.port ?? port)")
            }, logger: logger)
        try await application.runService()
    }

    private var router: Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.get("healthz") { [cache] _, _ in
            switch await cache.current() {
            case .broken(let text): Self.response(.serviceUnavailable, .terminal, text + "\n")
            case .result(let result):
                Self.response(result.hasFailed ? .serviceUnavailable : .ok, .terminal, Self.health(result))
            }
        }
        let pages: [(path: RouterPath, format: ReportFormat, renderer: any Renderer)] = [
            ("metrics", .prometheus, PrometheusRenderer()),
            ("report", .html, HTMLRenderer(route: .mesh, refreshSeconds: refreshSeconds)),
            ("report.json", .json, JSONRenderer()),
        ]
        for page in pages {
            router.get(page.path) { [cache] _, _ in
                switch await cache.current() {
                case .broken(let text): Self.response(.internalServerError, .terminal, text + "\n")
                case .result(let result): Self.response(.ok, page.format, page.renderer.render(result))
                }
            }
        }
        router.get("/") { _, _ in
            Self.response(.ok, .terminal, "/healthz\n/metrics\n/report\n/report.json\n")
        }
        return router
    }

    /// One line, and the causes for who reads the answer of a failing probe.
    private static func health(_ result: RunResult) -> String {
        let summary = Summary(result.checks)
        var text = result.hasFailed ? "failed" : "ok"
        text += ": \(summary[.passed]) passed, \(summary[.failed] + summary[.error]) failed, "
        text += "\(summary[.skipped] + summary[.notPermitted]) not looked at\n"
        for diagnosis in MaskedRun(result).result.diagnoses where diagnosis.severity == .error {
            text += "\(diagnosis.code): \(diagnosis.cause)\n"
        }
        return text
    }

    private static func response(_ status: HTTPResponse.Status, _ format: ReportFormat, _ text: String) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: format.mediaType, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
