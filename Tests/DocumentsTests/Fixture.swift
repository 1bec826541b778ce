import Documents
import Platform

/// How loud something is.
enum Level: String, Sendable, CaseIterable {
    case low, medium, high
}

/// One of two kinds of step.
enum Step: Sendable {
    case run(String, mode: UInt16?)
    case wait(seconds: Int)

    var command: String? { if case .run(let command, _) = self { command } else { nil } }
}

/// A specification with a key of every shape.
struct Plan: Sendable {
    var name: String
    var version: String
    var isEnabled: Bool
    var count: Int
    var mode: UInt16
    var level: Level
    var tags: [String]
    var labels: [(name: Located<String>, value: String)]
    var steps: [Step]
    var remark: String?
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
                return .failure(ShapeFault(message: "'\(character)' is not a digit", offset: offset))
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
            .object("Run", "A command.", as: { .run($0, mode: $1) }) {
                required("run", .nonEmptyString, "The command.", example: "ls -l")
                optional("mode", .octalMode, "The mode of its output.", example: "\"0600\"")
            }
        ),
        (
            "wait",
            .object("Wait", "A pause.", as: { .wait(seconds: $0) }) {
                required("wait", .integer(0...60), "Seconds to wait.", example: "5")
            }
        ),
    ])

    static let plan = Shape<Plan>.object("Plan", "Something to do.", as: Plan.init, validate: validate) {
        required("name", .nonEmptyString, "What it is called.", example: "first")
        optional("version", .string, default: "0", "The version | as text.", example: "1.30")
        optional("enabled", .boolean, default: true, "Whether it runs.", example: "true")
        optional("count", .integer(1...9), default: 3, "How often.")
        optional("mode", .octalMode, default: 0o644, "Permission bits.")
        optional("level", .enumeration(Level.self), default: .low, "How loud.")
        optional("tags", .list(of: .string), default: [], "Words.", example: "[a, b]")
        optional("labels", .entries(of: .string), default: [], "Words by name.", example: "{a: b}")
        optional("steps", .list(of: step), default: [], "What to do.", example: "[{run: ls}, {wait: 5}]")
        optional("remark", .nullable(.string), default: nil, "A remark, or nothing.")
        optional(
            "limit",
            .located(
                Shape<Limit>.oneOf([
                    Shape<Int>.integer(0...100).map { .number($0) },
                    Shape<Level>.enumeration(Level.self).map { .word($0.rawValue) },
                ])), "A number or a level.", example: "7")
        optional("port", port, "Where it listens.", example: "':80'")
    }

    private static func validate(_ plan: Plan, _ node: YAMLNode, _ diagnostics: inout Diagnostics) {
        if plan.name == plan.version {
            diagnostics.error("same", "name and version are the same", at: node[key: "version"]?.range)
        }
    }

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
