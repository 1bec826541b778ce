import HostProbes
import Documents

/// A value that scenarios can mention.
struct Variable: Sendable, Hashable {
    /// The value.
    var value: Value
    /// Whether its texts were written without saying of what type they are, as on a command line: where any type will
    /// do, `8080` is a number then.
    var isUntyped: Bool

    /// A value of known type.
    init(_ value: Value) {
        self.value = value
        isUntyped = false
    }

    /// A value whose type the place of use decides.
    init(untyped value: Value) {
        self.value = value
        isUntyped = true
    }

    /// The value where any type will do.
    var typedByItself: Value { isUntyped ? Self.typed(value) : value }

    private static func typed(_ value: Value) -> Value {
        switch value {
        case .text(let text): ScalarText.value(text)
        case .list(let items): .list(items.map { typed($0) })
        case .map(let entries): .map(entries.mapValues { typed($0) })
        default: value
        }
    }
}

/// What a name stands for.
enum VariableLookup: Sendable {
    case value(Variable)
    /// A fact of the machine that it does not have, with the reason.
    case missing(String)
    /// A check captures it while the scenarios run.
    case capture(check: String)
    case unknown
}

/// Everything that the scenarios of one file can mention.
struct VariableTable: Sendable {
    /// Values by name.
    var values: [String: Variable] = [:]
    /// Facts that the machine does not have, with the reasons.
    var missing: [String: String] = [:]
    /// The checks that capture values, by the names of the values.
    var captures: [String: String] = [:]

    func lookup(_ name: String) -> VariableLookup {
        if let variable = values[name] { return .value(variable) }
        if let check = captures[name] { return .capture(check: check) }
        if let reason = missing[name] { return .missing(reason) }
        return .unknown
    }

    /// All names, for suggestions.
    var names: [String] { (Array(values.keys) + missing.keys + captures.keys).sorted() }
}

/// Where variables come from beside the scenarios: the later ones win over the earlier, and all over the scenarios' own.
public struct VariableSources: Sendable {
    /// What begins the names of variables in the environment.
    public static let environmentPrefix = "MESHCHECK_VAR_"

    /// The environment: `MESHCHECK_VAR_name`; `_` there stands for `.` and `-` as well.
    public var environment: [String: String]
    /// YAML files with a mapping of names to values.
    public var files: [String]
    /// Assignments from the command line; a value that begins with `[` is a list in YAML, one with `{` a mapping.
    public var assignments: [(String, String)]

    /// Creates the sources.
    public init(
        assignments: [(String, String)] = [], files: [String] = [], environment: [String: String] = [:]
    ) {
        self.assignments = assignments
        self.files = files
        self.environment = environment
    }
}
