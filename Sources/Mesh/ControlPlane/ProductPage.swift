import HTTP
import Logging
import Processes

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

/// Where the product page gets its stars from: a MySQL service of the mesh, asked through mysql(1).
public struct RatingsDatabase: Sendable {
    /// The service, `mysqldb.bookinfo.svc.cluster.local`. Connections go to its first endpoint, as kube-proxy's would.
    public var service: String
    /// A file with user and password for `--defaults-extra-file`, so that no list of processes shows them.
    public var options: String

    private static let clients = ["mariadb", "mysql"]
    private static let query = "SELECT Rating FROM test.ratings ORDER BY ReviewID"
    private static let limits = RunLimits(time: .seconds(8), outputBytes: 1 << 16)

    /// The ratings in the order of the reviews, 0 to 5 each.
    ///
    /// A new connection for each page, as the walk-through's ratings service makes them.
    func stars(among services: [MeshService]) async throws(RatingsError) -> [Int] {
        guard let endpoint = services.first(where: { $0.hostname == service })?.endpoints.first else {
            throw .noEndpoint(service)
        }
        let address = endpoint.address
        guard let client = Self.clients.lazy.compactMap({ ExecutablePath.find($0) }).first else {
            throw .noClient(Self.clients)
        }
        let output: ProcessOutput
        do throws(ProcessError) {
            output = try await ChildProcess.run(
                SpawnOptions(
                    executable: client,
                    arguments: [
                        "--defaults-extra-file=\(options)", "--protocol=tcp", "--host=\(address)",
                        "--port=\(endpoint.port)", "--connect-timeout=5", "--batch", "--skip-column-names",
                        "--execute=\(Self.query)",
                    ]), limits: Self.limits)
        } catch {
            throw .client(error)
        }
        guard output.status.isSuccess else {
            throw .refused("\(address):\(endpoint.port)", String(decoding: output.standardError, as: UTF8.self))
        }
        var stars: [Int] = []
        for line in output.standardOutput.split(separator: UInt8(ascii: "\n")) {
            let text = String(decoding: line, as: UTF8.self)
            guard let value = Int(text), (0...5).contains(value) else { throw .noRating(text) }
            stars.append(value)
        }
        return stars
    }
}

/// Why there are no stars.
enum RatingsError: Error, CustomStringConvertible {
    case noEndpoint(String)
    case noClient([String])
    case client(ProcessError)
    case refused(String, String)
    case noRating(String)

    var description: String {
        switch self {
        case .noEndpoint(let service): "'\(service)' has no endpoint: register the machine"
        case .noClient(let names): "none of \(names.joined(separator: ", ")) is on PATH: install mariadb-client-core"
        case .client(let error): "\(error)"
        case .refused(let address, let text): "the database at \(address) refuses: \(text)"
        case .noRating(let text): "'\(text)' is not a rating from 0 to 5"
        }
    }
}
