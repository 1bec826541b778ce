import HostProbes
import MeshContract
import Platform

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
