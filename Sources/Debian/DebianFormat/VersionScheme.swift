import Platform

/// How the text of a version becomes a Debian version.
public enum VersionScheme: String, Sendable, Hashable, CaseIterable {
    /// As upstream writes it, mapped so that a pre-release sorts before its release.
    case semver
    /// As deb-version(7) defines it; nothing is changed.
    case debian

    /// The Debian version of a text.
    public func version(of text: String) throws(FormatError) -> DebianVersion {
        switch self {
        case .semver: try DebianVersion.mapped(from: text)
        case .debian: try DebianVersion(text)
        }
    }
}

extension DebianVersion {
    /// The version with an epoch and a revision where it has none of its own.
    public func completed(epoch: UInt32?, revision: String?) throws(FormatError) -> DebianVersion {
        var text = description
        if let epoch, !hasEpoch { text = "\(epoch):" + text }
        if let revision, self.revision == nil { text += "-" + revision }
        return try DebianVersion(text)
    }

    /// Whether an epoch is written, be it 0.
    public var hasEpoch: Bool { description.utf8.contains(UInt8(ascii: ":")) }
}
