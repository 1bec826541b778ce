import Platform

/// The variables that scalars may mention as `${NAME}`, `${NAME:-default}` or `${env:NAME}`; `$$` is a dollar sign.
public struct VariableScope: Sendable {
    struct Definition: Sendable {
        var text: String
        var range: SourceRange?
    }

    /// What the names of variables of the environment begin with.
    static let environmentPrefix = "env:"
    private(set) var definitions: [String: Definition] = [:]
    let environment: [String: String]

    /// A scope that knows the environment alone.
    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// Defines a variable; a later definition wins.
    public mutating func define(_ name: String, _ text: String, range: SourceRange?) {
        definitions[name] = Definition(text: text, range: range)
    }

    /// Defines the scalars of a mapping and reports what cannot be a variable: a name that `${…}` cannot mention, a
    /// list, a mapping, nothing.
    public mutating func define(_ mapping: YAMLNode?, diagnostics: inout Diagnostics) {
        guard let mapping else { return }
        guard case .mapping(let pairs) = mapping.content else {
            diagnostics.error(
                "type", "expected a mapping of names to texts, found \(mapping.kindName)", at: mapping.range)
            return
        }
        for pair in pairs {
            let name = pair.key.scalarText ?? ""
            if !VariableText.isName(name) {
                diagnostics.error(
                    "variable-name", "'\(DisplayText.shortened(name))' is not a name for a variable",
                    at: pair.key.range, help: VariableText.nameRule)
            } else if let text = pair.value.text(for: "a text", isText: true, &diagnostics) {
                define(name, text, range: pair.value.range)
            }
        }
    }
}

/// Puts variables into the scalars of a tree. Keys are left as they are.
public struct VariableExpansion {
    private let scope: VariableScope
    private var diagnostics = Diagnostics()
    private var inProgress: [String] = []
    /// Each variable is worked out once: definitions that mention others twice would take exponential time.
    private var known: [String: String] = [:]
    private var produced = 0
    /// Bytes of one scalar.
    static let lengthLimit = 1 << 20
    /// Variables that mention one another.
    static let depthLimit = 32

    private init(scope: VariableScope) { self.scope = scope }

    /// The expanded tree, or nil after a diagnostic.
    public static func expand(
        _ node: YAMLNode, scope: VariableScope, diagnostics: inout Diagnostics
    ) -> YAMLNode? {
        var expansion = VariableExpansion(scope: scope)
        let result = expansion.expand(node)
        diagnostics.append(expansion.diagnostics)
        return expansion.diagnostics.hasErrors ? nil : result
    }

    private mutating func expand(_ node: YAMLNode) -> YAMLNode {
        var copy = node
        switch node.content {
        case .scalar(let text, let style):
            guard text.utf8.contains(UInt8(ascii: "$")), produced <= YAMLLoader.textLimit else { return node }
            let expanded = expand(text, range: node.range)
            if expanded != text {
                copy.content = .scalar(text: expanded, style: style == .plain ? .quoted : style)
                copy.range?.textStart = nil
                copy.range?.expansion = expanded
            }
            produced += expanded.utf8.count
            if produced > YAMLLoader.textLimit {
                diagnostics.error(
                    "variable-length", "the expanded texts have more than \(YAMLLoader.textLimit) bytes together",
                    at: node.range)
            }
        case .sequence(let items): copy.content = .sequence(items.map { expand($0) }.filter { !isEmptied($0) })
        case .mapping(let pairs):
            copy.content = .mapping(pairs.map { YAMLNode.Pair(key: $0.key, value: expand($0.value)) })
        }
        return copy
    }

    /// Whether nothing is left of an item because its variables are empty: such an item is not there, so that
    /// `${env:EXTRA:-}` adds something to a list or not.
    private func isEmptied(_ node: YAMLNode) -> Bool {
        guard case .scalar(let text, _) = node.content else { return false }
        return text.isEmpty && node.range?.expansion != nil
    }

    private mutating func expand(_ text: String, range: SourceRange?) -> String {
        do throws(VariableText.Fault) {
            return expand(try VariableText(text).pieces, text: text, range: range)
        } catch {
            diagnostics.report(error, in: text, at: range)
            return ""
        }
    }

    private mutating func expand(
        _ pieces: [VariableText.Piece], text: String, range: SourceRange?
    ) -> String {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let literal): result += literal
            case .reference(let reference): result += value(of: reference, text: text, range: range)
            }
            if result.utf8.count > Self.lengthLimit {
                diagnostics.error(
                    "variable-length", "the expanded text has more than \(Self.lengthLimit) bytes", at: range)
                return ""
            }
        }
        return result
    }

    private mutating func value(
        of reference: VariableText.Reference, text: String, range: SourceRange?
    ) -> String {
        let isEnvironment = reference.name.utf8.starts(with: VariableScope.environmentPrefix.utf8)
        let bare = isEnvironment ? String(reference.name.dropFirst(4)) : reference.name
        let found =
            isEnvironment
            ? scope.environment[bare] : scope.definitions[bare].map { value(of: $0, named: bare, from: range) }
        // As in sh(1), ':-' stands in for a variable that is not set and for one that is empty.
        if let fallback = reference.fallback, found?.isEmpty ?? true {
            return expand(fallback, text: text, range: range)
        }
        if let found { return found }
        let place = range?.narrowed(to: reference.offset, length: reference.length, searching: "$", in: text)
        let name = DisplayText.shortened(bare)
        if isEnvironment {
            diagnostics.error(
                "undefined-variable", "the environment has no variable '\(name)'", at: place,
                help: "set it, or give a default: ${env:\(name):-…}")
        } else {
            let nearest =
                diagnostics.wantsSuggestions
                ? SpellingSuggestion.of(reference.name, among: scope.definitions.keys.sorted(), budget: 200_000) : nil
            diagnostics.error(
                "undefined-variable", "there is no variable '\(name)'", at: place,
                help: nearest.map { "did you mean '${\($0)}'?" }
                    ?? "define it under 'variables', or give a default: ${\(name):-…}")
        }
        return ""
    }

    private mutating func value(
        of definition: VariableScope.Definition, named name: String, from range: SourceRange?
    ) -> String {
        guard definition.text.utf8.contains(UInt8(ascii: "$")) else { return definition.text }
        if let value = known[name] { return value }
        if inProgress.contains(name) {
            diagnostics.error(
                "variable-cycle", "variable '\(name)' refers to itself", at: definition.range ?? range,
                notes: [(inProgress + [name]).joined(separator: " → ")])
            return ""
        }
        if inProgress.count >= Self.depthLimit {
            diagnostics.error(
                "variable-depth", "more than \(Self.depthLimit) variables mention one another",
                at: definition.range ?? range, notes: [(inProgress + [name]).joined(separator: " → ")],
                help: "define the last ones without referring to others")
            return ""
        }
        inProgress.append(name)
        let value = expand(definition.text, range: definition.range)
        inProgress.removeLast()
        known[name] = value
        return value
    }
}

// MARK: - texts with variables

/// A text with `${name}` and `${name:-default}` taken apart; `$$` is a dollar sign.
///
/// A name has letters, digits, `_`, `-` and `.`; one of the environment has `env:` in front.
public struct VariableText: Sendable, Hashable {
    /// A stretch of text, or a variable.
    public indirect enum Piece: Sendable, Hashable {
        case text(String)
        case reference(Reference)
    }

    /// A variable that is mentioned.
    public struct Reference: Sendable, Hashable {
        /// The name, with `env:` in front for one of the environment.
        public var name: String
        /// What stands in for a variable that is not set or empty, variables of its own included.
        public var fallback: [Piece]?
        /// Where the dollar sign stands, in characters (Unicode scalars).
        public var offset: Int
        /// Characters up to the brace that closes.
        public var length: Int
    }

    /// What cannot be taken apart.
    public struct Fault: Error, Sendable, Hashable {
        /// The sentence.
        public var message: String
        /// What to do about it.
        public var help: String
        /// Where it begins, in characters.
        public var offset: Int
        /// Characters of it.
        public var length: Int
    }

    /// What a name can have, for messages.
    public static let nameRule = "letters, digits, '.', '_' and '-'"
    /// Defaults within defaults.
    private static let depthLimit = 16

    /// The pieces in their order.
    public let pieces: [Piece]

    /// Takes a text apart.
    ///
    /// - Parameter isName: the characters that a name can have; those of variables when nothing is said.
    public init(
        _ text: String, isName: @escaping (Unicode.Scalar) -> Bool = Self.isNameCharacter
    ) throws(Fault) {
        guard text.utf8.contains(UInt8(ascii: "$")) else {
            pieces = text.isEmpty ? [] : [.text(text)]
            return
        }
        var scanner = Scanner(scalars: Array(text.unicodeScalars), isName: isName)
        pieces = try scanner.pieces(depth: 0)
    }

    /// The variable, when it is all of the text.
    public var only: Reference? {
        if pieces.count == 1, case .reference(let reference) = pieces[0] { reference } else { nil }
    }

    /// Every variable that is mentioned, in defaults too.
    public var references: [Reference] { Self.references(in: pieces) }

    private static func references(in pieces: [Piece]) -> [Reference] {
        pieces.flatMap { piece -> [Reference] in
            guard case .reference(let reference) = piece else { return [] }
            return [reference] + references(in: reference.fallback ?? [])
        }
    }

    /// Whether a text can be the name of a variable.
    public static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy(isNameCharacter)
    }

    /// Letters, digits, `_`, `-` and `.`.
    public static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": true
        default: false
        }
    }

    private struct Scanner {
        let scalars: [Unicode.Scalar]
        let isName: (Unicode.Scalar) -> Bool
        var index = 0

        init(scalars: [Unicode.Scalar], isName: @escaping (Unicode.Scalar) -> Bool) {
            self.scalars = scalars
            self.isName = isName
        }

        private func peek(_ distance: Int = 0) -> Unicode.Scalar? {
            index + distance < scalars.count ? scalars[index + distance] : nil
        }

        private func text(_ range: Range<Int>) -> String {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars[range])
            return String(text)
        }

        /// Up to the end, or within a default up to the brace that closes it.
        mutating func pieces(depth: Int) throws(Fault) -> [Piece] {
            var pieces: [Piece] = []
            var literal = String.UnicodeScalarView()
            func flush() {
                if !literal.isEmpty { pieces.append(.text(String(literal))) }
                literal = String.UnicodeScalarView()
            }
            while let scalar = peek() {
                if depth > 0, scalar == "}" { break }
                index += 1
                switch (scalar, peek()) {
                case ("$", "$"):
                    literal.append("$")
                    index += 1
                case ("$", "{"):
                    flush()
                    index += 1
                    pieces.append(.reference(try reference(from: index - 2, depth: depth)))
                // A lone dollar sign means itself: passwords and regular expressions have them.
                default: literal.append(scalar)
                }
            }
            flush()
            return pieces
        }

        private mutating func reference(from start: Int, depth: Int) throws(Fault) -> Reference {
            guard depth < VariableText.depthLimit else {
                throw Fault(
                    message: "defaults are nested deeper than \(VariableText.depthLimit) levels",
                    help: "define a variable for the inner ones", offset: start, length: 2)
            }
            let nameStart = index
            if scalars[index...].starts(with: VariableScope.environmentPrefix.unicodeScalars) { index += 4 }
            let bareStart = index
            // '-' is part of a name, but ':-' begins a default.
            while let scalar = peek(), isName(scalar), !(scalar == ":" && peek(1) == "-") { index += 1 }
            let (name, hasName) = (text(nameStart..<index), index > bareStart)
            var fallback: [Piece]?
            if hasName, peek() == ":", peek(1) == "-" {
                index += 2
                fallback = try pieces(depth: depth + 1)
            }
            guard let end = peek() else { throw unclosed(start) }
            guard end == "}", hasName else { throw malformed(start) }
            index += 1
            return Reference(name: name, fallback: fallback, offset: start, length: index - start)
        }

        private func unclosed(_ start: Int) -> Fault {
            Fault(
                message: "'${' has no '}'", help: "add '}', or write '$$' for a dollar sign", offset: start, length: 2)
        }

        private func malformed(_ start: Int) -> Fault {
            guard let end = scalars[start...].firstIndex(of: "}") else { return unclosed(start) }
            return Fault(
                message: "'\(DisplayText.shortened(text(start..<end + 1)))' does not name a variable",
                help: "\(VariableText.nameRule); write '$$' for a dollar sign", offset: start, length: end + 1 - start)
        }
    }
}

/// What a scalar stands for that may mention variables: it is read once they have values.
public struct Template<Value: Sendable>: Sendable {
    /// The text taken apart.
    public let text: VariableText
    /// Where it stands.
    public var range: SourceRange? { node.range }
    private let node: YAMLNode
    private let shape: Shape<Value>

    fileprivate init(text: VariableText, node: YAMLNode, shape: Shape<Value>) {
        self.text = text
        self.node = node
        self.shape = shape
    }

    /// The value with the variables of a scope, or nil after a diagnostic.
    public func value(in scope: VariableScope, _ diagnostics: inout Diagnostics) -> Value? {
        VariableExpansion.expand(node, scope: scope, diagnostics: &diagnostics)
            .flatMap { shape.read($0, &diagnostics) }
    }
}

extension Shape {
    /// A scalar that may mention variables. One that mentions none is checked at once.
    public static func template<Inner: Sendable>(of inner: Shape<Inner>) -> Shape where Value == Template<Inner> {
        Shape(.template(inner.schema)) { node, diagnostics in
            guard let text = node.text(for: inner.schema.typeName, isText: true, &diagnostics) else { return nil }
            do throws(VariableText.Fault) {
                let parts = try VariableText(text)
                if parts.references.isEmpty, inner.read(node, &diagnostics) == nil { return nil }
                return Template(text: parts, node: node, shape: inner)
            } catch {
                diagnostics.report(error, in: text, at: node.range)
                return nil
            }
        }
    }
}

extension Diagnostics {
    /// Reports what cannot be taken apart, at its place in the user's text.
    public mutating func report(_ fault: VariableText.Fault, in text: String, at range: SourceRange?) {
        let place = range?.narrowed(to: fault.offset, length: fault.length, searching: "$", in: text)
        error("variable-syntax", fault.message, at: place, help: fault.help)
    }
}
