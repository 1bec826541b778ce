import Platform

/// A host that checks are to run on.
public struct RemoteHost: Sendable, Hashable {
    /// The name by which the user knows it.
    public var name: String
    /// How it is reached.
    public var address: SSHAddress
    /// The file with the private key to use first; nil leaves it to ssh.
    public var identityFile: String?
    /// Whether the inventory asks for another user's rights (`ansible_become`).
    public var usesSudo: Bool
    /// The groups of the inventory that it is in, without `all`.
    public var groups: [String]

    /// Creates a host.
    public init(
        name: String, address: SSHAddress, identityFile: String? = nil, usesSudo: Bool = false,
        groups: [String] = []
    ) {
        self.name = name
        self.address = address
        self.identityFile = identityFile
        self.usesSudo = usesSudo
        self.groups = groups
    }
}

/// How a host is reached by ssh(1).
public struct SSHAddress: Sendable, Hashable, CustomStringConvertible {
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
        guard let address = SSHAddress(host: host, user: user, port: port) else {
            throw AddressError(
                text: text, expected: "a host and user of letters, digits and ._-:%, not beginning with '-'")
        }
        self = address
    }

    /// A port in decimal.
    static func port(_ text: String) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy({ Ascii.isDigit($0) }),
            let value = UInt16(text), value > 0
        else { return nil }
        return value
    }

    /// ssh takes a leading dash for an option, and some of its options run programs.
    static func isSafe(_ word: String) -> Bool {
        guard let first = word.utf8.first, first != UInt8(ascii: "-"), word.utf8.count <= 255 else { return false }
        return word.utf8.allSatisfy { Ascii.isAlphanumeric($0) || Array("._-:%".utf8).contains($0) }
    }

    /// `user@host:port`, as it is shown to people.
    public var description: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) && port != nil ? "[\(host)]" : host
        return (user.map { "\($0)@" } ?? "") + name + (port.map { ":\($0)" } ?? "")
    }
}

/// A target that is not an address.
public struct AddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the user wrote.
    public var text: String
    /// What is wanted.
    public var expected: String

    /// The sentence for people.
    public var description: String { "the target '\(text)' is not the address of a host: expected \(expected)" }
}

/// How ssh(1) is called.
public struct SSHOptions: Sendable, Hashable {
    /// The program.
    public var program: String
    /// A configuration file in place of the user's (`ssh -F`); nil for the user's.
    public var configuration: String?
    /// Seconds for the connection, as ssh counts them.
    public var connectTimeout: Int
    /// Further options as in ssh_config(5), `Name=value`.
    public var options: [String]

    /// Creates options.
    public init(
        program: String = "ssh", configuration: String? = nil, connectTimeout: Int = 10, options: [String] = []
    ) {
        self.program = program
        self.configuration = configuration
        self.connectTimeout = connectTimeout
        self.options = options
    }

    /// The arguments in front of the destination: nobody is asked for anything, and a host that goes silent is
    /// noticed. A connection that the user shares already is used, but none is left behind.
    public func arguments(for host: RemoteHost) -> [String] {
        var arguments: [String] = []
        if let configuration { arguments += ["-F", configuration] }
        arguments += ["-T", "-x", "-a"]
        // ssh takes the first value that it meets, so the user's own come first.
        for option in options { arguments += ["-o", option] }
        for option in [
            "BatchMode=yes", "ConnectTimeout=\(connectTimeout)", "ServerAliveInterval=10", "ServerAliveCountMax=3",
            "ControlMaster=no", "EscapeChar=none", "RequestTTY=no", "ClearAllForwardings=yes",
        ] { arguments += ["-o", option] }
        if let user = host.address.user { arguments += ["-l", user] }
        if let port = host.address.port { arguments += ["-p", String(port)] }
        if let file = host.identityFile { arguments += ["-i", file] }
        return arguments
    }
}

/// A shell script with its arguments as the command of an ssh connection.
public enum RemoteScript {
    /// The command, whatever shell a login there starts; the script itself is run by sh, and its text is in `$script`.
    ///
    /// csh takes no line end between quotes, so line ends travel as tabs: the script must not have any.
    ///
    /// - Parameter name: what the script sees as its own name.
    public static func command(
        _ script: [UInt8], name: String, arguments: [String]
    ) throws(UnsendableArgument) -> String {
        let text = String(decoding: script.map { $0 == Ascii.newline ? Ascii.tab : $0 }, as: UTF8.self)
        let start = #"script=$(printf %s "$1" | tr "\t" "\n"); shift; eval "$script""#
        var words: [String] = []
        for word in ["sh", "-c", start, name, text] + arguments {
            guard let quoted = ShellWord.quoted(word) else { throw UnsendableArgument(word: word) }
            words.append(quoted)
        }
        return words.joined(separator: " ")
    }
}

/// A word that cannot be passed to the shell of another host.
public struct UnsendableArgument: Error, Sendable, Hashable, CustomStringConvertible {
    /// The word.
    public var word: String

    /// The sentence for people.
    public var description: String {
        "the argument \(word.debugDescription) cannot be sent to another host: expected one line"
    }
}
