import HTTP
import MeshChecks
import Reports
import Scenarios

/// Health, metrics and the page over HTTP.
struct ReportServer {
    let cache: ResultCache
    /// After how many seconds a browser asks for the page again.
    let refreshSeconds: Int

    /// The answer to a request.
    func respond(to request: HTTPServer.Request) async -> HTTPServer.Response {
        guard request.method == "GET" || request.method == "HEAD" else { return Self.response(404, .terminal, "") }
        switch request.path {
        case "/": return Self.response(200, .terminal, "/healthz\n/metrics\n/report\n/report.json\n")
        case "/healthz":
            switch await cache.current() {
            case .broken(let text): return Self.response(503, .terminal, text + "\n")
            case .result(let result):
                return Self.response(result.hasFailed ? 503 : 200, .terminal, Self.health(result))
            }
        case "/metrics": return await page(.prometheus, PrometheusRenderer())
        case "/report": return await page(.html, HTMLRenderer(route: .mesh, refreshSeconds: refreshSeconds))
        case "/report.json": return await page(.json, JSONRenderer())
        default: return Self.response(404, .terminal, "")
        }
    }

    private func page(_ format: ReportFormat, _ renderer: some Renderer) async -> HTTPServer.Response {
        switch await cache.current() {
        case .broken(let text): Self.response(500, .terminal, text + "\n")
        case .result(let result): Self.response(200, format, renderer.render(result))
        }
    }

    /// One line, and the causes for who reads the answer of a failing probe.
    private static func health(_ result: RunResult) -> String {
        let summary = Summary(result.checks)
        var text = result.hasFailed ? "failed" : result.isIncomplete ? "incomplete" : "ok"
        text += ": \(summary[.passed]) passed, \(summary[.failed] + summary[.error]) failed, "
        text += "\(summary[.skipped] + summary[.notPermitted]) not looked at\n"
        for diagnosis in MaskedRun(result).result.diagnoses where diagnosis.severity == .error {
            text += "\(diagnosis.code): \(diagnosis.cause)\n"
        }
        return text
    }

    private static func response(_ status: Int, _ format: ReportFormat, _ text: String) -> HTTPServer.Response {
        HTTPServer.Response(
            status, text, type: format.mediaType,
            headers: [("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")])
    }
}
