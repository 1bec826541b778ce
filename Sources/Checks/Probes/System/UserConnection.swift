import Glibc
import Platform

/// One TCP connection with blocking calls, for threads that have become another user: the socket is that user's for the
/// packet filter's owner match and for policy routes.
package struct UserConnection: Sendable {
    /// How it came out.
    package struct Outcome: Sendable {
        /// The error number of the connection (errno(3)); 0 when it was opened, ETIMEDOUT when nothing came in time.
        package var connectError: Int32 = 0
        /// The error number that ended the answer; 0 when it ended by itself or was long enough.
        package var answerError: Int32 = 0
        /// What came.
        package var received: [UInt8] = []
        /// Whether the other side has ended the connection.
        package var isEnded = false
        /// From the start to the open connection.
        package var connecting: Duration = .zero
        /// From the start to the end.
        package var duration: Duration = .zero
        /// From the request to the first byte; nil when none came.
        package var firstByte: Duration?

        /// Whether the connection was opened.
        package var isConnected: Bool { connectError == 0 }
    }

    /// Bytes of data in a packet that every way takes.
    package static let smallSegment: Int32 = 400

    /// Where to.
    package var address: IPAddress
    /// Where to.
    package var port: UInt16
    /// Bytes of data that the other side may put into one packet; nil leaves it to the kernel.
    package var segment: Int32?
    /// What is sent; nil only opens the connection.
    package var request: [UInt8]?
    /// How long the other side may speak first, before the request is sent.
    package var greeting: Duration = .zero
    /// Bytes of the answer that are read.
    package var limit = 1 << 20

    /// Creates a connection that is only opened.
    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Opens it, and sends and reads what is to be sent and read. Blocks until the deadline at most.
    ///
    /// - Parameter isWhole: whether what has come is all of the answer.
    package func run(
        until deadline: ContinuousClock.Instant, isWhole: ([UInt8]) -> Bool = { _ in false }
    ) -> Outcome {
        var outcome = Outcome()
        let started = MonotonicTime.now
        defer { outcome.duration = MonotonicTime.now.since(started) }
        let family = address.bitWidth == 32 ? AF_INET : AF_INET6
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, flags, 0)
        guard descriptor >= 0 else {
            outcome.connectError = errno
            return outcome
        }
        defer { close(descriptor) }
        if var segment {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, socklen_t(MemoryLayout<Int32>.size))
        }
        outcome.connectError = connect(descriptor, until: deadline)
        outcome.connecting = MonotonicTime.now.since(started)
        guard outcome.isConnected, let request else {
            outcome.duration = MonotonicTime.now.since(started)
            return outcome
        }
        if greeting > .zero {
            read(descriptor, until: min(deadline, .now + greeting), into: &outcome) { !$0.isEmpty }
            outcome.answerError = 0
        }
        if outcome.received.isEmpty, !outcome.isEnded {
            let sent = MonotonicTime.now
            outcome.answerError = send(request, to: descriptor, until: deadline)
            if outcome.answerError == 0 {
                var first: Duration?
                read(descriptor, until: deadline, into: &outcome) { bytes in
                    if first == nil { first = MonotonicTime.now.since(sent) }
                    return isWhole(bytes)
                }
                outcome.firstByte = first
            }
        }
        outcome.duration = MonotonicTime.now.since(started)
        return outcome
    }

    private func connect(_ descriptor: Int32, until deadline: ContinuousClock.Instant) -> Int32 {
        let status = SocketAddressBytes(address).withPointer(port: port) { Glibc.connect(descriptor, $0, $1) }
        if status == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        guard wait(descriptor, for: Int16(POLLOUT), until: deadline) else { return ETIMEDOUT }
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return error
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32, until deadline: ContinuousClock.Instant) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                guard wait(descriptor, for: Int16(POLLOUT), until: deadline) else { return ETIMEDOUT }
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    private func read(
        _ descriptor: Int32, until deadline: ContinuousClock.Instant, into outcome: inout Outcome,
        isWhole: ([UInt8]) -> Bool
    ) {
        var received = outcome.received
        defer { outcome.received = received }
        var buffer = [UInt8](repeating: 0, count: 65536)
        while received.count < limit {
            guard wait(descriptor, for: Int16(POLLIN), until: deadline) else {
                outcome.answerError = ETIMEDOUT
                return
            }
            let count = recv(descriptor, &buffer, min(buffer.count, limit - received.count), 0)
            if count > 0 {
                received += buffer.prefix(count)
                if isWhole(received) { return }
            } else if count == 0 {
                outcome.isEnded = true
                return
            } else if errno != EINTR && errno != EAGAIN {
                outcome.answerError = errno
                outcome.isEnded = true
                return
            }
        }
    }

    private func wait(_ descriptor: Int32, for events: Int16, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { return false }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let milliseconds = GoDuration(left).nanoseconds / 1_000_000
            let ready = poll(&entry, 1, Int32(clamping: milliseconds + 1))
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { return false }
        }
    }
}
