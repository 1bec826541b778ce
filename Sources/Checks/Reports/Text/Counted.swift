/// Numbers with their nouns.
enum Counted {
    /// `1 check`, `2 checks`.
    static func text(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// The first few of some words, and how many more there are.
    static func list(_ words: [String], limit: Int) -> String {
        let shown = words.prefix(limit).joined(separator: ", ")
        return words.count > limit ? "\(shown) and \(words.count - limit) more" : shown
    }
}
