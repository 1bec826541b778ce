import FoundationEssentials

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
