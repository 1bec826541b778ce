import Patterns
import Probes

/// One thing that is looked at, with what is expected of it.
public struct Check: Sendable {
    /// The time limit of one look where the scenario names none.
    static let defaultTimeout = Duration.seconds(5)

    /// The id, unique in a run; a check that is made for each item of a list has the item in brackets behind it.
    public let id: String
    /// The id as it is written in the scenario.
    public let family: String
    /// Why the check exists.
    public let title: String
    /// The name of its scenario.
    public let step: String
    /// Its tags and those of its scenario.
    public let tags: [String]
    /// How much a failure matters.
    public let severity: Severity
    /// The kind of subject.
    public let kind: String
    /// The file and line: `Scenarios/10-dns.yaml:12`.
    public let place: String
    /// The ids of the checks without which it is not looked at.
    public internal(set) var needs: [String]
    /// The ids of the checks that it waits for, whatever becomes of them.
    public internal(set) var after: [String]

    /// How to look.
    let parameters: [String: Operand]
    /// What is expected; never empty.
    let expectations: [Expectation]
    /// What other checks may use of what is seen.
    let captures: [Capture]
    /// What the host has to be like for the check to make sense.
    let conditions: [CheckCondition]
    /// For how long it is looked at again.
    let eventually: Eventually?
    /// The time limit of one look.
    let timeout: Duration
    /// As whom to look; nil is the user that runs us.
    let user: String?
    /// Why it cannot be looked at on this host: a fact that is not there, a list without items.
    let unavailable: String?

    /// The attributes that the expectations and captures are about.
    var attributes: Set<String> {
        Set(expectations.map(\.path.attribute) + captures.map(\.path.attribute))
    }
}

/// A value that a check takes from what it sees.
struct Capture: Sendable, Hashable {
    /// The variable that it becomes.
    let name: String
    /// Where it is.
    let path: ValuePath
    /// The part of a text that is meant: the first group of the pattern, or the whole match when it has none.
    let pattern: Pattern?

    /// The value in what was seen; nil when it is not there.
    func value(in attributes: [String: Value]) throws(OperandFault) -> Value? {
        guard let value = path.value(in: attributes), value != .null else { return nil }
        guard let pattern else { return value }
        guard case .text(let text) = value, let groups = try pattern.firstGroups(in: text) else { return nil }
        return (groups.count > 1 ? groups[1] : groups.first ?? nil).map { .text($0) }
    }
}

/// How long a check may fail before it counts as failed.
struct Eventually: Sendable, Hashable {
    /// From the first look on.
    let within: Duration
    /// The first pause; later ones grow by half each, up to ten times this.
    let every: Duration
}

/// What the host has to be like for a check to make sense.
enum CheckCondition: Sendable, Hashable {
    /// Whether we run as root.
    case root(Bool)
    /// Something is or is not on the host: a package is installed, a unit, file or user exists.
    case subject(kind: String, parameter: String, name: String, attribute: String, wanted: Bool)
    /// Whether a variable has a value.
    case isSet(String, Operand, Bool)
    /// What a variable's value is like.
    case variable(String, Operand, Matcher)
}
