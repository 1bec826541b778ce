import Files
import Glibc
import Platform

extension ProbeError {
    /// What a failed system call says of the machine: nothing, if the user was not allowed to make it.
    static func system(_ operation: String, errno number: Int32, expected: String = "success") -> ProbeError {
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

    /// A file that could not be read.
    init(_ error: FileError) {
        self = .system("\(error.operation) \(error.path)", errno: error.errno)
    }
}
