import MeshContract
import Platform
import Probes
import Scenarios

/// The facts that a host of the mesh has in its files: cluster.env, sidecar.env and kubedns.
public struct MeshFacts: FactSource {
    /// Creates the source.
    public init() {}

    /// All of them, for the reference.
    public var declarations: [FactDeclaration] { Self.all }

    private static let all: [FactDeclaration] = [
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
            summary: "Names that both files set to different values; the host's file wins."),
        .init(name: "settings.excluded-ports", type: .list(.text), summary: "Ports that `*` leaves alone."),
        .init(name: "settings.envoy-port", type: .integer, summary: "Where redirected traffic goes."),
        .init(name: "settings.envoy-user", type: .text, summary: "The user of Envoy."),
        .init(name: "settings.namespace", type: .text, summary: "Namespace of the host's services."),
        .init(name: "settings.service", type: .text, summary: "Name of the host's service, if it is set."),
        .init(name: "settings.pod-name", type: .text, summary: "Name of the host in the mesh."),
        .init(name: "settings.log-directory", type: .text, summary: "Where the log is."),
        .init(name: "settings.programs", type: .text, summary: "Where the programs are."),
        .init(name: "kubedns.server", type: .text, summary: "The cluster's DNS in `\(MeshPaths.kubeDNS)`."),
        .init(name: "kubedns.pilot", type: .text, summary: "Pilot's address there."),
        .init(name: "kubedns.mixer", type: .text, summary: "Mixer's address there."),
        .init(name: "kubedns.ca", type: .text, summary: "The CA's address there."),
        .init(name: "node.name", type: .text, summary: "The host's name up to its first dot."),
        .init(
            name: "node.address", type: .text,
            summary: "The host's address in the mesh: ISTIO_SVC_IP, else the source address towards Pilot."),
        .init(
            name: "node.id", type: .text, summary: "`sidecar~ADDRESS~NAME.NAMESPACE~NAMESPACE.svc.cluster.local`."),
        .init(name: "node.cluster", type: .text, summary: "What Envoy reports as its cluster."),
    ]
    private static let names = Set(all.map(\.name))

    /// Whether a name is that of one of them; those of files have names in capitals.
    public func has(_ name: String) -> Bool {
        guard let setting = name.suffix(behind: "cluster.") ?? name.suffix(behind: "sidecar.") else {
            return Self.names.contains(name)
        }
        return setting.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || Ascii.isDigit(byte)
        }
    }

    /// The facts of some names.
    public func read(_ names: Set<String>, _ reader: FactReader) async -> [String: Fact] {
        var facts: [String: Fact] = [:]
        let files = SettingsFiles(reader, isWanted: names.contains { $0.suffix(behind: "kubedns.") == nil })
        var kubedns: FactReader.File<KubeDNSFile>?
        for name in names.sorted() {
            if name.suffix(behind: "kubedns.") != nil {
                let file = kubedns ?? reader.file(MeshPaths.kubeDNS) { KubeDNSFile($0) }
                kubedns = file
                facts[name] = Self.kubedns(name, file)
            } else if name.suffix(behind: "node.") != nil {
                facts[name] = await NodeFacts(files: files, reader: reader).read(name)
            } else {
                facts[name] = files.fact(name)
            }
        }
        return facts
    }

    private static func kubedns(_ name: String, _ file: FactReader.File<KubeDNSFile>) -> Fact {
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
}

/// The facts of cluster.env and sidecar.env.
private struct SettingsFiles: Sendable {
    private let cluster: FactReader.File<EnvironmentFile>
    private let sidecar: FactReader.File<EnvironmentFile>
    /// What both come to.
    let settings: MeshSettings

    init(_ reader: FactReader, isWanted: Bool) {
        guard isWanted else {
            cluster = .init(path: MeshPaths.clusterEnvironment, contents: nil, reason: "")
            sidecar = .init(path: MeshPaths.sidecarEnvironment, contents: nil, reason: "")
            settings = MeshSettings(cluster: nil, sidecar: nil)
            return
        }
        cluster = reader.file(MeshPaths.clusterEnvironment) { EnvironmentFile($0) }
        sidecar = reader.file(MeshPaths.sidecarEnvironment) { EnvironmentFile($0) }
        settings = MeshSettings(cluster: cluster.contents, sidecar: sidecar.contents)
    }

    /// The fact of a name that begins with `cluster.`, `sidecar.` or `settings.`.
    func fact(_ name: String) -> Fact {
        if let setting = name.suffix(behind: "cluster.") { return line(setting, of: cluster) }
        if let setting = name.suffix(behind: "sidecar.") { return line(setting, of: sidecar) }
        switch name {
        case "settings.service-cidr":
            if settings.serviceRanges.isEmpty { return .missing(unset(.serviceCIDR)) }
            return .value(.list(settings.serviceRanges.map { .text($0.description) }))
        case "settings.inbound-ports":
            switch settings.inboundPorts {
            case .none: return .value(.list([]))
            // Of a range nobody says that each port has a service.
            case .list(let ports):
                return .value(.list(ports.filter { $0.first == $0.last }.map { .integer(Int64($0.first)) }))
            case .all: return .missing("\(SettingName.inboundPorts.rawValue) is *: all ports")
            }
        case "settings.inbound":
            switch settings.inboundPorts {
            case .none: return .value(.text("none"))
            case .list: return .value(.text("listed"))
            case .all: return .value(.text("all"))
            }
        case "settings.shadowed": return .value(.list(shadowed.map { .text($0) }))
        case "settings.excluded-ports":
            return .value(.list(settings.excludedPorts.map { .text($0.description) }))
        case "settings.envoy-port": return .value(.integer(Int64(settings.envoyPort)))
        case "settings.envoy-user": return .value(.text(settings.envoyUser))
        case "settings.namespace": return .value(.text(settings.namespace))
        case "settings.service": return text(settings.service, .service)
        case "settings.pod-name": return text(settings.podName, .podName)
        case "settings.log-directory": return .value(.text(settings.logs))
        default: return .value(.text(settings.binaries))
        }
    }

    /// Names that both files set, to different values: the host's file wins, and people look at the other one.
    private var shadowed: [String] {
        let machine = sidecar.contents?.values ?? [:]
        return (cluster.contents?.values ?? [:]).filter { name, value in
            machine[name].map { $0 != value } ?? false
        }.keys.sorted()
    }

    private func line(_ setting: String, of file: FactReader.File<EnvironmentFile>) -> Fact {
        guard let contents = file.contents else { return .missing(file.reason) }
        guard let value = contents[setting] else { return .missing("\(file.path) does not set \(setting)") }
        return .value(.text(value))
    }

    private func text(_ value: String?, _ name: SettingName) -> Fact {
        value.map { .value(.text($0)) } ?? .missing(unset(name))
    }

    private func unset(_ name: SettingName) -> String {
        let reasons = [cluster.reason, sidecar.reason].filter { !$0.isEmpty }
        let files = reasons.isEmpty ? "neither cluster.env nor sidecar.env sets it" : reasons.joined(separator: "; ")
        return "\(name.rawValue) is not set: \(files)"
    }
}

/// Who the host is in the mesh, by the rules of `istio-start.sh`.
private struct NodeFacts: Sendable {
    let files: SettingsFiles
    let reader: FactReader

    private static let hostNamePath = "/proc/sys/kernel/hostname"

    /// The fact of a name that begins with `node.`.
    func read(_ name: String) async -> Fact {
        switch name {
        case "node.name": return self.name
        case "node.cluster": return .value(.text(files.settings.service ?? "istio-proxy"))
        case "node.address": return await address()
        default:
            let address = await address()
            guard case .value(.text(let host)) = address else { return address }
            guard case .value(.text(let pod)) = self.name else { return self.name }
            let namespace = files.settings.namespace
            let identity = NodeIdentity(
                role: .sidecar, address: host, id: "\(pod).\(namespace)",
                domain: "\(namespace).svc.cluster.local")
            return .value(.text(identity.description))
        }
    }

    private var name: Fact {
        if let name = files.settings.podName { return .value(.text(name)) }
        let file = reader.file(Self.hostNamePath) { bytes in
            String(decoding: bytes.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
        guard let name = file.contents, !name.isEmpty else { return .missing(file.reason) }
        return .value(.text(name))
    }

    private func address() async -> Fact {
        if let address = files.settings.serviceAddress { return .value(.text(address.description)) }
        var pilot = "istio-pilot"
        if let address = reader.file(MeshPaths.kubeDNS, { KubeDNSFile($0) }).contents?.pilot {
            pilot = address.description
        }
        do throws(ProbeError) {
            let found = try await reader.observe("addresses", ["towards": .text(pilot)], ["route-source"])
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

    private func firstAddress() async -> Fact {
        do throws(ProbeError) {
            let found = try await reader.observe("addresses", [:], ["ipv4"])
            if case .list(let addresses)? = found.attributes["ipv4"], let first = addresses.first {
                return .value(first)
            }
            return .missing("the host has no global IPv4 address")
        } catch {
            return .missing(error.description)
        }
    }
}
