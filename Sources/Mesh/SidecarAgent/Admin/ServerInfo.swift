import FoundationEssentials

/// What `GET /server_info` of Envoy says, as far as this agent reads it (envoy.admin.v3.ServerInfo).
public struct ServerInfo: Sendable, Hashable, Decodable {
    /// LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING.
    public var state: String
    /// The version with the commit.
    public var version: String
    /// Of this epoch, in seconds with an `s`.
    public var uptimeCurrentEpoch: String?
    /// What it was started with.
    public var commandLineOptions: CommandLineOptions

    /// What Envoy was started with.
    public struct CommandLineOptions: Sendable, Hashable, Decodable {
        /// Nil is epoch 0: protobuf's JSON leaves zeros out.
        public var restartEpoch: Int?
        /// The node id.
        public var serviceNode: String?
        /// The configuration file.
        public var configPath: String?
    }

    /// The restart epoch.
    public var epoch: Int { commandLineOptions.restartEpoch ?? 0 }

    /// Reads an answer.
    init(json: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(json))
    }
}

extension EnvoyAdmin {
    /// Asks for the state of Envoy.
    public func serverInfo() async throws(EnvoyAdminError) -> ServerInfo {
        let answer = try await request(.get, "/server_info")
        guard answer.status == 200 else {
            throw EnvoyAdminError(port: port, problem: .malformed("HTTP status \(answer.status) for /server_info"))
        }
        do {
            return try ServerInfo(json: answer.body)
        } catch {
            throw EnvoyAdminError(port: port, problem: .malformed("/server_info: \(error)"))
        }
    }
}
