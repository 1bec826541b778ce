import MeshContract

/// The cluster's names for dnsmasq(8), which serves them.
///
/// `host-record` answers an AAAA question with an empty answer; `address` with `local` would say that the name does not
/// exist, and resolvers believe that.
public enum ClusterNames {
    /// Configuration lines.
    ///
    /// - Parameter isEmpty: whether records are left out, as a cluster does that lost its DNS service's data.
    public static func dnsmasq(_ mesh: MeshConfiguration, isEmpty: Bool = false) -> String {
        var lines = ["# names of the cluster; made by mesh-lab dns", "local=/cluster.local/"]
        if !isEmpty {
            for service in mesh.services { lines.append("host-record=\(service.hostname),\(service.address)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
