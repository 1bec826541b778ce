import Probes
import Scenarios

@testable import Reports

/// Runs to render.
enum Fixture {
    /// 2026-11-23T04:56:33.123456789Z.
    static let moment: Int64 = 1_795_409_793_123_456_789

    static func check(
        _ id: String, _ title: String, step: String, outcome: Outcome = .passed, severity: Severity = .error,
        expectations: [ExpectationResult] = [], evidence: [String] = [], attempts: Int = 1, diagnosis: String? = nil,
        kind: String = "file", subject: String = "file /etc/certs/key.pem", milliseconds: Int64 = 12
    ) -> CheckResult {
        CheckResult(
            id: id, title: title, step: step, place: "Scenarios/\(step).yaml:12", kind: kind, subject: subject,
            tags: ["guide", step], severity: severity, outcome: outcome, attempts: attempts,
            duration: .milliseconds(milliseconds), expectations: expectations, evidence: evidence,
            diagnosis: diagnosis)
    }

    /// A machine whose forwarder does not run, with one of each outcome.
    static var broken: RunResult {
        RunResult(
            host: "demo-vm-1", profile: "classic", startedAt: moment, duration: .milliseconds(2345),
            checks: [
                check("dns.dnsmasq.file", "The cluster's names are known to dnsmasq", step: "10-dns"),
                check(
                    "dns.dnsmasq.active", "The forwarder answers on port 53", step: "10-dns", outcome: .failed,
                    expectations: [
                        ExpectationResult(
                            attribute: "active", expected: "'active'", found: "'failed'", holds: false),
                        ExpectationResult(attribute: "restarts", expected: "at most 1", found: "0", holds: true),
                    ],
                    evidence: ["port 53 is held by systemd-resolve (pid 612)"], attempts: 3, diagnosis: "MX0405",
                    kind: "unit", subject: "unit dnsmasq.service", milliseconds: 10_000),
                check(
                    "dns.pilot.short", "The sidecar finds Pilot by its short name", step: "10-dns",
                    outcome: .skipped(.needs(["dns.dnsmasq.active"]))),
                check(
                    "dns.upstream", "Names outside the cluster resolve", step: "10-dns",
                    outcome: .skipped(.condition("the variable upstream is set"))),
                check(
                    "pilot.tcp", "Pilot can be reached", step: "20-pilot",
                    outcome: .error(
                        ProbeError(
                            .unreachable, "connect to istio-pilot.istio-system:8080", expected: "a connection",
                            found: "no such name")), kind: "tcp", subject: "tcp istio-pilot.istio-system:8080"),
                check(
                    "certs.files", "The key is readable by istio-proxy alone", step: "30-certs",
                    outcome: .error(
                        ProbeError(
                            .notPermitted, "read /etc/certs/key.pem", expected: "read permission",
                            found: "permission denied"))),
                check(
                    "pkg.installed", "The three packages are there", step: "40-packages", kind: "package",
                    subject: "package istio-proxy"),
                check(
                    "svc.enabled", "The sidecar is there after a reboot", step: "50-services", outcome: .failed,
                    severity: .warning,
                    expectations: [
                        ExpectationResult(
                            attribute: "enabled", expected: "'enabled'", found: "'disabled'", holds: false)
                    ], kind: "unit", subject: "unit istio.service"),
                check(
                    "ipt.v6", "Global IPv6 is not intercepted", step: "70-interception", outcome: .failed,
                    severity: .info,
                    expectations: [
                        ExpectationResult(
                            attribute: "ipv6-global", expected: "nothing in it", found: "['2001:db8::5']", holds: false)
                    ]),
                check(
                    "mesh.http", "A request reaches the mesh", step: "90-mesh",
                    outcome: .skipped(.missingCapture(name: "pilot.pod", from: "pilot.registration"))),
                check("mesh.external", "Other traffic is left alone", step: "90-mesh", outcome: .skipped(.stopped)),
            ],
            diagnoses: [
                DiagnosisResult(
                    code: "MX0405", severity: .error, cause: "dnsmasq does not run: another program holds port 53",
                    evidence: ["port 53 is held by systemd-resolve (pid 612)"],
                    remedy: ["systemctl disable --now systemd-resolved", "systemctl restart dnsmasq"],
                    documentation: "docs/diagnoses.md#mx0405", checks: ["dns.dnsmasq.active", "pilot.tcp"])
            ])
    }

    /// A machine in order.
    static var healthy: RunResult {
        RunResult(
            host: "demo-vm-2", profile: "classic", startedAt: moment, duration: .milliseconds(345),
            checks: [
                check("dns.pilot.short", "The sidecar finds Pilot by its short name", step: "10-dns"),
                check("pilot.tcp", "Pilot can be reached", step: "20-pilot"),
                check("certs.pair", "Key and certificate belong together", step: "30-certs"),
                check("pkg.installed", "The three packages are there", step: "40-packages"),
                check("mesh.http", "A request reaches the mesh", step: "90-mesh"),
            ], diagnoses: [])
    }

    /// Everything that could break out of a format.
    static let hostile = [
        "\u{1B}[2J\u{1B}]0;owned\u{07}", "</pre><script>alert(1)</script>", "]]> & \" '", "line one\nline two\r\nthree",
        "\u{0}\u{1}\u{8}\u{b}\u{c}\u{e}\u{1f}\u{7f}\u{85}\u{2028}\u{202e}\u{feff}\u{fffe}\u{ffff}\u{e000}",
        "\\ \" { } # TODO \n1..5\nBail out!\nok 1 - fake", "\n...\n---\nkey: value", "日本語 – ü e\u{301} 🚀",
        "/\u{301}", "\t\ttabs", "",
    ]

    /// A failed check for each of them, in every place where a text may stand.
    static var hostileRun: RunResult {
        var checks: [CheckResult] = []
        for (index, text) in hostile.enumerated() {
            var failed = check(
                "hostile.\(index)", text, step: "10-\(text)", outcome: .failed,
                expectations: [ExpectationResult(attribute: text, expected: text, found: text, holds: false)],
                evidence: [text, text], diagnosis: "MX0001", subject: text)
            failed.place = text
            failed.tags = [text]
            failed.kind = text
            checks.append(failed)
            checks.append(
                check(
                    "error.\(index)", text, step: "20",
                    outcome: .error(ProbeError(.malformed, text, expected: text, found: text))))
            checks.append(check("skip.\(index)", text, step: "30", outcome: .skipped(.condition(text))))
        }
        return RunResult(
            host: "host\u{1B}[1m<b>\"\n", profile: "p\"<>&", startedAt: moment, duration: .seconds(1), checks: checks,
            diagnoses: hostile.map {
                DiagnosisResult(
                    code: "MX0001", severity: .error, cause: $0, evidence: [$0], remedy: [$0], documentation: $0,
                    checks: ["hostile.0"])
            })
    }

    /// Five machines: two fail alike, one is in order, two gave no result.
    static var fleet: FleetResult {
        var second = broken
        second.host = "demo-vm-3"
        return FleetResult(
            hosts: [
                HostResult(target: "vm-a", groups: ["mesh"], outcome: .success(broken)),
                HostResult(target: "vm-b", groups: ["mesh"], outcome: .success(healthy)),
                HostResult(target: "vm-c", groups: ["mesh"], outcome: .success(second)),
                HostResult(
                    target: "vm-d",
                    outcome: .failure(
                        HostFailure(
                            .hostKeyChanged, "connect to vm-d", found: "its host key is not the known one",
                            remedy: "ssh-keygen -R vm-d"))),
                HostResult(
                    target: "vm-e",
                    outcome: .failure(
                        HostFailure(
                            .disconnected, "run the checks on vm-e", found: "the connection ended after 1 check",
                            remedy: "ssh vm-e")), partialChecks: [healthy.checks[0]]),
            ], startedAt: moment, duration: .seconds(3))
    }
}
