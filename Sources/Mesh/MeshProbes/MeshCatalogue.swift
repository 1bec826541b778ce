import Probes

extension ProbeCatalogue {
    /// The probes of every Debian host and those of the mesh.
    public static let mesh = standard.adding([
        CertificateProbe.self, EnvironmentFileProbe.self, EnvoyProbe.self, InboundProbe.self,
        KubeDNSProbe.self, NameProbe.self, PacketFilterProbe.self, ReachProbe.self,
        RedirectionProbe.self, RequestProbe.self, TokenProbe.self,
    ])
}
