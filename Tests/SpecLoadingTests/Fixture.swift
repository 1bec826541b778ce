import Platform
import SpecLoading

/// How loud something is.
enum Level: String, Sendable, CaseIterable {
    case low, medium, high
}

/// One of two kinds of step.
struct Step: Sendable {
    var command: String?
    var seconds = 0
    var mode: UInt16?
}

/// A specification with a key of every shape.
struct Plan: Sendable {
    var name: String?
    var version = "0"
    var isEnabled = true
    var count = 3
    var mode: UInt16 = 0o644
    var level = Level.low
    var tags: [String] = []
    var labels: [(name: Located<String>, value: String)] = []
    var steps: [Step] = []
    var remark: String?
    var hasRemark = false
    var limit: Located<Limit>?
    var port: Int?
}

/// A number or a word.
enum Limit: Sendable, Hashable {
    case number(Int)
    case word(String)
}

/// Why a port is none.
enum PortFault: Error { case letter(at: Int), range(Int) }

/// The declarations that the tests decode with.
enum PlanShapes {
    static let port = Shape<Int>.parsed("port", pattern: "^:[0-9]+$") { text in
        guard text.hasPrefix(":") else {
            return .failure(
                ShapeFault(message: "port '\(text)' does not begin with ':'", help: "write ':80'", offset: 0))
        }
        var offset = 1
        for character in text.dropFirst() {
            guard character.isASCII, character.isNumber else {
                return .failure(ShapeFault(message: "'\(character)' is no digit", offset: offset))
            }
            offset += character.utf8.count
        }
        guard let number = Int(text.dropFirst()), (1...65535).contains(number) else {
            return .failure(ShapeFault(message: "port '\(text)' is too large (must be >=1 and <=65535)"))
        }
        return .success(number)
    }

    static let step = Shape<Step>.keyed(by: [
        (
            "run",
            .object(
                "Run", doc: "A command.", new: Step.init,
                fields: [
                    .required("run", \.command, .nonEmptyString, "The command.", example: "ls -l"),
                    .optional("mode", \.mode, .octalMode, "The mode of its output.", example: "\"0600\""),
                ])
        ),
        (
            "wait",
            .object(
                "Wait", doc: "A pause.", new: Step.init,
                fields: [.required("wait", \.seconds, .integer(0...60), "Seconds to wait.", example: "5")])
        ),
    ])

    static let plan = Shape<Plan>.object(
        "Plan", doc: "Something to do.", new: Plan.init,
        fields: [
            .required("name", \.name, .nonEmptyString, "What it is called.", example: "first"),
            .optional("version", \.version, .string, "The version | as text.", example: "1.30"),
            .optional("enabled", \.isEnabled, .boolean, "Whether it runs.", example: "true"),
            .optional("count", \.count, .integer(1...9), "How often."),
            .optional("mode", \.mode, .octalMode, "Permission bits."),
            .optional("level", \.level, .enumeration(Level.self), "How loud."),
            .optional("tags", \.tags, .list(of: .string), "Words.", example: "[a, b]"),
            .optional("labels", \.labels, .entries(of: .string), "Words by name.", example: "{a: b}"),
            .optional("steps", \.steps, .list(of: step), "What to do.", example: "[{run: ls}, {wait: 5}]"),
            .optional("remark", \.remark, .nullable(.string), "A remark, or nothing."),
            .optional(
                "limit", \.limit,
                .located(
                    .oneOf([
                        Shape<Int>.integer(0...100).map { .number($0) },
                        Shape<Level>.enumeration(Level.self).map { .word($0.rawValue) },
                    ])), "A number or a level.", example: "7"),
            .optional("port", \.port, port, "Where it listens.", example: "':80'"),
        ],
        validate: { plan, node, diagnostics in
            if plan.name == plan.version {
                diagnostics.error("same", "name and version are the same", at: node[key: "version"]?.range)
            }
        })

    /// Files, includes, variables and types, as a program would load them.
    static func load(
        _ files: [String: String], environment: [String: String] = [:], diagnostics: inout Diagnostics
    ) -> Plan? {
        struct Missing: Error, CustomStringConvertible {
            var path: String
            var description: String { "there is no file '\(path)'" }
        }
        let resolver = IncludeResolver(
            readFile: { path in
                guard let text = files[path] else { throw Missing(path: path) }
                return Array(text.utf8)
            }, nearest: { SpellingSuggestion.of($0, among: files.keys.sorted()) })
        guard let node = resolver.load("plan.yaml", diagnostics: &diagnostics) else { return nil }
        var scope = VariableScope(environment: environment)
        scope.define(node[key: "variables"], diagnostics: &diagnostics)
        guard
            let expanded = VariableExpansion.expand(
                node.removing(keys: ["variables"]), scope: scope, diagnostics: &diagnostics)
        else { return nil }
        return plan.decode(expanded, &diagnostics)
    }

    /// What the user would see.
    static func report(_ text: String, more: [String: String] = [:], environment: [String: String] = [:]) -> String {
        var diagnostics = Diagnostics()
        let plan = load(more.merging(["plan.yaml": text]) { $1 }, environment: environment, diagnostics: &diagnostics)
        let report = DiagnosticRenderer.text(diagnostics)
        return plan == nil && !diagnostics.hasErrors ? "no value and no error" : report
    }
}
