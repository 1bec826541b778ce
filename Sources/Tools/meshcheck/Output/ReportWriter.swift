import ArgumentParser
import Files
import Glibc
import Reports
import Scenarios
import StandardStreams

/// Writes finished reports to where they were asked for.
struct ReportWriter {
    let options: OutputOptions

    /// Writes a run.
    func write(_ result: RunResult) throws { try write { $0.render(result) } }

    /// Writes a fleet.
    func write(_ result: FleetResult) throws { try write { $0.render(result) } }

    private func write(_ render: (any Renderer) -> String) throws {
        for request in options.reports {
            guard let renderer = Self.renderer(request, isVerbose: options.verbose) else { continue }
            let text = render(renderer)
            guard let file = request.file else {
                Terminal.write(text)
                continue
            }
            do throws(FileError) {
                try OutputFile.write(text, to: file)
            } catch {
                throw Failure.message(
                    "the \(request.format.rawValue) report cannot be written: \(error)", code: "output",
                    status: Status.fault)
            }
        }
    }

    /// The renderer for a place: colour, symbols and width are a terminal's. Events were written already.
    static func renderer(_ request: ReportRequest, isVerbose: Bool) -> (any Renderer)? {
        let isScreen = request.file == nil
        switch request.format {
        case .terminal:
            return TerminalRenderer(
                usesColor: isScreen && Terminal.usesOutputColor, usesSymbols: Terminal.usesUTF8,
                width: isScreen ? Terminal.width(STDOUT_FILENO) : nil, isVerbose: isVerbose)
        case .json: return JSONRenderer()
        case .junit: return JUnitRenderer()
        case .tap: return TAPRenderer()
        case .prometheus: return PrometheusRenderer()
        case .html: return HTMLRenderer()
        case .events: return nil
        }
    }
}
