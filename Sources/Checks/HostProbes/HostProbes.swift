// The former name of Probes, until its users import that.
@_exported import Probes

/// The former name of the catalogue.
public typealias KindCatalogue = ProbeCatalogue
