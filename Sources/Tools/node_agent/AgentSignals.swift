import CertificateAgent
import Glibc
import MeshContract
import Platform

/// What the agent does on signals. It has to end at once whatever it is doing, so the main thread does nothing else.
enum AgentSignals {
    private static let handled = [SIGTERM, SIGINT, SIGHUP]

    /// Keeps the signals from the calling thread and all that it starts. To be called before there is another thread.
    static func block() {
        var set = signalSet
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for signals for ever: SIGTERM and SIGINT end the process with status 0, SIGHUP fires the trigger.
    ///
    /// The main thread must not serve Dispatch instead: that lets every signal through to it.
    static func handle(trigger: RenewalTrigger, gate: WriteGate, log: AgentLog) -> Never {
        var set = signalSet
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            if number == SIGHUP {
                log.write(.init(.info, "Asked by SIGHUP to renew now"))
                trigger.fire()
            } else {
                log.write(.init(.info, "Asked by \(number == SIGTERM ? "SIGTERM" : "SIGINT") to end"))
                end(0, gate)
            }
        }
    }

    /// Ends the process, but not between two renames; and without exit handlers, which would take from under other threads
    /// what they are using.
    static func end(_ status: Int32, _ gate: WriteGate) -> Never {
        gate.hold { _exit(status) }
        _exit(status)
    }

    private static var signalSet: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in handled { sigaddset(&set, number) }
        return set
    }
}
