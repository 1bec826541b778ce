import Files
import Glibc
import Platform

/// Why nothing could be seen.
public struct ProbeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The user of this process may not see it: it says nothing about the host.
        case notPermitted = "not-permitted"
        /// The host refuses it to everybody, or to the user that was to be looked as (`run-as`).
        case denied
        /// No answer within the time limit.
        case timedOut = "timed-out"
        /// Refused, no route, no name.
        case unreachable
        /// An answer that breaks its own format.
        case malformed
        /// A program or facility that the probe needs is not here.
        case unavailable
        /// The parameters make no sense together.
        case invalid
    }

    /// The kind of failure.
    public var reason: Reason
    /// What was tried, such as `read /etc/certs/key.pem`.
    public var operation: String
    /// What a healthy host answers.
    public var expected: String
    /// What came instead.
    public var found: String

    /// Creates an error.
    public init(_ reason: Reason, _ operation: String, expected: String, found: String) {
        self.reason = reason
        self.operation = operation
        self.expected = expected
        self.found = found
    }

    /// One line for people.
    public var description: String { "cannot \(operation): expected \(expected), found \(found)" }
}

extension ProbeError {
    /// What a failed system call says about the host: nothing, if the user was not allowed to make it.
    package static func system(_ operation: String, errno number: Int32, expected: String = "success") -> ProbeError {
        let reason: Reason =
            switch number {
            case EACCES, EPERM: .notPermitted
            case ETIMEDOUT: .timedOut
            case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ECONNRESET, ENETDOWN, EHOSTDOWN: .unreachable
            case EINVAL, EFBIG, EISDIR: .invalid
            default: .unavailable
            }
        return ProbeError(reason, operation, expected: expected, found: SystemErrorText.of(number))
    }

    /// The same failure where it was not this process's user that was refused.
    var asDenied: ProbeError {
        var error = self
        if reason == .notPermitted { error.reason = .denied }
        return error
    }

    /// A file that could not be read.
    package init(_ error: FileError) {
        self = .system("\(error.operation) \(error.path)", errno: error.errno)
    }
}

/// Why a connection was not opened, in words.
package enum ConnectionFailure {
    /// What an error number of connect(2) says of the host, its network or the other side.
    package static func text(_ number: Int32) -> String {
        switch number {
        case ETIMEDOUT: "no answer"
        case EACCES, EPERM: "\(SystemErrorText.of(number)): this host's routes or packet filter forbid it"
        case EINVAL: "\(SystemErrorText.of(number)): this host's routes throw it away"
        default: SystemErrorText.of(number)
        }
    }
}
