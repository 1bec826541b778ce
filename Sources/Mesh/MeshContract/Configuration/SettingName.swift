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
