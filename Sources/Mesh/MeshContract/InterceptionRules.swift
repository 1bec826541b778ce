import Platform

/// The rules of the nat table that redirect a machine's traffic to Envoy, as iptables-save(8) prints them.
public struct InterceptionRules: Sendable, Hashable {
    /// The chain that redirects.
    public static let redirectChain = "ISTIO_REDIRECT"
    /// The chain of inbound traffic.
    public static let inboundChain = "ISTIO_INBOUND"
    /// The chain of outbound traffic.
    public static let outputChain = "ISTIO_OUTPUT"
    /// All chains that belong to the mesh.
    public static let chains = [redirectChain, inboundChain, outputChain]

    /// The rules, chain by chain: first the jumps in PREROUTING and OUTPUT, then the mesh's own chains by name.
    public let rules: [String]

    /// The mesh's own chains that the rules need, by name.
    public var chainNames: [String] { Self.chains.filter { !rules(of: $0).isEmpty }.sorted() }

    /// The rules of one chain in their order.
    public func rules(of chain: String) -> [String] {
        rules.filter { $0.utf8.starts(with: "-A \(chain) ".utf8) }
    }

    /// The rules that the settings call for.
    ///
    /// - Parameter uids: the users whose traffic is left alone when the settings name none: the user of Envoy, then root.
    public static func expected(_ settings: MeshSettings, uids: [UInt32]) -> InterceptionRules {
        var jumps: [String] = []
        var inbound: [String] = []
        if settings.inboundPorts != .none {
            jumps.append("-A PREROUTING -p tcp -j \(inboundChain)")
            inbound.append("-A \(inboundChain) -p tcp -m tcp --dport 22 -j RETURN")
        }
        switch settings.inboundPorts {
        case .none: break
        case .list(let ports):
            inbound += ports.map { "-A \(inboundChain) -p tcp\(match($0)) -j \(redirectChain)" }
        case .all:
            inbound += settings.excludedPorts.map { "-A \(inboundChain) -p tcp\(match($0)) -j RETURN" }
            inbound.append("-A \(inboundChain) -p tcp -j \(redirectChain)")
        }
        jumps.append("-A OUTPUT -p tcp -j \(outputChain)")

        var output = ["-A \(outputChain) ! -d 127.0.0.1/32 -o lo -j \(redirectChain)"]
        output += (settings.envoyUIDs ?? uids).map { "-A \(outputChain) -m owner --uid-owner \($0) -j RETURN" }
        output.append("-A \(outputChain) -d 127.0.0.1/32 -j RETURN")
        if settings.serviceRanges.isEmpty {
            output.append("-A \(outputChain) -j \(redirectChain)")
        } else {
            output += settings.serviceRanges.map { range in
                // A range that holds every address is not printed.
                let destination = range.prefixLength == 0 ? "" : "-d \(range) "
                return "-A \(outputChain) \(destination)-j \(redirectChain)"
            }
            output.append("-A \(outputChain) -j RETURN")
        }
        let redirect = "-A \(redirectChain) -p tcp -j REDIRECT --to-ports \(settings.envoyPort)"
        return InterceptionRules(rules: jumps + inbound + output + [redirect])
    }

    /// A range that holds every port is not printed.
    private static func match(_ ports: PortRange) -> String {
        ports.first == 0 && ports.last == 65535 ? " -m tcp" : " -m tcp --dport \(ports)"
    }
}
