import Scenarios

// The end of a report for people: every cause with its evidence, and the root causes once more where those fill more than
// a screen.
extension TerminalRenderer {
    func write(_ diagnoses: [DiagnosisResult], checks: [CheckResult], to output: inout TerminalText) {
        for diagnosis in diagnoses {
            output.line()
            let color: TerminalText.Color = diagnosis.severity == .error ? .strongBad : .warned
            output.paragraph(
                lead: "\(diagnosis.code) \(diagnosis.severity.rawValue)", leadColor: color, leadWidth: 15,
                diagnosis.cause, color: .strong)
            for (lead, lines) in [("seen", diagnosis.evidence), ("do", diagnosis.remedy)] {
                for (index, line) in lines.enumerated() {
                    output.paragraph(
                        indentation: 2, lead: index == 0 ? lead : "", leadColor: .dim, leadWidth: 8, line,
                        color: lead == "do" ? .good : nil)
                }
            }
            if !diagnosis.documentation.isEmpty {
                output.paragraph(indentation: 2, lead: "read", leadColor: .dim, leadWidth: 8, diagnosis.documentation)
            }
            output.paragraph(
                indentation: 2, lead: "checks", leadColor: .dim, leadWidth: 8,
                Self.consequences(diagnosis, checks: checks))
        }
    }

    /// What a cause explains: `dns.pilot.short; 12 checks were skipped for it`.
    static func consequences(_ diagnosis: DiagnosisResult, checks: [CheckResult]) -> String {
        let explained = Set(diagnosis.checks)
        let skipped = checks.count { check in
            guard case .skipped(.needs(let ids)) = check.outcome, !explained.contains(check.id) else { return false }
            return ids.contains(where: explained.contains)
        }
        let text = Counted.list(diagnosis.checks, limit: 6)
        return skipped == 0 ? text : "\(text); \(Counted.text(skipped, "check")) skipped for it"
    }

    /// Lines of the smallest terminal in use, less the one of the prompt.
    static let screenLines = 23

    /// A cause as the last screen shows it.
    struct RootCause {
        let diagnosis: DiagnosisResult
        /// The hosts that it was found on; empty in the report of a single host.
        var hosts: [String]

        init(_ diagnosis: DiagnosisResult, hosts: [String]) {
            self.diagnosis = diagnosis
            self.hosts = hosts
        }

        /// The causes of all hosts: errors before warnings, and of those the ones of more hosts first.
        static func all(of matrix: FleetMatrix) -> [RootCause] {
            var causes: [RootCause] = []
            for row in matrix.rows {
                for diagnosis in row.diagnoses {
                    if let place = causes.firstIndex(where: { $0.diagnosis.code == diagnosis.code }) {
                        causes[place].hosts += row.hosts
                    } else {
                        causes.append(RootCause(diagnosis, hosts: row.hosts))
                    }
                }
            }
            return causes.enumerated().sorted { one, other in
                let (left, right) = (one.element, other.element)
                let weights = (left.diagnosis.severity.weight, right.diagnosis.severity.weight)
                if weights.0 != weights.1 { return weights.0 < weights.1 }
                if left.hosts.count != right.hosts.count { return left.hosts.count > right.hosts.count }
                return one.offset < other.offset
            }.map(\.element)
        }
    }

    /// The root causes and what to do, in so many lines. Causes take half of them where there are many, since one that
    /// is followed by what to do helps more than two that are not.
    func closing(_ causes: [RootCause], lines: Int) -> TerminalText {
        var room = lines - 1
        var shown: [(head: TerminalText, remedy: TerminalText)] = []
        for (index, cause) in causes.enumerated() {
            let head = self.head(of: cause)
            // The last line may have to say how many more there are.
            let reserved = index == causes.count - 1 ? 0 : 1
            guard head.lineCount + reserved <= room, room > lines / 2 else { break }
            room -= head.lineCount
            shown.append((head, TerminalText(style)))
        }
        if shown.count < causes.count { room -= 1 }
        for place in shown.indices {
            for command in causes[place].diagnosis.remedy {
                var line = TerminalText(style)
                line.paragraph(indentation: 2, lead: "do", leadColor: .dim, leadWidth: 4, command, color: .good)
                guard line.lineCount <= room else { break }
                room -= line.lineCount
                shown[place].remedy.append(line)
            }
        }
        var output = TerminalText(style)
        output.line()
        for (head, remedy) in shown {
            output.append(head)
            output.append(remedy)
        }
        let hidden = causes.count - shown.count
        if hidden > 0 { output.paragraph("and \(Counted.text(hidden, "more cause")), see above", color: .dim) }
        return output
    }

    private func head(of cause: RootCause) -> TerminalText {
        var text = cause.diagnosis.cause
        if !cause.hosts.isEmpty {
            text += " (\(Counted.text(cause.hosts.count, "host")): \(Counted.list(cause.hosts, limit: 3)))"
        }
        var head = TerminalText(style)
        head.paragraph(
            lead: cause.diagnosis.code, leadColor: cause.diagnosis.severity == .error ? .strongBad : .warned,
            leadWidth: 7,
            text, color: .strong)
        return head
    }
}
