import HostProbes

extension Matcher {
    /// The regular expressions in it.
    var patterns: [Pattern] {
        switch self {
        case .matches(let pattern): [pattern]
        case .count(let inner), .not(let inner), .each(let inner), .some(let inner), .none(let inner),
            .view(_, let inner):
            inner.patterns
        case .all(let all), .any(let all): all.flatMap(\.patterns)
        case .equals, .oneOf, .present, .compare, .between, .text, .contains, .containsAll, .only, .unorderedEquals,
            .unique, .empty, .inCIDR:
            []
        }
    }

    /// The regular expressions that may take long with a value.
    func largePatterns(on value: Value?) -> [Pattern] {
        let found = patterns
        guard !found.isEmpty, let value else { return [] }
        return found.filter { !$0.cost.isSmall(forBytes: value.textBytes) }
    }
}

extension Value {
    /// Bytes of all texts in it.
    var textBytes: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .list(let items): items.reduce(0) { $0 + $1.textBytes }
        case .map(let entries): entries.reduce(0) { $0 + $1.value.textBytes }
        case .null, .bool, .integer, .number, .duration, .time: 0
        }
    }
}
