import Glibc
import Platform

/// Who or what answers, by the first bytes that come.
package enum SpokenProtocol: Sendable, Hashable {
    /// HTTP, whatever it says.
    case http(HTTPHead)
    /// A record of TLS: an alert or a handshake.
    case tls
    /// A greeting of another protocol, such as `SSH-2.0-OpenSSH_9.2`.
    case greeting(String)
    /// Bytes that are not text.
    case binary
    /// No byte.
    case nothing

    /// Reads the first bytes of an answer.
    package init(_ bytes: [UInt8]) {
        guard let first = bytes.first else {
            self = .nothing
            return
        }
        if bytes.starts(with: "HTTP/".utf8), let head = HTTPHead(bytes) {
            self = .http(head)
        } else if (0x14...0x17).contains(first), bytes.count > 1, bytes[1] == 3 {
            self = .tls
        } else {
            let line = bytes.prefix { $0 != Ascii.newline && $0 != 13 }
            let isText = line.allSatisfy { $0 == Ascii.tab || (0x20...0x7e).contains($0) }
            self = isText && !line.isEmpty ? .greeting(Ascii.text(line.prefix(80))) : .binary
        }
    }

    /// For people.
    package var text: String {
        switch self {
        case .http(let head): "an HTTP server" + (head.server.map { " (\($0))" } ?? "")
        case .tls: "a TLS server"
        case .greeting(let line): "a server that says '\(line)'"
        case .binary: "a server of an unknown protocol"
        case .nothing: "a server that says nothing"
        }
    }
}

/// Status line and headers of an answer, read leniently: it may come from anybody.
package struct HTTPHead: Sendable, Hashable {
    package var status: Int
    /// Names in lower case.
    package var headers: [String: String]
    /// Where the body begins; nil when the headers do not end.
    package var bodyStart: Int?

    init?(_ bytes: [UInt8]) {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index < bytes.count, lines.count < 256 {
            if bytes[index] == Ascii.newline {
                let line = Ascii.trimmedAtEnd(bytes[start..<index])
                start = index + 1
                if line.isEmpty {
                    bodyStart = start
                    break
                }
                lines.append(line)
            }
            index += 1
        }
        // A line that has not come to its end says who answers as well.
        if lines.isEmpty { lines.append(Ascii.trimmedAtEnd(bytes[...])) }
        let words = lines.first.map { Ascii.words($0) } ?? []
        guard words.count >= 2, let status = Bytes.decimal(words[1]) else { return nil }
        self.status = Int(status)
        headers = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            headers[Ascii.text(Ascii.lowercased(Ascii.text(line[..<colon])))] = Ascii.text(
                Ascii.trimmed(line[(colon + 1)...]))
        }
    }

    /// Who says to be the server, or to be between.
    package var server: String? {
        ["server", "via", "x-cache", "x-powered-by", "proxy-agent"].compactMap { name in
            headers[name].map { "\(name): \($0.shortened(to: 80))" }
        }.first
    }

    /// Whether a body is all there; nil when the headers do not say how long it is.
    package func isWhole(_ bytes: [UInt8]) -> Bool? {
        guard let bodyStart else { return false }
        if let length = headers["content-length"].flatMap({ Bytes.decimal($0.utf8) }) {
            return Int64(bytes.count - bodyStart) >= length
        }
        if headers["transfer-encoding"]?.containsBytewise("chunked") == true {
            return Ascii.text(bytes.suffix(7)).endsBytewise("0\r\n\r\n")
        }
        return nil
    }

    /// The body, with the frames of chunks taken out.
    package func body(_ bytes: [UInt8]) -> [UInt8] {
        guard let bodyStart else { return [] }
        let raw = bytes[bodyStart...]
        guard headers["transfer-encoding"]?.containsBytewise("chunked") == true else { return Array(raw) }
        var body: [UInt8] = []
        var rest = raw
        while let end = rest.firstIndex(of: Ascii.newline) {
            let digits = rest[..<end].prefix { Ascii.isHexadecimal($0) }
            guard let size = Bytes.hexadecimal(digits), size > 0 else { break }
            body += rest[(end + 1)...].prefix(Int(size))
            rest = rest[(end + 1)...].dropFirst(Int(size) + 2)
        }
        return body
    }
}
