import Glibc
import Platform

/// Who answers, phase by phase.
package struct AnswerProbe: Probe {
    package static let kind = SubjectKind(
        "answer",
        "Who answers an HTTP request, by phases: the name, the connection, the status, the headers, the first bytes, the time.",
        mainParameter: "url",
        parameters: [
            .init("url", .text, "http://HOST:PORT/PATH.", isRequired: true, form: .url),
            .init(
                "texts", .list(.text),
                "Beginnings of the texts that the server itself sends with a status other than 200."),
            .init(
                "list-key", .text,
                "A key of each item of the list that is the answer; JSON of another form is somebody else's."),
            .init("slow", .duration, "From when on a whole answer is slow; 3s by default."),
        ],
        attributes: [
            .init("kind", .text, "What came: \(AnswerKind.allCases.map(\.rawValue).joined(separator: ", "))."),
            .init("phase", .text, "How far it came: name, connect, answer, body, whole."),
            .init("seen", .text, "One line of what was seen."),
            .init("status", .integer, "The status; null without one."),
            .init("by", .text, "Who says to be the server, or to be between; null if nobody does."),
            .init("location", .text, "Where a redirect leads; null for other answers."),
            .init("beginning", .text, "The first bytes of the body, or of what came."),
            .init("bytes", .integer, "Bytes that came."),
            .init("peer", .text, "The address that was asked."),
            .init("undo-size", .text, "The command that asks for small packets, where large ones are lost; else null."),
            .init("duration", .duration, "From the connection to the last byte."),
        ])

    private let host: Host

    package init(host: Host) { self.host = host }

    package func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let url = try request.requiredText("url")
        let authority = try URLAuthority(url)
        guard let endpoint = authority.plainEndpoint else {
            throw ProbeError(.invalid, "ask \(url)", expected: "http://", found: "another scheme")
        }
        let texts = try request.texts("texts") ?? []
        let listKey = try request.text("list-key")
        let slow = try request.duration("slow")?.nanoseconds ?? 3_000_000_000
        let address: IPAddress
        do throws(ProbeError) {
            address = try await HostNames.address(of: endpoint.host, until: request.deadline)
        } catch {
            guard error.reason == .unreachable else { throw error }
            return Self.observation(.noName, "name", "\(endpoint.host): \(error.found)", UserConnection.Outcome(), nil)
        }
        var connection = UserConnection(address: address, port: endpoint.port)
        connection.limit = 16 << 20
        connection.request = Array(
            "GET \(authority.target) HTTP/1.1\r\nHost: \(endpoint)\r\nUser-Agent: meshcheck\r\nConnection: close\r\n\r\n"
                .utf8)
        let peer = NetworkEndpoint(host: address.description, port: endpoint.port)
        // Half of the time is for the question whether smaller packets come through.
        let left = ContinuousClock.now.duration(to: request.deadline)
        let outcome = try await ask(connection, peer, until: .now + left * 0.55, request)
        var (kind, phase, seen) = Self.judged(outcome, texts: texts, slow: slow, listKey: listKey)
        if kind == .silent || kind == .slow, outcome.answerError == ETIMEDOUT {
            connection.segment = UserConnection.smallSegment
            let small = try await ask(connection, peer, until: .now + left * 0.35, request)
            // What fits into one small packet is not lost for its size.
            if Self.judged(small, texts: texts, slow: .max, listKey: listKey).kind == .json,
                small.received.count > Int(UserConnection.smallSegment)
            {
                kind = .largeLost
                seen =
                    "\(small.received.count) bytes come in small packets, \(outcome.received.count) in packets of full size"
            }
        }
        if kind == .closed, try await speaksTLS(peer, until: .now + left * 0.35, request) {
            kind = .tls
            seen = "a TLS server answers, and ends connections that speak anything else"
        }
        var observation = Self.observation(kind, phase, seen, outcome, peer)
        if kind == .largeLost {
            let routes = try await host.routeTables(for: request)
            observation.attributes["undo-size"] = .text(
                orNull: routes.smallPackets(to: address, user: geteuid(), port: endpoint.port))
        }
        return observation
    }

    /// Whether a handshake of TLS gets what nothing else does.
    private func speaksTLS(
        _ peer: NetworkEndpoint, until limit: ContinuousClock.Instant, _ request: ProbeRequest
    ) async throws(ProbeError) -> Bool {
        do throws(ProbeError) {
            let outcome = try await TLSHandshake.run(
                peer, .init(), on: try await host.eventLoops(for: request), until: limit)
            return outcome.failure == nil || outcome.alert != nil
        } catch {
            guard error.reason == .timedOut || error.reason == .unreachable else { throw error }
            return false
        }
    }

    private func ask(
        _ connection: UserConnection, _ peer: NetworkEndpoint, until limit: ContinuousClock.Instant,
        _ request: ProbeRequest
    ) async throws(ProbeError) -> UserConnection.Outcome {
        try await host.pool(for: request).run("ask \(peer)", until: limit + .milliseconds(300)) {
            () throws(ProbeError) in
            connection.run(until: limit) { bytes in
                guard case .http(let head) = SpokenProtocol(bytes) else { return false }
                return head.isWhole(bytes) ?? false
            }
        }
    }

    /// What an outcome is, how far it came, and a line of what was seen.
    package static func judged(
        _ outcome: UserConnection.Outcome, texts: [String], slow: Int64, listKey: String? = nil
    ) -> (kind: AnswerKind, phase: String, seen: String) {
        guard outcome.isConnected else {
            return (.unreached, "connect", ConnectionFailure.text(outcome.connectError))
        }
        let bytes = outcome.received
        let spoken = SpokenProtocol(bytes)
        if bytes.isEmpty {
            if outcome.answerError == ETIMEDOUT {
                return (.silent, "answer", "the connection is taken, and no byte comes")
            }
            let end = outcome.answerError == 0 ? "" : ": \(SystemErrorText.of(outcome.answerError))"
            return (.closed, "answer", "the connection is taken and ended without an answer\(end)")
        }
        guard case .http(let head) = spoken else {
            let kind: AnswerKind = if case .tls = spoken { .tls } else { .otherProtocol }
            return (kind, "answer", "\(spoken.text) answers")
        }
        let by = head.server.map { " (\($0))" } ?? ""
        let isWhole = head.isWhole(bytes) ?? outcome.isEnded
        if !isWhole {
            let length = head.headers["content-length"].map { " of \($0)" } ?? ""
            let body = head.body(bytes).count
            return outcome.answerError == ETIMEDOUT
                ? (
                    .slow, "body",
                    "status \(head.status)\(by): \(body)\(length) bytes of the body came in \(GoDuration(outcome.duration))"
                )
                : (
                    .truncated, "body",
                    "status \(head.status)\(by): the connection ends after \(body)\(length) bytes of the body"
                )
        }
        let body = head.body(bytes)
        let kind = Self.kind(head, body, texts, listKey)
        let line = "status \(head.status)\(by)"
        if kind == .json || kind == .own, GoDuration(outcome.duration).nanoseconds > slow {
            return (.slow, "whole", "\(line): the whole answer took \(GoDuration(outcome.duration))")
        }
        switch kind {
        case .redirect: return (kind, "whole", "\(line): redirect to \(head.headers["location"] ?? "nowhere")")
        case .compressed: return (kind, "whole", "\(line): the body is compressed, which nobody asked for")
        default:
            return (kind, "whole", "\(line), \(head.headers["content-type"] ?? "no content type"), \(body.count) bytes")
        }
    }

    private static func kind(
        _ head: HTTPHead, _ body: [UInt8], _ texts: [String], _ listKey: String?
    ) -> AnswerKind {
        switch head.status {
        case 300..<400: return .redirect
        case 401, 403, 407, 511: return .login
        default: break
        }
        if body.starts(with: [0x1f, 0x8b]) || head.headers["content-encoding"].map({ $0 != "identity" }) ?? false {
            return .compressed
        }
        let beginning = Ascii.trimmed(body.prefix(512))
        if beginning.isEmpty { return .empty }
        let lower = Ascii.text(Ascii.lowercased(Ascii.text(beginning)))
        if beginning.first == UInt8(ascii: "<"), lower.containsBytewise("<html") || lower.containsBytewise("<!doctype")
        {
            return .page
        }
        do throws(JSONReader.Failure) {
            let value = try JSONReader.parse(body)
            guard head.status == 200 else { return .error }
            guard let listKey else { return .json }
            guard case .list(let items) = value, items.allSatisfy({ $0[listKey] != nil }) else { return .other }
            return .json
        } catch {
            let text = Ascii.text(beginning)
            if head.status != 200, texts.contains(where: { text.startsBytewise($0) }) { return .own }
            return head.status >= 400 ? .error : .other
        }
    }

    private static func observation(
        _ kind: AnswerKind, _ phase: String, _ seen: String, _ outcome: UserConnection.Outcome, _ peer: NetworkEndpoint?
    ) -> Observation {
        var head: HTTPHead?
        if case .http(let read) = SpokenProtocol(outcome.received) { head = read }
        let body = head.map { $0.body(outcome.received) } ?? outcome.received
        let beginning = SecretMask.maskedKeys(Ascii.text(body.prefix(200)))
        return Observation(
            [
                "kind": .text(kind.rawValue), "phase": .text(phase), "seen": .text(seen),
                "status": .integer(head?.status), "by": .text(orNull: head?.server),
                "location": .text(orNull: head?.headers["location"]), "beginning": .text(beginning),
                "bytes": .integer(outcome.received.count), "peer": .text(orNull: peer?.description), "undo-size": .null,
                "duration": .duration(of: outcome.duration),
            ],
            evidence: [peer.map { "\($0): \(seen)" } ?? seen] + (beginning.isEmpty ? [] : [beginning.shortened()]))
    }
}

/// What kind of answer came.
package enum AnswerKind: String, Sendable, Hashable, CaseIterable {
    /// JSON with status 200.
    case json
    /// A text of the server's own with another status.
    case own
    /// A page for people.
    case page
    case redirect
    /// A password, an account or a proxy's leave is wanted.
    case login
    case compressed
    /// An error of somebody else.
    case error
    /// Status 200 and something else than JSON, or than the JSON that was expected.
    case other
    case empty
    /// TLS where plain text was expected.
    case tls
    case otherProtocol = "other-protocol"
    /// The connection was ended at once.
    case closed
    case truncated
    case slow
    case silent
    /// Small packets come through, large ones do not.
    case largeLost = "large-lost"
    case unreached
    case noName = "no-name"
}
