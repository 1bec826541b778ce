import Documents
import Files
import FoundationEssentials
import HTTP
import MeshContract
import NIOCore

/// Pilot's HTTP answers: version 1 as Istio 0.2 gave them, and version 3 for a current Envoy.
struct PilotResponder {
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
        var parts: [String] = []
        for part in request.path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        {
            guard let decoded = Self.percentDecoded(part) else {
                return .init(400, "400 Bad Request: malformed escape in the path\n")
            }
            parts.append(decoded)
        }
        if parts.first == "v3" { return discovery(parts, request) }
        guard request.method == "GET" else { return Self.notAllowed }
        var registry = mesh.registry
        if faults.contains(.pilotEmpty) {
            registry = ServiceRegistry(
                services: registry.services.map { service in
                    var service = service
                    service.endpoints = []
                    return service
                })
        }
        return classic(parts, ClassicDiscovery(registry: registry))
    }

    // MARK: - version 1

    private func classic(_ parts: [String], _ discovery: ClassicDiscovery) -> HTTPServer.Response {
        guard parts.first == "v1", parts.count > 1 else { return Self.notFound }
        switch (parts[1], parts.count) {
        case ("registration", 2):
            return Self.json(discovery.registrations, contentType: "application/json")
        case ("registration", 3):
            // Go's library looks at the bytes and takes this answer for text.
            return Self.json(
                discovery.registration(ServiceRegistry.Key(parts[2])), contentType: "text/plain; charset=utf-8")
        case ("clusters", 4):
            return answer(parts[3]) { discovery.clusters($0) }
        case ("listeners", 4):
            return answer(parts[3]) { discovery.listeners($0) }
        case ("routes", 5):
            guard let port = Int(parts[2]) else { return Self.notFound }
            return answer(parts[4]) { _ in discovery.routes(port: port) }
        default: return Self.notFound
        }
    }

    private func answer(_ node: String, _ body: (NodeIdentity) -> JSONValue) -> HTTPServer.Response {
        guard let node = NodeIdentity(node) else {
            return .init(404, "missing parts in the service node \"\(node)\"\n")
        }
        return Self.json(body(node), contentType: "text/plain; charset=utf-8")
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

    private static func json(_ value: JSONValue, contentType: String) -> HTTPServer.Response {
        .init(200, value.asPilotWritesIt, type: contentType)
    }

    private static func percentDecoded(_ part: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(part)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(nibble), let low = rest.popFirst().flatMap(nibble) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
