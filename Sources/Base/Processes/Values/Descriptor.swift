import CProcess
import Glibc
import Synchronization

/// A file descriptor that is closed when nobody refers to it any more, or before.
public final class Descriptor: Sendable {
    private let value: Atomic<Int32>

    /// The number, for system calls while this object is held; -1 after ``close()``.
    public var number: Int32 { value.load(ordering: .acquiring) }

    /// Takes over a descriptor.
    public init(owning number: Int32) { value = Atomic(number) }

    deinit { close() }

    /// Closes it now. Nothing may be using ``number`` in another thread.
    public func close() {
        let number = value.exchange(-1, ordering: .acquiringAndReleasing)
        // Whatever close(2) says, the number is free afterwards, and there is nothing left to be done.
        if number >= 0 { _ = Glibc.close(number) }
    }

    /// A pipe whose ends are closed on exec.
    static func pipe(for subject: String) throws(ProcessError) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        let status = cprocess_pipe(&ends)
        guard status == 0 else { throw ProcessError(step: .pipe, subject: subject, errno: status) }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// Makes reads and writes return EAGAIN instead of waiting. The flag belongs to the open file, so both sides of a
    /// duplicated descriptor have it; the two ends of a pipe are different files.
    func doNotBlock(for subject: String) throws(ProcessError) {
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw ProcessError(step: .pipe, subject: subject, errno: errno)
        }
    }
}
