import MeshContract
import Platform

/// What a parameter has to look like beyond its type, so that a mistake is found before anything is looked at.
///
/// The probes go by the same rules when a value comes of a variable of the machine.
public enum ParameterForm: Sendable, Hashable {
    /// A port, 1 to 65535.
    case port
    /// An absolute path.
    case path
    /// `HOST:PORT` or `[IPv6]:PORT`.
    case endpoint
    /// `system`, `ADDRESS` or `ADDRESS:PORT`.
    case nameServer
    /// A URL of HTTP.
    case url
    /// `all`, `unit-start` or a duration.
    case logStart
    /// A program and its arguments, each by itself.
    case command

    /// What is wrong with a value that has the parameter's type; nil when it is well formed.
    public func fault(of value: Value) -> ProbeError? {
        let request = ProbeRequest(parameters: ["value": value], attributes: [], deadline: .now)
        do throws(ProbeError) {
            switch self {
            case .port: _ = try request.port("value")
            case .path: _ = try request.requiredPath("value")
            case .endpoint: _ = try Endpoint(try request.requiredText("value"))
            case .nameServer:
                let text = try request.requiredText("value")
                if text != "system" { _ = try Endpoint(text, standardPort: MeshPorts.dns) }
            case .url: _ = try URLAuthority(try request.requiredText("value"))
            case .logStart:
                let text = try request.requiredText("value")
                guard ["all", "unit-start"].contains(text) || GoDuration(text).map({ $0.nanoseconds > 0 }) == true
                else {
                    throw request.wrong("value", "all, unit-start or a duration such as 10m", .text(text))
                }
            case .command:
                let words = try request.texts("value") ?? []
                let isSentence = words.count == 1 && words[0].utf8.contains(Bytes.space)
                guard let program = words.first, !program.isEmpty, !isSentence else {
                    let found = words.first.map { "'\($0.shortened())'" } ?? "nothing"
                    throw ProbeError(
                        .invalid, "read a command",
                        expected: "a program and its arguments, each by itself, as [ls, -l]",
                        found: found)
                }
            }
            return nil
        } catch {
            return error
        }
    }
}
