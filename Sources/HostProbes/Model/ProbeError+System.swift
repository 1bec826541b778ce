import Files
import Glibc

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
        return ProbeError(reason, operation, expected: expected, found: text(of: number))
    }

    /// The text of an error number.
    static func text(of number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        // The XSI form of strerror_r(3): fills the buffer and gives a status.
        let status = strerror_r(number, &buffer, buffer.count)
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return status == 0 ? String(decoding: bytes, as: UTF8.self) : "error \(number)"
    }

    /// A file that could not be read.
    init(_ error: FileError) {
        self = .system("\(error.operation) \(error.path)", errno: error.errno)
    }
}
