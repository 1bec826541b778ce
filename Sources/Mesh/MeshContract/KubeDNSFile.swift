import Platform

/// The file `kubedns` for dnsmasq(8): where the cluster's DNS is, and the addresses of Pilot, Mixer and the CA.
///
/// A load balancer that had no address when the file was made leaves an empty one, and dnsmasq then answers that there
/// is no such name: those are listed in ``empty``.
public struct KubeDNSFile: Sendable, Hashable {
    /// A line `server=` or `address=` for one domain.
    public struct Entry: Sendable, Hashable {
        /// The domain that it is about.
        public var domain: String
        /// The address, nil when there is none.
        public var address: IPAddress?
        /// The port behind `#`, when one is given.
        public var port: Int?
        /// The line, from 1.
        public var line: Int
    }

    /// A line or a lack that keeps the file from doing its work.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The line from 1; nil for what is missing.
        public var line: Int?
        /// What would work.
        public var expected: String
        /// What is there.
        public var found: String

        /// One line for people, without the file's name.
        public var description: String {
            (line.map { "line \($0): " } ?? "") + "expected \(expected), found \(found)"
        }
    }

    /// The domain of the cluster's services.
    public static let clusterDomain = "svc.cluster.local"
    /// The services that have an address of their own, without and with their namespace.
    public static let services = ["istio-mixer", "istio-pilot", "istio-ca"]

    /// Servers for domains, in the order of their lines.
    public private(set) var servers: [Entry] = []
    /// Addresses of names, in the order of their lines.
    public private(set) var entries: [Entry] = []
    /// What is wrong.
    public private(set) var problems: [Problem] = []
    private let namespace: String

    /// Reads the bytes of a file.
    ///
    /// - Parameter namespace: where the control plane runs.
    public init(_ bytes: some Collection<UInt8>, namespace: String = "istio-system") {
        self.namespace = namespace
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() { read(Array(line)[...], number: index + 1) }
        for name in expectedNames where !entries.contains(where: { $0.domain == name }) {
            problems.append(Problem(line: nil, expected: "a line address=/\(name)/ADDRESS", found: "none"))
        }
        // Several are as good as one: dnsmasq asks whichever answers.
        if !servers.contains(where: { $0.domain == Self.clusterDomain }) {
            problems.append(
                Problem(line: nil, expected: "a line server=/\(Self.clusterDomain)/ADDRESS", found: "none"))
        }
    }

    /// Reads a text.
    public init(_ text: some StringProtocol, namespace: String = "istio-system") {
        self.init(Array(text.utf8), namespace: namespace)
    }

    /// Whether it has everything that a machine needs.
    public var isValid: Bool { problems.isEmpty }

    /// The address of the cluster's DNS.
    public var server: IPAddress? { servers.first { $0.domain == Self.clusterDomain }?.address }
    /// The address of Pilot.
    public var pilot: IPAddress? { address(of: "istio-pilot") }
    /// The address of Mixer.
    public var mixer: IPAddress? { address(of: "istio-mixer") }
    /// The address of the certificate authority.
    public var certificateAuthority: IPAddress? { address(of: "istio-ca") }

    /// The address of a name that the file lists.
    public func address(of name: String) -> IPAddress? { entries.first { $0.domain == name }?.address }

    /// The addresses by name.
    public var addresses: [String: IPAddress] {
        Dictionary(entries.compactMap { entry in entry.address.map { (entry.domain, $0) } }) { first, _ in first }
    }

    /// The names whose address is empty, in the order of their lines.
    public var empty: [String] { (servers + entries).filter { $0.address == nil }.map(\.domain) }

    /// The names that have to have an address.
    public var expectedNames: [String] { Self.services + Self.services.map { "\($0).\(namespace)" } }

    private mutating func read(_ line: ArraySlice<UInt8>, number: Int) {
        let content = Ascii.trimmed(line)
        if content.isEmpty || content.first == UInt8(ascii: "#") { return }
        let parts = content.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        let key = Ascii.text(parts[0])
        // Other options of dnsmasq are none of our business.
        guard key == "server" || key == "address" else { return }
        let value = parts.count == 2 ? parts[1] : []
        let fields = value.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard fields.count >= 3, fields[0].isEmpty, fields[1..<(fields.count - 1)].allSatisfy({ !$0.isEmpty }) else {
            if key == "server", IPAddress(Ascii.text(value)) != nil { return }
            problems.append(Problem(line: number, expected: "\(key)=/NAME/ADDRESS", found: "'\(Ascii.text(line))'"))
            return
        }
        let target = (fields.last ?? []).split(separator: UInt8(ascii: "#"), maxSplits: 1)
        let domains = fields[1..<(fields.count - 1)].map { Ascii.text($0) }
        var address: IPAddress?
        var port: Int?
        if let first = target.first {
            address = IPAddress(Ascii.text(first))
            if address == nil {
                problems.append(
                    Problem(line: number, expected: "an IP address for \(domains[0])", found: "'\(Ascii.text(first))'"))
                return
            }
            if target.count == 2 {
                port = ASCIINumber.decimal(target[1], in: 1...65535)
                if port == nil {
                    problems.append(
                        Problem(line: number, expected: "a port behind '#'", found: "'\(Ascii.text(target[1]))'"))
                }
            }
        } else {
            problems.append(
                Problem(
                    line: number, expected: "an IP address for \(domains[0])",
                    found: "none: its load balancer had no address yet"))
        }
        let added = domains.map { Entry(domain: $0, address: address, port: port, line: number) }
        if key == "server" { servers += added } else { entries += added }
    }
}
