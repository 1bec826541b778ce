import Files
import Probes

/// A fact of the host that scenarios can mention.
public struct FactDeclaration: Sendable {
    /// The name; a part in capitals stands for many.
    public let name: String
    /// The type.
    public let type: ValueType
    /// Where it comes from.
    public let summary: String

    /// Declares a fact.
    public init(name: String, type: ValueType, summary: String) {
        self.name = name
        self.type = type
        self.summary = summary
    }

    /// Whether it is one fact and does not stand for many.
    var isSingle: Bool { !name.utf8.contains { (0x41...0x5a).contains($0) } }
}

/// A fact as it is on this host.
public enum Fact: Sendable {
    case value(Value)
    /// Why there is none.
    case missing(String)
}

/// Facts that a host's own files give.
public protocol FactSource: Sendable {
    /// All of them, for the reference.
    var declarations: [FactDeclaration] { get }

    /// Whether a name is that of one of its facts, on whatever host.
    func has(_ name: String) -> Bool

    /// The facts of some names, all of which it has. Only what somebody mentions is read.
    func read(_ names: Set<String>, _ reader: FactReader) async -> [String: Fact]
}

/// How sources of facts look at a host.
public struct FactReader: Sendable {
    private let host: Host
    private let kinds: KindCatalogue
    private static let fileLimit = 1 << 20

    init(host: Host, kinds: KindCatalogue) {
        self.host = host
        self.kinds = kinds
    }

    /// A file of the host, or why it says nothing.
    public struct File<Contents: Sendable>: Sendable {
        /// Its path on the host.
        public let path: String
        /// What it says; nil when it cannot be read.
        public let contents: Contents?
        /// Why it cannot be read.
        public let reason: String

        /// Creates the description of a file.
        public init(path: String, contents: Contents?, reason: String) {
            self.path = path
            self.contents = contents
            self.reason = reason
        }
    }

    /// Reads a file.
    public func file<Contents: Sendable>(_ path: String, _ parse: ([UInt8]) -> Contents) -> File<Contents> {
        do throws(FileError) {
            let bytes = try FileTree.readWhole(host.path(path), limit: Self.fileLimit)
            return File(path: path, contents: parse(bytes), reason: "")
        } catch {
            return File(path: path, contents: nil, reason: error.description)
        }
    }

    /// Looks at a subject.
    public func observe(
        _ kind: String, _ parameters: [String: Value], _ attributes: Set<String>
    ) async throws(ProbeError) -> Observation {
        guard let type = kinds.probe(kind) else {
            throw ProbeError(.unavailable, "look at a \(kind)", expected: "a probe for it", found: "none")
        }
        let request = ProbeRequest(parameters: parameters, attributes: attributes, deadline: .now + .seconds(3))
        return try await type.init(host: host).observe(request)
    }
}

/// Versions of installed packages.
struct PackageFacts: FactSource {
    let declarations: [FactDeclaration] = [
        .init(name: "package.NAME.version", type: .text, summary: "The version of an installed package."),
        .init(name: "package.NAME.installed", type: .bool, summary: "Whether a package is installed."),
    ]

    func has(_ name: String) -> Bool { Self.package(name) != nil }

    func read(_ names: Set<String>, _ reader: FactReader) async -> [String: Fact] {
        var facts: [String: Fact] = [:]
        for name in names {
            guard let (package, attribute) = Self.package(name) else { continue }
            do throws(ProbeError) {
                let found = try await reader.observe("package", ["name": .text(package)], [attribute, "installed"])
                let value = found.attributes[attribute] ?? .null
                facts[name] = value == .null ? .missing("the package \(package) is not installed") : .value(value)
            } catch {
                facts[name] = .missing(error.description)
            }
        }
        return facts
    }

    /// `package.NAME.version`: a package's name may have dots itself.
    private static func package(_ name: String) -> (name: String, attribute: String)? {
        guard let rest = name.suffix(behind: "package."), let dot = rest.utf8.lastIndex(of: UInt8(ascii: ".")),
            dot > rest.utf8.startIndex
        else { return nil }
        let attribute = String(rest.utf8[rest.utf8.index(after: dot)...]) ?? ""
        guard attribute == "version" || attribute == "installed" else { return nil }
        return (String(decoding: rest.utf8[..<dot], as: UTF8.self), attribute)
    }
}

extension String {
    /// What stands behind a prefix; nil when the text does not begin with it, or ends with it.
    package func suffix(behind prefix: String) -> String? {
        guard utf8.starts(with: prefix.utf8), utf8.count > prefix.utf8.count else { return nil }
        return String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}
