import Files
import FoundationEssentials
import MeshContract
import Platform
import Synchronization
import WorkloadCertificates

/// Keeps a workload's certificate valid for as long as it runs.
public struct CertificateAgent: Sendable {
    private let configuration: AgentConfiguration
    private let authority: any CertificateAuthority
    private let clock: any AgentClock
    private let trigger: RenewalTrigger
    private let gate: WriteGate
    private let log: AgentLog

    /// Creates an agent.
    ///
    /// - Parameters:
    ///   - trigger: asks for a renewal now.
    ///   - gate: held while a pair is replaced, for those who want to end the process in another moment.
    public init(
        _ configuration: AgentConfiguration, authority: any CertificateAuthority, clock: any AgentClock = SystemClock(),
        trigger: RenewalTrigger = RenewalTrigger(), gate: WriteGate = WriteGate(), log: AgentLog
    ) {
        self.configuration = configuration
        self.authority = authority
        self.clock = clock
        self.trigger = trigger
        self.gate = gate
        self.log = log
    }

    /// Renews again and again; returns when the authority has not approved after the last repetition.
    public func run() async {
        recover()
        var schedule = RenewalSchedule(configuration)
        var event = RenewalSchedule.Event.started
        while true {
            let (entries, step) = schedule.handle(event, at: clock.now(), jitter: Double.random(in: 0..<1))
            for entry in entries { log.write(entry) }
            switch step {
            case .attempt: event = await attempt()
            case .wait(let duration):
                event = await clock.wait(duration, for: trigger) ? .renewalRequested : .waited
            case .giveUp: return
            }
        }
    }

    private func attempt() async -> RenewalSchedule.Event {
        let attempt = RenewalAttempt(
            configuration: configuration, authority: authority, clock: clock, gate: gate, log: log)
        do throws(AttemptFailure) {
            return .approved(try await attempt.run())
        } catch {
            return .failed(error)
        }
    }

    /// Completes or undoes what a crash interrupted. Where that fails, the attempt that follows says what is wrong with the files.
    private func recover() {
        do throws(FileError) {
            switch try CertificateFileWriter(configuration.files).recover() {
            case .nothing: break
            case .completed:
                log.warning("Finished a replacement of the certificates that was interrupted")
            case .discarded: log.warning("Removed the files of a replacement that was interrupted")
            }
        } catch {
            log.warning("Cannot look for files of an interrupted replacement: \(error)")
        }
    }
}

/// What the agent knows of time.
public protocol AgentClock: Sendable {
    /// Now.
    func now() -> Moment
    /// Waits for so long or until the trigger fires.
    ///
    /// - Returns: whether the trigger fired.
    func wait(_ duration: Duration, for trigger: RenewalTrigger) async -> Bool
}

/// The machine's clocks.
public struct SystemClock: AgentClock {
    /// Swift's continuous clock is CLOCK_BOOTTIME on Linux: it goes on while the machine is suspended.
    private let start = ContinuousClock.now

    /// Creates a clock.
    public init() {}

    /// Now, by both of the machine's clocks.
    public func now() -> Moment {
        Moment(wall: Date(), elapsed: ContinuousClock.now - start)
    }

    /// Waits for so long or until the trigger fires.
    public func wait(_ duration: Duration, for trigger: RenewalTrigger) async -> Bool {
        await trigger.wait(upTo: duration)
    }
}

/// Asks a waiting agent to renew now. What is asked while it does not wait counts for its next wait.
public final class RenewalTrigger: Sendable {
    private struct State {
        var isPending = false
        var waiter: OneShot<Void>?
    }

    private let state = Mutex(State())

    /// Creates a trigger.
    public init() {}

    /// Asks.
    public func fire() {
        let waiter = state.withLock { state in
            state.isPending = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(())
    }

    /// Waits until somebody asks, for so long at most.
    ///
    /// - Returns: whether somebody asked.
    func wait(upTo duration: Duration) async -> Bool {
        let waiter = OneShot<Void>()
        let isPending = state.withLock { state in
            if !state.isPending { state.waiter = waiter }
            defer { state.isPending = false }
            return state.isPending
        }
        if isPending { return true }
        _ = await Deadline.run(duration) { await waiter.value() }
        // Ends what still waits for it when the time is over.
        waiter.resume(())
        // Who has taken the waiter counts, not who was first to wake it: a request that comes with the end of the wait is
        // not to be lost.
        return state.withLock { state in
            guard state.waiter === waiter else { return true }
            state.waiter = nil
            return false
        }
    }
}

/// Keeps a signal from ending the process between the two renames that replace a pair.
public final class WriteGate: Sendable {
    private let mutex = Mutex(())

    /// Creates a gate.
    public init() {}

    /// Does something that must not be cut in two.
    public func hold<Failure: Error>(_ work: () throws(Failure) -> Void) throws(Failure) {
        let result: Result<Void, Failure> = mutex.withLock { _ in
            do throws(Failure) {
                try work()
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
