import Files
import Platform
import Probes

/// JSON Web Tokens in files (RFC 7519). The signature is the server's business and is not looked at.
struct TokenProbe: Probe {
    static let kind = SubjectKind(
        "token", "A JSON Web Token in a file, such as istio-token. The token itself never appears in a report.",
        mainParameter: "path",
        parameters: [.init("path", .text, "Absolute path.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether the file is there."),
            .init("audience", .list(.text), "Who it is for."),
            .init("issuer", .text, "Who issued it."),
            .init("subject", .text, "Who it identifies."),
            .init("issued", .time, "When it was issued; null if it does not say."),
            .init("expires", .time, "When it expires; null if it does not say."),
            .init("remaining", .duration, "Time until it expires; negative if it has expired."),
            .init("valid-now", .bool, "Whether it is valid now, judging by its times."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let path = try request.requiredPath()
        guard let bytes = try await host.contents(of: path, limit: 1 << 16, for: request) else {
            return Observation(["exists": .bool(false)], evidence: ["no file \(path)"])
        }
        let parts = Ascii.trimmed(bytes[...]).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let malformed = ProbeError(
            .malformed, "read \(path)", expected: "a JSON Web Token", found: "\(bytes.count) bytes of something else")
        guard parts.count == 3, let payload = Base64URL.decode(parts[1]) else { throw malformed }
        guard case .map(let claims)? = try? JSONReader.parse(payload) else { throw malformed }
        let now = KernelClock.wall
        func time(_ name: String) -> Int64? {
            switch claims[name] {
            case .integer(let seconds)?: seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
            case .number(let seconds)?: abs(seconds) < 9e9 ? Int64(seconds * 1e9) : nil
            default: nil
            }
        }
        func text(_ name: String) -> Value { .text(orNull: claims[name]?.asText) }
        var audience: Value = .list([])
        if case .text(let one)? = claims["aud"] { audience = .texts([one]) }
        if case .list(let all)? = claims["aud"] { audience = .list(all) }
        let expires = time("exp")
        let begins = time("nbf") ?? .min
        let isValid = begins <= now && expires.map { now < $0 } ?? true
        return Observation(
            [
                "exists": .bool(true), "audience": audience, "issuer": text("iss"), "subject": text("sub"),
                "issued": .time(orNull: time("iat")), "expires": .time(orNull: expires),
                "remaining": expires.map { .nanoseconds($0 &- now) } ?? .null, "valid-now": .bool(isValid),
            ],
            evidence: ["\(path): \(isValid ? "valid" : "not valid") now"])
    }
}

/// base64url without padding (RFC 4648 section 5, RFC 7515 section 2).
enum Base64URL {
    /// The bytes; nil for a text that is not one.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte + 4
            case UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "_"): value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // A single character left over carries no byte.
        return count == 6 ? nil : bytes
    }
}
