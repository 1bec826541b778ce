import FoundationEssentials
import HTTP
import Platform

/// HTTP.
struct HTTPProbe: Probe {
    static let kind = SubjectKind(
        "http", "The answer to an HTTP request. No proxy of the environment is used.", mainParameter: "url",
        parameters: [
            .init(
                "url", .text,
                "http:// or https://; `USER:PASSWORD@` before the host is sent as Basic authentication.",
                isRequired: true, form: .url),
            .init("method", .text, "GET by default."),
            .init(
                "headers", .map(.text), "Headers of the request; `host` is the name of the server that is asked for."),
            .init("body", .text, "Body of the request."),
            .init("follow", .bool, "Whether to follow up to 10 redirects; false by default."),
            .init("max-bytes", .integer, "Limit in bytes of the body; 1048576 by default."),
            .init("user-agent", .text, "meshcheck by default."),
            .init("resolve", .text, "The address to connect to instead of that of the URL's host."),
            .init(
                "socket", .text, "Absolute path of the Unix socket to connect to instead of the URL's host.",
                form: .path),
            .init(
                "compressed", .bool,
                "Whether to ask for a body that is compressed by gzip or deflate; false by default. One that is sent so anyway is "
                    + "decompressed as well."),
            .init("root", .text, "File of the certificates to trust instead of the system's."),
            .init(
                "certificate-files", .list(.text), "Paths of the client's certificate chain and its key, for https."),
            .init("proxy", .text, "No proxy is ever used.", choices: ["none"]),
        ],
        attributes: [
            .init("status", .integer, "Status, such as 200."),
            .init("body", .text, "Body, up to `max-bytes`."),
            .init("json", .any, "Body as JSON; null if it is not JSON and the status is not 2xx."),
            .init(
                "headers", .map(.text),
                "Headers by their names, in whatever case they are written; several of one name joined by `, `.",
                foldsKeys: true),
            .init("bytes", .integer, "Bytes of the body, decompressed."),
            .init(
                "encoding", .text, "How the body was compressed: gzip or deflate, or another word; null if it was not."),
            .init("truncated", .bool, "Whether the body is longer than `max-bytes`."),
            .init("duration", .duration, "From the request to the last byte."),
            .init("address", .text, "The address of the URL's host, or that of `resolve`; null by a Unix socket."),
            .init("redirects", .integer, "How many redirects were followed."),
            .init("date", .time, "The Date header; null if there is none."),
            .init(
                "clock-skew", .duration,
                "How far the host's clock is ahead of the Date header, which has whole seconds."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let url = try request.requiredText("url")
        let target = try URLAuthority(url)
        let shown = target.escapedURL
        let (query, way) = try query(url, target, request)
        let connections = try await host.httpConnections(way, for: request)
        let started = KernelClock.wall
        var answer = try await HTTPExchange.run(query, with: connections, until: request.deadline)
        let encoding = try Self.decompress(&answer, source: shown, limit: query.limit, request)
        var attributes = try Self.attributes(of: answer, source: shown, request)
        attributes["encoding"] = .text(orNull: encoding)
        attributes["date"] = .time(orNull: answer.date)
        if answer.date != nil || request.wants("clock-skew") {
            attributes["clock-skew"] = .nanoseconds(try ClockSkew.ofHost(against: answer, from: shown, sent: started))
        }
        if request.wants("address") {
            let address: String?
            if way.socket != nil {
                address = nil
            } else if let override = way.override {
                address = override.address
            } else {
                address = try await HostNames.address(of: target.host, until: request.deadline).description
            }
            attributes["address"] = .text(orNull: address)
        }
        let beginning = SecretMask.maskedKeys(Ascii.text(answer.body.prefix(300)))
        return Observation(
            attributes,
            evidence: [
                "\(query.method) \(shown): \(answer.status), \(answer.body.count) bytes in \(GoDuration(answer.duration))"
            ] + (beginning.isEmpty ? [] : [beginning.shortened()]))
    }

    private func query(
        _ url: String, _ target: URLAuthority, _ request: ProbeRequest
    ) throws(ProbeError) -> (HTTPExchange.Query, HTTPConnections.Way) {
        let method = try request.text("method") ?? "GET"
        guard !method.isEmpty, method.utf8.allSatisfy({ (65...90).contains($0) || $0 == UInt8(ascii: "-") }) else {
            throw ProbeError(.invalid, "read parameter method", expected: "a method such as GET", found: "'\(method)'")
        }
        var query = HTTPExchange.Query(url: target.escapedURL, method: method)
        query.headers = try request.textMap("headers").sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if let credentials = target.credentials,
            !query.headers.contains(where: { Ascii.lowercased($0.name).elementsEqual("authorization".utf8) })
        {
            query.headers.append(("Authorization", "Basic " + Data(credentials).base64EncodedString()))
        }
        if !query.headers.contains(where: { Ascii.lowercased($0.name).elementsEqual("user-agent".utf8) }) {
            query.headers.append(("User-Agent", try request.text("user-agent") ?? "meshcheck"))
        }
        let isAsked = query.headers.contains { Ascii.lowercased($0.name).elementsEqual("accept-encoding".utf8) }
        if try request.flag("compressed", or: false), !isAsked {
            query.headers.append(("Accept-Encoding", ContentCoding.accepted))
        }
        query.body = try request.text("body").map { Array($0.utf8) }
        query.limit = Int(try request.integer("max-bytes", in: 0...(256 << 20)) ?? 1 << 20)
        var way = HTTPConnections.Way()
        way.follows = try request.flag("follow", or: false)
        way.root = try request.text("root")
        way.socket = try request.text("socket").map { host.path($0) }
        if let files = try request.texts("certificate-files"), !files.isEmpty {
            guard files.count == 2 else {
                throw ProbeError(
                    .invalid, "read parameter certificate-files", expected: "the chain and the key",
                    found: "\(files.count) paths")
            }
            way.identity = .init(chain: files[0], key: files[1])
        }
        if let resolve = try request.text("resolve") {
            guard let address = IPAddress(resolve) else {
                throw ProbeError(.invalid, "read parameter resolve", expected: "an IP address", found: "'\(resolve)'")
            }
            way.override = .init(host: target.host, address: address.description)
        }
        return (query, way)
    }

    /// Puts what the body stands for in its place.
    ///
    /// - Returns: how it was compressed; nil when it was not.
    private static func decompress(
        _ answer: inout HTTPExchange.Answer, source: String, limit: Int, _ request: ProbeRequest
    ) throws(ProbeError) -> String? {
        let coding: ContentCoding?
        do throws(ContentCoding.Unknown) {
            coding = try ContentCoding.named(answer.header("content-encoding"))
        } catch {
            guard request.wants("body", "json") else { return error.name }
            throw ProbeError(
                .malformed, "read the body of \(source)",
                expected: "one that is compressed by gzip, deflate or not at all",
                found: error.name.shortened())
        }
        guard let coding else { return nil }
        // An answer without a body, such as that to HEAD, has the header too.
        guard !answer.body.isEmpty else { return coding.rawValue }
        do throws(InflateError) {
            let (bytes, isTruncated) = try coding.decoded(answer.body, isCut: answer.isTruncated, limit: limit)
            answer.body = bytes
            answer.isTruncated = isTruncated
        } catch {
            let found =
                switch error {
                case .ended, .limit: "its beginning alone"
                case .malformed(let detail): detail
                case .checksum: "bytes with another checksum"
                }
            throw ProbeError(
                .malformed, "decompress the body of \(source)", expected: coding.rawValue, found: found)
        }
        return coding.rawValue
    }

    private static func attributes(
        of answer: HTTPExchange.Answer, source: String, _ request: ProbeRequest
    ) throws(ProbeError) -> [String: Value] {
        var headers: [String: String] = [:]
        for (name, value) in answer.headers {
            let name = Ascii.text(Ascii.lowercased(name))
            headers[name] = headers[name].map { $0 + ", " + value } ?? value
        }
        var values: [String: Value] = [
            "status": .integer(answer.status), "headers": .textMap(headers), "bytes": .integer(answer.body.count),
            "truncated": .bool(answer.isTruncated), "duration": .duration(of: answer.duration),
            "redirects": .integer(answer.redirects),
        ]
        // Of what is missing nothing can be said, unless it is asked whether something is.
        if answer.isTruncated, request.wants("json") || request.wants("body") && !request.wants("truncated") {
            throw ProbeError(
                .invalid, "read the body of \(source)", expected: "at most \(answer.body.count) bytes (max-bytes)",
                found: "more")
        }
        if request.wants("body") { values["body"] = .text(Ascii.text(answer.body)) }
        if request.wants("json") {
            do throws(ProbeError) {
                values["json"] = try JSONReader.read(answer.body, of: source)
            } catch  where !(200..<300).contains(answer.status) {
                // The text that comes with a refusal is not a document: the status says what is the matter.
                values["json"] = .null
            }
        }
        return values
    }
}
