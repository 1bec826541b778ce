import Certificates
import Files
import FoundationEssentials
import Glibc
import MeshContract
import Platform
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
        let client = EnvoyAdminClient(port: settings.adminPort)
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

    private static func discovery(_ client: EnvoyAdminClient) async throws(EnvoyAdminError) -> Discovery {
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
            let leaf = try CertificatePEM.chain(ofPEM: try CertificatePEM.read(files.chain, .chain)).leaf
            summary.notAfter = leaf.notValidAfter
            summary.secondsLeft = Int(leaf.notValidAfter.timeIntervalSince(now).rounded(.down))
            summary.identities = leaf.identityURIs
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

extension AgentStatus {
    /// As JSON with a final newline: one object, times in ISO 8601, names in camel case.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// As lines for people.
    public func text(now: Date = Date()) -> String {
        var rows: [(String, String)] = []
        if envoys.isEmpty { rows.append(("Envoy", "not running")) }
        for envoy in envoys {
            let uptime = envoy.uptimeSeconds.map { ", up \(Self.length($0))" } ?? ""
            rows.append(("Envoy", "epoch \(envoy.epoch), process \(envoy.pid)\(uptime)"))
        }
        if let admin {
            rows.append(("State", "\(admin.state) (epoch \(admin.epoch))"))
            rows.append(("Version", admin.version))
            if let node = admin.node { rows.append(("Node", node)) }
        }
        if let adminError { rows.append(("State", adminError)) }
        if let discovery {
            rows.append(("Listeners", Self.updates(discovery.listeners, now)))
            rows.append(("Clusters", Self.updates(discovery.clusters, now)))
        }
        rows.append(("Certificate", certificateText))
        for identity in certificate.identities { rows.append(("Identity", identity)) }
        let width = rows.map { $0.0.utf8.count }.max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.utf8.count + 2) + DisplayText.inline(value) + "\n"
        }.joined()
    }

    private var certificateText: String {
        if let problem = certificate.problem { return problem }
        guard let end = certificate.notAfter, let left = certificate.secondsLeft else { return certificate.path }
        let date = end.formatted(.iso8601)
        return left >= 0
            ? "\(certificate.path) until \(date), for \(Self.length(left))"
            : "\(certificate.path) EXPIRED at \(date), \(Self.length(-left)) ago"
    }

    private static func updates(_ updates: Updates, _ now: Date) -> String {
        let counts = "\(updates.successes) answers, \(updates.failures) failures, \(updates.rejections) refused"
        guard let last = updates.lastUpdate else { return "never updated (\(counts))" }
        let age = max(0, Int(now.timeIntervalSince(last)))
        return "updated \(last.formatted(.iso8601)), \(length(age)) ago (\(counts))"
    }

    /// Two units at most: nobody needs the seconds of three days.
    private static func length(_ seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3600: "\(seconds / 60)m\(seconds % 60)s"
        case ..<86400: "\(seconds / 3600)h\(seconds / 60 % 60)m"
        default: "\(seconds / 86400)d\(seconds / 3600 % 24)h"
        }
    }
}

/// An Envoy that an agent has started.
public struct RunningEnvoy: Sendable, Hashable, Encodable {
    /// The restart epoch.
    public var epoch: Int
    /// The process.
    public var pid: Int
    /// Since its start; nil where /proc does not tell.
    public var uptimeSeconds: Int?
}

/// Finds Envoys by their command lines, so that no file can say something else than the machine.
enum RunningEnvoys {
    /// The Envoys of a configuration folder, the newest epoch last.
    static func find(configurationFolder: String) throws(FileError) -> [RunningEnvoy] {
        var found: [RunningEnvoy] = []
        let uptime = machineUptime()
        for name in try FileTree.children(of: "/proc") {
            guard let pid = Int(name), let line = readAll("/proc/\(name)/cmdline"),
                let epoch = epoch(ofCommandLine: line, configurationFolder)
            else { continue }
            let started = readAll("/proc/\(name)/stat").flatMap(startTime)
            let seconds = uptime.flatMap { uptime in started.map { max(0, uptime - $0) } }
            found.append(RunningEnvoy(epoch: epoch, pid: pid, uptimeSeconds: seconds))
        }
        return found.sorted { $0.epoch < $1.epoch }
    }

    /// The epoch, if the arguments are those of an Envoy with its configuration in the folder.
    static func epoch(ofCommandLine bytes: [UInt8], _ folder: String) -> Int? {
        let arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).map { Ascii.text($0) }
        guard arguments.count > 4, arguments[1] == "-c", arguments[3] == "--restart-epoch",
            let epoch = Int(arguments[4]),
            arguments[2] == folder + "/" + EnvoyCommand.configurationFileName(epoch: epoch)
        else { return nil }
        return epoch
    }

    /// Seconds from boot to the start (proc(5), /proc/pid/stat, field 22).
    private static func startTime(_ stat: [UInt8]) -> Int? {
        // Field 2 is a name in parentheses and may have anything in it; field 3 follows the last one.
        guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
        let ticks = Int(sysconf(Int32(_SC_CLK_TCK)))
        guard fields.count > 19, ticks > 0, let start = Int(Ascii.text(fields[19])) else {
            return nil
        }
        return start / ticks
    }

    private static func machineUptime() -> Int? {
        readAll("/proc/uptime").flatMap { bytes in
            Int(Ascii.text(bytes.prefix { $0 != UInt8(ascii: ".") }))
        }
    }

    /// One that ends meanwhile, or whose files this user may not read, is passed over.
    private static func readAll(_ path: String) -> [UInt8]? {
        do { return try FileTree.readWhole(path, limit: 1 << 22) } catch { return nil }
    }
}
