import Documents
import Files
import FoundationEssentials
import HTTP
import MeshContract
import Platform

/// Pilot's HTTP answers: version 1 as Istio 0.2 gave them, and version 3 for a current Envoy.
struct PilotResponder {
    let generation: IstioGeneration
    let mesh: MeshState

    private static let pathLimit = 16 << 10

    func respond(to request: HTTPServer.Request) async -> HTTPServer.Response {
        let faults: Set<Fault>
        do throws(FileError) { faults = try mesh.faults() } catch { return .init(500, "\(error)\n") }
        if faults.contains(.pilotHang) {
            // Cancelled when the client gives up: there is nobody to answer then.
            do { try await Task.sleep(for: .seconds(3600)) } catch { return .init(500) }
        }
        if faults.contains(.pilot503) { return .init(503, "EDS: no healthy registry\n") }
        guard request.target.utf8.count <= Self.pathLimit else { return .init(414, "the path is too long\n") }
        guard let path = Self.percentDecoded(request.path) else { return .init(400, "400 Bad Request") }
        let clean = Self.cleaned(path)
        guard clean == path else { return Self.moved(to: clean, request) }
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        if parts.first == "v3" { return discovery(parts, request) }
        var registry = mesh.registry
        if faults.contains(.pilotEmpty) {
            for index in registry.services.indices { registry.services[index].endpoints = [] }
        }
        return classic(parts, request.method, ClassicDiscovery(generation: generation, registry: registry))
    }

    // MARK: - version 1

    private func classic(
        _ parts: [String], _ method: String, _ discovery: ClassicDiscovery
    ) -> HTTPServer.Response {
        guard parts.first == "v1", parts.count > 1 else { return Self.notFound }
        let isNewest = generation == .v1_0
        do throws(ClassicDiscovery.Refusal) {
            let value: JSONValue
            // Go's library looks at the bytes of most answers and takes them for text.
            var type = "text/plain; charset=utf-8"
            switch (parts[1], parts.count) {
            case ("registration", 2):
                guard method == "GET" else { return Self.notAllowed }
                (value, type) = (discovery.registrations, "application/json")
            case ("registration", 3) where !isNewest:
                guard method == "GET" else { return Self.notAllowed }
                value = try discovery.registration(ServiceRegistry.Key(parts[2]))
            case ("clusters", 4) where !isNewest:
                guard method == "GET" else { return Self.notAllowed }
                value = try discovery.answer(.clusters, node: parts[3])
            case ("listeners", 4) where !isNewest:
                guard method == "GET" else { return Self.notAllowed }
                value = try discovery.answer(.listeners, node: parts[3])
            case ("routes", 5) where !isNewest:
                guard method == "GET" else { return Self.notAllowed }
                value = try discovery.answer(.routes, node: parts[4], port: parts[2])
            default: return Self.notFound
            }
            return .init(200, value.asPilotWritesIt, type: type)
        } catch {
            return .init(error.status, error.text)
        }
    }

    /// A path without empty parts and without `.` and `..`, as Go's request multiplexer wants it.
    private static func cleaned(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let clean = "/" + parts.joined(separator: "/")
        return path.utf8.last == UInt8(ascii: "/") && !parts.isEmpty ? clean + "/" : clean
    }

    private static func moved(to path: String, _ request: HTTPServer.Request) -> HTTPServer.Response {
        let query = request.target.utf8.firstIndex(of: UInt8(ascii: "?")).map { String(request.target[$0...]) } ?? ""
        let location = percentEncoded(path) + query
        let text = "<a href=\"\(htmlEscaped(location))\">Moved Permanently</a>.\n\n"
        return .init(
            301, request.method == "GET" ? text : "", type: "text/html; charset=utf-8",
            headers: [("Location", location)])
    }

    // MARK: - version 3

    private struct DiscoveryRequest: Decodable {
        struct Node: Decodable { var id: String? }
        var node: Node?
        var resourceNames: [String]?
        var versionInfo: String?
        private enum CodingKeys: String, CodingKey {
            case node
            case versionInfo = "version_info"
            case resourceNames = "resource_names"
        }
    }

    private func discovery(_ parts: [String], _ request: HTTPServer.Request) -> HTTPServer.Response {
        let name =
            parts.count == 2
            ? parts[1].utf8.split(separator: UInt8(ascii: ":")).map { String(decoding: $0, as: UTF8.self) } : []
        guard name.count == 2, name[0] == "discovery", let kind = XDSResources.Kind(rawValue: name[1]) else {
            return Self.notFound
        }
        guard request.method == "POST" else { return Self.notAllowed }
        let asked: DiscoveryRequest
        do {
            asked = try JSONDecoder().decode(DiscoveryRequest.self, from: Data(request.body))
        } catch {
            return .init(400, "the body is not a discovery request in JSON\n")
        }
        guard let node = asked.node?.id.flatMap({ NodeIdentity($0) }) else {
            return .init(404, "missing parts in the service node \"\(asked.node?.id ?? "")\"\n")
        }
        let resources = XDSResources(registry: mesh.registry)
        let answer = resources.response(kind, node: node, names: asked.resourceNames ?? [])
        // Envoy asks every second: what it already has is not news, and would be a line in its log each time.
        if asked.versionInfo == answer.version { return .init(304) }
        return .init(200, answer.json.compact, type: "application/json")
    }

    // MARK: - answers

    private static var notFound: HTTPServer.Response { .init(404, "404: Page Not Found") }
    private static var notAllowed: HTTPServer.Response { .init(405, "405: Method Not Allowed") }

    private static func percentDecoded(_ path: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(path.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.allSatisfy(Ascii.isHexadecimal),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What a path may have as it is (RFC 3986, section 3.3); the rest is escaped.
    private static func percentEncoded(_ path: String) -> String {
        let marks = Set("-._~/$&+,:;=@!'()*".utf8)
        return path.utf8.reduce(into: "") { text, byte in
            if Ascii.isAlphanumeric(byte) || marks.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + Hexadecimal.text([byte]).uppercased()
            }
        }
    }

    private static func htmlEscaped(_ text: String) -> String {
        let names: [Character: String] = ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&#34;", "'": "&#39;"]
        return text.reduce(into: "") { $0 += names[$1] ?? String($1) }
    }
}
