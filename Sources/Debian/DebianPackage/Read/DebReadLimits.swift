/// Bounds for packages from outside. The defaults are far above the largest packages of Debian.
public struct DebReadLimits: Sendable, Hashable {
    /// Entries of `data.tar` at the most.
    public var entries = 250_000
    /// Bytes of `data.tar` after decompression at the most.
    public var dataBytes: Int64 = 64 << 30
    /// Bytes of the file `control` at the most.
    public var paragraphBytes = 1 << 20
    /// Bytes of all members of `control.tar` together at the most.
    public var controlBytes = 32 << 20
    /// Members of `control.tar` at the most.
    public var controlFiles = 256
    /// Bytes of all paths and link targets together at the most.
    public var pathBytes = 32 << 20
    /// A file up to this size is kept as text, if it is one.
    public var textBytes = 256 << 10
    /// Bytes of all texts together at the most; what is above is left out and counted.
    public var allTextBytes = 16 << 20
    /// Decompressed bytes may be this many times the compressed ones, beyond the first 64 MiB.
    public var ratio: Int64 = 4096

    /// The defaults.
    public init() {}
}
