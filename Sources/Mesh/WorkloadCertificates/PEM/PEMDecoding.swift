import Crypto
import CryptoExtras
import SwiftASN1
import X509

/// Certificates and keys from PEM files.
enum PEMDecoding {
    /// The certificates of a file in their order; blocks of other kinds are passed over.
    static func certificates(
        _ bytes: [UInt8], subject: CertificateLoadError.Subject, limit: Int
    ) throws(CertificateLoadError) -> [Certificate] {
        let blocks = try blocks(bytes, subject)
        let wanted = blocks.filter { $0.label == "CERTIFICATE" || $0.label == "X509 CERTIFICATE" }
        guard !wanted.isEmpty else {
            throw CertificateLoadError(
                subject: subject, problem: .noBlock(expected: ["CERTIFICATE"], found: blocks.map(\.label)))
        }
        guard wanted.count <= limit else {
            throw CertificateLoadError(
                subject: subject, problem: .tooMany(label: "CERTIFICATE", found: wanted.count, limit: limit))
        }
        var certificates: [Certificate] = []
        for (index, block) in wanted.enumerated() {
            do {
                certificates.append(try Certificate(derEncoded: block.der))
            } catch CryptoKitError.incorrectParameterSize {
                // The one size that the decoder checks is that of RSA keys.
                throw CertificateLoadError(subject: subject, problem: .weakKey(bits: nil))
            } catch {
                throw CertificateLoadError(
                    subject: subject,
                    problem: .malformedCertificate(number: index + 1, line: block.line, detail: "\(error)"))
            }
        }
        return certificates
    }

    /// The first private key of a file: PKCS #8, PKCS #1 or SEC 1.
    static func privateKey(_ bytes: [UInt8]) throws(CertificateLoadError) -> Certificate.PrivateKey {
        let labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]
        let blocks = try blocks(bytes, .key)
        guard let block = blocks.first(where: { labels.contains($0.label) || $0.label == "ENCRYPTED PRIVATE KEY" })
        else {
            throw CertificateLoadError(
                subject: .key, problem: .noBlock(expected: labels, found: blocks.map(\.label)))
        }
        guard !block.isEncrypted, labels.contains(block.label) else {
            throw CertificateLoadError(subject: .key, problem: .encryptedKey(line: block.line))
        }
        do {
            return try Certificate.PrivateKey(pemDocument: PEMDocument(type: block.label, derBytes: block.der))
        } catch CryptoKitError.incorrectParameterSize {
            let short = try? _RSA.Signing.PrivateKey(unsafeDERRepresentation: block.der)
            throw CertificateLoadError(subject: .key, problem: .weakKey(bits: short?.keySizeInBits))
        } catch {
            throw CertificateLoadError(
                subject: .key, problem: .malformedKey(line: block.line, detail: "\(error)"))
        }
    }

    private static func blocks(
        _ bytes: [UInt8], _ subject: CertificateLoadError.Subject
    ) throws(CertificateLoadError) -> [PEMBlock] {
        let limit = WorkloadCertificates.fileSizeLimit
        guard bytes.count <= limit else {
            throw CertificateLoadError(subject: subject, problem: .tooLarge(bytes: bytes.count, limit: limit))
        }
        do {
            return try PEMBlock.blocks(of: bytes)
        } catch {
            throw CertificateLoadError(
                subject: subject, problem: .malformedPEM(line: error.line, error.reason))
        }
    }
}
