import Platform

extension DebianVersion {
    /// Maps what upstream calls its version to one that sorts right: a pre-release before its release.
    ///
    /// `1.30.0-rc.1` and `1.30.0rc.1` become `1.30.0~rc.1`, `v1.2.3` becomes `1.2.3`, `+build` stays; `1.2.3-1` has a
    /// Debian revision already and stays, as does anything with `~` or an epoch. The offset of an error is that of the
    /// given text.
    public static func mapped(from text: String) throws(FormatError) -> DebianVersion {
        let written = mapping(of: Array(text.utf8))
        do throws(FormatError) {
            return try DebianVersion(Ascii.text(written.map(\.byte)))
        } catch {
            var moved = error
            moved.found = text
            moved.offset = error.offset < written.count ? written[error.offset].offset : text.utf8.count
            throw moved
        }
    }

    /// A byte of the mapped version with its place in the given text.
    private typealias Placed = (byte: UInt8, offset: Int)

    /// Words that announce a release directly behind a number, as in `1.0rc1`.
    private static let announcements: Set<String> = ["alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"]
    /// The same in PEP 440's short form, where a number has to follow: `1.0a1` comes before 1.0, `1.1.1a` after 1.1.1.
    private static let shortAnnouncements: Set<String> = ["a", "b", "c"]

    private static func mapping(of bytes: [UInt8]) -> [Placed] {
        var rest = bytes.indices.map { Placed(bytes[$0], $0) }[...]
        if rest.count > 1, Ascii.lowercased(bytes[0]) == UInt8(ascii: "v"), Ascii.isDigit(bytes[1]) {
            rest = rest.dropFirst()
        }
        let unchanged = Array(rest)
        if bytes.contains(UInt8(ascii: "~")) || bytes.contains(UInt8(ascii: ":")) { return unchanged }
        var head = rest.prefix { Ascii.isDigit($0.byte) || $0.byte == UInt8(ascii: ".") }
        guard !head.isEmpty, let separator = rest[head.endIndex...].first else { return unchanged }
        var tail = rest[head.endIndex...]
        let isDashed = separator.byte == UInt8(ascii: "-")
        if isDashed { tail = tail.dropFirst() }
        guard let first = tail.first, Ascii.isLetter(first.byte) else { return unchanged }
        if !isDashed {
            let letters = tail.prefix { Ascii.isLetter($0.byte) }
            let word = Ascii.text(letters.map { Ascii.lowercased($0.byte) })
            let next = tail.dropFirst(letters.count).first?.byte
            let isShort = shortAnnouncements.contains(word) && next.map(Ascii.isDigit) == true
            guard announcements.contains(word) || isShort else { return unchanged }
        }
        if let last = head.last, last.byte == UInt8(ascii: ".") { head = head.dropLast() }
        // A dash within a pre-release would be taken for the beginning of a Debian revision.
        let dotted = tail.map { $0.byte == UInt8(ascii: "-") ? Placed(UInt8(ascii: "."), $0.offset) : $0 }
        return head + [Placed(UInt8(ascii: "~"), separator.offset)] + dotted
    }
}
