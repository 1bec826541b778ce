import FoundationEssentials

/// One `-----BEGIN LABEL-----` block of a PEM file.
///
/// Source: RFC 7468. Text around blocks, line ends of either kind, and white space in the body are taken as openssl(1)
/// takes them.
struct PEMBlock: Sendable, Hashable {
    /// The label, such as `CERTIFICATE`.
    var label: String
    /// The decoded bytes; empty for a block with RFC 1421 headers, which is what encrypted keys have.
    var der: [UInt8]
    /// The line of the BEGIN marker, from 1.
    var line: Int
    /// Whether the block has headers that say it is encrypted.
    var isEncrypted: Bool

    /// What is wrong with a file.
    struct Malformed: Error, Sendable, Hashable {
        /// The line, from 1.
        var line: Int
        /// What is wrong there.
        var reason: CertificateLoadError.PEMFault
    }

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)

    /// The blocks of a file in their order.
    static func blocks(of bytes: [UInt8]) throws(Malformed) -> [PEMBlock] {
        var blocks: [PEMBlock] = []
        var open: (label: String, line: Int, body: [UInt8], isEncrypted: Bool)?
        var number = 0
        for raw in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = trimmed(raw)
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
                // A colon is no base64: it is a header, and the headers that occur speak of encryption.
                if line.contains(UInt8(ascii: ":")) { open?.isEncrypted = true }
                open?.body.append(contentsOf: line.lazy.filter { !isSpace($0) })
            }
        }
        if let unfinished = open { throw Malformed(line: unfinished.line, reason: .noEnd(unfinished.label)) }
        return blocks
    }

    /// The text of a block with lines of 64 characters.
    static func text(label: String, der: [UInt8]) -> [UInt8] {
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

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line.drop(while: isSpace)
        while let last = line.last, isSpace(last) { line = line.dropLast() }
        return line
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}
