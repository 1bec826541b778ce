import MeshContract
import Processes

/// Where the product page has its stars from: a MySQL service of the mesh, asked through mysql(1).
public struct RatingsDatabase: Sendable {
    /// The service, `mysqldb.bookinfo.svc.cluster.local`. Connections go to its first endpoint, as kube-proxy's would.
    public var service: String
    /// A file with user and password for `--defaults-extra-file`, so that they are in no list of processes.
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
        case .refused(let address, let text): "the database at \(address) gives nothing: \(text)"
        case .noRating(let text): "'\(text)' is no rating from 0 to 5"
        }
    }
}
