import Files
import HostProbes
import Documents

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
                "variable-name", "'\(ValueText.shortened(name))' is no name of a variable", at: nil,
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
                "variable-name", "'\(ValueText.shortened(name))' is no name of a variable", at: range,
                help: "letters, digits, '.', '_' and '-'")
            return false
        }
        return true
    }
}
