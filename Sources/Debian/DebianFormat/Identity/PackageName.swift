import Platform

/// A package's name (Policy 5.6.7), as dpkg-deb(1) accepts it in a package that it builds.
public struct PackageName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// Reads a name: two characters at least, lower-case letters, digits and `+-.`, a letter or digit first.
    ///
    /// dpkg itself is content with one character; Policy asks for two.
    public init(_ text: String) throws(FormatError) {
        let bytes = Array(text.utf8)
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(
                subject: "package name", found: text, expected: expected, offset: offset, source: "Policy 5.6.7")
        }
        for (index, byte) in bytes.enumerated() {
            let isPlain = Ascii.isLower(byte) || Ascii.isDigit(byte)
            if isPlain { continue }
            if index == 0 { throw fault("a lower-case letter or digit first", 0) }
            if byte != UInt8(ascii: "+"), byte != UInt8(ascii: "-"), byte != UInt8(ascii: ".") {
                throw fault("lower-case letters, digits, '+', '-' and '.' only", index)
            }
        }
        guard bytes.count >= 2 else { throw fault("two characters at least", bytes.count) }
        description = text
    }

    /// Byte order.
    public static func < (left: PackageName, right: PackageName) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}
