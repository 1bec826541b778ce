import Platform

/// The settings that the scripts of the sidecar read, by their names in cluster.env and sidecar.env.
public enum SettingName: String, Sendable, Hashable, CaseIterable {
    /// Ranges of outbound traffic that is redirected; all of it when empty.
    case serviceCIDR = "ISTIO_SERVICE_CIDR"
    /// Inbound ports that are redirected; `*` for all, none when empty.
    case inboundPorts = "ISTIO_INBOUND_PORTS"
    /// Ports that `*` leaves alone.
    case localExcludePorts = "ISTIO_LOCAL_EXCLUDE_PORTS"
    /// The former name of the one above.
    case inboundExcludePorts = "ISTIO_INBOUND_EXCLUDE_PORTS"
    /// Namespace of the machine's services.
    case namespace = "ISTIO_NAMESPACE"
    /// Name of the machine's service.
    case service = "ISTIO_SERVICE"
    /// Address of the machine in the mesh.
    case serviceAddress = "ISTIO_SVC_IP"
    /// Name of the machine in the mesh.
    case podName = "POD_NAME"
    /// Where redirected traffic goes.
    case envoyPort = "ENVOY_PORT"
    /// The user whose traffic is left alone.
    case envoyUser = "ENVOY_USER"
    /// The users whose traffic is left alone, by number.
    case envoyUID = "ENVOY_UID"
    /// Where the programs are.
    case binaries = "ISTIO_BIN_BASE"
    /// Where the log is.
    case logs = "ISTIO_LOG_DIR"
    /// Where the data is.
    case data = "ISTIO_CFG"
}

/// What cluster.env and sidecar.env make of a machine, as the scripts of the package istio-proxy read them.
///
/// The machine's file wins over the cluster's, both win over the environment, and an empty value is the default.
public struct MeshSettings: Sendable, Hashable {
    /// The inbound ports that go through Envoy. Port 22 never does.
    public enum InboundPorts: Sendable, Hashable {
        /// None: there is no chain for inbound traffic.
        case none
        /// These, in the order of the rules.
        case list([PortRange])
        /// All but the excluded ones.
        case all
    }

    /// A value that the scripts refuse or warn of.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The setting.
        public var setting: SettingName
        /// What it would take.
        public var expected: String
        /// What it says.
        public var found: String
        /// Whether the scripts still go on.
        public var isWarning: Bool

        /// One line for people.
        public var description: String { "\(setting.rawValue): expected \(expected), found '\(found)'" }
    }

    /// Outbound ranges that are redirected; empty means all of it.
    public private(set) var serviceRanges: [CIDR] = []
    /// Inbound ports that are redirected.
    public private(set) var inboundPorts = InboundPorts.none
    /// Inbound ports that `*` leaves alone, beside 22.
    public private(set) var excludedPorts: [PortRange] = []
    /// Where redirected traffic goes.
    public private(set) var envoyPort = MeshPorts.envoyInterception
    /// The user whose traffic is left alone, beside root's.
    public private(set) var envoyUser = MeshNames.user
    /// The users that take the place of that user and root; nil when the settings name none.
    public private(set) var envoyUIDs: [UInt32]?
    /// The namespace of the machine's services.
    public private(set) var namespace = "default"
    /// The machine's service, nil when the agent's default holds.
    public private(set) var service: String?
    /// The machine's address in the mesh, nil when it is found from the routes.
    public private(set) var serviceAddress: IPAddress?
    /// The machine's name in the mesh, nil when it is the host's.
    public private(set) var podName: String?
    /// Where the programs are.
    public private(set) var binaries = "/usr/local/bin"
    /// Where the log is.
    public private(set) var logs = MeshPaths.logs
    /// Where the data is.
    public private(set) var data = MeshPaths.home
    /// What is wrong with values.
    public private(set) var problems: [Problem] = []
    /// The values in effect by name, unknown names too; only of the files.
    public let values: [String: String]
    /// Names in the files that nothing reads, sorted.
    public let unknownNames: [String]

    /// Whether the scripts take all values.
    public var isValid: Bool { problems.allSatisfy(\.isWarning) }

    /// Reads the settings of both files.
    ///
    /// - Parameters:
    ///   - cluster: cluster.env, nil when there is none.
    ///   - sidecar: sidecar.env, nil when there is none.
    ///   - environment: what the scripts have in their environment.
    public init(cluster: EnvironmentFile?, sidecar: EnvironmentFile?, environment: [String: String] = [:]) {
        values = (cluster?.values ?? [:]).merging(sidecar?.values ?? [:]) { $1 }
        let known = Set(SettingName.allCases.map(\.rawValue))
        // The package's files name these for people of the original; an agent of ours gets what is exported.
        let exported = (cluster?.exportedNames ?? []).union(sidecar?.exportedNames ?? [])
        unknownNames = values.keys.filter { !known.contains($0) && !exported.contains($0) }.sorted()
        let present = values
        func text(_ name: SettingName) -> String? {
            let value = present[name.rawValue] ?? environment[name.rawValue] ?? ""
            return value.isEmpty ? nil : value
        }
        if let value = text(.serviceCIDR) { serviceRanges = ranges(value) }
        readPorts(
            inbound: text(.inboundPorts), excluded: text(.localExcludePorts), former: text(.inboundExcludePorts))
        if let value = text(.envoyPort) { envoyPort = port(.envoyPort, value) ?? envoyPort }
        envoyUser = text(.envoyUser) ?? envoyUser
        if let value = text(.envoyUID) {
            envoyUIDs = items(.envoyUID, value).compactMap { item in
                let uid = ASCIINumber.decimal(item.utf8, in: 0...4_294_967_294).map { UInt32($0) }
                if uid == nil { refuse(.envoyUID, "uids from 0 to 4294967294", item) }
                return uid
            }
        }
        readNames(text)
    }

    private mutating func readNames(_ text: (SettingName) -> String?) {
        func label(_ name: SettingName) -> String? {
            guard let value = text(name) else { return nil }
            if Self.isLabel(value) { return value }
            refuse(name, "a name of letters, digits, '-', '_' and '.' with a letter or digit at both ends", value)
            return nil
        }
        namespace = label(.namespace) ?? namespace
        service = label(.service)
        podName = label(.podName)
        if let value = text(.serviceAddress) {
            if let address = IPAddress(value), address.bitWidth == 32 {
                serviceAddress = address
                if address.isLoopback {
                    problems.append(
                        Problem(
                            setting: .serviceAddress, expected: "an address that others can reach", found: value,
                            isWarning: true))
                }
            } else {
                refuse(.serviceAddress, "an IPv4 address", value)
            }
        }
        func path(_ name: SettingName, _ fallback: String) -> String {
            guard let value = text(name) else { return fallback }
            if value.utf8.first == UInt8(ascii: "/") { return value }
            refuse(name, "an absolute path", value)
            return fallback
        }
        binaries = path(.binaries, binaries)
        logs = path(.logs, logs)
        data = path(.data, data)
    }

    private mutating func readPorts(inbound: String?, excluded: String?, former: String?) {
        if let value = inbound {
            if Self.trimmed(value.utf8).elementsEqual("*".utf8) {
                inboundPorts = .all
            } else {
                let ports = items(.inboundPorts, value).compactMap { portRange(.inboundPorts, $0) }
                inboundPorts = ports.isEmpty ? .none : .list(ports)
                if ports.contains(PortRange(22)) {
                    warn(.inboundPorts, "ports other than 22 (ssh), which is never redirected", value)
                }
            }
        }
        if let value = excluded {
            excludedPorts = items(.localExcludePorts, value).compactMap { portRange(.localExcludePorts, $0) }
        }
        if let value = former {
            warn(.inboundExcludePorts, "the present name \(SettingName.localExcludePorts.rawValue)", value)
            excludedPorts += items(.inboundExcludePorts, value).compactMap { portRange(.inboundExcludePorts, $0) }
        }
        if !excludedPorts.isEmpty, inboundPorts != .all {
            warn(.localExcludePorts, "ISTIO_INBOUND_PORTS='*' beside it: it has no effect otherwise", excluded ?? "")
        }
    }

    private mutating func ranges(_ value: String) -> [CIDR] {
        items(.serviceCIDR, value).compactMap { item in
            if let range = Self.range(item) { return range }
            refuse(.serviceCIDR, "IPv4 ranges such as 10.63.240.0/20", item)
            return nil
        }
    }

    /// ADDRESS, ADDRESS/LENGTH or ADDRESS/MASK, where zeros at the end of the address may be left out.
    private static func range(_ text: String) -> CIDR? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let missing = 3 - parts[0].utf8.count { $0 == UInt8(ascii: ".") }
        guard missing >= 0, let address = IPAddress(parts[0] + String(repeating: ".0", count: missing)) else {
            return nil
        }
        guard parts.count == 2 else { return CIDR(address, prefixLength: 32) }
        if let length = ASCIINumber.decimal(parts[1].utf8, in: 0...32) { return CIDR(address, prefixLength: length) }
        guard case .v4(let mask) = IPAddress(parts[1]), (~mask).leadingZeroBitCount == mask.nonzeroBitCount else {
            return nil
        }
        return CIDR(address, prefixLength: mask.nonzeroBitCount)
    }

    private mutating func portRange(_ name: SettingName, _ text: String) -> PortRange? {
        let range = PortRange(text)
        if range == nil { refuse(name, "ports from 1 to 65535, ranges such as 8000:9000, or names of services", text) }
        return range
    }

    private mutating func port(_ name: SettingName, _ text: String) -> Int? {
        let port = ASCIINumber.decimal(text.utf8, in: 1...65535)
        if port == nil { refuse(name, "ports from 1 to 65535", text) }
        return port
    }

    /// The items of a comma separated list; blanks around an item do not belong to it.
    private mutating func items(_ name: SettingName, _ value: String) -> [String] {
        var bytes = Self.trimmed(value.utf8)
        guard !bytes.isEmpty else { return [] }
        // As the shell of the original scripts splits: behind a comma at the end there is no item.
        if bytes.last == UInt8(ascii: ",") { bytes.removeLast() }
        return bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).compactMap { part in
            let item = String(decoding: Self.trimmed(part), as: UTF8.self)
            if !item.isEmpty { return item }
            refuse(name, "a list without empty items", value)
            return nil
        }
    }

    private mutating func refuse(_ name: SettingName, _ expected: String, _ found: String) {
        problems.append(Problem(setting: name, expected: expected, found: found, isWarning: false))
    }

    private mutating func warn(_ name: SettingName, _ expected: String, _ found: String) {
        problems.append(Problem(setting: name, expected: expected, found: found, isWarning: true))
    }

    private static func trimmed(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let isBlank = Ascii.isHorizontalBlank
        return Array(bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }

    /// What can be part of a node id and of a DNS name.
    private static func isLabel(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count), let first = text.utf8.first, let last = text.utf8.last,
            Ascii.isAlphanumeric(first), Ascii.isAlphanumeric(last)
        else { return false }
        return text.utf8.allSatisfy { Ascii.isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }
}
