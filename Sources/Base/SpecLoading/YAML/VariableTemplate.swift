import Platform

/// A text with `${…}` taken apart.
struct VariableTemplate {
    /// A stretch of text, or a variable.
    indirect enum Piece {
        case text(String)
        case reference(Reference)
    }

    /// `${name}`, `${env:NAME}`, with `:-default` or without.
    struct Reference {
        var name: String
        var isEnvironment: Bool
        /// What stands in, variables of its own included.
        var fallback: [Piece]?
        /// Where the dollar sign stands, and the characters up to the brace that closes.
        var offset: Int
        var length: Int
    }

    /// What cannot be taken apart.
    struct Fault: Error {
        var message: String
        var help: String
        var offset: Int
        var length: Int
    }

    /// Defaults within defaults.
    private static let depthLimit = 16

    private(set) var pieces: [Piece] = []

    static func parse(_ text: String) -> Result<VariableTemplate, Fault> {
        var scanner = Scanner(scalars: Array(text.unicodeScalars))
        do throws(Fault) {
            return .success(VariableTemplate(pieces: try scanner.pieces(depth: 0)))
        } catch {
            return .failure(error)
        }
    }

    /// Letters, digits, `_` and `-`.
    static func isName(_ text: String) -> Bool { !text.isEmpty && text.unicodeScalars.allSatisfy(isNameCharacter) }

    private static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
        default: false
        }
    }

    private struct Scanner {
        let scalars: [Unicode.Scalar]
        var index = 0

        init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

        private func peek(_ distance: Int = 0) -> Unicode.Scalar? {
            index + distance < scalars.count ? scalars[index + distance] : nil
        }

        /// Up to the end, or within a default up to the brace that closes it.
        mutating func pieces(depth: Int) throws(Fault) -> [Piece] {
            var pieces: [Piece] = []
            var literal = String.UnicodeScalarView()
            while let scalar = peek() {
                if depth > 0, scalar == "}" { break }
                index += 1
                guard scalar == "$" else {
                    literal.append(scalar)
                    continue
                }
                switch peek() {
                case "$":
                    literal.append("$")
                    index += 1
                case "{":
                    if !literal.isEmpty { pieces.append(.text(String(literal))) }
                    literal = String.UnicodeScalarView()
                    index += 1
                    pieces.append(.reference(try reference(from: index - 2, depth: depth)))
                // A lone dollar sign means itself: passwords and regular expressions have them.
                default: literal.append("$")
                }
            }
            if !literal.isEmpty { pieces.append(.text(String(literal))) }
            return pieces
        }

        private mutating func reference(from start: Int, depth: Int) throws(Fault) -> Reference {
            guard depth < VariableTemplate.depthLimit else {
                throw Fault(
                    message: "defaults are nested deeper than \(VariableTemplate.depthLimit) levels",
                    help: "define a variable for the inner ones", offset: start, length: 2)
            }
            var isEnvironment = false
            if scalars[index...].starts(with: "env:".unicodeScalars) {
                isEnvironment = true
                index += 4
            }
            let nameStart = index
            while let scalar = peek(), VariableTemplate.isNameCharacter(scalar) {
                // '-' is part of a name, but ':-' begins a default.
                index += 1
            }
            var name = String.UnicodeScalarView()
            name.append(contentsOf: scalars[nameStart..<index])
            var fallback: [Piece]?
            if !name.isEmpty, peek() == ":", peek(1) == "-" {
                index += 2
                fallback = try pieces(depth: depth + 1)
            }
            guard let close = peek() else { throw unclosed(start) }
            guard close == "}", !name.isEmpty else { throw malformed(start) }
            index += 1
            return Reference(
                name: String(name), isEnvironment: isEnvironment, fallback: fallback, offset: start,
                length: index - start)
        }

        private func unclosed(_ start: Int) -> Fault {
            Fault(
                message: "'${' has no '}'", help: "add '}', or write '$$' for a dollar sign", offset: start, length: 2)
        }

        private func malformed(_ start: Int) -> Fault {
            guard let close = scalars[start...].firstIndex(of: "}") else { return unclosed(start) }
            var body = String.UnicodeScalarView()
            body.append(contentsOf: scalars[start...close])
            return Fault(
                message: "'\(DisplayText.shortened(String(body)))' names no variable",
                help: "letters, digits, '_' and '-'; write '$$' for a dollar sign", offset: start,
                length: close + 1 - start)
        }
    }
}
