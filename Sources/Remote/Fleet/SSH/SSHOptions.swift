/// How ssh(1) is called.
public struct SSHOptions: Sendable, Hashable {
    /// The program.
    public var program: String
    /// A configuration file in place of the user's (`ssh -F`); nil for the user's.
    public var configuration: String?
    /// Seconds for the connection, as ssh counts them.
    public var connectTimeout: Int
    /// Further options as of ssh_config(5), `Name=value`.
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

    /// The arguments in front of the destination: nobody is asked for anything, and a machine that goes silent is
    /// noticed. A connection that the user shares already is used, but none is left behind.
    public func arguments(for machine: Machine) -> [String] {
        var arguments: [String] = []
        if let configuration { arguments += ["-F", configuration] }
        arguments += ["-T", "-x", "-a"]
        // ssh takes the first value that it meets, so the user's own come first.
        for option in options { arguments += ["-o", option] }
        for option in [
            "BatchMode=yes", "ConnectTimeout=\(connectTimeout)", "ServerAliveInterval=10", "ServerAliveCountMax=3",
            "ControlMaster=no", "EscapeChar=none", "RequestTTY=no", "ClearAllForwardings=yes",
        ] { arguments += ["-o", option] }
        if let user = machine.address.user { arguments += ["-l", user] }
        if let port = machine.address.port { arguments += ["-p", String(port)] }
        if let file = machine.identityFile { arguments += ["-i", file] }
        return arguments
    }
}
