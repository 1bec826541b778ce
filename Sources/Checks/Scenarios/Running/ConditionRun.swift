import Glibc
import HostProbes

extension CheckRun {
    private static let limit = Duration.seconds(5)

    /// The first condition that does not hold, in words; nil when all do.
    func unmetCondition(_ matching: MatchContext) async throws(OperandFault) -> String? {
        for condition in check.conditions {
            if let reason = try await reason(condition, matching) { return reason }
        }
        return nil
    }

    private func reason(_ condition: Condition, _ matching: MatchContext) async throws(OperandFault) -> String? {
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
        let outcome = await Look.observe(type, request, host: context.host, watch: context.watch, limit: Self.limit)
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
