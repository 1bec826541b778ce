/// How a machine is reached by ssh(1).
public struct MachineAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name or address, or an alias of ssh_config(5).
    public var host: String
    /// The user there; nil leaves it to ssh.
    public var user: String?
    /// The TCP port; nil leaves it to ssh.
    public var port: UInt16?

    /// Creates an address; nil when the host or user could be taken for an option or for more than one word.
    public init?(host: String, user: String? = nil, port: UInt16? = nil) {
        guard Self.isSafe(host), user.map(Self.isSafe) ?? true else { return nil }
        self.host = host
        self.user = user
        self.port = port
    }

    /// Reads `ssh://[user@]host[:port]`, where the host may be an IPv6 address in brackets.
    ///
    /// - Throws: what is wrong with it.
    public init(_ text: String) throws(AddressError) {
        let scheme = "ssh://"
        guard text.utf8.starts(with: scheme.utf8) else {
            throw AddressError(text: text, expected: "ssh://[user@]host[:port]")
        }
        var rest = Substring(text.utf8.dropFirst(scheme.utf8.count)).utf8[...]
        if rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
        var user: String?
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            user = String(decoding: rest[..<at], as: UTF8.self)
            rest = rest[rest.index(after: at)...]
        }
        var port: UInt16?
        let host: String
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else {
                throw AddressError(text: text, expected: "a ']' after the IPv6 address")
            }
            host = String(decoding: rest[rest.index(after: rest.startIndex)..<close], as: UTF8.self)
            rest = rest[rest.index(after: close)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else {
                throw AddressError(text: text, expected: "nothing or ':port' after the ']'")
            }
        } else {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            host = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[end...]
            if rest.count(where: { $0 == UInt8(ascii: ":") }) > 1 {
                throw AddressError(text: text, expected: "an IPv6 address in brackets, such as ssh://[2001:db8::1]:22")
            }
        }
        if !rest.isEmpty {
            port = Self.port(String(decoding: rest.dropFirst(), as: UTF8.self))
            guard port != nil else { throw AddressError(text: text, expected: "a port from 1 to 65535") }
        }
        guard let address = MachineAddress(host: host, user: user, port: port) else {
            throw AddressError(
                text: text, expected: "a host and user of letters, digits and ._-:%, not beginning with '-'")
        }
        self = address
    }

    /// A port in decimal.
    static func port(_ text: String) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = UInt16(text), value > 0
        else { return nil }
        return value
    }

    /// ssh takes a leading dash for an option, and some of its options run programs.
    static func isSafe(_ word: String) -> Bool {
        guard let first = word.utf8.first, first != UInt8(ascii: "-"), word.utf8.count <= 255 else { return false }
        return word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: ":"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
    }

    /// `user@host:port`, as it is shown to people.
    public var description: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) && port != nil ? "[\(host)]" : host
        return (user.map { "\($0)@" } ?? "") + name + (port.map { ":\($0)" } ?? "")
    }
}

/// A target that is no address.
public struct AddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the user wrote.
    public var text: String
    /// What is wanted.
    public var expected: String

    /// The sentence for people.
    public var description: String { "the target '\(text)' is not an address of a host: expected \(expected)" }
}
