import HTTP
import MeshChecks
import Platform
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
            case .unfinished(let time): return Self.unfinished(time)
            case .known(.broken(let text), _): return Self.response(503, .terminal, text + "\n")
            case .known(.result(let result), let age):
                return Self.response(result.hasFailed ? 503 : 200, .terminal, Self.health(result), age: age)
            }
        case "/metrics": return await page(.prometheus, PrometheusRenderer())
        case "/report": return await page(.html, HTMLRenderer(route: .mesh, refreshSeconds: refreshSeconds))
        case "/report.json": return await page(.json, JSONRenderer())
        default: return Self.response(404, .terminal, "")
        }
    }

    private func page(_ format: ReportFormat, _ renderer: some Renderer) async -> HTTPServer.Response {
        switch await cache.current() {
        case .unfinished(let time): Self.unfinished(time)
        case .known(.broken(let text), _): Self.response(500, .terminal, text + "\n")
        case .known(.result(let result), let age): Self.response(200, format, renderer.render(result), age: age)
        }
    }

    private static func unfinished(_ time: Duration) -> HTTPServer.Response {
        response(503, .terminal, "unknown: the first run has not ended after \(time.components.seconds) s\n")
    }

    /// One line, and the causes for who reads the answer of a failing probe.
    private static func health(_ result: RunResult) -> String {
        let summary = Summary(result.checks)
        var text = result.hasFailed ? "failed" : result.isIncomplete ? "incomplete" : "ok"
        text += ": \(summary[.passed]) passed, \(summary[.failed] + summary[.error]) failed, "
        text += "\(summary[.skipped] + summary[.notPermitted]) not looked at\n"
        for diagnosis in MaskedRun(result).result.diagnoses where diagnosis.severity == .error {
            text += DisplayText.inline("\(diagnosis.code): \(diagnosis.cause)") + "\n"
        }
        return text
    }

    /// - Parameter age: how long ago the run ended that the text tells of (RFC 9111, section 5.1).
    private static func response(
        _ status: Int, _ format: ReportFormat, _ text: String, age: Duration? = nil
    ) -> HTTPServer.Response {
        var headers = [("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")]
        if let age { headers.append(("Age", String(age.components.seconds))) }
        return HTTPServer.Response(status, text, type: format.mediaType, headers: headers)
    }
}
