import Glibc
import Platform

/// Ports as iptables(8) takes them: one by its number or name, or `FIRST:LAST`.
public struct PortRange: Sendable, Hashable, CustomStringConvertible {
    /// The first port.
    public let first: Int
    /// The last port.
    public let last: Int

    /// One port.
    public init(_ port: Int) { self.init(first: port, last: port) }

    private init(first: Int, last: Int) {
        self.first = first
        self.last = last
    }

    /// Reads a port from 1 to 65535, the name of a TCP service of this host (services(5)), or a range of which an end may be
    /// left out; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 1 {
            guard let port = ASCIINumber.decimal(text.utf8, in: 1...65535) ?? Self.port(ofService: text) else {
                return nil
            }
            self.init(port)
            return
        }
        guard parts.count == 2, !(parts[0].isEmpty && parts[1].isEmpty),
            let first = parts[0].isEmpty ? 0 : ASCIINumber.decimal(parts[0].utf8, in: 0...65535),
            let last = parts[1].isEmpty ? 65535 : ASCIINumber.decimal(parts[1].utf8, in: first...65535)
        else { return nil }
        self.init(first: first, last: last)
    }

    private static func port(ofService name: String) -> Int? {
        guard let first = name.utf8.first, Ascii.isLetter(first),
            name.utf8.allSatisfy({ Ascii.isAlphanumeric($0) || "_.+-".utf8.contains($0) })
        else { return nil }
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(nil, name, &hints, &found) == 0, let entry = found else { return nil }
        defer { freeaddrinfo(entry) }
        guard let address = entry.pointee.ai_addr else { return nil }
        return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            Int(UInt16(bigEndian: $0.pointee.sin_port))
        }
    }

    /// As iptables-save(8) prints it.
    public var description: String { first == last ? "\(first)" : "\(first):\(last)" }
}
