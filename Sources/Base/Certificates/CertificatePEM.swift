import Crypto
import CryptoExtras
import Files
import FoundationEssentials
import Platform
import SwiftASN1
import X509

/// Certificates and keys from PEM files.
public enum CertificatePEM {
    /// Bytes that a file may have.
    public static let fileSizeLimit = 1 << 20
    /// Certificates that a chain may have. Chain building is a search, and its cost has to be bounded.
    public static let chainLimit = 16
    /// Certificates that a file of roots may have: more than any distribution's store has.
    public static let rootLimit = 512

    /// A certificate in DER.
    public static func certificate(ofDER bytes: [UInt8]) throws -> Certificate { try Certificate(derEncoded: bytes) }

    /// The certificates of a chain file, the leaf first.
    public static func chain(
        ofPEM bytes: [UInt8]
    ) throws(CertificateLoadError) -> (leaf: Certificate, intermediates: [Certificate]) {
        let all = try certificates(bytes, subject: .chain, limit: chainLimit)
        return (all[0], Array(all.dropFirst()))
    }

    /// The certificates of a chain file in DER, undecoded, the leaf first.
    public static func chainDER(ofPEM bytes: [UInt8]) throws(CertificateLoadError) -> [[UInt8]] {
        try certificateBlocks(bytes, subject: .chain, limit: chainLimit).map(\.der)
    }

    /// The certificates of a chain file whose leaf has a short RSA key; nil if its leaf cannot be read as such.
    public static func smallKeyChain(
        ofPEM bytes: [UInt8]
    ) throws(CertificateLoadError) -> (leaf: SmallKeyCertificate, intermediates: [Certificate])? {
        let all = try certificateBlocks(bytes, subject: .chain, limit: chainLimit)
        guard let leaf = SmallKeyCertificate(derEncoded: all[0].der) else { return nil }
        var intermediates: [Certificate] = []
        for (index, block) in all.dropFirst().enumerated() {
            intermediates.append(try certificate(block, number: index + 2, subject: .chain))
        }
        return (leaf, intermediates)
    }

    /// The certificates of a root file.
    public static func roots(ofPEM bytes: [UInt8]) throws(CertificateLoadError) -> [Certificate] {
        try certificates(bytes, subject: .roots, limit: rootLimit)
    }

    /// A file as it is, within the size limit.
    public static func read(
        _ path: String, _ subject: CertificateLoadError.Subject
    ) throws(CertificateLoadError) -> [UInt8] {
        do {
            return try FileTree.readWhole(path, limit: fileSizeLimit)
        } catch {
            throw CertificateLoadError(subject: subject, path: path, problem: .unreadable(error))
        }
    }

    /// The certificates of a file in their order; blocks of other kinds are skipped.
    private static func certificates(
        _ bytes: [UInt8], subject: CertificateLoadError.Subject, limit: Int
    ) throws(CertificateLoadError) -> [Certificate] {
        let wanted = try certificateBlocks(bytes, subject: subject, limit: limit)
        var certificates: [Certificate] = []
        for (index, block) in wanted.enumerated() {
            certificates.append(try certificate(block, number: index + 1, subject: subject))
        }
        return certificates
    }

    private static func certificateBlocks(
        _ bytes: [UInt8], subject: CertificateLoadError.Subject, limit: Int
    ) throws(CertificateLoadError) -> [PEMBlock] {
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
        return wanted
    }

    private static func certificate(
        _ block: PEMBlock, number: Int, subject: CertificateLoadError.Subject
    ) throws(CertificateLoadError) -> Certificate {
        do {
            return try Certificate(derEncoded: block.der)
        } catch CryptoKitError.incorrectParameterSize {
            // The one size that the decoder checks is that of RSA keys.
            throw CertificateLoadError(subject: subject, problem: .weakKey(bits: nil))
        } catch {
            throw CertificateLoadError(
                subject: subject, problem: .malformedCertificate(number: number, line: block.line, detail: "\(error)"))
        }
    }

    /// The first private key of a file: PKCS #8, PKCS #1 or SEC 1.
    public static func privateKey(ofPEM bytes: [UInt8]) throws(CertificateLoadError) -> Certificate.PrivateKey {
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
        guard bytes.count <= fileSizeLimit else {
            throw CertificateLoadError(
                subject: subject, problem: .tooLarge(bytes: bytes.count, limit: fileSizeLimit))
        }
        do {
            return try PEMBlock.blocks(of: bytes)
        } catch {
            throw CertificateLoadError(
                subject: subject, problem: .malformedPEM(line: error.line, error.reason))
        }
    }
}

/// One `-----BEGIN LABEL-----` block of a PEM file.
///
/// Source: RFC 7468. Text around blocks, line ends of either kind, and white space in the body are taken as openssl(1)
/// takes them.
public struct PEMBlock: Sendable, Hashable {
    /// The label, such as `CERTIFICATE`.
    public var label: String
    /// The decoded bytes; empty for a block with RFC 1421 headers, which is what encrypted keys have.
    public var der: [UInt8]
    /// The line of the BEGIN marker, from 1.
    public var line: Int
    /// Whether the block has headers that say it is encrypted.
    public var isEncrypted: Bool

    /// What is wrong with a file.
    public struct Malformed: Error, Sendable, Hashable {
        /// The line, from 1.
        public var line: Int
        /// What is wrong there.
        public var reason: CertificateLoadError.PEMFault
    }

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)

    /// The blocks of a file in their order.
    public static func blocks(of bytes: [UInt8]) throws(Malformed) -> [PEMBlock] {
        var blocks: [PEMBlock] = []
        var open: (label: String, line: Int, body: [UInt8], isEncrypted: Bool)?
        var number = 0
        for raw in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = Ascii.trimmed(raw)
            if let label = marker(line, begin) {
                if let unfinished = open { throw Malformed(line: unfinished.line, reason: .noEnd(unfinished.label)) }
                open = (label, number, [], false)
            } else if let label = marker(line, end), var block = open {
                guard label == block.label else {
                    throw Malformed(line: number, reason: .labelsDiffer(begin: block.label, end: label))
                }
                open = nil
                if block.isEncrypted { block.body = [] }
                guard let der = Data(base64Encoded: Data(block.body)), block.isEncrypted || !der.isEmpty else {
                    throw Malformed(line: block.line, reason: .notBase64(label))
                }
                blocks.append(
                    PEMBlock(label: label, der: [UInt8](der), line: block.line, isEncrypted: block.isEncrypted))
            } else if open != nil {
                // A colon is not base64: it belongs to a header, and the headers in use announce encryption.
                if line.contains(UInt8(ascii: ":")) { open?.isEncrypted = true }
                open?.body.append(contentsOf: line.lazy.filter { !Ascii.isBlank($0) })
            }
        }
        if let unfinished = open { throw Malformed(line: unfinished.line, reason: .noEnd(unfinished.label)) }
        return blocks
    }

    /// The text of a block with lines of 64 characters.
    public static func text(label: String, der: [UInt8]) -> [UInt8] {
        var text = Array("-----BEGIN \(label)-----\n".utf8)
        let body = [UInt8](Data(der).base64EncodedData())
        for start in stride(from: 0, to: body.count, by: 64) {
            text += body[start..<min(start + 64, body.count)]
            text.append(UInt8(ascii: "\n"))
        }
        return text + Array("-----END \(label)-----\n".utf8)
    }

    private static func marker(_ line: ArraySlice<UInt8>, _ prefix: [UInt8]) -> String? {
        guard line.starts(with: prefix), line.count >= prefix.count + dashes.count,
            line.suffix(dashes.count).elementsEqual(dashes)
        else { return nil }
        return String(validating: line.dropFirst(prefix.count).dropLast(dashes.count), as: UTF8.self)
    }
}
