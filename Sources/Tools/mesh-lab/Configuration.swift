import ControlPlane
import Glibc
import Documents
import StandardStreams

/// Reads the mesh's file for commands.
enum Configuration {
    static func load(_ path: String) throws -> MeshConfiguration {
        var diagnostics = Diagnostics()
        let mesh = MeshShapes.load(path, diagnostics: &diagnostics)
        if !diagnostics.isEmpty {
            let isColoured = isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == nil
            Terminal.writeErrorLine(DiagnosticRenderer.text(diagnostics, color: isColoured))
        }
        guard let mesh else { throw Failure(status: 2, text: nil).exit }
        return mesh
    }
}
