import HTTP
import Logging

/// The product page of the BookInfo walk-through: two reviews, and the stars of the ratings database where there is one.
struct ProductPage {
    let mesh: MeshState
    let log: Logger

    func respond(to request: HTTPServer.Request) async -> HTTPServer.Response {
        guard request.method == "GET" else { return .init(405) }
        guard ["/", "/productpage"].contains(request.path) else { return .init(404) }
        return .init(200, Self.page(await stars()), type: "text/html; charset=utf-8")
    }

    private func stars() async -> [Int]? {
        let configuration = mesh.configuration
        guard let ratings = configuration.ratings else { return [5, 4] }
        do throws(RatingsError) {
            return try await ratings.stars(among: configuration.services)
        } catch {
            log.warning("ratings: \(error)")
            return nil
        }
    }

    private static let reviews = [
        "An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!",
        "Absolutely fun and entertaining. The play lacks thematic depth when compared to other plays by Shakespeare.",
    ]

    private static func page(_ stars: [Int]?) -> String {
        var text = """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>Simple Bookstore App</title></head>
            <body>
            <h1>The Comedy of Errors</h1>
            <h4>Book Reviews</h4>

            """
        for (index, review) in reviews.enumerated() {
            text += """
                <blockquote>
                <p>\(review)</p>
                <small>Reviewer\(index + 1)</small>
                \(rating(stars.map { index < $0.count ? $0[index] : nil }))
                </blockquote>

                """
        }
        return text + "</body>\n</html>\n"
    }

    private static func rating(_ stars: Int??) -> String {
        guard let stars else { return "<p><i>Ratings service is currently unavailable</i></p>" }
        guard let stars else { return "<p><i>No rating</i></p>" }
        func marks(_ kind: String, _ count: Int) -> String {
            String(repeating: #"<span class="glyphicon \#(kind)"></span>"#, count: count)
        }
        return #"<font color="black">"# + marks("glyphicon-star", stars) + marks("glyphicon-star-empty", 5 - stars)
            + "</font>"
    }
}
