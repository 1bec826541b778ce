import Documents
import Files
import Probes

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
    /// A fact of the host that it does not have, with the reason.
    case missing(String)
    /// A check captures it while the scenarios run.
    case capture(check: String)
    case unknown
}

/// Everything that the scenarios of one file can mention.
struct VariableTable: Sendable {
    /// Values by name.
    var values: [String: Variable] = [:]
    /// Facts that the host does not have, with the reasons.
    var missing: [String: String] = [:]
    /// The checks that capture values, by the names of the values.
    var captures: [String: String] = [:]
    /// The names of facts that this host could have, for suggestions.
    var factNames: [String] = []

    func lookup(_ name: String) -> VariableLookup {
        if let variable = values[name] { return .value(variable) }
        if let check = captures[name] { return .capture(check: check) }
        if let reason = missing[name] { return .missing(reason) }
        return .unknown
    }

    /// All names, for suggestions.
    var names: [String] { (Array(values.keys) + missing.keys + captures.keys).sorted() + factNames }
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

    /// Adds assignments; those whose names begin as in the environment count as of it.
    public mutating func add(_ added: [(name: String, value: String)]) {
        for (name, value) in added {
            if name.utf8.starts(with: Self.environmentPrefix.utf8) {
                environment[name] = value
            } else {
                assignments.append((name, value))
            }
        }
    }

    /// Everything but the files, as assignments for a program elsewhere.
    public var portable: [(name: String, value: String)] {
        environment.filter { $0.key.utf8.starts(with: Self.environmentPrefix.utf8) }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) } + assignments.map { ($0.0, $0.1) }
    }
}

/// The variables of the command line, of files and of the environment.
struct ExternalVariables {
    private static let fileLimit = 1 << 20

    /// From files and assignments, by name.
    private(set) var values: [String: Variable] = [:]
    /// Names that the command line sets: one that nothing uses is a mistake.
    private(set) var assigned: [String] = []
    /// Names that files set, with their places.
    private(set) var fromFiles: [Located<String>] = []
    private let environment: [String: String]

    init(_ sources: VariableSources, diagnostics: inout Diagnostics) {
        let prefix = VariableSources.environmentPrefix
        environment = Dictionary(
            sources.environment.filter { $0.key.utf8.starts(with: prefix.utf8) }.map {
                (String(decoding: $0.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self), $0.value)
            }, uniquingKeysWith: { first, _ in first })
        for path in sources.files { read(path, &diagnostics) }
        for (name, text) in sources.assignments { assign(name, text, &diagnostics) }
    }

    /// The value that the environment has for a name.
    func fromEnvironment(_ name: String) -> Variable? {
        if let text = environment[name] { return Variable(untyped: .text(text)) }
        let flat = String(
            decoding: name.utf8.map { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 },
            as: UTF8.self)
        return environment[flat].map { Variable(untyped: .text($0)) }
    }

    private mutating func assign(_ name: String, _ text: String, _ diagnostics: inout Diagnostics) {
        guard !name.isEmpty, name.unicodeScalars.allSatisfy(VariableText.isNameCharacter) else {
            diagnostics.error(
                "variable-name", "'\(ValueText.shortened(name))' is not the name of a variable", at: nil,
                help: "letters, digits, '.', '_' and '-'")
            return
        }
        assigned.append(name)
        guard let first = text.utf8.first, first == UInt8(ascii: "[") || first == UInt8(ascii: "{") else {
            values[name] = Variable(untyped: .text(text))
            return
        }
        let source = SourceText(path: "--var \(name)", bytes: Array(text.utf8))
        guard let node = YAMLLoader.load(source, diagnostics: &diagnostics) else { return }
        values[name] = Variable(untyped: Self.value(of: node))
    }

    private mutating func read(_ path: String, _ diagnostics: inout Diagnostics) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileTree.readWhole(path, limit: Self.fileLimit)
        } catch {
            diagnostics.error("variables-file", error.description, at: nil)
            return
        }
        guard let node = YAMLLoader.load(SourceText(path: path, bytes: bytes), diagnostics: &diagnostics) else {
            return
        }
        guard case .mapping(let pairs) = node.content else {
            diagnostics.error(
                "type", "expected a mapping of names to values, found \(node.kindName)", at: node.range)
            return
        }
        for pair in pairs {
            let name = pair.key.scalarText ?? ""
            guard VariableNames.check(name, at: pair.key.range, &diagnostics) else { continue }
            fromFiles.append(Located(value: name, range: pair.key.range))
            values[name] = Variable(untyped: Self.value(of: pair.value))
        }
    }

    /// Texts in their structure; quoted texts are not told from others, since the place of use decides on the type.
    static func value(of node: YAMLNode) -> Value {
        switch node.content {
        case .scalar(let text, _): node.isNull ? .null : .text(text)
        case .sequence(let items): .list(items.map { value(of: $0) })
        case .mapping(let pairs):
            .map(
                Dictionary(
                    pairs.map { ($0.key.scalarText ?? "", value(of: $0.value)) },
                    uniquingKeysWith: { first, _ in first }
                ))
        }
    }
}

/// What a variable can be called.
enum VariableNames {
    /// Whether it is a name; reports it when not.
    static func check(_ name: String, at range: SourceRange?, _ diagnostics: inout Diagnostics) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 200, name.unicodeScalars.allSatisfy(VariableText.isNameCharacter) else {
            diagnostics.error(
                "variable-name", "'\(ValueText.shortened(name))' is not the name of a variable", at: range,
                help: "letters, digits, '.', '_' and '-'")
            return false
        }
        return true
    }
}
