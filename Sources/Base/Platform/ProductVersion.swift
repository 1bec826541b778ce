/// The version of every program and package of this project: that of Packaging/workspace.yaml.
public enum ProductVersion {
    /// Such as `0.3.0`.
    public static let text = "0.3.0"
}
