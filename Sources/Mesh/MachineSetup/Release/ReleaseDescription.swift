import MeshContract

/// What `istio.VERSION` says: where the packages of a release are.
public struct ReleaseDescription: Sendable, Hashable {
    /// The name of the file.
    public static let fileName = "istio.VERSION"
    /// The settings with the address of each package.
    static let settings = [
        ("istio-agent", "PILOT_DEBIAN_URL"), ("istio-proxy", "PROXY_DEBIAN_URL"),
        ("istio-auth-node-agent", "AUTH_DEBIAN_URL"),
    ]

    /// The version of the packages, where it is said.
    public let version: String?
    /// Folders by package, without a final slash.
    public let folders: [String: String]

    /// Reads the file; it is never executed.
    ///
    /// - Parameter origin: its address, for the error.
    public init(_ bytes: [UInt8], origin: String) throws(SetupProblems) {
        let values = EnvironmentFile(bytes).values
        var folders: [String: String] = [:]
        var problems: [SetupProblem] = []
        for (package, setting) in Self.settings {
            guard var url = values[setting], ReleaseAddress.isValid(url) else {
                problems.append(
                    SetupProblem(
                        "use \(origin)", found: values[setting].map { "\(setting) is '\($0)'" } ?? "no \(setting)",
                        remedy: "write it with: debbuild all --release-url URL"))
                continue
            }
            while url.utf8.last == UInt8(ascii: "/") { url = String(decoding: url.utf8.dropLast(), as: UTF8.self) }
            folders[package] = url
        }
        guard problems.isEmpty else { throw SetupProblems(problems) }
        self.folders = folders
        version = values["ISTIO_VM_VERSION"]
    }
}

/// Addresses that are given to curl(1).
enum ReleaseAddress {
    /// Whether it is a plain http, https or file URL: printable, without blanks and what curl expands.
    static func isValid(_ url: String) -> Bool {
        let schemes = ["https://", "http://", "file:///"]
        guard url.utf8.count <= 2000, schemes.contains(where: { url.utf8.starts(with: $0.utf8) }) else { return false }
        return url.utf8.allSatisfy { (0x21..<0x7f).contains($0) && !Array("\"'`\\<>{}|^[]".utf8).contains($0) }
    }
}
