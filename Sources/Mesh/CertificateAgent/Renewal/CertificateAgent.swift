import Files
import MeshContract
import Platform
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
        var machine = RenewalMachine(configuration)
        var event = RenewalMachine.Event.started
        while true {
            let (entries, step) = machine.handle(event, at: clock.now(), jitter: Double.random(in: 0..<1))
            for entry in entries { log.write(entry) }
            switch step {
            case .attempt: event = await attempt()
            case .wait(let duration):
                event = await clock.wait(duration, for: trigger) ? .renewalRequested : .waited
            case .giveUp: return
            }
        }
    }

    private func attempt() async -> RenewalMachine.Event {
        let attempt = RenewalAttempt(
            configuration: configuration, authority: authority, clock: clock, gate: gate, log: log)
        do throws(AttemptFailure) {
            return .approved(try await attempt.run())
        } catch {
            return .failed(error)
        }
    }

    /// Mends what a crash has left. Where that fails, the attempt that follows says what is wrong with the files.
    private func recover() {
        do throws(FileError) {
            switch try CertificateFileWriter(configuration.files).recover() {
            case .nothing: break
            case .completed:
                log.write(.init(.warning, "Finished a replacement of the certificates that was interrupted"))
            case .discarded: log.write(.init(.warning, "Removed the files of a replacement that was interrupted"))
            }
        } catch {
            log.write(.init(.warning, "Files of an interrupted replacement cannot be looked for: \(error)"))
        }
    }
}
