import FoundationEssentials
import MeshContract
import Platform

/// When to ask, how often to ask again, and when to give up: the agent's decisions without its effects.
public struct RenewalSchedule: Sendable {
    /// What happened.
    public enum Event: Sendable {
        /// The agent has started.
        case started
        /// A new certificate is in place.
        case approved(Lifetime)
        /// An attempt failed.
        case failed(AttemptFailure)
        /// A wait is over.
        case waited
        /// Somebody wants a new certificate now.
        case renewalRequested
    }

    /// What to do next.
    public enum Step: Sendable, Hashable {
        /// Ask; the number counts the repetitions.
        case attempt(retrial: Int)
        /// Wait for so long at most, then say so.
        case wait(Duration)
        /// End with a failure.
        case giveUp
    }

    /// A certificate's lifetime.
    public struct Lifetime: Sendable, Hashable {
        /// From when on it is valid.
        public var notBefore: Date
        /// Until when it is valid.
        public var notAfter: Date

        /// Creates a lifetime.
        public init(notBefore: Date, notAfter: Date) {
            self.notBefore = notBefore
            self.notAfter = notAfter
        }
    }

    private enum State {
        case idle
        case asking(retrial: Int)
        /// Until the first of a moment of the wall clock and one of the clock that nobody sets.
        case resting(wall: Date, elapsed: Duration)
        case backingOff(until: Duration, retrial: Int)
        case ended
    }

    /// No wait is longer: clocks are compared again at least this often.
    public static let longestWait = Duration.seconds(30)

    private let gracePercent: Int
    private let jitterPercent: Int
    private let retries: RetryLimits
    private var state = State.idle

    /// Creates a machine with the rules of a configuration.
    public init(_ configuration: AgentConfiguration) {
        gracePercent = configuration.gracePercent
        jitterPercent = configuration.jitterPercent
        retries = configuration.retries
    }

    /// How long after a moment a certificate is to be renewed; negative when that moment is over.
    ///
    /// The contract's rule: NotAfter − now − (NotAfter − NotBefore) · grace.
    public static func wait(_ lifetime: Lifetime, gracePercent: Int, at now: Date) -> Duration {
        let left = lifetime.notAfter.timeIntervalSince(now)
        let whole = lifetime.notAfter.timeIntervalSince(lifetime.notBefore)
        return .nanoseconds(Int64(clamped: (left - whole * Double(gracePercent) / 100) * 1e9))
    }

    /// Takes note of an event.
    ///
    /// - Parameter jitter: a random number from 0 up to 1.
    /// - Returns: what to write in the log, and what to do.
    public mutating func handle(
        _ event: Event, at now: Moment, jitter: Double = 0
    ) -> (log: [AgentLog.Entry], step: Step) {
        switch event {
        case .started: return begin(retrial: 0, [AgentLog.Entry(.info, NodeAgentMessage.started)])
        case .renewalRequested:
            if case .ended = state { return ([], .giveUp) }
            return begin(retrial: 0, [])
        case .waited: return wake(at: now)
        case .failed(let failure): return fail(failure, at: now)
        case .approved(let lifetime):
            let wait = Self.wait(lifetime, gracePercent: gracePercent, at: now.wall)
            guard wait >= .zero else {
                return fail(.renewalOverdue(by: GoDuration(.zero - wait)), at: now)
            }
            let early = wait * (min(max(jitter, 0), 1) * Double(jitterPercent) / 100)
            let rest = wait - early
            let seconds = Double(rest.components.seconds) + Double(rest.components.attoseconds) / 1e18
            // The second limit is for a wall clock that is set back: the certificate gets old anyway.
            state = .resting(wall: now.wall.addingTimeInterval(seconds), elapsed: now.elapsed + rest)
            let message = NodeAgentMessage.approved(renewalIn: GoDuration(rest))
            return ([AgentLog.Entry(.info, message)], .wait(min(rest, Self.longestWait)))
        }
    }

    private mutating func begin(retrial: Int, _ log: [AgentLog.Entry]) -> (log: [AgentLog.Entry], step: Step) {
        state = .asking(retrial: retrial)
        return (log + [AgentLog.Entry(.info, NodeAgentMessage.sending(retrial: retrial))], .attempt(retrial: retrial))
    }

    private mutating func wake(at now: Moment) -> (log: [AgentLog.Entry], step: Step) {
        switch state {
        case .idle: return begin(retrial: 0, [])
        case .asking(let retrial): return ([], .attempt(retrial: retrial))
        case .ended: return ([], .giveUp)
        case .backingOff(let until, let retrial):
            if now.elapsed >= until { return begin(retrial: retrial, []) }
            return ([], .wait(min(until - now.elapsed, Self.longestWait)))
        case .resting(let wall, let elapsed):
            let byWall = Duration.nanoseconds(Int64(clamped: wall.timeIntervalSince(now.wall) * 1e9))
            let rest = min(byWall, elapsed - now.elapsed)
            if rest <= .zero { return begin(retrial: 0, []) }
            return ([], .wait(min(rest, Self.longestWait)))
        }
    }

    private mutating func fail(
        _ failure: AttemptFailure, at now: Moment
    ) -> (log: [AgentLog.Entry], step: Step) {
        let retrial = if case .asking(let number) = state { number } else { 0 }
        var log: [AgentLog.Entry] = []
        if case .notApproved(let remark) = failure, !remark.isEmpty {
            log.append(AgentLog.Entry(.warning, "The certificate authority says: \(remark)"))
        }
        if failure.isInAnswer {
            log.append(AgentLog.Entry(.error, NodeAgentMessage.lifetimeError("\(failure)")))
        }
        guard retrial < retries.maximum else {
            state = .ended
            // The contract's last line has no reason, and the reason is what is needed.
            if !failure.isInAnswer { log.append(AgentLog.Entry(.error, "CSR signing failed: \(failure).")) }
            log.append(AgentLog.Entry(.error, NodeAgentMessage.terminated(retries: retries.maximum)))
            return (log, .giveUp)
        }
        let wait = retries.wait(before: retrial + 1)
        let message =
            failure.isInAnswer
            ? NodeAgentMessage.parsingError(retryIn: GoDuration(wait))
            : NodeAgentMessage.signingFailed("\(failure)", retryIn: GoDuration(wait))
        log.append(AgentLog.Entry(.error, message))
        state = .backingOff(until: now.elapsed + wait, retrial: retrial + 1)
        return (log, .wait(min(wait, Self.longestWait)))
    }
}

/// How failed attempts are repeated.
public struct RetryLimits: Sendable, Hashable {
    /// The wait after the first failure; it doubles with each.
    public var initialWait: Duration
    /// How many attempts follow the first before the agent gives up.
    public var maximum: Int

    /// Creates limits; without arguments those of the contract: 5, 10, 20, 40 and 80 seconds.
    public init(initialWait: Duration = .seconds(5), maximum: Int = 5) {
        self.initialWait = initialWait
        self.maximum = maximum
    }

    /// The wait before a repetition, the first of which has number 1.
    func wait(before retrial: Int) -> Duration { initialWait * (1 << min(max(retrial - 1, 0), 20)) }
}

/// A moment by both clocks.
public struct Moment: Sendable, Hashable {
    /// The wall clock, which certificates are dated by and which may be set.
    public var wall: Date
    /// Since some moment before, suspended time included; never set.
    public var elapsed: Duration

    /// Creates a moment.
    public init(wall: Date, elapsed: Duration) {
        self.wall = wall
        self.elapsed = elapsed
    }
}

extension Int64 {
    /// The nearest number, for one that may be beyond the limits.
    fileprivate init(clamped value: Double) {
        if value.isNaN {
            self = 0
        } else if value >= 9.2e18 {
            self = .max
        } else if value <= -9.2e18 {
            self = .min
        } else {
            self = Int64(value)
        }
    }
}
