import Platform
import Probes

/// A way into what a probe reads: an attribute, and what is inside of it, such as `json.hosts[0].port`.
///
/// Steps are `.name`, `["any text"]`, `[0]` (from the front), `[-1]` (from the back) and `[*]` or `.*` (all of them:
/// the value is the list of what the rest of the path finds in each).
public struct ValuePath: Sendable, Hashable, CustomStringConvertible {
    /// One step inside of a value.
    public enum Step: Sendable, Hashable {
        /// The value of a key in a map.
        case key(String)
        /// An item of a list; negative numbers count from the back, -1 being the last.
        case index(Int)
        /// Every item of a list, or every value of a map by the order of its keys.
        case all
    }

    /// The name of the attribute.
    public let attribute: String
    /// The way inside of it.
    public let steps: [Step]
    /// As it was written.
    public let description: String

    private static let stepLimit = 32

    /// Reads a path.
    public init(_ text: String) throws(ShapeError) {
        var scanner = Scanner(bytes: Array(text.utf8))
        attribute = try scanner.name()
        var steps: [Step] = []
        while let step = try scanner.step() {
            steps.append(step)
            guard steps.count <= Self.stepLimit else {
                throw ShapeError("a path has at most \(Self.stepLimit) steps", offset: scanner.position)
            }
        }
        self.steps = steps
        description = text
    }

    private init(attribute: String, steps: [Step], description: String) {
        self.attribute = attribute
        self.steps = steps
        self.description = description
    }

    /// The path with the key behind the attribute in lower case.
    var foldingKey: ValuePath {
        guard case .key(let key)? = steps.first else { return self }
        return ValuePath(
            attribute: attribute, steps: [.key(Ascii.text(Ascii.lowercased(key)))] + steps.dropFirst(),
            description: description)
    }

    /// The value at the end of the way; nil where there is none.
    public func value(in attributes: [String: Value]) -> Value? {
        attributes[attribute].flatMap { Self.value(at: steps[...], in: $0) }
    }

    private static func value(at steps: ArraySlice<Step>, in value: Value) -> Value? {
        guard let step = steps.first else { return value }
        let rest = steps.dropFirst()
        switch (step, value) {
        case (.key(let key), .map(let entries)): return entries[key].flatMap { Self.value(at: rest, in: $0) }
        case (.index(let index), .list(let items)):
            let place = index < 0 ? items.count + index : index
            guard items.indices.contains(place) else { return nil }
            return Self.value(at: rest, in: items[place])
        case (.all, .list(let items)): return .list(flattened(items, at: rest))
        case (.all, .map(let entries)):
            return .list(flattened(entries.sorted { $0.key < $1.key }.map(\.value), at: rest))
        default: return nil
        }
    }

    /// What the rest of the way finds in each; a second `*` adds to the same list.
    private static func flattened(_ items: [Value], at steps: ArraySlice<Step>) -> [Value] {
        let hasMore = steps.contains(.all)
        return items.flatMap { item -> [Value] in
            guard let found = value(at: steps, in: item) else { return [] }
            if hasMore, case .list(let inner) = found { return inner }
            return [found]
        }
    }

    /// The type at the end of the way, from the type of the attribute; nil where the way leads nowhere.
    func type(from type: ValueType) -> ValueType? { Self.type(from: type, at: steps[...]) }

    private static func type(from type: ValueType, at steps: ArraySlice<Step>) -> ValueType? {
        guard let step = steps.first else { return type }
        let rest = steps.dropFirst()
        switch (step, type) {
        case (.all, .any): return .list(.any)
        case (_, .any): return .any
        case (.key, .map(let inner)), (.index, .list(let inner)): return self.type(from: inner, at: rest)
        case (.all, .list(let inner)), (.all, .map(let inner)):
            guard let found = self.type(from: inner, at: rest) else { return nil }
            return rest.contains(.all) ? found : .list(found)
        default: return nil
        }
    }

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func name() throws(ShapeError) -> String {
            let start = position
            while let byte = next, byte != UInt8(ascii: "."), byte != UInt8(ascii: "["), byte != UInt8(ascii: "]") {
                position += 1
            }
            guard position > start else { throw ShapeError("a name is missing in the path", offset: start) }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        mutating func step() throws(ShapeError) -> Step? {
            guard let byte = next else { return nil }
            position += 1
            if byte == UInt8(ascii: ".") {
                let name = try name()
                return name == "*" ? .all : .key(name)
            }
            guard byte == UInt8(ascii: "[") else { throw ShapeError("']' without '['", offset: position - 1) }
            return try bracket()
        }

        private mutating func bracket() throws(ShapeError) -> Step {
            let start = position - 1
            if let quote = next, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                guard let end = bytes[(position + 1)...].firstIndex(of: quote), end + 1 < bytes.count,
                    bytes[end + 1] == UInt8(ascii: "]")
                else {
                    throw ShapeError(
                        "the quoted key in '[' does not end with \(Character(UnicodeScalar(quote)))]", offset: start)
                }
                let key = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
                position = end + 2
                return .key(key)
            }
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "]")) else {
                throw ShapeError("'[' has no ']'", offset: start)
            }
            let text = String(decoding: bytes[position..<end], as: UTF8.self)
            position = end + 1
            if text == "*" { return .all }
            guard let index = Int(text), bytes[start + 1] != UInt8(ascii: "+") else {
                throw ShapeError(
                    "'[\(text)]' is not a place in a list", offset: start, help: "write [0], [-1], [*] or [\"key\"]")
            }
            return .index(index)
        }
    }
}
