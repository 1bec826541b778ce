import Files
import HostProbes
import MeshContract
import Platform

/// A fact of the machine that scenarios can mention.
struct FactDeclaration: Sendable {
    /// The name; a part in capitals stands for many.
    let name: String
    /// The type.
    let type: ValueType
    /// Where it comes from.
    let summary: String
}

/// The values that a machine's own files give: cluster.env, sidecar.env, kubedns, dpkg's database.
struct MachineFacts: Sendable {
    /// All of them, for the reference.
    static let declarations: [FactDeclaration] = [
        .init(name: "cluster.NAME", type: .text, summary: "A line of `\(MeshPaths.clusterEnvironment)`."),
        .init(name: "sidecar.NAME", type: .text, summary: "A line of `\(MeshPaths.sidecarEnvironment)`."),
        .init(name: "settings.service-cidr", type: .list(.text), summary: "Ranges whose traffic goes through Envoy."),
        .init(
            name: "settings.inbound-ports", type: .list(.integer),
            summary: "Inbound ports that go through Envoy; no value when it is all of them."),
        .init(
            name: "settings.inbound", type: .text,
            summary: "Which inbound ports go through Envoy: `none`, `listed`, `all`."),
        .init(
            name: "settings.shadowed", type: .list(.text),
            summary: "Names that both files set to different values; the machine's file wins."),
        .init(name: "settings.excluded-ports", type: .list(.integer), summary: "Ports that `*` leaves alone."),
        .init(name: "settings.envoy-port", type: .integer, summary: "Where redirected traffic goes."),
        .init(name: "settings.envoy-user", type: .text, summary: "The user of Envoy."),
        .init(name: "settings.namespace", type: .text, summary: "Namespace of the machine's services."),
        .init(name: "settings.service", type: .text, summary: "Name of the machine's service, if it is set."),
        .init(name: "settings.pod-name", type: .text, summary: "Name of the machine in the mesh."),
        .init(name: "settings.log-directory", type: .text, summary: "Where the log is."),
        .init(name: "settings.programs", type: .text, summary: "Where the programs are."),
        .init(name: "kubedns.server", type: .text, summary: "The cluster's DNS in `\(MeshPaths.kubeDNS)`."),
        .init(name: "kubedns.pilot", type: .text, summary: "Pilot's address there."),
        .init(name: "kubedns.mixer", type: .text, summary: "Mixer's address there."),
        .init(name: "kubedns.ca", type: .text, summary: "The CA's address there."),
        .init(name: "node.name", type: .text, summary: "The machine's host name up to its first dot."),
        .init(
            name: "node.address", type: .text,
            summary: "The machine's address in the mesh: ISTIO_SVC_IP, else the source address towards Pilot."),
        .init(
            name: "node.id", type: .text, summary: "`sidecar~ADDRESS~NAME.NAMESPACE~NAMESPACE.svc.cluster.local`."),
        .init(name: "node.cluster", type: .text, summary: "What Envoy reports as its cluster."),
        .init(name: "package.NAME.version", type: .text, summary: "The version of an installed package."),
        .init(name: "package.NAME.installed", type: .bool, summary: "Whether a package is installed."),
    ]

    /// The names without those that have a part in capitals.
    static let names = declarations.map(\.name).filter { !$0.utf8.contains { (0x41...0x5a).contains($0) } }

    private static let fileLimit = 1 << 20

    let host: Host
    let kinds: KindCatalogue

    /// A fact as it is on this machine.
    enum Fact: Sendable {
        case value(Value)
        /// Why there is none.
        case missing(String)
    }

    /// Whether a name is that of a fact, on whatever machine.
    static func isFact(_ name: String) -> Bool {
        if names.contains(name) { return true }
        if let setting = suffix(of: name, behind: "cluster.") ?? suffix(of: name, behind: "sidecar.") {
            return setting.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
        }
        return package(name) != nil
    }

    /// The facts of some names; other names are left out. Only what somebody mentions is read.
    func read(_ names: some Sequence<String>) async -> [String: Fact] {
        var facts: [String: Fact] = [:]
        let wanted = Set(names.filter(Self.isFact))
        guard !wanted.isEmpty else { return facts }
        let files = SettingsFiles(self, isWanted: wanted.contains { Self.isSetting($0) })
        var kubedns: ReadFile<KubeDNSFile>?
        for name in wanted.sorted() {
            if Self.suffix(of: name, behind: "kubedns.") != nil {
                let file = kubedns ?? read(MeshPaths.kubeDNS) { KubeDNSFile($0) }
                kubedns = file
                facts[name] = Self.kubedns(name, file)
            } else if let (package, attribute) = Self.package(name) {
                facts[name] = await self.package(package, attribute)
            } else if Self.suffix(of: name, behind: "node.") != nil {
                facts[name] = await NodeFacts(files: files, facts: self).read(name)
            } else {
                facts[name] = files.fact(name)
            }
        }
        return facts
    }

    private static func isSetting(_ name: String) -> Bool {
        ["cluster.", "sidecar.", "settings.", "node."].contains { suffix(of: name, behind: $0) != nil }
    }

    /// What stands behind a prefix.
    static func suffix(of name: String, behind prefix: String) -> String? {
        guard name.utf8.starts(with: prefix.utf8), name.utf8.count > prefix.utf8.count else { return nil }
        return String(decoding: name.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// `package.NAME.version`: a package's name may have dots itself.
    private static func package(_ name: String) -> (name: String, attribute: String)? {
        guard let rest = suffix(of: name, behind: "package."), let dot = rest.utf8.lastIndex(of: UInt8(ascii: ".")),
            dot > rest.utf8.startIndex
        else { return nil }
        let attribute = String(rest.utf8[rest.utf8.index(after: dot)...]) ?? ""
        guard attribute == "version" || attribute == "installed" else { return nil }
        return (String(decoding: rest.utf8[..<dot], as: UTF8.self), attribute)
    }

    // MARK: - reading

    /// A file of the machine, or why it says nothing.
    struct ReadFile<Contents: Sendable>: Sendable {
        var path: String
        var contents: Contents?
        var reason: String
    }

    func read<Contents: Sendable>(_ path: String, _ parse: ([UInt8]) -> Contents) -> ReadFile<Contents> {
        do throws(FileError) {
            let bytes = try FileTree.readWhole(host.path(path), limit: Self.fileLimit)
            return ReadFile(path: path, contents: parse(bytes), reason: "")
        } catch {
            return ReadFile(path: path, contents: nil, reason: error.description)
        }
    }

    private static func kubedns(_ name: String, _ file: ReadFile<KubeDNSFile>) -> Fact {
        guard let contents = file.contents else { return .missing(file.reason) }
        let address: IPAddress? =
            switch name {
            case "kubedns.server": contents.server
            case "kubedns.pilot": contents.pilot
            case "kubedns.mixer": contents.mixer
            default: contents.certificateAuthority
            }
        return address.map { .value(.text($0.description)) } ?? .missing("\(file.path) has no address for it")
    }

    private func package(_ name: String, _ attribute: String) async -> Fact {
        let found: Observation
        do throws(ProbeError) {
            found = try await observe("package", ["name": .text(name)], [attribute, "installed"])
        } catch {
            return .missing(error.description)
        }
        guard let value = found.attributes[attribute], value != .null else {
            return .missing("the package \(name) is not installed")
        }
        return .value(value)
    }

    /// Looks at a subject for a fact's sake.
    func observe(
        _ kind: String, _ parameters: [String: Value], _ attributes: Set<String>
    ) async throws(ProbeError) -> Observation {
        guard let type = kinds.probe(kind) else {
            throw ProbeError(.unavailable, "look at a \(kind)", expected: "a probe for it", found: "none")
        }
        let request = ProbeRequest(parameters: parameters, attributes: attributes, deadline: .now + .seconds(3))
        return try await type.init(host: host).observe(request)
    }
}

/// The facts of cluster.env and sidecar.env.
struct SettingsFiles: Sendable {
    private let cluster: MachineFacts.ReadFile<EnvironmentFile>
    private let sidecar: MachineFacts.ReadFile<EnvironmentFile>
    /// What both come to.
    let settings: MeshSettings

    init(_ facts: MachineFacts, isWanted: Bool) {
        guard isWanted else {
            cluster = .init(path: MeshPaths.clusterEnvironment, contents: nil, reason: "")
            sidecar = .init(path: MeshPaths.sidecarEnvironment, contents: nil, reason: "")
            settings = MeshSettings(cluster: nil, sidecar: nil)
            return
        }
        cluster = facts.read(MeshPaths.clusterEnvironment) { EnvironmentFile($0) }
        sidecar = facts.read(MeshPaths.sidecarEnvironment) { EnvironmentFile($0) }
        settings = MeshSettings(cluster: cluster.contents, sidecar: sidecar.contents)
    }

    /// The fact of a name that begins with `cluster.`, `sidecar.` or `settings.`.
    func fact(_ name: String) -> MachineFacts.Fact {
        if let setting = MachineFacts.suffix(of: name, behind: "cluster.") { return line(setting, of: cluster) }
        if let setting = MachineFacts.suffix(of: name, behind: "sidecar.") { return line(setting, of: sidecar) }
        switch name {
        case "settings.service-cidr":
            if settings.serviceRanges.isEmpty { return .missing(unset(.serviceCIDR)) }
            return .value(.list(settings.serviceRanges.map { .text($0.description) }))
        case "settings.inbound-ports":
            switch settings.inboundPorts {
            case .none: return .value(.list([]))
            case .list(let ports): return .value(.list(ports.map { .integer(Int64($0)) }))
            case .all: return .missing("\(SettingName.inboundPorts.rawValue) is *: all ports")
            }
        case "settings.inbound":
            switch settings.inboundPorts {
            case .none: return .value(.text("none"))
            case .list: return .value(.text("listed"))
            case .all: return .value(.text("all"))
            }
        case "settings.shadowed": return .value(.list(shadowed.map { .text($0) }))
        case "settings.excluded-ports": return .value(.list(settings.excludedPorts.map { .integer(Int64($0)) }))
        case "settings.envoy-port": return .value(.integer(Int64(settings.envoyPort)))
        case "settings.envoy-user": return .value(.text(settings.envoyUser))
        case "settings.namespace": return .value(.text(settings.namespace))
        case "settings.service": return text(settings.service, .service)
        case "settings.pod-name": return text(settings.podName, .podName)
        case "settings.log-directory": return .value(.text(settings.logs))
        default: return .value(.text(settings.binaries))
        }
    }

    /// Names that both files set, to different values: the machine's file wins, and people look at the other one.
    private var shadowed: [String] {
        let machine = sidecar.contents?.values ?? [:]
        return (cluster.contents?.values ?? [:]).filter { name, value in
            machine[name].map { $0 != value } ?? false
        }.keys.sorted()
    }

    private func line(_ setting: String, of file: MachineFacts.ReadFile<EnvironmentFile>) -> MachineFacts.Fact {
        guard let contents = file.contents else { return .missing(file.reason) }
        guard let value = contents[setting] else { return .missing("\(file.path) does not set \(setting)") }
        return .value(.text(value))
    }

    private func text(_ value: String?, _ name: SettingName) -> MachineFacts.Fact {
        value.map { .value(.text($0)) } ?? .missing(unset(name))
    }

    private func unset(_ name: SettingName) -> String {
        let reasons = [cluster.reason, sidecar.reason].filter { !$0.isEmpty }
        let files = reasons.isEmpty ? "neither cluster.env nor sidecar.env sets it" : reasons.joined(separator: "; ")
        return "\(name.rawValue) is not set: \(files)"
    }
}

/// Who the machine is in the mesh, by the rules of `istio-start.sh`.
struct NodeFacts: Sendable {
    let files: SettingsFiles
    let facts: MachineFacts

    private static let hostNamePath = "/proc/sys/kernel/hostname"

    /// The fact of a name that begins with `node.`.
    func read(_ name: String) async -> MachineFacts.Fact {
        switch name {
        case "node.name": return self.name
        case "node.cluster": return .value(.text(files.settings.service ?? "istio-proxy"))
        case "node.address": return await address()
        default:
            let address = await address()
            guard case .value(let host) = address else { return address }
            guard case .value(let pod) = self.name else { return self.name }
            let namespace = files.settings.namespace
            let identity = NodeIdentity(
                role: .sidecar, address: ValueText.plain(host), id: "\(ValueText.plain(pod)).\(namespace)",
                domain: "\(namespace).svc.cluster.local")
            return .value(.text(identity.description))
        }
    }

    private var name: MachineFacts.Fact {
        if let name = files.settings.podName { return .value(.text(name)) }
        let file = facts.read(Self.hostNamePath) { bytes in
            String(decoding: bytes.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
        guard let name = file.contents, !name.isEmpty else { return .missing(file.reason) }
        return .value(.text(name))
    }

    private func address() async -> MachineFacts.Fact {
        if let address = files.settings.serviceAddress { return .value(.text(address.description)) }
        var pilot = "istio-pilot"
        if let address = facts.read(MeshPaths.kubeDNS, { KubeDNSFile($0) }).contents?.pilot {
            pilot = address.description
        }
        do throws(ProbeError) {
            let found = try await facts.observe("addresses", ["towards": .text(pilot)], ["route-source"])
            if let source = found.attributes["route-source"], source != .null, source != .text("127.0.0.1") {
                return .value(source)
            }
        } catch  where error.reason == .unavailable {
            return .missing(error.description)
        } catch {
            // Without a way to Pilot the first global address counts, as for the start script.
        }
        return await firstAddress()
    }

    private func firstAddress() async -> MachineFacts.Fact {
        do throws(ProbeError) {
            let found = try await facts.observe("addresses", [:], ["ipv4"])
            if case .list(let addresses)? = found.attributes["ipv4"], let first = addresses.first {
                return .value(first)
            }
            return .missing("the machine has no global IPv4 address")
        } catch {
            return .missing(error.description)
        }
    }
}
