import Platform

/// A workload's name in a certificate: `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
///
/// Source: the SPIFFE ID standard, section 2, and Istio's use of its path.
public struct SPIFFEIdentity: Sendable, Hashable, CustomStringConvertible {
    /// The trust domain, `cluster.local` where nothing else is configured.
    public var trustDomain: String
    /// The namespace of the service account.
    public var namespace: String
    /// The service account.
    public var serviceAccount: String

    /// Creates an identity.
    public init(trustDomain: String = "cluster.local", namespace: String, serviceAccount: String) {
        self.trustDomain = trustDomain
        self.namespace = namespace
        self.serviceAccount = serviceAccount
    }

    /// Reads a URI; nil unless it has exactly this form.
    public init?(_ uri: some StringProtocol) {
        let prefix = "spiffe://"
        guard uri.utf8.starts(with: prefix.utf8) else { return nil }
        let parts = uri.utf8.dropFirst(prefix.utf8.count)
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 5, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isAllowed) }),
            parts[1].elementsEqual("ns".utf8), parts[3].elementsEqual("sa".utf8)
        else { return nil }
        let names = parts.map { String(decoding: $0, as: UTF8.self) }
        self.init(trustDomain: names[0], namespace: names[2], serviceAccount: names[4])
    }

    /// The URI.
    public var description: String { "spiffe://\(trustDomain)/ns/\(namespace)/sa/\(serviceAccount)" }

    /// Letters, digits, `.`, `-` and `_`: the only characters of a SPIFFE path segment.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || ".-_".utf8.contains(byte)
    }
}
