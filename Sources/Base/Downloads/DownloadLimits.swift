/// What one download may cost. The defaults suit packages over slow lines.
public struct DownloadLimits: Sendable, Hashable {
    /// Seconds for one file, all attempts together.
    public var time = 3600
    /// Seconds without a single byte after which the transfer is given up.
    public var stall = 60
    /// Bytes of one file.
    public var bytes = 64 << 30
    /// Seconds that a server may ask to wait for before the next attempt (`Retry-After`, RFC 9110 section 10.2.3).
    public var wait = 120
    /// How often a transfer that failed for a passing reason is tried again.
    public var retries = 3

    /// The defaults.
    public init() {}
}

/// The progress of a download.
public enum DownloadProgress: Sendable, Hashable {
    /// Another process downloads the same file, and has so many bytes of it.
    case waiting(bytes: Int64)
    /// So many bytes are there.
    case received(bytes: Int64)
    /// It failed for a passing reason and is tried again after so many seconds.
    case retrying(seconds: Int, reason: String)
}
