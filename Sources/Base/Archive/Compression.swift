/// How a stream is compressed.
public struct Compression: Sendable, Hashable, CustomStringConvertible {
    /// The format.
    public enum Codec: String, Sendable, Hashable, CaseIterable {
        case none, gzip, zstd, xz

        /// The levels that it has; empty for none.
        public var levels: ClosedRange<Int>? {
            switch self {
            case .none: nil
            case .gzip: 1...9
            case .zstd: 1...22
            case .xz: 0...9
            }
        }

        /// The level of the codec's own command, and of dpkg-deb(1).
        public var defaultLevel: Int {
            switch self {
            case .none: 0
            case .gzip: 9
            case .zstd: 3
            case .xz: 6
            }
        }
    }

    /// The format.
    public let codec: Codec
    /// The level within the format; 0 for none.
    public let level: Int
    /// A filter for machine code in front of LZMA2; only xz has it.
    public private(set) var branchFilter: BranchFilter = .none

    /// xz at level 6, what dpkg-deb(1) has by default on Debian.
    public static let `default` = Compression(codec: .xz, level: 6)
    /// No compression.
    public static let none = Compression(codec: .none, level: 0)

    /// Creates a compression; the level is brought into the codec's range.
    public init(codec: Codec, level: Int) {
        self.codec = codec
        if let levels = codec.levels {
            self.level = min(max(level, levels.lowerBound), levels.upperBound)
        } else {
            self.level = 0
        }
    }

    /// Reads `CODEC` or `CODEC:LEVEL`.
    public init(parsing text: String) throws(CompressionError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let codec = Codec(rawValue: String(parts.first ?? "")) else {
            throw CompressionError(found: text, expected: "xz, zstd, gzip or none, with a level after a colon")
        }
        guard parts.count == 2 else {
            self.init(codec: codec, level: codec.defaultLevel)
            return
        }
        guard let levels = codec.levels else {
            throw CompressionError(found: text, expected: "'none' without a level")
        }
        guard let level = Int(parts[1]), levels.contains(level) else {
            throw CompressionError(
                found: text,
                expected: "\(codec.rawValue) with a level from \(levels.lowerBound) to \(levels.upperBound)")
        }
        self.init(codec: codec, level: level)
    }

    /// The same with another branch filter; formats without filters ignore it.
    public func with(branchFilter: BranchFilter) -> Compression {
        var copy = self
        copy.branchFilter = codec == .xz ? branchFilter : .none
        return copy
    }

    /// What deb(5) appends to `data.tar`.
    public var fileSuffix: String {
        switch codec {
        case .none: ""
        case .gzip: ".gz"
        case .zstd: ".zst"
        case .xz: ".xz"
        }
    }

    /// `CODEC:LEVEL`, or `none`.
    public var description: String { codec == .none ? "none" : "\(codec.rawValue):\(level)" }
}

/// A filter that turns relative branch targets of machine code into absolute ones, so that they repeat (xz(1), BCJ).
public enum BranchFilter: String, Sendable, Hashable {
    case none, x86, arm64
}

/// A text that names no compression.
public struct CompressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was given.
    public var found: String
    /// What is understood.
    public var expected: String

    /// The sentence for people.
    public var description: String { "'\(found)' is not a compression (expected \(expected))" }
}
