import Processes

/// Decides which Envoy runs: a state machine without time, files or processes.
///
/// Rules:
/// - An epoch is started only when the one before is live and the one before that has gone: hot restarts in quick
///   succession kill one another.
/// - A new epoch that fails leaves the one before alone; it is tried again, each time after twice the wait.
/// - When nothing runs, the next one is epoch 0: a later epoch looks for its parent.
struct Supervisor: Sendable {
    /// The numbers.
    struct Policy: Sendable, Hashable {
        /// Attempts after the first.
        var retries = 10
        /// The wait before the first retry; each one after it waits twice as long.
        var firstRetryDelay = Duration.milliseconds(200)
        /// How long an epoch has to be live for the failures before it to be forgotten.
        var healthyPeriod = Duration.seconds(60)
        /// From the successor being live to Envoy ending itself.
        var parentShutdown: Duration
        /// How long after that, or after SIGTERM, SIGKILL follows.
        var killGrace: Duration
    }

    enum Event: Sendable, Hashable {
        /// There is something new to run with: at the beginning, and whenever the certificates have changed.
        case configurationChanged
        /// An epoch has its configuration and serves.
        case live(epoch: Int)
        /// An epoch's process has ended or could not be started.
        case ended(epoch: Int, Ending)
        /// A time that was set has come.
        case timer(Timer)
        /// The agent is to end; the second time at once.
        case terminate
    }

    /// How an epoch came to its end.
    enum Ending: Sendable, Hashable, CustomStringConvertible {
        case exited(ExitStatus)
        case notStarted(reason: String)

        var description: String {
            switch self {
            case .exited(let status): status.description
            case .notStarted(let reason): reason
            }
        }
    }

    enum Timer: Sendable, Hashable {
        case retry
        case healthy(epoch: Int)
        case overdue(epoch: Int)
        case kill
    }

    enum Action: Sendable, Hashable {
        case start(epoch: Int)
        case removeConfiguration(epoch: Int)
        case signal(epoch: Int, Signal)
        /// A timer that is set already is set again.
        case set(Timer, after: Duration)
        case cancel(Timer)
        case note(Note)
        /// The last action.
        case finish(Outcome)
    }

    enum Outcome: Sendable, Hashable {
        /// As asked for.
        case terminated
        /// The retries are used up and no Envoy runs.
        case exhausted
    }

    /// What people may want to know.
    enum Note: Sendable, Hashable {
        case reconciling(retriesLeft: Int)
        case live(epoch: Int)
        case replaced(epoch: Int, Ending)
        case failed(epoch: Int, Ending)
        case retrying(after: Duration, retriesLeft: Int)
        case exhausted(servingEpoch: Int?)
        case overdue(epoch: Int)
        case terminating(epochs: [Int])
        case terminated(epoch: Int, Ending)
    }

    private enum Phase: Hashable {
        /// Before its first configuration.
        case starting
        case live
        /// A successor is live; it ends by itself.
        case draining
        /// It was told to end.
        case ending
    }

    private struct Instance {
        var revision: Int
        var phase: Phase
    }

    private let policy: Policy
    private var instances: [Int: Instance] = [:]
    /// Counts changes of the configuration.
    private var revision = 0
    private var failures = 0
    private var isWaiting = false
    private var isExhausted = false
    private var isTerminating = false

    init(policy: Policy) { self.policy = policy }

    /// Takes an event and says what is to be done, in order.
    mutating func handle(_ event: Event) -> [Action] {
        var actions: [Action] = []
        switch event {
        case .configurationChanged: configurationChanged(&actions)
        case .live(let epoch): live(epoch, &actions)
        case .ended(let epoch, let ending): ended(epoch, ending, &actions)
        case .timer(let timer): fired(timer, &actions)
        case .terminate: terminate(&actions)
        }
        return actions
    }

    private mutating func configurationChanged(_ actions: inout [Action]) {
        guard !isTerminating else { return }
        revision += 1
        failures = 0
        isExhausted = false
        if isWaiting { actions.append(.cancel(.retry)) }
        isWaiting = false
        actions.append(.note(.reconciling(retriesLeft: policy.retries)))
        reconcile(&actions)
    }

    private mutating func live(_ epoch: Int, _ actions: inout [Action]) {
        guard instances[epoch]?.phase == .starting else { return }
        instances[epoch]?.phase = .live
        actions.append(.note(.live(epoch: epoch)))
        for older in instances.keys.sorted() where older < epoch && instances[older]?.phase != .ending {
            instances[older]?.phase = .draining
            actions.append(.cancel(.healthy(epoch: older)))
            actions.append(.set(.overdue(epoch: older), after: policy.parentShutdown + policy.killGrace))
        }
        actions.append(.set(.healthy(epoch: epoch), after: policy.healthyPeriod))
        reconcile(&actions)
    }

    private mutating func ended(_ epoch: Int, _ ending: Ending, _ actions: inout [Action]) {
        guard let instance = instances.removeValue(forKey: epoch) else { return }
        actions.append(.removeConfiguration(epoch: epoch))
        actions.append(.cancel(.healthy(epoch: epoch)))
        actions.append(.cancel(.overdue(epoch: epoch)))
        if isTerminating {
            actions.append(.note(.terminated(epoch: epoch, ending)))
            if instances.isEmpty { finish(.terminated, &actions) }
            return
        }
        switch instance.phase {
        case .draining, .ending:
            actions.append(.note(.replaced(epoch: epoch, ending)))
        case .starting, .live:
            actions.append(.note(.failed(epoch: epoch, ending)))
            // With a successor on its way there is nothing to be started in its place.
            if !instances.keys.contains(where: { $0 > epoch }) {
                endDraining(&actions)
                retry(&actions)
            }
        }
        reconcile(&actions)
    }

    /// An epoch that drains has no listeners any more and would only be in the way of a new epoch 0.
    private mutating func endDraining(_ actions: inout [Action]) {
        for epoch in instances.keys.sorted() where instances[epoch]?.phase == .draining {
            instances[epoch]?.phase = .ending
            actions.append(.signal(epoch: epoch, .terminate))
            actions.append(.set(.overdue(epoch: epoch), after: policy.killGrace))
        }
    }

    private mutating func retry(_ actions: inout [Action]) {
        guard failures < policy.retries else {
            isExhausted = true
            let serving = instances.filter { $0.value.phase == .live }.keys.max()
            actions.append(.note(.exhausted(servingEpoch: serving)))
            return
        }
        let delay = policy.firstRetryDelay * (1 << min(failures, 30))
        failures += 1
        isWaiting = true
        actions.append(.note(.retrying(after: delay, retriesLeft: policy.retries - failures)))
        actions.append(.set(.retry, after: delay))
    }

    private mutating func fired(_ timer: Timer, _ actions: inout [Action]) {
        switch timer {
        case .retry:
            isWaiting = false
            reconcile(&actions)
        case .healthy(let epoch):
            if instances[epoch]?.phase == .live { failures = 0 }
        case .overdue(let epoch):
            guard instances[epoch] != nil else { return }
            actions.append(.note(.overdue(epoch: epoch)))
            actions.append(.signal(epoch: epoch, .kill))
        case .kill:
            for epoch in instances.keys.sorted() {
                actions.append(.note(.overdue(epoch: epoch)))
                actions.append(.signal(epoch: epoch, .kill))
            }
        }
    }

    private mutating func terminate(_ actions: inout [Action]) {
        if isTerminating {
            for epoch in instances.keys.sorted() { actions.append(.signal(epoch: epoch, .kill)) }
            return
        }
        isTerminating = true
        actions.append(.note(.terminating(epochs: instances.keys.sorted())))
        actions.append(.cancel(.retry))
        guard !instances.isEmpty else { return finish(.terminated, &actions) }
        for epoch in instances.keys.sorted() { actions.append(.signal(epoch: epoch, .terminate)) }
        actions.append(.set(.kill, after: policy.killGrace))
    }

    private mutating func reconcile(_ actions: inout [Action]) {
        guard !isTerminating else { return }
        if isExhausted {
            if instances.isEmpty { finish(.exhausted, &actions) }
            return
        }
        guard !isWaiting, instances.count <= 1 else { return }
        let newest = instances.first
        if let newest {
            guard newest.value.phase == .live, newest.value.revision != revision else { return }
        }
        let epoch = newest.map { $0.key + 1 } ?? 0
        instances[epoch] = Instance(revision: revision, phase: .starting)
        actions.append(.start(epoch: epoch))
    }

    private mutating func finish(_ outcome: Outcome, _ actions: inout [Action]) {
        // Whatever is reported after this is of no interest.
        isTerminating = true
        actions.append(.finish(outcome))
    }
}
