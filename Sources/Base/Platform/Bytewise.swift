import Glibc

/// Texts compared as files and formats compare them: by their bytes.
///
/// Swift's strings are equal when their characters are, however these are encoded, and a path whose name begins with a
/// combining mark does not even begin with "/" for `hasPrefix`, because slash and mark are one character.
extension StringProtocol {
    /// Whether it begins so, byte by byte.
    package func startsBytewise(_ prefix: String) -> Bool {
        compare(prefix) { text, prefix in text.starts(with: prefix) }
    }

    /// Whether it ends so, byte by byte.
    package func endsBytewise(_ suffix: String) -> Bool {
        compare(suffix) { text, suffix in
            text.count >= suffix.count && text[(text.count - suffix.count)...].elementsEqual(suffix)
        }
    }

    /// Whether some bytes are among its own.
    package func containsBytewise(_ part: String) -> Bool {
        compare(part) { text, part in
            guard let start = text.baseAddress, let wanted = part.baseAddress, let first = part.first else {
                return part.isEmpty
            }
            var offset = 0
            while text.count - offset >= part.count,
                let found = memchr(start + offset, Int32(first), text.count - offset - part.count + 1)
            {
                if memcmp(found, wanted, part.count) == 0 { return true }
                offset = UnsafeRawPointer(start).distance(to: found) + 1
            }
            return false
        }
    }

    /// The bytes of both in one piece, as nearly all strings have them: rules ask for every entry of a package, and a view of
    /// bytes that is only known to be one takes a call for each of them.
    fileprivate func compare<Result>(
        _ other: String, _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        let result = utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { body(own, $0) }
        }
        if let result = result ?? nil { return result }
        return Array(utf8).withUnsafeBufferPointer { own in Array(other.utf8).withUnsafeBufferPointer { body(own, $0) }
        }
    }
}

extension String {
    /// The rest behind the first byte, such as a path without the slash in front.
    package var withoutFirstByte: String { String(decoding: utf8.dropFirst(), as: UTF8.self) }

    /// The order of the bytes: negative, zero or positive as by memcmp(3).
    package func compareBytewise(_ other: String) -> Int {
        let result = compare(other) { (own, other) -> Int in
            let count = Swift.min(own.count, other.count)
            if let left = own.baseAddress, let right = other.baseAddress, count > 0 {
                let order = memcmp(left, right, count)
                if order != 0 { return Int(order) }
            }
            return own.count - other.count
        }
        return result
    }

    /// Whether the bytes are the same, which `==` does not ask.
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && startsBytewise(other)
    }
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
