import SpecLoading

/// What is generated from the declarations of the specification.
public enum SpecDocuments {
    /// JSON Schema of `package.yaml`.
    public static var packageSchema: JSONValue {
        SpecShapes.packageFile.jsonSchema(id: "urn:debbuild:package", title: "debbuild package.yaml")
    }

    /// JSON Schema of `workspace.yaml`.
    public static var workspaceSchema: JSONValue {
        SpecShapes.workspace.jsonSchema(id: "urn:debbuild:workspace", title: "debbuild workspace.yaml")
    }

    /// Every key of `package.yaml` in Markdown.
    public static var packageReference: String {
        SpecShapes.packageFile.markdownReference(title: "package.yaml")
    }

    /// Every key of `workspace.yaml` in Markdown.
    public static var workspaceReference: String {
        SpecShapes.workspace.markdownReference(title: "workspace.yaml")
    }
}
