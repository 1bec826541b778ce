import Platform

/// A package's name (Policy 5.6.7), as dpkg-deb(1) accepts it in a package that it builds.
public struct PackageName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// Reads a name: at least two characters, lower-case letters, digits and `+-.`, a letter or digit first.
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
        guard bytes.count >= 2 else { throw fault("at least two characters", bytes.count) }
        description = text
    }

    /// Byte order.
    public static func < (left: PackageName, right: PackageName) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}

/// A name with a mail address, `Name <address>` (Policy 5.6.2).
public struct Maintainer: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let name: String
    /// The address, without the angle brackets.
    public let address: String

    /// Reads `Name <address>`: one line, one address, its parts as RFC 5322's dot-atom and a host name have them.
    public init(_ text: String) throws(FormatError) {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(subject: "maintainer", found: text, expected: expected, offset: offset, source: "Policy 5.6.2")
        }
        let bytes = Array(text.utf8)
        if let control = bytes.firstIndex(where: { $0 < 0x20 || $0 == 0x7f }) {
            throw fault("one line without control characters", control)
        }
        guard let open = bytes.firstIndex(of: UInt8(ascii: "<")) else { throw fault("'Name <address>'", bytes.count) }
        guard bytes.last == UInt8(ascii: ">") else { throw fault("a '>' at the end", bytes.count) }
        let nameBytes = Ascii.trimmed(bytes[..<open])
        guard !nameBytes.isEmpty else { throw fault("a name before the address", 0) }
        if let bracket = nameBytes.firstIndex(of: UInt8(ascii: ">")) { throw fault("no '>' in the name", bracket) }
        let inner = bytes[(open + 1)..<(bytes.count - 1)]
        guard let at = inner.firstIndex(of: UInt8(ascii: "@")) else {
            throw fault("an address such as team@example.org", open + 1)
        }
        let local = inner[..<at]
        guard !local.isEmpty else { throw fault("a local part before '@'", at) }
        if let wrong = local.firstIndex(where: { !Self.isAtomText($0) }) {
            throw fault("letters, digits and !#$%&'*+-/=?^_`{|}~. before '@'", wrong)
        }
        let host = inner[(at + 1)...]
        guard let first = host.first else { throw fault("a host name after '@'", host.endIndex) }
        if let wrong = host.firstIndex(where: {
            !Ascii.isAlphanumeric($0) && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".")
        }) {
            throw fault("letters, digits, '-' and '.' in the host name after '@'", wrong)
        }
        guard first != UInt8(ascii: "."), host.last != UInt8(ascii: ".") else {
            throw fault("a host name without '.' at its ends", first == UInt8(ascii: ".") ? at + 1 : host.endIndex - 1)
        }
        name = Ascii.text(nameBytes)
        address = Ascii.text(inner)
    }

    private static func isAtomText(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
    }

    /// `Name <address>`.
    public var description: String { "\(name) <\(address)>" }
}
