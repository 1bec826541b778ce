import Hummingbird
import NIOCore

/// The product page of the BookInfo walk-through.
struct ProductPage: HTTPResponder {
    typealias Context = BasicRequestContext

    func respond(to request: Request, context: Context) async throws -> Response {
        let path = request.uri.path
        guard request.method == .get else { return Response(status: .methodNotAllowed) }
        guard path == "/" || path == "/productpage" else { return Response(status: .notFound) }
        return Response(
            status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: Self.page)))
    }

    private static let star = #"<span class="glyphicon glyphicon-star"></span>"#
    private static let page = """
        <!DOCTYPE html>
        <html lang="en">
        <head><meta charset="utf-8"><title>Simple Bookstore App</title></head>
        <body>
        <h1>The Comedy of Errors</h1>
        <h4>Book Reviews</h4>
        <blockquote>
        <p>An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!</p>
        <small>Reviewer1</small>
        <font color="black">\(String(repeating: star, count: 5))</font>
        </blockquote>
        </body>
        </html>

        """
}
