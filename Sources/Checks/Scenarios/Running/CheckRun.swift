import Glibc
import Patterns
import Platform
import Probes
import Synchronization

/// What all checks of a run share.
struct RunContext: Sendable {
    let suite: ScenarioSuite
    let host: Host
    let options: RunOptions
    let started: ContinuousClock.Instant
    /// The observations that may happen at the same time.
    let turns: AsyncSemaphore
    let timer: DeadlineTimer
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

    /// Looks at the subject until the outcome is final. The caller has taken the turn for the first look.
    func run() async -> CompletedCheck {
        var holdsTurn = true
        let completed = await run(&holdsTurn)
        if holdsTurn { context.turns.leave() }
        return completed
    }

    private func run(_ holdsTurn: inout Bool) async -> CompletedCheck {
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
        return await look(type, parameters, subject, &holdsTurn)
    }

    private func look(
        _ type: any Probe.Type, _ parameters: [String: Value], _ subject: String, _ holdsTurn: inout Bool
    ) async -> CompletedCheck {
        var last = end(.skipped(.stopped), subject: subject)
        let began = ContinuousClock.now
        var pause = check.eventually?.every ?? Self.firstPause
        let longest = pause * 10
        var attempts = 0
        while true {
            if !holdsTurn {
                guard await context.turns.enter() else { return last }
                holdsTurn = true
            }
            attempts += 1
            if attempts == 1 { context.onEvent(.began(id: check.id, title: check.title)) }
            let start = ContinuousClock.now
            let fresh = attempts == 1 ? since : start
            let request = ProbeRequest(
                parameters: parameters, attributes: check.attributes.union(context.diagnosed[check.id] ?? []),
                deadline: start + check.timeout, user: check.user, since: fresh)
            let outcome = await ProbeCall.observe(
                type, request, host: context.host, timer: context.timer, limit: check.timeout)
            context.turns.leave()
            holdsTurn = false
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
    private func judged(_ outcome: Result<Observation, ProbeError>, _ subject: String) -> CompletedCheck {
        switch outcome {
        case .success(let observation): judged(observation, subject)
        case .failure(let error): end(.error(error), subject: subject, evidence: [error.description])
        }
    }

    /// Every expectation, and what was found.
    private func judged(_ observation: Observation, _ subject: String) -> CompletedCheck {
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
                        expected: ReportedValue.isSecret(expectation.path)
                            ? SecretMask.value : MatcherWords.words(expectation.matcher, matching),
                        found: shown(expectation.path, of: value, in: observation),
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

    /// What a report shows of a value that was found.
    private func shown(_ path: ValuePath, of value: Value?, in observation: Observation) -> String {
        guard let value, value != .null else { return ValueText.shown(nil) }
        return ValueText.shown(ReportedValue.at(path, in: observation.attributes))
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
            // Not a time-out of the host: another look would end in the same way.
            .error(
                ProbeError(
                    .invalid, "match /\(ValueText.shortened(pattern.source))/",
                    expected: "an expression that comes to an end",
                    found: "\(error): repetitions inside or behind one another take too long; make it simpler"))
        case .tooLong(let pattern, let bytes):
            .error(
                ProbeError(
                    .invalid, "match /\(ValueText.shortened(pattern.source))/",
                    expected: "a text of at most \(Pattern.textLimit) bytes", found: "one of \(bytes)"))
        case .unsuitable(let error):
            .error(
                ProbeError(
                    .invalid, "use a captured value in check \(check.id)", expected: "a suitable one",
                    found: error.description))
        }
    }

    private func end(_ outcome: Outcome, subject: String, evidence: [String] = []) -> CompletedCheck {
        CompletedCheck(
            result: CheckText.result(check, outcome, subject: subject, evidence: evidence),
            since: since)
    }
}

/// The parts of results that are made of the check alone.
enum CheckText {
    /// The subject in words: the kind and what selects it.
    static func subject(_ check: Check, _ parameters: [String: Value]) -> String {
        let parameters = parameters.mapValues { ReportedValue.masked($0) }
        // A text of many lines says nothing in one.
        let main = parameters.keys.sorted().filter { name in
            guard let value = parameters[name], value != .null else { return false }
            return !(value.asText?.utf8.contains(0x0a) ?? false)
        }
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

extension CheckRun {
    private static let limit = Check.defaultTimeout

    /// The first condition that does not hold, in words; nil when all do.
    func unmetCondition(_ matching: MatchContext) async throws(OperandFault) -> String? {
        for condition in check.conditions {
            if let reason = try await reason(condition, matching) { return reason }
        }
        return nil
    }

    private func reason(_ condition: CheckCondition, _ matching: MatchContext) async throws(OperandFault) -> String? {
        switch condition {
        case .root(let wanted):
            let isRoot = geteuid() == 0
            return isRoot == wanted ? nil : (wanted ? "needs root" : "is for users other than root")
        case .isSet(let name, let operand, let wanted):
            let isSet: Bool
            do throws(OperandFault) {
                let value = try operand.value(matching)
                isSet = ![Value.null, .text(""), .list([]), .map([:])].contains(value)
            } catch {
                isSet = false
            }
            return isSet == wanted ? nil : "variable \(name) is \(isSet ? "set" : "not set")"
        case .variable(let name, let operand, let matcher):
            let value: Value?
            do throws(OperandFault) {
                value = try operand.value(matching)
            } catch {
                value = nil
            }
            if try MatcherEvaluation.verdict(matcher, of: value, matching) == .holds { return nil }
            let found = value == .null ? ValueText.shown(nil) : ValueText.shown(value)
            return "variable \(name): expected \(MatcherWords.words(matcher, matching)), found \(found)"
        case .subject(let kind, let parameter, let name, let attribute, let wanted):
            return try await reason(kind, parameter, name, attribute, wanted)
        }
    }

    private func reason(
        _ kind: String, _ parameter: String, _ name: String, _ attribute: String, _ wanted: Bool
    ) async throws(OperandFault) -> String? {
        let subject = "\(kind) \(name)"
        guard let type = context.suite.kinds.probe(kind) else { return "\(subject) cannot be looked at" }
        let request = ProbeRequest(
            parameters: [parameter: .text(name)], attributes: [attribute], deadline: .now + Self.limit, since: since)
        let outcome = await ProbeCall.observe(
            type, request, host: context.host, timer: context.timer, limit: Self.limit)
        switch outcome {
        case .success(let seen):
            let found = seen.attributes[attribute] == .bool(true)
            if found == wanted { return nil }
            return "\(subject) is \(found ? "" : "not ")\(attribute == "installed" ? "installed" : "there")"
        case .failure(let error):
            return "\(subject) cannot be looked at: \(error)"
        }
    }
}
