import Certificates
import Crypto
import Files
import FoundationEssentials
import Platform
import SwiftASN1
import X509

/// What a certificate says, as values.
package enum CertificateValues {
    /// Everything that the certificate alone tells.
    package static func values(of certificate: Certificate, at now: Date) -> [String: Value] {
        let kind = KeyKind(certificate.publicKey)
        let (from, to) = (nanoseconds(certificate.notValidBefore), nanoseconds(certificate.notValidAfter))
        var values: [String: Value] = [
            "subject": .text(certificate.subject.description), "issuer": .text(certificate.issuer.description),
            "names": .texts(names(of: certificate)), "not-before": .time(from), "not-after": .time(to),
            "remaining": .nanoseconds(to &- nanoseconds(now)), "lifetime": .nanoseconds(to &- from),
            "remaining-percent": .number(Double(to &- nanoseconds(now)) / Double(max(to &- from, 1)) * 100),
            "valid-now": .bool(certificate.notValidBefore <= now && now <= certificate.notValidAfter),
            "key-type": .text(kind.algorithm.rawValue), "key-bits": .integer(kind.bits),
            "serial": .text(Hexadecimal.text(certificate.serialNumber.bytes)), "is-ca": .bool(isAuthority(certificate)),
            "self-signed": .bool(certificate.isSelfSignedAuthority),
        ]
        var serializer = DER.Serializer()
        do {
            try serializer.serialize(certificate)
            values["fingerprint"] = .text(Hexadecimal.text(SHA256.hash(data: serializer.serializedBytes)))
        } catch {
            // What was decoded can be encoded; if not, there is no fingerprint to tell.
            values["fingerprint"] = .null
        }
        return values
    }

    /// Nanoseconds since 1970.
    package static func nanoseconds(_ date: Date) -> Int64 {
        let seconds = date.timeIntervalSince1970
        // The year 9999 is what certificates without an end have (RFC 5280 section 4.1.2.5), and too far for 64 bits.
        let limit = 9_200_000_000.0
        return Int64(min(max(seconds, -limit), limit) * 1e9)
    }

    /// DNS names, addresses, mail addresses and URIs; none when the extension cannot be decoded, which fails the trust.
    package static func names(of certificate: Certificate) -> [String] {
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

    private static func isAuthority(_ certificate: Certificate) -> Bool {
        // An extension that cannot be decoded makes no authority, and fails the trust.
        guard case .isCertificateAuthority = try? certificate.extensions.basicConstraints else { return false }
        return true
    }
}

/// Certificates and keys in files.
package enum PEMFiles {
    /// The bytes of a file, read as the request's user.
    package static func read(
        _ path: String, on host: Host, for request: ProbeRequest
    ) async throws(ProbeError) -> [UInt8] {
        guard let bytes = try await readIfExists(path, on: host, for: request) else {
            throw ProbeError(.unavailable, "read \(path)", expected: "a file", found: "none")
        }
        return bytes
    }

    /// The bytes of a file; nil when there is none.
    package static func readIfExists(
        _ path: String, on host: Host, for request: ProbeRequest
    ) async throws(ProbeError) -> [UInt8]? {
        try await host.contents(of: path, limit: CertificatePEM.fileSizeLimit, for: request)
    }

    /// The certificates in PEM, as they stand in the file.
    package static func certificates(_ bytes: [UInt8], path: String) throws(ProbeError) -> [Certificate] {
        do throws(CertificateLoadError) {
            return try CertificatePEM.roots(ofPEM: bytes)
        } catch {
            throw ProbeError(
                .malformed, "read \(path)", expected: "certificates in PEM", found: "\(error)".shortened(to: 300))
        }
    }
}
