import MeshProbes
import Probes
import Reports
import Scenarios

extension KindCatalogue {
    /// What can be checked on a host of the mesh.
    public static let mesh = KindCatalogue(
        ProbeCatalogue.mesh, facts: [MeshFacts()],
        profileRule: ProfileRule(package: "istio-sidecar", installed: "modern", absent: "classic"))
}

extension Route {
    /// The way of a host into the mesh: itself, names, Pilot, certificates, traffic.
    public static let mesh = Route(
        name: "way into the mesh",
        stations: [
            Station(label: "VM", summary: "packages and services"),
            Station(label: "DNS", summary: "names of the cluster", families: ["dns"]),
            Station(
                label: "Pilot", summary: "discovery", families: ["pilot", "mixer", "discovery", "xds", "istiod"]),
            Station(
                label: "CA", summary: "certificates and their renewal", families: ["ca", "certs", "nal", "token"]),
            Station(label: "Mesh", summary: "traffic in and out", families: ["mesh", "in", "reg", "bookinfo"]),
        ])
}
