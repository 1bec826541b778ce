/// The version of this program, the same as in `Packaging/workspace.yaml`; a test keeps the two together.
enum ToolVersion {
    static let text = "0.3.0"
}
