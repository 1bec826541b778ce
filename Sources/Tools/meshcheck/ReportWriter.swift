import Documents
import Files
import Glibc
import MeshChecks
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
                throw CommandFailure.message(
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
        case .html: return HTMLRenderer(route: .mesh)
        case .events: return nil
        }
    }
}

/// Files that the user names.
enum OutputFile {
    /// Writes a file in one go: who reads it, such as node_exporter, never sees half of one.
    static func write(_ text: String, to path: String) throws(FileError) {
        let kind = try FileStatus.ofIfExists(path, followLinks: true)?.kind
        // A pipe or device, such as /dev/null, must not be replaced by a file.
        if kind == .other {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
            guard descriptor >= 0 else { throw FileError(operation: "open", path: path, errno: errno) }
            defer { close(descriptor) }
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw FileError(operation: "write", path: path, errno: errno) }
                rest = rest.dropFirst(count)
            }
            return
        }
        let file = try AtomicFile(target: path)
        var failure: FileError?
        var text = text
        text.withUTF8 { buffer in
            do throws(FileError) { try file.write(UnsafeRawBufferPointer(buffer)) } catch { failure = error }
        }
        if let failure { throw failure }
        try file.commit(.contents)
    }
}
