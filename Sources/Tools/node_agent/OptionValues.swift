import ArgumentParser
import CertificateAgent
import MeshContract
import Platform

/// The kind of new keys.
enum KeyType: String, ExpressibleByArgument, CaseIterable {
    case rsa
    case p256 = "ecdsa-p256"
}

/// What vouches for the machine.
enum Platform: String, CaseIterable {
    /// The certificates that were copied to it.
    case onprem
}

extension Platform: ExpressibleByArgument {
    init?(argument: String) { self.init(rawValue: argument) }
}

extension AgentLog.Format: ExpressibleByArgument {}

extension AuthorityAddress: ExpressibleByArgument {
    /// Reads `HOST:PORT`.
    public init?(argument: String) { self.init(argument) }

    /// As it stands in the help.
    public var defaultValueDescription: String { description }
}

extension GoDuration: ExpressibleByArgument {
    /// Reads a duration of Go.
    public init?(argument: String) { self.init(argument) }

    /// As it stands in the help.
    public var defaultValueDescription: String { description }
}
