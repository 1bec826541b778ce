/// A text with `${name}` and `${name:-default}` taken apart; `$$` is a dollar sign.
///
/// Names may have dots, unlike those of ``Documents/VariableScope``, and what they stand for keeps its type.
struct VariableText: Sendable, Hashable {
    /// A stretch of text, or a variable.
    indirect enum Piece: Sendable, Hashable {
        case text(String)
        case reference(Reference)
    }

    /// A variable that is mentioned.
    struct Reference: Sendable, Hashable {
        var name: String
        /// What stands in for a variable without a value.
        var fallback: [Piece]?
        /// Where the dollar sign stands, in characters (Unicode scalars).
        var offset: Int
        /// Characters up to the brace that closes.
        var length: Int
    }

    private static let depthLimit = 16

    private(set) var pieces: [Piece]

    /// Takes a text apart.
    ///
    /// - Parameter isName: the characters that a name can have; those of variables when nothing is said.
    init(_ text: String, isName: @escaping (Unicode.Scalar) -> Bool = Self.isNameCharacter) throws(Fault) {
        guard text.utf8.contains(UInt8(ascii: "$")) else {
            pieces = text.isEmpty ? [] : [.text(text)]
            return
        }
        var scanner = Scanner(scalars: Array(text.unicodeScalars), isName: isName)
        pieces = try scanner.pieces(depth: 0)
    }

    /// What cannot be taken apart.
    struct Fault: Error, Sendable, Hashable {
        var message: String
        var help: String
        var offset: Int
        var length: Int
    }

    /// The variable, when it is all of the text.
    var only: Reference? {
        if pieces.count == 1, case .reference(let reference) = pieces[0] { reference } else { nil }
    }

    /// Every variable that is mentioned, in defaults too.
    var references: [Reference] { Self.references(in: pieces) }

    private static func references(in pieces: [Piece]) -> [Reference] {
        pieces.flatMap { piece -> [Reference] in
            guard case .reference(let reference) = piece else { return [] }
            return [reference] + references(in: reference.fallback ?? [])
        }
    }

    /// Letters, digits, `_`, `-` and `.`.
    static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
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
                // A dollar sign alone means itself: regular expressions have them.
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
            var name = String.UnicodeScalarView()
            while let scalar = peek(), isName(scalar), !(scalar == ":" && peek(1) == "-") {
                name.append(scalar)
                index += 1
            }
            var fallback: [Piece]?
            if !name.isEmpty, peek() == ":", peek(1) == "-" {
                index += 2
                fallback = try pieces(depth: depth + 1)
            }
            guard let close = peek() else {
                throw Fault(
                    message: "'${' has no '}'", help: "add '}', or write '$$' for a dollar sign", offset: start,
                    length: 2)
            }
            guard close == "}", !name.isEmpty else { throw malformed(start) }
            index += 1
            return Reference(name: String(name), fallback: fallback, offset: start, length: index - start)
        }

        private func malformed(_ start: Int) -> Fault {
            let end = scalars[start...].firstIndex(of: "}") ?? scalars.count - 1
            var body = String.UnicodeScalarView()
            body.append(contentsOf: scalars[start...end])
            return Fault(
                message: "'\(ValueText.shortened(String(body), to: 60))' names no variable",
                help: "letters, digits, '.', '_' and '-'; write '$$' for a dollar sign", offset: start,
                length: end + 1 - start)
        }
    }
}
