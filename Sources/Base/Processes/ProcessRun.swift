import Glibc
import Platform
import Synchronization

extension ChildProcess {
    /// Runs a program to its end and collects what it writes.
    ///
    /// A program that takes longer than allowed, or whose task is cancelled, gets SIGTERM and then SIGKILL, with the group
    /// that it leads.
    ///
    /// - Parameters:
    ///   - options: streams and group are set here and not taken from them.
    ///   - input: what it can read from standard input; `/dev/null` if there is nothing.
    ///   - output: where standard output goes; what goes elsewhere than to a pipe is not collected.
    ///   - group: in a group of its own, what it leaves running is killed when it ends. In this process's group it ends
    ///     with it on the terminal's Ctrl-C.
    public static func run(
        _ options: SpawnOptions, input: [UInt8] = [], output: SpawnOptions.Stream = .pipe,
        limits: RunLimits = RunLimits(), group: SpawnOptions.Group = .new
    ) async throws(ProcessError) -> ProcessOutput {
        var options = options
        options.standardInput = input.isEmpty ? .null : .pipe
        options.standardOutput = output
        options.standardError = .pipe
        options.group = group
        options.endsGroupWithLeader = true
        let started = MonotonicTime.now
        let child = try await spawn(options)
        let run = ProcessRun(child, input: input, limits: limits, started: started)
        do throws(ProcessError) {
            try run.begin()
        } catch {
            // Nobody would read its output, and it would wait for that for ever.
            try child.signalGroup(.kill)
            throw error
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { run.whenDone($0) }
        } onCancel: {
            run.end(because: .cancelled)
        }
    }
}

/// A program that runs, and its pipes.
private final class ProcessRun: Sendable {
    private struct Output {
        var bytes: [UInt8] = []
        var isTruncated = false
    }

    private struct State {
        /// Standard output and standard error.
        var outputs = [Output(), Output()]
        var watches: [(registration: EventLoop.Registration, descriptor: Descriptor)] = []
        var timers: [EventLoop.Registration] = []
        var reason = ProcessOutput.Reason.ended
        var result: ProcessOutput?
        var continuation: CheckedContinuation<ProcessOutput, Never>?
        /// Descendants in groups of their own, found when it was told to end.
        var strays: [ProcessTree.Member] = []
    }

    private let child: ChildProcess
    private let limits: RunLimits
    private let started: MonotonicTime
    private let input: UnwrittenInput
    private let state = Mutex(State())
    private static let chunk = 1 << 16
    private static let chunks = 16

    init(_ child: ChildProcess, input: [UInt8], limits: RunLimits, started: MonotonicTime) {
        self.child = child
        self.limits = limits
        self.started = started
        self.input = UnwrittenInput(input)
    }

    func begin() throws(ProcessError) {
        for (index, descriptor) in [child.standardOutput, child.standardError].enumerated() {
            guard let descriptor else { continue }
            try watch(descriptor, for: .input) { self.drain(descriptor, into: index) }
        }
        if let descriptor = child.standardInput {
            try watch(descriptor, for: .output) { self.input.write(to: descriptor) == nil }
        }
        let timer = child.loop.schedule(at: started + limits.time) { self.end(because: .timeLimit) }
        state.withLock { $0.timers.append(timer) }
        child.whenEnded { self.ended($0) }
    }

    func whenDone(_ continuation: CheckedContinuation<ProcessOutput, Never>) {
        let result = state.withLock { state in
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let result { continuation.resume(returning: result) }
    }

    /// SIGTERM now and SIGKILL after the grace.
    func end(because reason: ProcessOutput.Reason) {
        let isFirst = state.withLock { state in
            guard state.reason == .ended, state.result == nil else { return false }
            state.reason = reason
            return true
        }
        guard isFirst else { return }
        // What has left its group (setsid(1)) would go on without anybody who waits for it.
        let strays = ProcessTree.strays(of: child.pid)
        state.withLock { $0.strays = strays }
        signal(.terminate)
        for stray in strays { stray.signal(.terminate) }
        let timer = child.loop.schedule(at: .now + limits.grace) { self.signal(.kill) }
        state.withLock { $0.timers.append(timer) }
    }

    private func signal(_ signal: Signal) {
        do throws(ProcessError) {
            try child.signalGroup(signal)
        } catch {
            // EPERM: a program that has become another user's. Its end is waited for: nothing else can be done.
        }
    }

    /// Calls the body while it gives true.
    private func watch(
        _ descriptor: Descriptor, for readiness: EventLoop.Readiness, _ body: @escaping @Sendable () -> Bool
    ) throws(ProcessError) {
        try descriptor.doNotBlock(for: "process \(child.pid)")
        let registration = try child.loop.watch(descriptor, for: readiness) { registration in
            guard !body() else { return }
            self.child.loop.cancel(registration, descriptor: descriptor)
            // The end of its input, for a program that reads all of it.
            descriptor.close()
        }
        state.withLock { $0.watches.append((registration, descriptor)) }
    }

    /// Reads what is there, but no more than a pipe can hold (pipe-max-size of proc(5)), so that a program which writes
    /// without end does not hold up the others; false at the end.
    private func drain(_ descriptor: Descriptor, into index: Int) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.chunk, alignment: 16) { buffer in
            for _ in 0..<Self.chunks {
                let count = read(descriptor.number, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count < 0 && errno == EAGAIN }
                state.withLock { state in
                    let room = max(0, limits.outputBytes - state.outputs[index].bytes.count)
                    state.outputs[index].bytes.append(contentsOf: buffer[..<min(room, count)])
                    if count > room { state.outputs[index].isTruncated = true }
                }
                // What was there is read; a second call would only hear that there is no more.
                if count < buffer.count { return true }
            }
            return true
        }
    }

    private func ended(_ status: ExitStatus) {
        // What it wrote before its end. Others may have its pipes open still (they left its group): nobody waits for
        // them.
        for (index, descriptor) in [child.standardOutput, child.standardError].enumerated() {
            guard let descriptor else { continue }
            _ = drain(descriptor, into: index)
        }
        // Nothing of it is waited for any more.
        for stray in state.withLock(\.strays) { stray.signal(.kill) }
        let (watches, timers, result, continuation) = state.withLock { state in
            let result = ProcessOutput(
                status: status, reason: state.reason, standardOutput: state.outputs[0].bytes,
                standardError: state.outputs[1].bytes, isTruncated: state.outputs.contains { $0.isTruncated },
                duration: MonotonicTime.now.since(started))
            state.result = result
            defer {
                state.watches = []
                state.timers = []
                state.continuation = nil
            }
            return (state.watches, state.timers, result, state.continuation)
        }
        for (registration, descriptor) in watches { child.loop.cancel(registration, descriptor: descriptor) }
        for timer in timers { child.loop.cancel(timer: timer) }
        continuation?.resume(returning: result)
    }
}
