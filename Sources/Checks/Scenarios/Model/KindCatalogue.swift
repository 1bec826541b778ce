import HostProbes

/// The kinds of subjects that checks can be about.
public struct KindCatalogue: Sendable {
    /// The kinds, in the order of the reference.
    public let kinds: [SubjectKind]
    private let byName: [String: (kind: SubjectKind, probe: any Probe.Type)]

    /// All kinds that this machine's probes know.
    public static let standard = KindCatalogue(ProbeCatalogue.all)

    /// The kinds of some probes; of two with the same name the first counts.
    public init(_ probes: [any Probe.Type]) {
        kinds = probes.map { $0.kind }
        byName = Dictionary(probes.map { ($0.kind.name, ($0.kind, $0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// The kind of a name.
    func kind(_ name: String) -> SubjectKind? { byName[name]?.kind }

    /// Whether there is a kind of this name.
    func has(_ name: String) -> Bool { byName.keys.contains(name) }

    /// What looks at subjects of this kind.
    func probe(_ name: String) -> (any Probe.Type)? { byName[name]?.probe }
}
