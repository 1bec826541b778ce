import ArgumentParser
import ControlPlane
import Documents
import StandardStreams

/// `mesh-lab schema`.
struct LabSchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Describe the mesh's file.")

    /// The form of the description.
    enum Form: String, ExpressibleByArgument, CaseIterable { case json, markdown }

    @Option(help: "json or markdown.")
    var form = Form.json

    func run() {
        switch form {
        case .json: Terminal.write(MeshShapes.mesh.jsonSchema(id: "mesh.schema.json", title: "mesh").pretty + "\n")
        case .markdown: Terminal.write(MeshShapes.mesh.markdownReference(title: "The mesh's file"))
        }
    }
}
