import Platform
import Probes
import Scenarios

/// JUnit's XML, valid for both schemas in use: the one of Ant and that of Jenkins' xUnit plug-in.
///
/// JUnit knows no warnings: what failed without failing the run is `skipped`, with the word in its message.
public struct JUnitRenderer: Renderer {
    /// Creates a renderer.
    public init() {}

    /// The document of one run.
    public func text(of run: MaskedRun) -> String { document([run], absent: []) }

    /// The document of several hosts.
    public func text(of fleet: MaskedFleet) -> String {
        document(fleet.runs, absent: fleet.result.hosts.filter { $0.failure != nil })
    }

    private func document(_ runs: [MaskedRun], absent: [HostResult]) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        var number = 0
        for run in runs {
            for step in StepReport.grouped(run.result.checks) {
                write(step, of: run.result, number: number, to: &text)
                number += 1
            }
        }
        for host in absent {
            write(host, number: number, to: &text)
            number += 1
        }
        return text + "</testsuites>\n"
    }

    private func write(_ step: StepReport, of run: RunResult, number: Int, to text: inout String) {
        let duration = step.checks.reduce(Duration.zero) { $0 + $1.duration }
        let skipped = step.checks.count { element(CheckStatus($0)) == .skipped }
        text += """
              <testsuite name="\(token(step.name))" package="meshcheck" id="\(number)" \
            tests="\(step.checks.count)" failures="\(step.summary[.failed])" errors="\(step.summary[.error])" \
            skipped="\(skipped)" time="\(time(duration))" \
            timestamp="\(RFC3339.zonelessText(run.startedAt))" hostname="\(token(run.host))">
                <properties>
                  <property name="profile" value="\(Markup.attribute(run.profile))"/>
                </properties>\n
            """
        for check in step.checks { write(check, host: run.host, to: &text) }
        text += "    <system-out>\(Markup.escaped(causes(of: step, in: run)))</system-out>\n"
        text += "    <system-err></system-err>\n  </testsuite>\n"
    }

    private enum Element { case none, failure, error, skipped }

    private func element(_ status: CheckStatus) -> Element {
        switch status {
        case .passed: .none
        case .failed: .failure
        case .error: .error
        case .warning, .info, .notPermitted, .skipped: .skipped
        }
    }

    private func write(_ check: CheckResult, host: String, to text: inout String) {
        let status = CheckStatus(check)
        text += "    <testcase name=\"\(token("\(check.id): \(check.title)"))\" "
        text += "classname=\"\(token("\(host).\(check.step)"))\" time=\"\(time(check.duration))\""
        let message = Markup.attribute(CheckDetail.reason(check))
        switch element(status) {
        case .none: text += "/>\n"
        case .skipped:
            let word = status == .skipped ? "" : "\(status.label): "
            text += ">\n      <skipped message=\"\(word)\(message)\">\(detail(check))</skipped>\n    </testcase>\n"
        case .failure:
            let type = Markup.attribute(check.diagnosis ?? "failed")
            text += ">\n      <failure message=\"\(message)\" type=\"\(type)\">\(detail(check))</failure>\n"
            text += "    </testcase>\n"
        case .error:
            var type = "error"
            if case .error(let error) = check.outcome { type = error.reason.rawValue }
            text +=
                ">\n      <error message=\"\(message)\" type=\"\(type)\">\(detail(check))</error>\n    </testcase>\n"
        }
    }

    private func write(_ host: HostResult, number: Int, to text: inout String) {
        guard let failure = host.failure else { return }
        let name = token(host.target)
        text += """
              <testsuite name="connection" package="meshcheck" id="\(number)" tests="1" failures="0" errors="1" \
            skipped="0" time="0.000" timestamp="1970-01-01T00:00:00" hostname="\(name)">
                <properties></properties>
                <testcase name="\(name)" classname="\(name).connection" time="0.000">
                  <error message="\(Markup.attribute(failure.description))" type="\(failure.reason.rawValue)">\
            \(Markup.escaped(failure.remedy))</error>
                </testcase>
                <system-out></system-out>
                <system-err></system-err>
              </testsuite>\n
            """
    }

    private func detail(_ check: CheckResult) -> String {
        let lines = CheckDetail.lines(check)
        if lines.isEmpty { return "" }
        return Markup.escaped((lines + ["subject: \(check.subject)", "place: \(check.place)"]).joined(separator: "\n"))
    }

    private func causes(of step: StepReport, in run: RunResult) -> String {
        let ids = Set(step.checks.map(\.id))
        return run.diagnoses.filter { $0.checks.contains(where: ids.contains) }.map { diagnosis in
            ([
                "\(diagnosis.code): \(diagnosis.cause)"
            ] + diagnosis.evidence.map { "  seen: \($0)" } + diagnosis.remedy.map { "  do: \($0)" })
            .joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// Seconds with three decimals: Jenkins' schema takes no more.
    private func time(_ duration: Duration) -> String { String(DurationText.seconds(duration).dropLast(3)) }

    /// An attribute of the schema's type token, which must not be empty.
    private func token(_ text: String) -> String { text.isEmpty ? "unknown" : Markup.attribute(text) }
}
