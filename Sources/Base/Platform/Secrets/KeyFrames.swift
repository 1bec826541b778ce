/// Frames of PEM (RFC 7468 section 2) in lines that come one after the other.
struct KeyFrames {
    /// A part of a line.
    enum Piece {
        /// A private key stood here.
        case key
        /// Text that may have other secrets.
        case text(ArraySlice<UInt8>)
        /// What everybody may know, such as a certificate.
        case verbatim(ArraySlice<UInt8>)
    }

    private enum Frame { case outside, privateKey, publicData }

    private var frame = Frame.outside

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)
    private static let privateKey = Array("PRIVATE KEY".utf8)
    private static let publicLabels = ["CERT", "PUBLIC", "TRUSTED CERT", "X509", "NEW CERT"].map { Array($0.utf8) }

    var isInKey: Bool { frame == .privateKey }
    var isOutside: Bool { frame == .outside }

    /// Whether a text may have such a frame in it.
    static func mayOccur(in text: String) -> Bool { Bytewise.find(begin, in: Array(text.utf8)[...]) != nil }

    /// The parts of the next line.
    mutating func pieces(of line: ArraySlice<UInt8>) -> [Piece] {
        var result: [Piece] = []
        var rest = line
        while !rest.isEmpty {
            switch frame {
            case .privateKey:
                guard let close = Bytewise.find(Self.end, in: rest) else { return result }
                rest = Self.behindDashes(rest[(close + Self.end.count)...])
                frame = .outside
            case .publicData:
                let (length, isClosed) = Self.publicPart(of: rest)
                if length > 0 { result.append(.verbatim(rest.prefix(length))) }
                rest = rest.dropFirst(length)
                // It goes on in the next line where nothing else follows.
                if isClosed || !rest.isEmpty { frame = .outside }
            case .outside:
                guard let start = Bytewise.find(Self.begin, in: rest) else {
                    result.append(.text(rest))
                    return result
                }
                if start > rest.startIndex { result.append(.text(rest[..<start])) }
                let label = rest[(start + Self.begin.count)...]
                let close = Bytewise.find(Self.dashes, in: label)
                if Self.isPrivate(label[..<(close ?? label.endIndex)], isCut: close == nil) {
                    result.append(.key)
                    frame = .privateKey
                    rest = label
                } else {
                    let behind = close.map { $0 + Self.dashes.count } ?? label.endIndex
                    result.append(.verbatim(rest[start..<behind]))
                    rest = rest[behind...]
                    frame = .publicData
                }
            }
        }
        return result
    }

    /// Whether the label names a private key (`PGP PRIVATE KEY BLOCK` too). One that is cut may.
    private static func isPrivate(_ label: ArraySlice<UInt8>, isCut: Bool) -> Bool {
        if Bytewise.find(privateKey, in: label) != nil { return true }
        return isCut && !publicLabels.contains { label.starts(with: $0) }
    }

    private static func behindDashes(_ label: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        Bytewise.find(dashes, in: label).map { label[($0 + dashes.count)...] } ?? []
    }

    /// How many bytes belong to public data: up to the end of its frame, or all of them where they are one line of base64,
    /// with line ends as they are or escaped.
    private static func publicPart(of bytes: ArraySlice<UInt8>) -> (length: Int, isClosed: Bool) {
        let body = bytes.prefix { isBase64($0) || "=\\ \t\r".utf8.contains($0) }
        let rest = bytes[body.endIndex...]
        if rest.starts(with: end) {
            return (bytes.count - behindDashes(rest.dropFirst(end.count)).count, true)
        }
        let data = bytes.drop { Ascii.isBlank($0) }.prefix { isBase64($0) || $0 == UInt8(ascii: "\\") }
        let padding = bytes[data.endIndex...].prefix { $0 == UInt8(ascii: "=") }
        let blanks = bytes[padding.endIndex...].prefix { Ascii.isBlank($0) }
        return (padding.count <= 2 && blanks.endIndex == bytes.endIndex ? bytes.count : 0, false)
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
    }
}

/// Searches in bytes.
enum Bytewise {
    static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = pattern.first, bytes.count >= pattern.count else { return nil }
        var index = bytes.startIndex
        while let next = bytes[index...].firstIndex(of: first), next + pattern.count <= bytes.endIndex {
            if bytes[next..<(next + pattern.count)].elementsEqual(pattern) { return next }
            index = next + 1
        }
        return nil
    }
}
