/// Finds what the user probably meant.
public enum SpellingSuggestion {
    /// The most similar of some words, or nil when none is near: at most a third of the letters differ.
    public static func of(_ word: String, among candidates: some Sequence<String>) -> String? {
        of(word, among: candidates, budget: Int.max)
    }

    /// The same with a bound on the pairs of letters that are compared, for words that a hostile file may have made.
    package static func of(_ word: String, among candidates: some Sequence<String>, budget: Int) -> String? {
        var budget = budget
        let wanted = Array(word.lowercased().unicodeScalars.prefix(100))
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().unicodeScalars.prefix(100))
            let limit = max(1, max(wanted.count, letters.count) / 3)
            if abs(wanted.count - letters.count) > limit { continue }
            budget -= wanted.count * letters.count
            if budget < 0 { break }
            let distance = distance(wanted, letters)
            if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// Letters to insert, delete, replace or exchange with their neighbour (optimal string alignment).
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row] + [Int](repeating: 0, count: right.count)
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                current[column] = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + cost)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    current[column] = min(current[column], beforeLast[column - 2] + 1)
                }
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
