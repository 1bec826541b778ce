import Archive
import DebianFormat
import Documents

/// What `workspace.yaml` declares: the version, the packages, and the payloads that they share.
public struct WorkspaceSpec: Sendable {
    /// The version of every package without one of its own.
    public var version: Located<String>
    /// Package folders beside the file.
    public var packages: [Located<String>]
    /// Where packages are written, relative to the file.
    public var output: Located<String>?
    /// The folder that sources may come from, relative to the file; the file's own when it is missing.
    public var sources: Located<String>?
    /// The distribution that overrides are selected for.
    public var distribution: Located<String>?
    /// The folder of the Swift package whose products are payload, relative to the file.
    public var swiftPackage: Located<String>?
    /// Swift SDK names by architecture for cross-compilation.
    public var swiftSDKs: [(name: Located<String>, value: Located<String>)]
    /// Further arguments of `swift build` for these products.
    public var swiftOptions: [Located<String>]
    /// What stands before the names of strip(1) and objcopy(1), by architecture.
    public var binutils: [(name: Located<String>, value: Located<String>)]
    /// Variables for every field of every package.
    public var variables: [(name: Located<String>, value: Located<String>)]
    /// Payloads by name.
    public var payloads: [(name: Located<String>, value: PayloadSpec)]
}

/// One payload: either one source for every architecture, or one for each.
public struct PayloadSpec: Sendable {
    /// A source that serves every architecture.
    public var common: PayloadSourceSpec
    /// Sources by architecture.
    public var architectures: [(name: Located<String>, value: PayloadSourceSpec)]
}

/// Where a payload comes from, as declared.
public struct PayloadSourceSpec: Sendable {
    /// A file.
    public var path: Located<String>?
    /// A product of the Swift package.
    public var product: Located<String>?
    /// An archive on this machine.
    public var archive: Located<String>?
    /// An http, https or file URL.
    public var url: Located<String>?
    /// The exact path of a member of the archive or of what the URL gives.
    public var member: Located<String>?
    /// SHA-256 of the file, archive or download.
    public var sha256: Located<String>?
    /// Where it stands.
    public var range: SourceRange?
}
