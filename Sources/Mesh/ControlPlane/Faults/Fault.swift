/// What can be made to go wrong, for tests and the lab.
public enum Fault: String, Sendable, Hashable, CaseIterable {
    case pilotRefuse = "pilot-refuse"
    case pilotHang = "pilot-hang"
    case pilotEmpty = "pilot-empty"
    case pilot503 = "pilot-503"
    case authorityRefuse = "ca-refuse"
    case authorityDeny = "ca-deny"
    case authorityHang = "ca-hang"
    case authorityExpired = "ca-expired"
    case authorityNoName = "ca-no-san"
    case authorityNewRoot = "ca-new-root"
    case podUnreachable = "pod-unreachable"
    case namesDropped = "dns-drop"

    /// What happens, for people.
    public var summary: String {
        switch self {
        case .pilotRefuse: "Pilot's ports are closed"
        case .pilotHang: "Pilot takes connections and never answers"
        case .pilotEmpty: "Pilot knows no endpoint"
        case .pilot503: "Pilot answers 503"
        case .authorityRefuse: "the certificate authority's port is closed"
        case .authorityDeny: "the certificate authority approves nothing"
        case .authorityHang: "the certificate authority takes requests and never answers"
        case .authorityExpired: "the certificate authority issues certificates that are over"
        case .authorityNoName: "the certificate authority issues certificates without a name"
        case .authorityNewRoot: "the certificate authority signs with a new root, and sends it along"
        case .podUnreachable: "the ports of pods are closed"
        case .namesDropped: "the cluster's DNS has no records: 'mesh-lab dns' leaves them out"
        }
    }
}
