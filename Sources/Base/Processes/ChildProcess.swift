import CProcess
import Glibc
import Platform
import Synchronization

// Why not swift-subprocess: some programs need what it does not have, so this module is here in any case, and two ways of
// starting programs are one too many. Missing there (1.0): a parent-death signal, which hot-restarted proxies need; a time
// limit; an end of what a program leaves running in its group; an end of reading although a daemon keeps the pipe open;
// output beyond a limit is an error there and is dropped here; and each start copies the page tables, which vfork(2) does
// not: meshcheck starts hundreds of programs.

/// A program that this process has started.
///
/// It is waited for in any case, so that none stays as a zombie, and goes on when nobody refers to this object.
public final class ChildProcess: Sendable {
    /// The process id. It belongs to the program until ``exitStatus`` is known, and may belong to another afterwards:
    /// signal through this object.
    public let pid: Int32
    /// The end that is written to, if the options asked for a pipe.
    public let standardInput: Descriptor?
    /// The end that is read from, if the options asked for a pipe.
    public let standardOutput: Descriptor?
    /// The end that is read from, if the options asked for a pipe.
    public let standardError: Descriptor?

    private struct State {
        var status: ExitStatus?
        var lastID: UInt64 = 0
        var waiting: [UInt64: @Sendable (ExitStatus?) -> Void] = [:]
    }

    private let state = Mutex(State())
    private let leadsGroup: Bool
    private let endsGroup: Bool
    let loop: EventLoop

    /// How often a child is asked for where the kernel has no pidfd_open(2) (before Linux 5.3, and some sandboxes).
    private static let pollInterval = Duration.milliseconds(10)

    /// Starts a program; returns when it runs.
    public static func spawn(_ options: SpawnOptions) async throws(ProcessError) -> ChildProcess {
        let loop = try EventLoop.shared()
        let spawned: Result<Spawner.Spawned, ProcessError>
        if options.parentDeathSignal == nil {
            spawned = Result { () throws(ProcessError) in try Spawner.spawn(options) }
        } else {
            spawned = await withCheckedContinuation { continuation in
                loop.submit {
                    continuation.resume(returning: Result { () throws(ProcessError) in try Spawner.spawn(options) })
                }
            }
        }
        let child = ChildProcess(try spawned.get(), options, loop)
        child.watch()
        return child
    }

    private init(_ spawned: Spawner.Spawned, _ options: SpawnOptions, _ loop: EventLoop) {
        pid = spawned.pid
        standardInput = spawned.standardInput
        standardOutput = spawned.standardOutput
        standardError = spawned.standardError
        leadsGroup = options.group != .inherit
        endsGroup = options.endsGroupWithLeader && leadsGroup
        self.loop = loop
    }

    /// How it ended; nil while it runs.
    public var exitStatus: ExitStatus? { state.withLock(\.status) }

    /// Waits until it has ended; cancelling the task ends the wait and not the program.
    public func wait() async throws(CancellationError) -> ExitStatus {
        let id = newID()
        let status: ExitStatus? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                whenEnded(id: id, unless: { Task.isCancelled }) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?(nil)
        }
        guard let status else { throw CancellationError() }
        return status
    }

    /// Sends a signal to the program alone.
    ///
    /// - Returns: whether there was still somebody to get it.
    @discardableResult
    public func signal(_ signal: Signal) throws(ProcessError) -> Bool { try send(signal, to: pid) }

    /// Sends a signal to the program's group, or to the program alone if it does not lead one.
    ///
    /// - Returns: whether there was still somebody to get it.
    @discardableResult
    public func signalGroup(_ signal: Signal) throws(ProcessError) -> Bool {
        try send(signal, to: leadsGroup ? -pid : pid)
    }

    /// Ends it: SIGTERM to the group, and SIGKILL to the group if the program is still there after a while.
    public func stop(grace: Duration) async throws(ProcessError) -> ExitStatus {
        try signalGroup(.terminate)
        let timer = loop.schedule(at: .now + grace) {
            // The only failure is a program that has taken another user's rights, and SIGTERM has failed then too.
            _ = try? self.signalGroup(.kill)
        }
        defer { loop.cancel(timer: timer) }
        return await withCheckedContinuation { continuation in
            whenEnded(id: newID(), unless: { false }) { continuation.resume(returning: $0 ?? .unknown) }
        }
    }

    /// The next piece of its standard output; empty at the end, and when the task is cancelled.
    public func nextOutput() async throws(ProcessError) -> [UInt8] { try await next(from: standardOutput) }

    /// The next piece of its standard error; empty at the end, and when the task is cancelled.
    public func nextErrorOutput() async throws(ProcessError) -> [UInt8] { try await next(from: standardError) }

    /// Writes bytes to its standard input.
    ///
    /// - Returns: false when it no longer reads, or the task is cancelled.
    @discardableResult
    public func writeInput(_ bytes: [UInt8]) async throws(ProcessError) -> Bool {
        guard let descriptor = standardInput, descriptor.number >= 0 else { return false }
        let unwritten = UnwrittenInput(bytes)
        return try await whenReady(descriptor, for: .output) { unwritten.write(to: descriptor) } ?? false
    }

    /// Ends its standard input.
    public func closeInput() { standardInput?.close() }

    private func next(from descriptor: Descriptor?) async throws(ProcessError) -> [UInt8] {
        guard let descriptor else { return [] }
        return try await whenReady(descriptor, for: .input) { descriptor.available() } ?? []
    }

    /// Calls the body in the loop's thread whenever the descriptor is ready, until it gives a value; nil when the task is
    /// cancelled first.
    private func whenReady<Value: Sendable>(
        _ descriptor: Descriptor, for readiness: EventLoop.Readiness, _ body: @escaping @Sendable () -> Value?
    ) async throws(ProcessError) -> Value? {
        try descriptor.doNotBlock(for: "process \(pid)")
        let answer = OneShot<Value?>()
        let loop = loop
        let registration = try loop.watch(descriptor, for: readiness) { registration in
            guard let value = body() else { return }
            // Here, so that nothing is read that nobody gets.
            loop.cancel(registration, descriptor: descriptor)
            answer.resume(value)
        }
        let value = await withTaskCancellationHandler {
            await answer.value()
        } onCancel: {
            answer.resume(nil)
        }
        loop.cancel(registration, descriptor: descriptor)
        return value
    }

    /// Calls the body once it has ended, or now if it has. The body must not wait for anything.
    public func whenEnded(_ body: @escaping @Sendable (ExitStatus) -> Void) {
        whenEnded(id: newID(), unless: { false }) { body($0 ?? .unknown) }
    }

    private func newID() -> UInt64 {
        state.withLock { state in
            state.lastID &+= 1
            return state.lastID
        }
    }

    private func whenEnded(
        id: UInt64, unless isCancelled: () -> Bool, _ body: @escaping @Sendable (ExitStatus?) -> Void
    ) {
        let (status, calls): (ExitStatus?, Bool) = state.withLock { state in
            if let status = state.status { return (status, true) }
            if isCancelled() { return (nil, true) }
            state.waiting[id] = body
            return (nil, false)
        }
        if calls { body(status) }
    }

    private func send(_ signal: Signal, to target: pid_t) throws(ProcessError) -> Bool {
        // In the lock: once the status is taken, the number may be another process's.
        let status: Int32? = state.withLock { state in
            guard state.status == nil else { return nil }
            return kill(target, signal.rawValue) == 0 ? 0 : errno
        }
        guard let status, status != ESRCH else { return false }
        guard status == 0 else {
            throw ProcessError(step: .signal, subject: "process \(pid)", errno: status)
        }
        return true
    }

    private func watch() {
        let opened = cprocess_open_pidfd(pid)
        if opened >= 0 {
            let descriptor = Descriptor(owning: opened)
            do throws(ProcessError) {
                try loop.watch(descriptor, for: .input) { registration in
                    if self.reap() { self.loop.cancel(registration, descriptor: descriptor) }
                }
                return
            } catch {
                // The kernel's limit of watches: the other way of waiting needs none.
            }
        }
        ask()
    }

    private func ask() {
        if reap() { return }
        loop.schedule(at: .now + Self.pollInterval) { self.ask() }
    }

    /// Takes the status if it has ended.
    private func reap() -> Bool {
        let bodies: [@Sendable (ExitStatus?) -> Void]? = state.withLock { state in
            if state.status != nil { return [] }
            var ending = cprocess_ending()
            // Still a zombie here, so the number of the group is still its own.
            if endsGroup, cprocess_ended(pid, 0, &ending) == 1 { kill(-pid, SIGKILL) }
            switch cprocess_ended(pid, 1, &ending) {
            case 0: return nil
            case 1:
                state.status =
                    ending.signalled == 0
                    ? .exited(ending.status)
                    : .signalled(Signal(rawValue: ending.status), dumpedCore: ending.dumped_core != 0)
            default: state.status = .unknown
            }
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        guard let bodies else { return false }
        let status = exitStatus
        for body in bodies { body(status) }
        return true
    }
}
