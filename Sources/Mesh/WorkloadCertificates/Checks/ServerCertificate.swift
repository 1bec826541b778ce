import FoundationEssentials
import Glibc
import SwiftASN1
import X509

/// The certificates that a TLS server shows, the leaf first.
public struct ServerCertificate: Sendable {
    /// The server's own certificate.
    public let leaf: Certificate
    /// What it sent after it.
    public let intermediates: [Certificate]

    /// Creates a chain.
    public init(leaf: Certificate, intermediates: [Certificate]) {
        self.leaf = leaf
        self.intermediates = intermediates
    }

    /// What is wrong with a server's certificate.
    public enum Fault: Error, Sendable, Hashable, CustomStringConvertible {
        /// It is not trusted or not valid at this moment.
        case certificate(CertificateFault)
        /// It was dialled by a name that the certificate does not have.
        case wrongName(dialled: String, names: [String])
        /// It was dialled by an address, and the certificate has none or others.
        case wrongAddress(dialled: String, addresses: Int)

        /// The sentence for people, as Go's crypto/x509 words it.
        public var description: String {
            switch self {
            case .certificate(let fault): "x509: \(fault)"
            case .wrongName(let dialled, let names) where names.isEmpty:
                "x509: certificate is not valid for any names, but wanted to match \(dialled)"
            case .wrongName(let dialled, let names):
                "x509: certificate is valid for \(CertificateFault.printable(names.joined(separator: ", "))), "
                    + "not \(dialled)"
            case .wrongAddress(let dialled, 0):
                "x509: cannot validate certificate for \(dialled) because it doesn't contain any IP SANs"
            case .wrongAddress(let dialled, _): "x509: certificate is not valid for the address \(dialled)"
            }
        }
    }

    /// What is wrong when it was dialled by a host name or an address; nil when it is to be trusted.
    public func fault(dialled host: String, roots: [Certificate], at date: Date) async -> Fault? {
        if date < leaf.notValidBefore {
            return .certificate(.notYetValid(notBefore: leaf.notValidBefore, now: date))
        }
        if date > leaf.notValidAfter { return .certificate(.expired(notAfter: leaf.notValidAfter, now: date)) }
        if let fault = await TrustPath.fault(leaf: leaf, intermediates: intermediates, roots: roots, at: date) {
            return .certificate(fault)
        }
        let isAddress = Self.isAddress(host)
        let isNamed = await TrustPath.isValid(
            leaf: leaf, intermediates: intermediates, roots: roots, at: date, host: isAddress ? nil : host,
            address: isAddress ? host : nil)
        if isNamed { return nil }
        var names: [String] = []
        var addresses = 0
        // Undecodable names have failed the policy; there is nothing of them to tell.
        for name in (try? leaf.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames([]) {
            if case .dnsName(let text) = name { names.append(text) }
            if case .ipAddress = name { addresses += 1 }
        }
        return isAddress
            ? .wrongAddress(dialled: host, addresses: addresses) : .wrongName(dialled: host, names: names)
    }

    /// Whether one of its names or addresses is this one, whoever issued it (RFC 9525, section 6): DNS names without regard
    /// to case, with `*` for a whole first label.
    public func isFor(_ host: String) -> Bool {
        // A certificate whose names cannot be decoded is for nobody.
        guard let names = try? leaf.extensions.subjectAlternativeNames else { return false }
        let wanted = Self.labels(host)
        let address = Self.addressBytes(host)
        return names.contains { name in
            switch name {
            case .dnsName(let text) where address == nil:
                let labels = Self.labels(text)
                return labels == wanted
                    || (labels.first == "*" && wanted.count > 2 && labels.dropFirst() == wanted.dropFirst())
            case .ipAddress(let octets): return address.map { Array(octets.bytes) == $0 } ?? false
            default: return false
            }
        }
    }

    private static func labels(_ name: String) -> [String] {
        var labels = name.lowercased().utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        if labels.last == "" { labels.removeLast() }
        return labels
    }

    private static func addressBytes(_ host: String) -> [UInt8]? {
        var buffer = in6_addr()
        let size = inet_pton(AF_INET, host, &buffer) == 1 ? 4 : inet_pton(AF_INET6, host, &buffer) == 1 ? 16 : 0
        return size == 0 ? nil : withUnsafeBytes(of: buffer) { Array($0.prefix(size)) }
    }

    /// Whether a trusted way leads to one of these roots, whatever the server is called.
    public func isAnchored(in roots: [Certificate], at date: Date) async -> Bool {
        await TrustPath.anchor(leaf: leaf, intermediates: intermediates, roots: roots, at: date) != nil
    }

    /// Whether a host is written as an IPv4 or IPv6 address.
    public static func isAddress(_ host: String) -> Bool {
        var buffer = in6_addr()
        return inet_pton(AF_INET, host, &buffer) == 1 || inet_pton(AF_INET6, host, &buffer) == 1
    }
}
