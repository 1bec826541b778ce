import Platform
import Scenarios

/// A page that stands by itself: one file, no scripts, nothing loaded from anywhere.
public struct HTMLRenderer: Renderer {
    let refreshSeconds: Int?

    /// Creates a renderer.
    ///
    /// - Parameter refreshSeconds: after how many seconds a browser asks for the page again; nil for never.
    public init(refreshSeconds: Int? = nil) { self.refreshSeconds = refreshSeconds }

    /// The document of one run.
    public func text(of run: MaskedRun) -> String {
        let result = run.result
        let title = "\(result.host): \(result.hasFailed ? "not in order" : "in order")"
        var body = HTMLParts.header(
            title: result.host, verdict: HTMLParts.verdict(result),
            meta: "profile \(result.profile), \(RFC3339.readableText(result.startedAt)), "
                + "took \(DurationText.short(result.duration))")
        body += "<section class=\"card map\">\n\(RouteDrawing.svg(MeshRoute(result.checks)))</section>\n"
        body += HTMLParts.causes(result)
        body += HTMLParts.checks(result)
        return page(title: title, body: body)
    }

    /// The frame of a page. The policy forbids what the page does not need, should a text ever get past the escaping.
    func page(title: String, body: String) -> String {
        let refresh = refreshSeconds.map { "<meta http-equiv=\"refresh\" content=\"\($0)\">\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            base-uri 'none'; form-action 'none'">
            \(refresh)<title>\(Markup.escaped(title))</title>
            <style>
            \(PageStyle.css)</style>
            </head>
            <body>
            <div class="page">
            \(body)<footer>Written by meshcheck.</footer>
            </div>
            </body>
            </html>

            """
    }
}
