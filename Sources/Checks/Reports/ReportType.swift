import Documents
import FoundationEssentials

/// How a value stands in a report in JSON: written, read back and described in one place.
struct ReportType<Value>: Sendable {
    let schema: JSONValue
    let write: @Sendable (Value) -> JSONValue
    let read: @Sendable (any Decoder) throws -> Value

    /// The same under a name in the schema's definitions, which stands for it wherever it is used.
    func named(_ name: String) -> ReportType {
        ReportType(schema: .object([("$ref", .string("#/$defs/\(name)"))]), write: write, read: read)
    }
}

/// A value that does not fit where it stands; whoever knows the place makes a `ReportDecodingError` of it.
struct ReportMisfit: Error {
    /// The member of the object, if the value is an object with a wrong member.
    var member: String?
    var expected: String
    var found: String
}

extension ReportType where Value == String {
    static var text: Self {
        ReportType(schema: .object([("type", .string("string"))]), write: { .string($0) }) {
            try $0.singleValueContainer().decode(String.self)
        }
    }

    /// A text that matches a pattern of JSON Schema; only validators look at it.
    static func text(pattern: String) -> Self {
        ReportType(
            schema: .object([("type", .string("string")), ("pattern", .string(pattern))]), write: text.write,
            read: text.read)
    }
}

extension ReportType where Value == Bool {
    static var flag: Self {
        ReportType(schema: .object([("type", .string("boolean"))]), write: { .bool($0) }) {
            try $0.singleValueContainer().decode(Bool.self)
        }
    }
}

extension ReportType where Value == Int {
    /// A whole number that is not negative.
    static var count: Self {
        ReportType(
            schema: .object([("type", .string("integer")), ("minimum", .int(0))]), write: { .int($0) },
            read: { try $0.singleValueContainer().decode(Int.self) })
    }
}

extension ReportType where Value: RawRepresentable<String> & CaseIterable & SendableMetatype {
    /// One of the words of an enumeration.
    static var word: Self {
        let words = Value.allCases.map(\.rawValue)
        return ReportType(
            schema: .object([("enum", .array(words.map { .string($0) }))]), write: { .string($0.rawValue) },
            read: { decoder in
                let text = try decoder.singleValueContainer().decode(String.self)
                guard let value = Value(rawValue: text) else {
                    throw ReportMisfit(expected: "one of \(words.joined(separator: ", "))", found: "'\(text)'")
                }
                return value
            })
    }
}

extension ReportType {
    /// A list of such values.
    static func list<Item>(_ item: ReportType<Item>) -> Self where Value == [Item] {
        ReportType(
            schema: .object([("type", .string("array")), ("items", item.schema)]),
            write: { .array($0.map(item.write)) },
            read: { decoder in
                var container = try decoder.unkeyedContainer()
                var items: [Item] = []
                while !container.isAtEnd {
                    items.append(try container.decode(ReportReading<Item>.self, configuration: item).value)
                }
                return items
            })
    }

    /// An object with some members.
    ///
    /// - Parameter make: the value of what the members have; members that are only written give `Void`.
    static func object<each Member>(
        _ members: repeat ReportMember<Value, each Member>,
        make: @escaping @Sendable (repeat each Member) throws -> Value
    ) -> Self {
        var required: [JSONValue] = []
        var properties: [(String, JSONValue)] = []
        var optional: [(String, JSONValue)] = []
        for member in repeat each members {
            if member.isRequired {
                required.append(.string(member.name))
                properties.append((member.name, member.schema))
            } else {
                optional.append((member.name, member.schema))
            }
        }
        let all = (repeat each members)
        return ReportType(
            schema: .object([
                ("type", .string("object")), ("required", .array(required)),
                ("properties", .object(properties + optional)),
            ]),
            write: { value in
                var written: [(String, JSONValue)] = []
                for member in repeat each all {
                    if let content = member.write(value) { written.append((member.name, content)) }
                }
                return .object(written)
            },
            read: { decoder in
                let container = try decoder.container(keyedBy: ReportKey.self)
                return try make(repeat try (each all).read(container))
            })
    }
}

/// A member of an object.
struct ReportMember<Object, Value>: Sendable {
    let name: String
    let schema: JSONValue
    let isRequired: Bool
    let write: @Sendable (Object) -> JSONValue?
    let read: @Sendable (KeyedDecodingContainer<ReportKey>) throws -> Value

    private init<Content>(
        _ name: String, _ type: ReportType<Content>, _ summary: String?, isRequired: Bool,
        write: @escaping @Sendable (Object) -> JSONValue?,
        read: @escaping @Sendable (KeyedDecodingContainer<ReportKey>) throws -> Value
    ) {
        self.name = name
        self.isRequired = isRequired
        self.write = write
        self.read = read
        if let summary, case .object(let members) = type.schema {
            schema = .object(members + [("description", .string(summary))])
        } else {
            schema = type.schema
        }
    }

    /// A member that is always there.
    init(
        _ name: String, _ type: ReportType<Value>, _ summary: String? = nil,
        _ get: @escaping @Sendable (Object) -> Value
    ) {
        self.init(name, type, summary, isRequired: true, write: { type.write(get($0)) }) { container in
            try container.decode(ReportReading<Value>.self, forKey: ReportKey(name), configuration: type).value
        }
    }

    /// A member that may be missing.
    static func optional<Content>(
        _ name: String, _ type: ReportType<Content>, _ summary: String? = nil,
        _ get: @escaping @Sendable (Object) -> Content?
    ) -> Self where Value == Content? {
        Self(name, type, summary, isRequired: false, write: { get($0).map(type.write) }) { container in
            try container.decodeIfPresent(
                ReportReading<Content>.self, forKey: ReportKey(name), configuration: type)?.value
        }
    }

    /// A member that says again what the others say, and is not read.
    static func derived<Content>(
        _ name: String, _ type: ReportType<Content>, _ summary: String? = nil, isRequired: Bool = true,
        _ get: @escaping @Sendable (Object) -> Content?
    ) -> Self where Value == Void {
        Self(name, type, summary, isRequired: isRequired, write: { get($0).map(type.write) }) { _ in }
    }
}

/// The name of a member.
struct ReportKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// A value that is read by its declaration.
struct ReportReading<Value>: DecodableWithConfiguration {
    let value: Value

    init(from decoder: any Decoder, configuration: ReportType<Value>) throws {
        do {
            value = try configuration.read(decoder)
        } catch let misfit as ReportMisfit {
            let place = ReportDecodingError.path(decoder.codingPath)
            let member = misfit.member.map { place.isEmpty ? $0 : "." + $0 } ?? ""
            throw ReportDecodingError(path: place + member, expected: misfit.expected, found: misfit.found)
        }
    }
}

/// A document that is not a report of ours.
public struct ReportDecodingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where: `checks[3].severity`; empty for the document itself.
    public var path: String
    /// What belongs there.
    public var expected: String
    /// What stands there.
    public var found: String

    /// The sentence for people.
    public var description: String {
        "\(path.isEmpty ? "the report" : "'\(path)' of the report"): expected \(expected), found \(found)"
    }

    init(path: String, expected: String, found: String) {
        self.path = path
        self.expected = expected
        self.found = found
    }

    fileprivate init(_ error: DecodingError, of data: Data) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(path: Self.path(context.codingPath + [key]), expected: "a value", found: "nothing")
        case .valueNotFound(let type, let context):
            self.init(path: Self.path(context.codingPath), expected: Self.name(type), found: "null")
        case .typeMismatch(let type, let context):
            self.init(path: Self.path(context.codingPath), expected: Self.name(type), found: "another type")
        case .dataCorrupted(let context):
            let path = Self.path(context.codingPath)
            let start = String(decoding: data.prefix(80), as: UTF8.self)
            self.init(
                path: path, expected: path.isEmpty ? "JSON" : "a value that is known",
                found: !path.isEmpty
                    ? context.debugDescription : data.isEmpty ? "nothing" : "text that begins '\(start)'")
        @unknown default:
            self.init(path: "", expected: "JSON", found: "\(error)")
        }
    }

    fileprivate static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
    }

    private static func name(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is Int.Type, is Int64.Type: "a whole number"
        case is [Any].Type: "a list"
        default: "an object"
        }
    }
}

extension ReportType {
    /// Reads a document of bytes.
    func decode(_ bytes: some Sequence<UInt8>) throws(ReportDecodingError) -> Value {
        let data = Data(bytes)
        guard data.count <= ReportReader.limit else {
            throw ReportDecodingError(
                path: "", expected: "at most \(ReportReader.limit) bytes", found: "\(data.count) bytes")
        }
        do {
            return try JSONDecoder().decode(ReportReading<Value>.self, from: data, configuration: self).value
        } catch let error as DecodingError {
            throw ReportDecodingError(error, of: data)
        } catch let error as ReportDecodingError {
            throw error
        } catch {
            throw ReportDecodingError(path: "", expected: "JSON", found: "\(error)")
        }
    }
}
