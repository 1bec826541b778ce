import HostProbes
import MeshContract
import Patterns
import Platform
import Synchronization

/// What became of a check, with what others need of it.
struct CheckEnd: Sendable {
    /// For the report.
    var result: CheckResult
    /// What was seen at the last look, for diagnoses.
    var observed: [String: Value] = [:]
    /// Values for other checks.
    var captured: [String: Value] = [:]
    /// Facts that were read before this moment are older than what the check has seen.
    var since: ContinuousClock.Instant?
}

/// What all checks of a run share.
struct RunContext: Sendable {
    let suite: ScenarioSuite
    let host: Host
    let options: RunOptions
    let started: ContinuousClock.Instant
    let limiter: JobLimiter
    let watch: DeadlineWatch
    let onEvent: @Sendable (RunEvent) -> Void
    /// Whether failures are explained: what was seen is kept for that.
    let explains: Bool
    /// Attributes that diagnoses want to see, by the ids of checks.
    let diagnosed: [String: Set<String>]
}

/// One check on its way: conditions, looks, pauses.
struct CheckRun: Sendable {
    let check: Check
    let context: RunContext
    /// What other checks have captured.
    let captures: [String: Value]
    /// Facts that are older than this are read again: a check before had to wait for a change.
    let since: ContinuousClock.Instant?

    private static let firstPause = Duration.seconds(1)

    /// Looks at the subject until the outcome is final.
    func run() async -> CheckEnd {
        let hasStarted = FirstTurn(limiter: context.limiter)
        defer { hasStarted.tell() }
        return await run(hasStarted)
    }

    private func run(_ hasStarted: FirstTurn) async -> CheckEnd {
        if let reason = check.unavailable { return end(.skipped(.condition(reason)), subject: check.kind) }
        let matching = MatchContext(captures: captures, now: KernelClock.wall)
        let parameters: [String: Value]
        do throws(OperandFault) {
            if let reason = try await unmetCondition(matching) {
                return end(.skipped(.condition(reason)), subject: check.kind)
            }
            parameters = try resolvedParameters(matching)
        } catch {
            return end(outcome(of: error), subject: check.kind)
        }
        let subject = CheckText.subject(check, parameters)
        guard let type = context.suite.kinds.probe(check.kind) else {
            return end(
                .error(ProbeError(.unavailable, "look at a \(check.kind)", expected: "a probe for it", found: "none")),
                subject: subject)
        }
        return await look(type, parameters, subject, hasStarted)
    }

    private func look(
        _ type: any Probe.Type, _ parameters: [String: Value], _ subject: String, _ hasStarted: FirstTurn
    ) async -> CheckEnd {
        var last = end(.skipped(.stopped), subject: subject)
        let began = ContinuousClock.now
        var pause = check.eventually?.every ?? Self.firstPause
        let longest = pause * 10
        var attempts = 0
        while true {
            guard await context.limiter.enter() else {
                return attempts == 0 ? end(.skipped(.stopped), subject: subject) : last
            }
            attempts += 1
            hasStarted.tell()
            if attempts == 1 { context.onEvent(.began(id: check.id, title: check.title)) }
            let start = ContinuousClock.now
            let fresh = attempts == 1 ? since : start
            let request = ProbeRequest(
                parameters: parameters, attributes: check.attributes.union(context.diagnosed[check.id] ?? []),
                deadline: start + check.timeout, user: check.user, since: fresh)
            let outcome = await Look.observe(
                type, request, host: context.host, watch: context.watch, limit: check.timeout)
            context.limiter.leave()
            if Task.isCancelled { return end(.skipped(.stopped), subject: subject) }
            last = judged(outcome, subject)
            last.since = fresh
            last.result.attempts = attempts
            let now = ContinuousClock.now
            last.result.duration = now - began
            let until = max(check.eventually.map { began + $0.within } ?? began, retryDeadline ?? began)
            guard mayChange(last.result.outcome), now < until else { return last }
            do {
                // The last look is at the end of the time, however long the pauses have become.
                try await Task.sleep(for: min(pause, until - now))
            } catch {
                return last
            }
            pause = min(pause * 1.5, longest)
        }
    }

    private var retryDeadline: ContinuousClock.Instant? { context.options.retryFor.map { context.started + $0 } }

    /// Whether another look could end differently.
    private func mayChange(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .failed: true
        case .error(let error): error.reason != .notPermitted && error.reason != .invalid
        case .passed, .skipped: false
        }
    }

    /// The outcome of a look.
    private func judged(_ outcome: Look.Outcome, _ subject: String) -> CheckEnd {
        let seen: Observation
        switch outcome {
        case .success(let observation): seen = observation
        case .failure(let error): return end(.error(error), subject: subject, evidence: [error.description])
        }
        return judged(seen, subject)
    }

    /// Every expectation, and what was found.
    private func judged(_ observation: Observation, _ subject: String) -> CheckEnd {
        let matching = MatchContext(captures: captures, now: KernelClock.wall)
        var results: [ExpectationResult] = []
        var captured: [String: Value] = [:]
        do throws(OperandFault) {
            for expectation in check.expectations {
                let value = expectation.path.value(in: observation.attributes)
                let verdict = try MatcherEvaluation.verdict(expectation.matcher, of: value, matching)
                results.append(
                    ExpectationResult(
                        attribute: expectation.path.description,
                        expected: MatcherWords.words(expectation.matcher, matching),
                        found: value == .null ? ValueText.shown(nil) : ValueText.shown(value),
                        holds: verdict == .holds))
            }
            for capture in check.captures { captured[capture.name] = try capture.value(in: observation.attributes) }
        } catch {
            return end(self.outcome(of: error), subject: subject, evidence: observation.evidence)
        }
        let hasPassed = results.allSatisfy(\.holds)
        var result = end(hasPassed ? .passed : .failed, subject: subject, evidence: observation.evidence)
        result.result.expectations = results
        if context.explains { result.observed = observation.attributes }
        result.captured = captured
        return result
    }

    private func resolvedParameters(_ matching: MatchContext) throws(OperandFault) -> [String: Value] {
        var values: [String: Value] = [:]
        for (name, operand) in check.parameters { values[name] = try operand.value(matching) }
        return values
    }

    private func outcome(of fault: OperandFault) -> Outcome {
        switch fault {
        case .missingCapture(let name):
            .skipped(.missingCapture(name: name, from: context.suite.variables.captures[name] ?? ""))
        case .endless(let pattern, let error):
            // Not a time-out of the machine: another look would end in the same way.
            .error(
                ProbeError(
                    .invalid, "match /\(ValueText.shortened(pattern.source))/",
                    expected: "an expression that comes to an end",
                    found: "\(error): repetitions inside or behind one another take too long; make it simpler"))
        case .unsuitable(let error):
            .error(
                ProbeError(
                    .invalid, "use a captured value in check \(check.id)", expected: "a suitable one",
                    found: error.description))
        }
    }

    private func end(_ outcome: Outcome, subject: String, evidence: [String] = []) -> CheckEnd {
        CheckEnd(
            result: CheckText.result(check, outcome, subject: subject, evidence: evidence),
            since: since)
    }
}

/// Tells the limiter once that a check does not wait for its first turn any more.
private final class FirstTurn: Sendable {
    private let limiter: JobLimiter
    private let isTold = Atomic(false)

    init(limiter: JobLimiter) { self.limiter = limiter }

    func tell() {
        if !isTold.exchange(true, ordering: .relaxed) { limiter.hasStarted() }
    }
}

/// The parts of results that are made of the check alone.
enum CheckText {
    /// The subject in words: the kind and what selects it.
    static func subject(_ check: Check, _ parameters: [String: Value]) -> String {
        let main = parameters.keys.sorted().filter { parameters[$0] != .null }
        let shown = main.prefix(4).map { name -> String in
            let text = ValueText.shortened(commandText(parameters[name] ?? .null), to: 120)
            return main.count == 1 ? text : "\(name)=\(text)"
        }
        return ([check.kind] + shown).joined(separator: " ")
    }

    private static func commandText(_ value: Value) -> String {
        if case .list(let items) = value {
            items.map { ValueText.plain($0) }.joined(separator: " ")
        } else {
            ValueText.plain(value)
        }
    }

    /// A result without a look.
    static func result(
        _ check: Check, _ outcome: Outcome, subject: String, evidence: [String] = []
    ) -> CheckResult {
        CheckResult(
            id: check.id, title: check.title, step: check.step, place: check.place, kind: check.kind, subject: subject,
            tags: check.tags, severity: check.severity, outcome: outcome, attempts: 0, duration: .zero,
            expectations: [], evidence: evidence)
    }
}
