/// A name with a mail address, `Name <address>` (Policy 5.6.2).
public struct Maintainer: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let name: String
    /// The address, without the angle brackets.
    public let address: String

    /// Reads `Name <address>`.
    public init(_ text: String) throws(FormatError) {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(subject: "maintainer", found: text, expected: expected, offset: offset, source: "Policy 5.6.2")
        }
        let bytes = Array(text.utf8)
        if let control = bytes.firstIndex(where: { $0 < 0x20 || $0 == 0x7f }) {
            throw fault("one line without control characters", control)
        }
        guard let open = bytes.firstIndex(of: 0x3c) else { throw fault("'Name <address>'", bytes.count) }
        guard bytes.last == 0x3e else { throw fault("a '>' at the end", bytes.count) }
        let nameBytes = Ascii.trimmed(bytes[..<open])
        guard !nameBytes.isEmpty else { throw fault("a name before the address", 0) }
        let inner = bytes[(open + 1)..<(bytes.count - 1)]
        if let wrong = inner.firstIndex(where: { $0 <= 0x20 || $0 == 0x3c || $0 == 0x3e || $0 == 0x2c }) {
            throw fault("an address without blanks and brackets", wrong)
        }
        guard let at = inner.firstIndex(of: 0x40), at > inner.startIndex,
            inner[(at + 1)...].contains(where: { $0 != 0x2e }),
            !inner[(at + 1)...].contains(0x40)
        else { throw fault("an address such as team@example.org", open + 1) }
        let host = inner[(at + 1)...]
        guard host.allSatisfy({ Ascii.isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e }), host.first != 0x2e,
            host.last != 0x2e
        else { throw fault("a host name behind '@'", at + 1) }
        name = Ascii.text(nameBytes)
        address = Ascii.text(inner)
    }

    /// `Name <address>`.
    public var description: String { "\(name) <\(address)>" }
}
