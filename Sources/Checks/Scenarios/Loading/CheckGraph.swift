import Documents
import Platform

/// What checks need of one another.
enum CheckGraph {
    /// What a family of checks needs; the checks themselves are large, and a dictionary of them would copy each.
    private struct Family {
        let needs: [Located<String>]
        let after: [Located<String>]
    }

    /// Reports ids that are used twice, needs that nothing meets or that go in a circle, and captured values whose
    /// source is not among the needs.
    static func validate(_ scenarios: [ReadScenario], _ diagnostics: inout Diagnostics) {
        var places: [String: SourceRange?] = [:]
        var members: [String: [String]] = [:]
        var profiles: [String: [String]] = [:]
        var families: [String: Family] = [:]
        for scenario in scenarios {
            for read in scenario.checks {
                if let other = places[read.check.id] {
                    diagnostics.error(
                        "duplicate-id", "there is another check '\(read.check.id)'", at: read.idRange,
                        notes: ["the other one is at \(other?.place ?? "an unknown place")"],
                        help: "give it an id of its own")
                    continue
                }
                places[read.check.id] = read.idRange
                members[read.check.family, default: []].append(read.check.id)
                if read.check.id != read.check.family { members[read.check.id] = [read.check.id] }
                for name in [read.check.family, read.check.id] { profiles[name] = scenario.profiles }
                if families[read.check.family] == nil {
                    families[read.check.family] = Family(needs: read.needs, after: read.after)
                }
            }
        }
        for scenario in scenarios {
            for read in scenario.checks {
                for need in read.needs + read.after {
                    validate(need, of: read, in: scenario, members, profiles, &diagnostics)
                }
            }
        }
        validateCycles(families, &diagnostics)
        validateCaptures(families, scenarios, &diagnostics)
    }

    private static func validate(
        _ need: Located<String>, of read: ReadCheck, in scenario: ReadScenario, _ members: [String: [String]],
        _ profiles: [String: [String]], _ diagnostics: inout Diagnostics
    ) {
        guard members[need.value] != nil else {
            diagnostics.error(
                "unknown-id", "there is no check '\(ValueText.shortened(need.value, to: 100))'", at: need.range,
                help: SpellingSuggestion.of(need.value, among: members.keys.sorted()).map { "did you mean '\($0)'?" }
                    ?? "name a check of the files that are loaded, or load the file that has it")
            return
        }
        let offered = profiles[need.value] ?? []
        let lacking =
            offered.isEmpty
            ? [] : (scenario.profiles.isEmpty ? ["every other"] : scenario.profiles.filter { !offered.contains($0) })
        if !lacking.isEmpty {
            diagnostics.error(
                "profile", "check '\(need.value)' is not part of profile \(lacking.joined(separator: ", "))",
                at: need.range, help: "it belongs to \(offered.joined(separator: ", ")) only")
        }
    }

    /// Reports each circle once, at the need that closes it.
    private static func validateCycles(_ families: [String: Family], _ diagnostics: inout Diagnostics) {
        var finished: Set<String> = []
        for start in families.keys.sorted() where !finished.contains(start) {
            var path: [(id: String, next: Int)] = [(start, 0)]
            var onPath: Set<String> = [start]
            while let top = path.last {
                let needs = families[top.id].map { $0.needs + $0.after } ?? []
                guard top.next < needs.count else {
                    finished.insert(top.id)
                    onPath.remove(top.id)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let need = Located(value: family(needs[top.next].value), range: needs[top.next].range)
                if onPath.contains(need.value) {
                    let circle = path.map(\.id).drop { $0 != need.value } + [need.value]
                    diagnostics.error(
                        "needs-cycle", "checks need one another: \(circle.joined(separator: " → "))", at: need.range,
                        help: "remove one of the needs")
                } else if families[need.value] != nil, !finished.contains(need.value) {
                    path.append((need.value, 0))
                    onPath.insert(need.value)
                }
            }
        }
    }

    private static func validateCaptures(
        _ families: [String: Family], _ scenarios: [ReadScenario], _ diagnostics: inout Diagnostics
    ) {
        for read in scenarios.flatMap(\.checks) where !read.captures.isEmpty {
            let reachable = transitive(read.check.family, families)
            for capture in read.captures {
                guard let source = read.sources[capture.value] else { continue }
                if source == read.check.family {
                    diagnostics.error(
                        "capture-needs", "'${\(capture.value)}' is captured by this check itself", at: capture.range,
                        help: "use it in another check, which needs this one")
                } else if !reachable.contains(source) {
                    diagnostics.error(
                        "capture-needs",
                        "'${\(capture.value)}' is captured by '\(source)', which this check does not need",
                        at: capture.range, help: "add needs: [\(source)]")
                }
            }
        }
    }

    private static func transitive(_ id: String, _ families: [String: Family]) -> Set<String> {
        var seen: Set<String> = []
        var pending = families[id]?.needs.map { family($0.value) } ?? []
        while let next = pending.popLast() {
            if seen.insert(next).inserted { pending += families[next]?.needs.map { family($0.value) } ?? [] }
        }
        return seen
    }

    /// The id without an item in brackets.
    private static func family(_ id: String) -> String {
        String(decoding: id.utf8.prefix { $0 != UInt8(ascii: "[") }, as: UTF8.self)
    }

    /// The checks with the ids of the checks that they need in place of those of families.
    static func expandNeeds(_ checks: [ReadCheck]) -> [Check] {
        var members: [String: [String]] = [:]
        for read in checks {
            members[read.check.family, default: []].append(read.check.id)
            if read.check.id != read.check.family { members[read.check.id] = [read.check.id] }
        }
        return checks.map { read in
            var check = read.check
            check.needs = read.needs.flatMap { members[$0.value] ?? [] }
            check.after = read.after.flatMap { members[$0.value] ?? [] }
            return check
        }
    }
}
