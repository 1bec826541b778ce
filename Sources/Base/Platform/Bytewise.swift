/// Texts compared as files and formats compare them: by their bytes.
///
/// Swift's strings are equal when their characters are, however these are encoded, and a path whose name begins with a
/// combining mark does not even begin with "/" for `hasPrefix`, because slash and mark are one character.
extension StringProtocol {
    /// Whether it begins so, byte by byte.
    package func startsBytewise(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether it ends so, byte by byte.
    package func endsBytewise(_ suffix: String) -> Bool {
        let (length, ending) = (utf8.count, suffix.utf8.count)
        return length >= ending && utf8.suffix(ending).elementsEqual(suffix.utf8)
    }
}

extension String {
    /// The rest behind the first byte, such as a path without the slash in front.
    package var withoutFirstByte: String { String(decoding: utf8.dropFirst(), as: UTF8.self) }

    /// Whether the bytes are the same, which `==` does not ask.
    package func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

/// A path or name as a key, equal to another when their bytes are: a file system, and dpkg, have two files for an "é" of
/// one code point and one of two.
package struct ByteKey: Hashable, Sendable {
    /// The text.
    package let text: String

    /// Wraps a text.
    package init(_ text: String) { self.text = text }

    package static func == (left: ByteKey, right: ByteKey) -> Bool { left.text.hasSameBytes(as: right.text) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// Paths, equal when their bytes are.
public struct PathSet: Sendable {
    package private(set) var keys: Set<ByteKey> = []

    /// Creates an empty set.
    public init() {}

    /// Creates a set of paths.
    public init(_ paths: some Sequence<String>) { keys = Set(paths.map { ByteKey($0) }) }

    /// Whether a path is in it.
    public func contains(_ path: String) -> Bool { keys.contains(ByteKey(path)) }

    /// Puts a path in, and says whether it was not there.
    @discardableResult
    public mutating func insert(_ path: String) -> Bool { keys.insert(ByteKey(path)).inserted }
}
