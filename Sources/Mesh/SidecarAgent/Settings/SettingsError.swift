/// An option or variable that cannot be used.
public struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The option or variable, such as `--discoveryAddress` or `INSTANCE_IP`.
    public var name: String
    /// What it was set to; nil when it was not set.
    public var found: String?
    /// What it should be.
    public var expected: String
    /// What to do.
    public var remedy: String?

    init(_ name: String, found: String?, expected: String, remedy: String? = nil) {
        self.name = name
        self.found = found
        self.expected = expected
        self.remedy = remedy
    }

    /// The sentence for people.
    public var description: String {
        "\(name): expected \(expected), found " + (found.map { "'\(Self.shown($0))'" } ?? "nothing")
            + (remedy.map { "; \($0)" } ?? "")
    }

    /// What a terminal can show on one line.
    private static func shown(_ text: String) -> String {
        let limit = 200
        let scalars = text.unicodeScalars.prefix(limit).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }
        return scalars.joined() + (text.unicodeScalars.count > limit ? "…" : "")
    }
}
