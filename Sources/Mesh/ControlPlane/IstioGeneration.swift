/// Which Istio a control plane behaves as, where their answers differ. Both the authority and Pilot do as the programs of
/// the release did when they were run beside each other.
public enum IstioGeneration: String, Sendable, Hashable, CaseIterable {
    /// 0.2, of the mesh expansion guide.
    case v0_2 = "0.2"
    /// 0.5 to 0.8.
    case v0_8 = "0.8"
    /// 1.0, whose Pilot has no discovery of version 1 but the list of registrations.
    case v1_0 = "1.0"

    /// Whether the authority reads the lifetime that is asked for; it then has no default.
    var hasRequestedLifetimes: Bool { self != .v0_2 }

    /// Whether the authority compares the names that are asked for with those of the client's certificate.
    var comparesNames: Bool { self == .v0_2 }

    /// Whether an intermediate authority signs. The later ones do not send its certificate along, so they sign with their
    /// root, as those that make it themselves do.
    var hasIntermediate: Bool { self == .v0_2 }
}
