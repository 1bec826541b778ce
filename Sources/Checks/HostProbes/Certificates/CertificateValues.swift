import Crypto
import FoundationEssentials
import MeshContract
import Platform
import SwiftASN1
import Certificates
import X509

/// What a certificate says, as values.
enum CertificateValues {
    /// Everything that the certificate alone tells.
    static func values(of certificate: Certificate, at now: Date) -> [String: Value] {
        let kind = KeyKind(certificate.publicKey)
        let (from, to) = (nanoseconds(certificate.notValidBefore), nanoseconds(certificate.notValidAfter))
        var values: [String: Value] = [
            "subject": .text(certificate.subject.description), "issuer": .text(certificate.issuer.description),
            "names": .texts(names(of: certificate)), "not-before": .time(from), "not-after": .time(to),
            "remaining": .nanoseconds(to &- nanoseconds(now)), "lifetime": .nanoseconds(to &- from),
            "remaining-percent": .number(Double(to &- nanoseconds(now)) / Double(max(to &- from, 1)) * 100),
            "valid-now": .bool(certificate.notValidBefore <= now && now <= certificate.notValidAfter),
            "key-type": .text(kind.algorithm.rawValue), "key-bits": .integer(kind.bits),
            "serial": .text(hexadecimal(certificate.serialNumber.bytes)), "is-ca": .bool(isAuthority(certificate)),
            "self-signed": .bool(certificate.isSelfSignedAuthority),
        ]
        var serializer = DER.Serializer()
        do {
            try serializer.serialize(certificate)
            values["fingerprint"] = .text(hexadecimal(SHA256.hash(data: serializer.serializedBytes)))
        } catch {
            // What was decoded can be encoded; if not, there is no fingerprint to tell.
            values["fingerprint"] = .null
        }
        return values
    }

    /// Nanoseconds since 1970.
    static func nanoseconds(_ date: Date) -> Int64 {
        let seconds = date.timeIntervalSince1970
        // The year 9999 is what certificates without an end have (RFC 5280 section 4.1.2.5), and too far for 64 bits.
        let limit = 9_200_000_000.0
        return Int64(min(max(seconds, -limit), limit) * 1e9)
    }

    /// DNS names, addresses, mail addresses and URIs; none when the extension cannot be decoded, which fails the trust.
    static func names(of certificate: Certificate) -> [String] {
        guard let names = try? certificate.extensions.subjectAlternativeNames else { return [] }
        return names.compactMap { name in
            switch name {
            case .dnsName(let text), .rfc822Name(let text), .uniformResourceIdentifier(let text):
                CertificateFault.printable(text)
            case .ipAddress(let bytes): IPAddress(bytes: bytes.bytes)?.description
            default: nil
            }
        }
    }

    /// The URIs among the names.
    static func identities(of certificate: Certificate) -> [String] {
        guard let names = try? certificate.extensions.subjectAlternativeNames else { return [] }
        return names.compactMap { name in
            if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
        }
    }

    private static func isAuthority(_ certificate: Certificate) -> Bool {
        guard case .isCertificateAuthority = try? certificate.extensions.basicConstraints else { return false }
        return true
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
