extension ProbeCatalogue {
    /// The probes of every Debian host.
    public static let standard = ProbeCatalogue([
        AddressesProbe.self, ClockProbe.self, CommandProbe.self, DNSProbe.self, FileProbe.self, HTTPProbe.self,
        LibraryProbe.self, LogProbe.self, PackageProbe.self, PortProbe.self, ProcessProbe.self, ProgramProbe.self,
        ResolverProbe.self, TCPProbe.self, TLSProbe.self, UnitProbe.self, UserProbe.self,
    ])
}
