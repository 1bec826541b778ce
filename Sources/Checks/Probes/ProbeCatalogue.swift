/// The probes that checks can use, put together by whoever runs checks.
public struct ProbeCatalogue: Sendable {
    /// The kinds of subjects, in the order of the reference: by name.
    public let kinds: [SubjectKind]
    private let probes: [String: any Probe.Type]

    /// Creates a catalogue; of two probes of the same kind the first counts.
    public init(_ probes: [any Probe.Type]) {
        self.probes = Dictionary(probes.map { ($0.kind.name, $0) }) { first, _ in first }
        kinds = self.probes.values.map { $0.kind }.sorted { $0.name < $1.name }
    }

    /// This catalogue and some more probes.
    public func adding(_ more: [any Probe.Type]) -> ProbeCatalogue { ProbeCatalogue(Array(probes.values) + more) }

    /// The probe of a kind; nil when there is none of this name.
    public func probe(_ kind: String) -> (any Probe.Type)? { probes[kind] }

    /// Whether there is a kind of this name.
    public func has(_ kind: String) -> Bool { probes[kind] != nil }

    /// The kind of this name; nil when there is none.
    public func kind(_ name: String) -> SubjectKind? { probes[name]?.kind }
}

extension ProbeCatalogue {
    /// The probes of every Debian host.
    public static let standard = ProbeCatalogue([
        AddressesProbe.self, AlternativeProbe.self, AnswerProbe.self, BootProbe.self, ClockProbe.self,
        CommandProbe.self, DNSProbe.self,
        FileProbe.self, GroupProbe.self, HTTPProbe.self, InterfaceProbe.self, JobProbe.self, KernelModuleProbe.self,
        LibraryProbe.self,
        LogProbe.self, MountProbe.self, PackageProbe.self, PortProbe.self, ProcessProbe.self, ProgramProbe.self,
        ResolverProbe.self, RouteProbe.self, SocketProbe.self, SysctlProbe.self, TCPProbe.self, TLSProbe.self,
        UnitProbe.self, UserProbe.self,
    ])
}
