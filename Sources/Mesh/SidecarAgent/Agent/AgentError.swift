import Files
import Processes

/// Why an agent could not begin.
public enum AgentError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The folder of the configuration cannot be used.
    case folder(FileError)
    /// Another agent uses the folder of the configuration.
    case folderInUse(String)
    /// Signals cannot be received.
    case signals(ProcessError)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .folder(let error):
            "\(error): expected a folder for Envoy's configuration that this user can write (--configPath)"
        case .folderInUse(let path):
            "another pilot-agent uses '\(path)': end it, or give each agent a --configPath and a --proxyAdminPort of its own"
        case .signals(let error): error.description
        }
    }
}
