/// Everything on a machine that a check can look at.
public enum ProbeCatalogue {
    /// The probes, by the names of their kinds.
    public static let all: [any Probe.Type] = [
        AddressesProbe.self, CertificateProbe.self, ClockProbe.self, CommandProbe.self, DNSProbe.self,
        EnvironmentFileProbe.self, EnvoyProbe.self, FileProbe.self, HTTPProbe.self, KubeDNSProbe.self,
        LibraryProbe.self, LogProbe.self, PackageProbe.self, PacketFilterProbe.self, PortProbe.self,
        ProcessProbe.self, ProgramProbe.self, ResolverProbe.self, TCPProbe.self, TLSProbe.self, TokenProbe.self,
        UnitProbe.self, UserProbe.self,
    ]

    /// The kinds, by name.
    public static let kinds: [SubjectKind] = all.map { $0.kind }.sorted { $0.name < $1.name }

    /// The probe of a kind; nil when there is none of this name.
    public static func probe(_ kind: String) -> (any Probe.Type)? { all.first { $0.kind.name == kind } }
}
