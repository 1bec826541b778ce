import Documents
import Platform
import Probes

extension DiagnosisCatalogue {
    private static let evidenceLimit = 12

    /// A cause with the checks that it explains, by their places in the run.
    private struct Finding {
        let entry: Int
        /// Checks that show the cause.
        var primary: [Int]
        /// Checks that fail or are skipped because of it.
        var followers: [Int] = []
    }

    /// Finds the causes of failures, and notes them at the checks.
    func explain(_ ends: inout [CompletedCheck], suite: ScenarioSuite) -> [DiagnosisResult] {
        let checks = suite.checks
        guard ends.count == checks.count else { return [] }
        let own = ends.indices.map { ends[$0].result.isFailure ? cause(of: $0, ends, checks) : nil }
        let causes = reassigned(own, checks)
        var findings = findings(causes, own)
        let places = Dictionary(
            checks.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { first, _ in first })
        for index in ends.indices {
            guard case .skipped(.needs(let roots)) = ends[index].result.outcome,
                let root = roots.lazy.compactMap({ places[$0] }).first(where: { causes[$0] != nil }),
                let place = findings.firstIndex(where: { $0.primary.contains(root) || $0.followers.contains(root) })
            else { continue }
            findings[place].followers.append(index)
        }
        let byID = Dictionary(
            zip(checks.map(\.id), ends), uniquingKeysWith: { first, _ in first })
        var results: [(result: DiagnosisResult, rank: (Int, Int, Int))] = []
        for finding in findings {
            let result = result(of: finding, ends, suite, byID)
            for index in finding.primary + finding.followers { ends[index].result.diagnosis = result.code }
            let entry = entries[finding.entry]
            results.append((result, (result.severity.weight, entry.isGeneric ? 1 : 0, finding.entry)))
        }
        return results.sorted { $0.rank < $1.rank }.map(\.result)
    }

    /// The most specific cause whose evidence holds, by its place in the catalogue.
    private func cause(of index: Int, _ ends: [CompletedCheck], _ checks: [Check]) -> Int? {
        var best: (place: Int, specificity: Int)?
        for (place, entry) in entries.enumerated() {
            if let best, entry.specificity <= best.specificity { continue }
            guard holds(entry, for: index, ends, checks) else { continue }
            best = (place, entry.specificity)
        }
        return best?.place
    }

    private func holds(_ entry: DiagnosisEntry, for index: Int, _ ends: [CompletedCheck], _ checks: [Check]) -> Bool {
        guard let first = entry.conditions.first else { return true }
        guard first.holds(checks[index], ends[index]) else { return false }
        func isSeen(_ condition: DiagnosisCondition) -> Bool {
            checks.indices.contains { condition.holds(checks[$0], ends[$0]) }
        }
        return entry.conditions.dropFirst().allSatisfy(isSeen) && !entry.exclusions.contains(where: isSeen)
    }

    /// Gives failures to the causes that they follow from. Causes that stand earlier in the catalogue come first: a
    /// package that is missing before the service that does not run. What a cause explains goes, together with it, to
    /// the cause that explains it: DNS is why Pilot is not reached, and so why Envoy has no listeners.
    private func reassigned(_ own: [Int?], _ checks: [Check]) -> [Int?] {
        var causes = own
        for place in Set(own.compactMap { $0 }).sorted() where !entries[place].explains.isEmpty {
            // Where all that showed this cause went to another one, that is the root of what follows as well.
            let root =
                causes.contains(place) ? place : own.firstIndex(of: place).flatMap { causes[$0] } ?? place
            for index in checks.indices {
                guard let cause = causes[index], cause == own[index], cause != root,
                    cause > place || entries[cause].isGeneric,
                    entries[place].explains.contains(where: {
                        !entries[cause].isIndependent && $0.matches(checks[index]) || $0.source == entries[cause].code
                    })
                else { continue }
                causes[index] = root
            }
        }
        return causes
    }

    /// One finding for each cause; what only the generic one explains stays apart, check by check.
    private func findings(_ causes: [Int?], _ own: [Int?]) -> [Finding] {
        var findings: [Finding] = []
        for (index, cause) in causes.enumerated() {
            guard let cause, cause == own[index] else { continue }
            if !entries[cause].isGeneric, let place = findings.firstIndex(where: { $0.entry == cause }) {
                findings[place].primary.append(index)
            } else {
                findings.append(Finding(entry: cause, primary: [index]))
            }
        }
        for (index, cause) in causes.enumerated() {
            guard let cause, cause != own[index], let place = findings.firstIndex(where: { $0.entry == cause }) else {
                continue
            }
            findings[place].followers.append(index)
        }
        return findings
    }

    private func result(
        of finding: Finding, _ ends: [CompletedCheck], _ suite: ScenarioSuite, _ byID: [String: CompletedCheck]
    ) -> DiagnosisResult {
        let entry = entries[finding.entry]
        let texts = finding.primary.map { index in
            DiagnosisText(
                check: suite.checks[index], mainParameter: suite.kinds.kind(suite.checks[index].kind)?.mainParameter,
                end: ends[index], others: byID, variables: suite.variables)
        }
        var evidence: [String] = []
        for text in texts {
            for line in entry.evidence.compactMap({ text.evidence($0) }) where !evidence.contains(line) {
                evidence.append(line)
            }
        }
        if evidence.isEmpty { evidence = finding.primary.flatMap { Self.ownEvidence(ends[$0].result) } }
        // A check that only warns makes no error of its cause, unless something fails for it that matters more.
        let weights =
            finding.primary.map { ends[$0].result.severity }
            + finding.followers.filter { ends[$0].result.isFailure }.map { ends[$0].result.severity }
        let heaviest = weights.min { $0.weight < $1.weight } ?? entry.severity
        let first = texts[0]
        return DiagnosisResult(
            code: entry.code, severity: heaviest.weight > entry.severity.weight ? heaviest : entry.severity,
            cause: first.rendered(entry.cause), evidence: Array(evidence.prefix(Self.evidenceLimit)),
            remedy: Self.remedy(entry.remedy, texts), documentation: entry.documentation,
            checks: (finding.primary + finding.followers).map { ends[$0].result.id })
    }

    /// The commands with what was seen put in. One that is a list of what was seen, `${undo}`, has all items of all checks
    /// that show the cause.
    private static func remedy(_ templates: [String], _ texts: [DiagnosisText]) -> [String] {
        var lines: [String] = []
        for template in templates {
            let lists = texts.compactMap { $0.items(of: template) }
            for line in lists.isEmpty ? texts.map({ $0.rendered(template) }) : merged(lists) where !lines.contains(line)
            {
                lines.append(line)
            }
        }
        return Array(lines.prefix(max(evidenceLimit, templates.count)))
    }

    /// One list of the commands of several, each once and behind all that come before it in any of them: what they all end
    /// with, such as a restart, is of no use before the last change. Where two lists contradict each other, the first counts.
    static func merged(_ lists: [[String]]) -> [String] {
        var rest = lists
        var merged: [String] = []
        while let first = rest.first(where: { !$0.isEmpty })?.first {
            let heads = rest.compactMap(\.first)
            let next = heads.first { head in rest.allSatisfy { !$0.dropFirst().contains(head) } } ?? first
            merged.append(next)
            for index in rest.indices { rest[index].removeAll { $0 == next } }
        }
        return merged
    }

    /// What a check itself says of its failure.
    private static func ownEvidence(_ result: CheckResult) -> [String] {
        if case .error(let error) = result.outcome { return ["\(result.id): \(error)"] }
        return result.expectations.filter { !$0.holds }.map {
            "\(result.id): expected \($0.attribute) \($0.expected), found \($0.found)"
        }
    }
}

/// The texts of diagnoses with what was seen put in.
///
/// `${attribute.path}` is of the check that is explained, `${check.id:attribute.path}` of another check; then variables
/// of the scenarios. `${check.id}`, `${check.title}`, `${check.subject}`, `${check.error}`, `${check.expected}` and
/// `${check.found}` are what their names say; `${check.target}` is what the check is about, without its kind: the package's name alone.
struct DiagnosisText {
    private static let valueLimit = 300

    let check: Check
    /// The parameter that says what the check is about; nil for a kind that is not known.
    let mainParameter: String?
    let end: CompletedCheck
    /// All checks of the run with their ends, by id.
    let others: [String: CompletedCheck]
    let variables: VariableTable

    /// Characters of names in templates: paths have brackets, and an id stands before its attribute.
    static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
        VariableText.isNameCharacter(scalar) || ":[]\"*/".unicodeScalars.contains(scalar)
    }

    /// Takes a template apart.
    static func parse(_ text: String) throws(VariableText.Fault) -> VariableText {
        try VariableText(text, isName: isNameCharacter)
    }

    /// The items of the list that a template refers to and contains nothing else, or none if there is no such value; nil for
    /// any other template.
    func items(of template: String) -> [String]? {
        do throws(VariableText.Fault) {
            let pieces = try Self.parse(template).pieces
            guard pieces.count == 1, case .reference(let reference) = pieces[0], reference.fallback == nil else {
                return nil
            }
            switch value(reference.name) {
            case .list(let items): return items.map { ValueText.plain($0) }
            case nil, .null: return []
            default: return nil
            }
        } catch {
            // Templates were checked when the catalogue was loaded.
            return nil
        }
    }

    /// A text in which what is not there is shown as `<name>`.
    func rendered(_ text: String) -> String { render(text, isStrict: false) ?? text }

    /// A line of evidence; nil when a value of it is not there.
    func evidence(_ text: String) -> String? { render(text, isStrict: true) }

    private func render(_ text: String, isStrict: Bool) -> String? {
        do throws(VariableText.Fault) {
            return render(try Self.parse(text).pieces, isStrict: isStrict)
        } catch {
            // Templates were checked when the catalogue was loaded.
            return text
        }
    }

    private func render(_ pieces: [VariableText.Piece], isStrict: Bool) -> String? {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .reference(let reference):
                if let value = value(reference.name), ![Value.null, .text(""), .list([])].contains(value) {
                    result += ValueText.shortened(ValueText.plain(value), to: Self.valueLimit)
                } else if let fallback = reference.fallback {
                    guard let text = render(fallback, isStrict: isStrict) else { return nil }
                    result += text
                } else if isStrict {
                    return nil
                } else {
                    result += "<\(reference.name)>"
                }
            }
        }
        return result
    }

    private func value(_ name: String) -> Value? {
        if let builtin = builtin(name) { return builtin }
        do throws(ShapeError) {
            if let (id, path) = Self.qualified(name) {
                return ReportedValue.at(try ValuePath(path), in: others[id]?.observed ?? [:])
            }
            if let value = ReportedValue.at(try ValuePath(name), in: end.observed) { return value }
        } catch {
            return nil
        }
        if case .value(let variable) = variables.lookup(name) { return variable.value }
        return nil
    }

    private func builtin(_ name: String) -> Value? {
        switch name {
        case "check.id": return .text(end.result.id)
        case "check.title": return .text(end.result.title)
        case "check.subject": return .text(end.result.subject)
        case "check.target":
            return .text(target)
        case "check.error":
            if case .error(let error) = end.result.outcome { return .text(error.description) }
            return .null
        case "check.expected": return failed.map { .text("\($0.attribute) \($0.expected)") } ?? .null
        case "check.found": return failed.map { .text($0.found) } ?? .null
        default: return nil
        }
    }

    /// The value of the main parameter; without one, or where it is known to the run alone, the subject without its kind.
    private var target: String {
        if let operand = mainParameter.flatMap({ check.parameters[$0] }) {
            do throws(OperandFault) {
                let value = try operand.value(MatchContext(captures: [:], now: KernelClock.wall))
                if value != .null { return ValueText.plain(value) }
            } catch {
                // A value that another check has captured.
            }
        }
        let (subject, kind) = (end.result.subject.utf8, (end.result.kind + " ").utf8)
        return String(
            decoding: subject.starts(with: kind) ? subject.dropFirst(kind.count) : subject[...], as: UTF8.self)
    }

    private var failed: ExpectationResult? { end.result.expectations.first { !$0.holds } }

    /// `check.id:attribute.path`.
    private static func qualified(_ name: String) -> (id: String, path: String)? {
        guard let colon = name.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let path = name.utf8[name.utf8.index(after: colon)...]
        return (String(decoding: name.utf8[..<colon], as: UTF8.self), String(decoding: path, as: UTF8.self))
    }

    /// The attributes of a check that the texts of a cause mention.
    static func attributes(of entry: DiagnosisEntry, _ check: Check) -> Set<String> {
        let isPrimary = entry.conditions.first?.checks.contains { $0.matches(check) } ?? false
        var names: Set<String> = []
        for template in entry.templates where template.utf8.contains(UInt8(ascii: "$")) {
            do throws(VariableText.Fault) {
                for reference in try parse(template).references {
                    let (id, path) = qualified(reference.name) ?? (isPrimary ? check.id : "", reference.name)
                    guard id == check.id else { continue }
                    names.insert(String(decoding: path.utf8.prefix { $0 != 0x2e && $0 != 0x5b }, as: UTF8.self))
                }
            } catch {
                continue
            }
        }
        return names
    }
}
