import Platform

/// A line of the `triggers` control file (deb-triggers(5)).
public struct Trigger: Hashable, Sendable, CustomStringConvertible {
    /// The directives.
    public static let directives = [
        "interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait",
    ]
    /// What happens.
    public let directive: String
    /// A trigger's name, or a path.
    public let name: String

    /// Reads `DIRECTIVE NAME`; blanks around it do not count.
    public init(_ text: String) throws(FormatError) {
        self = try Self.read(Array(text.utf8)[...])
    }

    /// Reads a whole file: comment lines and empty lines do not count.
    ///
    /// deb-triggers(5) also allows a comment behind a name, which dpkg 1.21 takes for a part of it; it is refused.
    public static func parse(_ text: String) throws(FormatError) -> [Trigger] {
        var result: [Trigger] = []
        for line in Lines(text) {
            let isComment = line.bytes.first { !Ascii.isBlank($0) } == UInt8(ascii: "#")
            if !isComment, !line.isBlank { result.append(try read(line.bytes)) }
            guard line.isEnded else {
                throw FormatError(
                    subject: "trigger", found: line.text, expected: "a newline at the end", offset: line.end,
                    source: "deb-triggers(5)")
            }
        }
        return result
    }

    /// The file that holds some triggers.
    public static func text(of triggers: some Sequence<Trigger>) -> String {
        triggers.map { "\($0)\n" }.joined()
    }

    private init(directive: String, name: String) {
        self.directive = directive
        self.name = name
    }

    private static func read(_ line: ArraySlice<UInt8>) throws(FormatError) -> Trigger {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(
                subject: "trigger", found: Ascii.text(line), expected: expected, offset: offset,
                source: "deb-triggers(5)")
        }
        let words = Ascii.words(line)
        guard let first = words.first else { throw fault("a directive and a name", line.startIndex) }
        let directive = Ascii.text(first)
        guard directives.contains(directive) else {
            throw fault("one of " + directives.joined(separator: ", "), first.startIndex)
        }
        guard words.count >= 2 else { throw fault("a name behind the directive", first.endIndex) }
        let name = words[1]
        if let wrong = name.firstIndex(where: { !Ascii.isGraphic($0) || $0 == UInt8(ascii: "#") }) {
            throw fault("a name of visible ASCII without '#'", wrong)
        }
        guard words.count == 2 else { throw fault("one name", words[2].startIndex) }
        return Trigger(directive: directive, name: Ascii.text(name))
    }

    /// `DIRECTIVE NAME`.
    public var description: String { "\(directive) \(name)" }
}
