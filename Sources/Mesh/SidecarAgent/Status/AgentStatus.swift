import Certificates
import Files
import FoundationEssentials
import WorkloadCertificates
import X509

/// What can be said about the sidecar of this machine.
public struct AgentStatus: Sendable, Encodable {
    /// The version of this format.
    public var formatVersion = 1
    /// The Envoys that run, the newest last; two during a hot restart.
    public var envoys: [RunningEnvoy]
    /// What Envoy says about itself; nil when it does not answer.
    public var admin: Admin?
    /// Why Envoy does not answer.
    public var adminError: String?
    /// What came from the control plane; nil when Envoy does not say.
    public var discovery: Discovery?
    /// The workload's certificate.
    public var certificate: CertificateSummary

    /// What Envoy says about itself.
    public struct Admin: Sendable, Hashable, Encodable {
        /// LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING.
        public var state: String
        /// The epoch that answered.
        public var epoch: Int
        /// The version with the commit.
        public var version: String
        /// The node id.
        public var node: String?
    }

    /// Envoy's counters of one kind of resource.
    public struct Updates: Sendable, Hashable, Encodable {
        /// The last configuration that was taken; nil for none.
        public var lastUpdate: Date?
        /// Answers without an error.
        public var successes: Int
        /// Requests without an answer.
        public var failures: Int
        /// Answers that Envoy refused.
        public var rejections: Int
    }

    /// What came from the control plane.
    public struct Discovery: Sendable, Hashable, Encodable {
        /// Listener discovery.
        public var listeners: Updates
        /// Cluster discovery.
        public var clusters: Updates
    }

    /// The workload's certificate.
    public struct CertificateSummary: Sendable, Hashable, Encodable {
        /// The file.
        public var path: String
        /// Its end; nil when it cannot be read.
        public var notAfter: Date?
        /// From now to its end, negative behind it.
        public var secondsLeft: Int?
        /// The URIs that it names.
        public var identities: [String]
        /// Why it cannot be read.
        public var problem: String?
    }

    /// Whether Envoy serves: it is live.
    public var isServing: Bool { admin?.state == "LIVE" }

    /// Looks at the machine.
    ///
    /// - Throws: where /proc cannot be read, or not from within this program.
    public static func collect(_ settings: StatusSettings, now: Date = Date()) async throws(FileError) -> AgentStatus {
        let envoys = try RunningEnvoys.find(configurationFolder: settings.configurationFolder)
        let client = EnvoyAdmin(port: settings.adminPort)
        var admin: Admin?
        var adminError: String?
        var discovery: Discovery?
        do throws(EnvoyAdminError) {
            let info = try await client.serverInfo()
            admin = Admin(
                state: info.state, epoch: info.epoch, version: info.version, node: info.commandLineOptions.serviceNode)
            discovery = try await Self.discovery(client)
        } catch {
            adminError = error.description
        }
        return AgentStatus(
            envoys: envoys, admin: admin, adminError: adminError, discovery: discovery,
            certificate: certificate(CertificateFiles(directory: settings.certificateFolder), now))
    }

    private static func discovery(_ client: EnvoyAdmin) async throws(EnvoyAdminError) -> Discovery {
        let answer = try await client.request(.get, #"/stats?format=json&filter=\.update_"#)
        let statistics: Statistics
        do {
            statistics = try JSONDecoder().decode(Statistics.self, from: Data(answer.body))
        } catch {
            throw EnvoyAdminError(port: client.port, problem: .malformed("/stats: \(error)"))
        }
        func updates(_ prefix: String) -> Updates {
            func value(_ name: String) -> Int { statistics.value(prefix + ".update_" + name) }
            let milliseconds = value("time")
            return Updates(
                lastUpdate: milliseconds == 0 ? nil : Date(timeIntervalSince1970: Double(milliseconds) / 1000),
                successes: value("success"), failures: value("failure"), rejections: value("rejected"))
        }
        return Discovery(
            listeners: updates("listener_manager.lds"), clusters: updates("cluster_manager.cds"))
    }

    /// `GET /stats?format=json` of Envoy.
    private struct Statistics: Decodable {
        /// Histograms are in the same array and have neither of the two.
        struct Entry: Decodable {
            var name: String?
            var value: Int?
        }

        var stats: [Entry]

        func value(_ name: String) -> Int { stats.first { $0.name == name }?.value ?? 0 }
    }

    private static func certificate(_ files: CertificateFiles, _ now: Date) -> CertificateSummary {
        var summary = CertificateSummary(path: files.chain, identities: [])
        do {
            let bytes = try FileTree.readWhole(files.chain, limit: CertificatePEM.fileSizeLimit)
            let leaf = try CertificatePEM.chain(ofPEM: bytes).leaf
            summary.notAfter = leaf.notValidAfter
            summary.secondsLeft = Int(leaf.notValidAfter.timeIntervalSince(now).rounded(.down))
            let names = try leaf.extensions.subjectAlternativeNames
            summary.identities = (names.map { Array($0) } ?? []).compactMap { name in
                if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
            }
        } catch {
            summary.problem = "\(error)"
        }
        return summary
    }
}

/// Where to look.
public struct StatusSettings: Sendable, Hashable {
    /// The folder of Envoy's configuration.
    public var configurationFolder: String
    /// The folder of the certificates.
    public var certificateFolder: String
    /// The port of Envoy's administration.
    public var adminPort: Int

    /// Checks settings; the errors have the names of the options of `status`.
    public init(configurationFolder: String, certificateFolder: String, adminPort: Int) throws(SettingsError) {
        self.configurationFolder = try SettingsChecks.path("--configPath", configurationFolder)
        self.certificateFolder = try SettingsChecks.path("--certPath", certificateFolder)
        self.adminPort = try SettingsChecks.port("--proxyAdminPort", adminPort)
    }
}
