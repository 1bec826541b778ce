import Platform
import Scenarios

/// Prometheus's text format, version 0.0.4: for a scrape and for node_exporter's textfile collector, which takes no
/// timestamps and wants all samples of a metric together.
public struct PrometheusRenderer: Renderer {
    /// Creates a renderer.
    public init() {}

    /// The document of one run.
    public func text(of run: MaskedRun) -> String { document([run], absent: []) }

    /// The document of several hosts.
    public func text(of fleet: MaskedFleet) -> String {
        document(fleet.runs, absent: fleet.result.hosts.filter { $0.failure != nil })
    }

    /// A metric with its samples.
    private struct Metric {
        var name: String
        var help: String
        var samples: [(labels: [(String, String)], value: String)] = []

        var text: String {
            if samples.isEmpty { return "" }
            var text = "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
            for sample in samples {
                let labels = sample.labels.map { "\($0)=\"\(PrometheusRenderer.escaped($1))\"" }
                text += "\(name){\(labels.joined(separator: ","))} \(sample.value)\n"
            }
            return text
        }
    }

    private func document(_ runs: [MaskedRun], absent: [HostResult]) -> String {
        var healthy = Metric(
            name: "meshcheck_healthy", help: "Whether no check of severity error failed in the last run.")
        var reachable = Metric(name: "meshcheck_reachable", help: "Whether the host gave a result.")
        var started = Metric(
            name: "meshcheck_run_timestamp_seconds", help: "When the last run began, in seconds since 1970.")
        var length = Metric(name: "meshcheck_run_duration_seconds", help: "How long the last run took.")
        var counts = Metric(name: "meshcheck_checks", help: "Number of checks by how they came out.")
        var passed = Metric(
            name: "meshcheck_check_passed",
            help: "Whether a check passed; checks that were skipped or may not be seen are left out.")
        var durations = Metric(name: "meshcheck_check_duration_seconds", help: "How long a check took.")
        var causes = Metric(name: "meshcheck_diagnosis", help: "A cause of failures that was found; always 1.")
        for run in runs.map(\.result) {
            let host = ("host", run.host)
            let summary = Summary(run.checks)
            healthy.samples.append(([host, ("profile", run.profile)], run.hasFailed ? "0" : "1"))
            reachable.samples.append(([host], "1"))
            started.samples.append(([host], DurationText.seconds(nanoseconds: run.startedAt)))
            length.samples.append(([host], DurationText.seconds(run.duration)))
            for status in CheckStatus.allCases {
                counts.samples.append(([host, ("status", status.rawValue)], "\(summary[status])"))
            }
            for check in run.checks {
                let status = CheckStatus(check)
                if status == .skipped || status == .notPermitted { continue }
                let labels = [
                    host, ("step", check.step), ("check", check.id), ("severity", check.severity.rawValue),
                ]
                passed.samples.append((labels, status == .passed ? "1" : "0"))
                durations.samples.append((labels, DurationText.seconds(check.duration)))
            }
            for diagnosis in run.diagnoses {
                causes.samples.append(
                    ([host, ("code", diagnosis.code), ("severity", diagnosis.severity.rawValue)], "1"))
            }
        }
        for host in absent {
            reachable.samples.append(([("host", host.target)], "0"))
        }
        return [healthy, reachable, started, length, counts, causes, passed, durations].map(\.text).joined()
    }

    /// A label's value: what does not show is made visible, then backslash, quote and line feed are escaped.
    fileprivate static func escaped(_ text: String) -> String {
        DisplayText.visible(text).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n")
    }
}
