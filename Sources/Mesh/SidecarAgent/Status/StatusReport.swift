// Not FoundationEssentials alone: its static library lacks its collections, and nothing else here brings them along.
import FoundationEssentials

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
            name + String(repeating: " ", count: width - name.utf8.count + 2) + Self.printable(value) + "\n"
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

    /// A certificate can be anybody's, and a terminal obeys control characters.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? "?" : $0 }))
    }
}
