import HostProbes

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
    func explain(_ ends: inout [CheckEnd], suite: ScenarioSuite) -> [DiagnosisResult] {
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
            results.append((result, (Self.weight(result.severity), entry.isGeneric ? 1 : 0, finding.entry)))
        }
        return results.sorted { $0.rank < $1.rank }.map(\.result)
    }

    /// The most specific cause whose evidence holds, by its place in the catalogue.
    private func cause(of index: Int, _ ends: [CheckEnd], _ checks: [Check]) -> Int? {
        var best: (place: Int, specificity: Int)?
        for (place, entry) in entries.enumerated() {
            if let best, entry.specificity <= best.specificity { continue }
            guard holds(entry, for: index, ends, checks) else { continue }
            best = (place, entry.specificity)
        }
        return best?.place
    }

    private func holds(_ entry: DiagnosisEntry, for index: Int, _ ends: [CheckEnd], _ checks: [Check]) -> Bool {
        guard let first = entry.conditions.first else { return true }
        guard first.holds(checks[index], ends[index]) else { return false }
        func isSeen(_ condition: DiagnosisCondition) -> Bool {
            checks.indices.contains { condition.holds(checks[$0], ends[$0]) }
        }
        return entry.conditions.dropFirst().allSatisfy(isSeen) && !entry.exclusions.contains(where: isSeen)
    }

    /// Gives failures to the causes that they follow from. Causes that stand earlier in the catalogue come first: a
    /// package that is missing before the service that does not run.
    private func reassigned(_ own: [Int?], _ checks: [Check]) -> [Int?] {
        var causes = own
        for place in Set(own.compactMap { $0 }).sorted() where !entries[place].explains.isEmpty {
            // A cause that only follows from another one explains nothing by itself.
            guard causes.contains(place) else { continue }
            for index in checks.indices {
                guard let cause = causes[index], cause == own[index], cause > place || entries[cause].isGeneric,
                    entries[place].explains.contains(where: { $0.matches(checks[index]) })
                else { continue }
                causes[index] = place
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
        of finding: Finding, _ ends: [CheckEnd], _ suite: ScenarioSuite, _ byID: [String: CheckEnd]
    ) -> DiagnosisResult {
        let entry = entries[finding.entry]
        let texts = finding.primary.map { index in
            DiagnosisText(check: suite.checks[index], end: ends[index], others: byID, variables: suite.variables)
        }
        var evidence: [String] = []
        for text in texts {
            for line in entry.evidence.compactMap({ text.evidence($0) }) where !evidence.contains(line) {
                evidence.append(line)
            }
        }
        if evidence.isEmpty { evidence = finding.primary.flatMap { Self.ownEvidence(ends[$0].result) } }
        let weights = finding.primary.map { ends[$0].result.severity }
        // A check that only warns makes no error of its cause.
        let heaviest = weights.min { Self.weight($0) < Self.weight($1) } ?? entry.severity
        let first = texts[0]
        return DiagnosisResult(
            code: entry.code, severity: Self.weight(heaviest) > Self.weight(entry.severity) ? heaviest : entry.severity,
            cause: first.rendered(entry.cause), evidence: Array(evidence.prefix(Self.evidenceLimit)),
            remedy: entry.remedy.map { first.rendered($0) }, documentation: entry.documentation,
            checks: (finding.primary + finding.followers).map { ends[$0].result.id })
    }

    /// What a check itself says of its failure.
    private static func ownEvidence(_ result: CheckResult) -> [String] {
        if case .error(let error) = result.outcome { return ["\(result.id): \(error)"] }
        return result.expectations.filter { !$0.holds }.map {
            "\(result.id): expected \($0.attribute) \($0.expected), found \($0.found)"
        }
    }

    private static func weight(_ severity: Severity) -> Int {
        switch severity {
        case .error: 0
        case .warning: 1
        case .info: 2
        }
    }
}
