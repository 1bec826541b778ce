import CertificateAgent
import Glibc
import MeshContract

/// What the agent does on signals, on a thread of its own: it has to end at once whatever the others do.
final class AgentSignals: Sendable {
    private static let handled = [SIGTERM, SIGINT, SIGHUP]

    private let trigger: RenewalTrigger
    private let gate: WriteGate
    private let log: AgentLog

    private init(trigger: RenewalTrigger, gate: WriteGate, log: AgentLog) {
        self.trigger = trigger
        self.gate = gate
        self.log = log
    }

    /// Keeps the signals from the calling thread and all that it starts. To be called before there is another thread.
    static func block() {
        var set = signalSet
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Starts the thread: SIGTERM and SIGINT end the process with status 0, SIGHUP fires the trigger.
    ///
    /// - Returns: 0 or the error number of pthread_create(3).
    static func start(trigger: RenewalTrigger, gate: WriteGate, log: AgentLog) -> Int32 {
        let signals = Unmanaged.passRetained(AgentSignals(trigger: trigger, gate: gate, log: log))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 18)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { context in
                if let context { Unmanaged<AgentSignals>.fromOpaque(context).takeRetainedValue().handle() }
                return nil
            }, signals.toOpaque())
        if status != 0 { signals.release() }
        return status
    }

    private func handle() {
        var set = Self.signalSet
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if number == SIGHUP {
                log.write(.init(.info, "Asked by SIGHUP to renew now"))
                trigger.fire()
            } else {
                log.write(.init(.info, "Asked by \(number == SIGTERM ? "SIGTERM" : "SIGINT") to end"))
                // Not between two renames; and without exit handlers, which others would still be using.
                gate.hold { _exit(0) }
            }
        }
    }

    private static var signalSet: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in handled { sigaddset(&set, number) }
        return set
    }
}
