import Reports

/// What is said with the shell of a machine: lines in, actions out. A value without effects.
public protocol ShellConversation: Sendable {
    /// What a line calls for.
    associatedtype Action: Sendable
    /// What comes of it all.
    associatedtype Report: Sendable

    /// Whether nothing of ours was heard yet.
    var isConnecting: Bool { get }

    /// Takes a line.
    ///
    /// - Throws: ``HostFailure`` when there is no use in going on.
    mutating func take(_ line: [UInt8]) throws(HostFailure) -> Action

    /// What came of it, when ssh has ended.
    ///
    /// - Parameters:
    ///   - status: ssh's own, or that of the command.
    ///   - message: what was said on standard error.
    /// - Returns: nil when the connection itself was the fault.
    func outcome(status: Int32, message: String) -> Result<Report, HostFailure>?
}
