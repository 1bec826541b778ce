/// Bounds for archives from outside, so that a small file cannot fill memory or disk.
public struct ArchiveLimits: Sendable, Hashable {
    /// Entries at the most.
    public var entries = 1_000_000
    /// Bytes of all entries together at the most.
    public var totalBytes: Int64 = 64 << 30

    /// The defaults.
    public init() {}

    /// Other bounds.
    public init(entries: Int, totalBytes: Int64) {
        self.entries = entries
        self.totalBytes = totalBytes
    }
}
