import FoundationEssentials
import HTTPTypes
import Hummingbird
import MeshContract
import NIOCore
import Documents

/// Pilot's HTTP answers: version 1 as Istio 0.2 gave them, and version 3 for a current Envoy.
struct PilotResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let mesh: MeshState

    private static let pathLimit = 16 << 10
    private static let bodyLimit = 1 << 20

    func respond(to request: Request, context: Context) async throws -> Response {
        let faults = try mesh.faults()
        if faults.contains(.pilotHang) { try await Task.sleep(for: .seconds(3600)) }
        if faults.contains(.pilot503) { return Self.text(.serviceUnavailable, "EDS: no healthy registry\n") }
        let target = request.head.path ?? "/"
        guard target.utf8.count <= Self.pathLimit else { return Self.text(.uriTooLong, "the path is too long\n") }
        let path = target.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)[0]
        var parts: [String] = []
        for part in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            guard let decoded = Self.percentDecoded(part) else {
                return Self.text(.badRequest, "400 Bad Request: malformed escape in the path\n")
            }
            parts.append(decoded)
        }
        if parts.first == "v3" { return try await discovery(parts, request) }
        guard request.method == .get else {
            return Self.text(.methodNotAllowed, "405: Method Not Allowed")
        }
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

    private func classic(_ parts: [String], _ discovery: ClassicDiscovery) -> Response {
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

    private func answer(_ node: String, _ body: (NodeIdentity) -> JSONValue) -> Response {
        guard let node = NodeIdentity(node) else {
            return Self.text(.notFound, "missing parts in the service node \"\(node)\"\n")
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

    private func discovery(_ parts: [String], _ request: Request) async throws -> Response {
        let name =
            parts.count == 2
            ? parts[1].utf8.split(separator: UInt8(ascii: ":")).map { String(decoding: $0, as: UTF8.self) } : []
        guard name.count == 2, name[0] == "discovery", let kind = XDSResources.Kind(rawValue: name[1]) else {
            return Self.notFound
        }
        guard request.method == .post else { return Self.text(.methodNotAllowed, "405: Method Not Allowed") }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.bodyLimit)
        } catch {
            return Self.text(.contentTooLarge, "a discovery request has at most \(Self.bodyLimit) bytes\n")
        }
        let asked: DiscoveryRequest
        do {
            asked = try JSONDecoder().decode(DiscoveryRequest.self, from: Data(body.readableBytesView))
        } catch {
            return Self.text(.badRequest, "the body is no discovery request in JSON\n")
        }
        guard let node = asked.node?.id.flatMap({ NodeIdentity($0) }) else {
            return Self.text(.notFound, "missing parts in the service node \"\(asked.node?.id ?? "")\"\n")
        }
        let resources = XDSResources(registry: mesh.registry)
        let answer = resources.response(kind, node: node, names: asked.resourceNames ?? [])
        // Envoy asks every second: what it has already is no news, and would be a line in its log each time.
        if asked.versionInfo == answer.version { return Response(status: .notModified) }
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: answer.json.compact)))
    }

    // MARK: - answers

    private static var notFound: Response { text(.notFound, "404: Page Not Found") }

    private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private static func json(_ value: JSONValue, contentType: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: contentType],
            body: .init(byteBuffer: ByteBuffer(string: value.asPilotWritesIt)))
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
