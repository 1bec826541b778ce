import Scenarios
import Documents

/// The report for programs (docs/meshcheck.md, docs/report.schema.json): stable, versioned, members in one order.
public struct JSONRenderer: Renderer {
    /// Creates a renderer.
    public init() {}

    /// The document of one run.
    public func text(of run: MaskedRun) -> String { ReportJSON.run(run.result).pretty + "\n" }

    /// The document of several machines.
    public func text(of fleet: MaskedFleet) -> String { ReportJSON.fleet(fleet.result).pretty + "\n" }
}
