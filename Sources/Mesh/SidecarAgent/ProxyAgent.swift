import Files
import MeshContract
import Platform
import Processes
import WorkloadCertificates

/// Runs Envoy for as long as the agent lives: what the supervisor decides is done here.
public actor ProxyAgent {
    /// How an agent ended.
    public enum Outcome: Sendable, Hashable {
        /// By SIGTERM or SIGINT.
        case terminated
        /// No Envoy runs, and the retries are used up.
        case exhausted
    }

    private let settings: ProxySettings
    private let log: AgentLog
    private let files: BootstrapFiles
    private var supervisor: Supervisor
    private let events: AsyncStream<Supervisor.Event>
    private let event: AsyncStream<Supervisor.Event>.Continuation
    private var children: [Int: ChildProcess] = [:]
    private var timers: [Supervisor.Timer: Task<Void, Never>] = [:]
    private var probes: [Int: Task<Void, Never>] = [:]
    private var hasHadCertificates = false
    private let guardian: ProxyGuardian?

    /// From SIGTERM, or from the moment when an Envoy should have ended itself, to SIGKILL.
    private static let leastGrace = Duration.seconds(2)

    private init(_ settings: ProxySettings, _ guardian: ProxyGuardian?, _ log: AgentLog) throws(AgentError) {
        self.settings = settings
        self.guardian = guardian
        self.log = log
        files = try BootstrapFiles(folder: settings.configurationFolder)
        let drain = Duration.seconds(settings.drainSeconds)
        supervisor = Supervisor(
            policy: .init(
                parentShutdown: .seconds(settings.parentShutdownSeconds), killGrace: max(drain, Self.leastGrace)))
        (events, event) = AsyncStream.makeStream(of: Supervisor.Event.self)
    }

    /// Runs an agent to its end, which SIGTERM or SIGINT asks for; SIGHUP makes it look at the certificates.
    ///
    /// - Parameter guardian: ends what is left of Envoy when this process is killed; nil where systemd does.
    public static func run(
        _ settings: ProxySettings, guardian: ProxyGuardian? = nil, log: AgentLog
    ) async throws(AgentError) -> Outcome {
        let signals: AsyncStream<Signal>
        do throws(ProcessError) {
            signals = try SignalStream.of([.terminate, .interrupt, .hangUp])
        } catch {
            throw .signals(error)
        }
        return try await ProxyAgent(settings, guardian, log).run(signals)
    }

    private func run(_ signals: AsyncStream<Signal>) async -> Outcome {
        log.info("Starting proxy agent")
        log.info("Node \(settings.node), control plane \(settings.discovery) by \(settings.discoveryProtocol.rawValue)")
        do {
            try files.removeStale()
        } catch {
            // A file that cannot be removed can still be overwritten or not; that is seen when it is.
            log.warning("\(error)")
        }
        let certificates = CertificateState.read(settings.certificates)
        report(certificates.usability)
        let watch = CertificateWatch(files: settings.certificates, batch: settings.certificateBatch)
        let (requests, request) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let observations = watch.observations(after: certificates, requests: requests)
        let watching = Task {
            for await observation in observations { observe(observation) }
        }
        let listening = Task {
            for await signal in signals {
                log.info("Received \(signal)")
                if signal == .hangUp { request.yield() } else { event.yield(.terminate) }
            }
        }
        defer {
            watching.cancel()
            listening.cancel()
            for task in Array(timers.values) + Array(probes.values) { task.cancel() }
        }
        event.yield(.configurationChanged)
        for await next in events {
            for action in supervisor.handle(next) {
                if case .finish(let outcome) = action { return outcome == .terminated ? .terminated : .exhausted }
                await perform(action)
            }
        }
        return .terminated
    }

    private func perform(_ action: Supervisor.Action) async {
        switch action {
        case .start(let epoch): await start(epoch)
        case .removeConfiguration(let epoch): removeConfiguration(epoch)
        case .signal(let epoch, let signal): send(signal, to: epoch)
        case .set(let timer, let delay): set(timer, after: delay)
        case .cancel(let timer): timers.removeValue(forKey: timer)?.cancel()
        case .note(let note): report(note)
        case .finish: break
        }
    }

    // MARK: Envoy

    private func start(_ epoch: Int) async {
        let command = settings.command(epoch: epoch)
        do {
            let json = try BootstrapBuilder.json(settings, certificates: certificatesForEnvoy())
            try files.write(json, epoch: epoch)
            var options = SpawnOptions(
                executable: settings.binary, arguments: command.arguments + settings.envoyArguments)
            // In a group of its own a terminal's Ctrl-C comes to the agent alone, which passes it on.
            options.group = .new
            options.endsGroupWithLeader = true
            options.parentDeathSignal = .kill
            if let guardian { options.environment = guardian.markedEnvironment }
            let child = try await ChildProcess.spawn(options)
            log.info(
                "Epoch \(epoch) starting: process \(child.pid), "
                    + ([settings.binary] + options.arguments).joined(separator: " "))
            children[epoch] = child
            child.whenEnded { [event] status in event.yield(.ended(epoch: epoch, .exited(status))) }
            probes[epoch] = Task { await waitUntilLive(epoch) }
        } catch {
            event.yield(.ended(epoch: epoch, .notStarted(reason: "\(error)")))
        }
    }

    /// The files that Envoy reads itself. They are named also when they cannot be used for a moment, as between two
    /// renames; what comes then starts another epoch.
    private func certificatesForEnvoy() -> CertificateFiles? {
        switch CertificateState.read(settings.certificates).usability {
        case .usable: hasHadCertificates = true
        case .absent: hasHadCertificates = false
        case .unusable: break
        }
        return hasHadCertificates ? settings.certificates : nil
    }

    private func removeConfiguration(_ epoch: Int) {
        children[epoch] = nil
        probes.removeValue(forKey: epoch)?.cancel()
        do {
            try files.remove(epoch: epoch)
        } catch {
            log.warning("Epoch \(epoch): \(error)")
        }
    }

    private func send(_ signal: Signal, to epoch: Int) {
        do {
            try children[epoch]?.signalGroup(signal)
        } catch {
            log.error("Epoch \(epoch): \(error)")
        }
    }

    private func set(_ timer: Supervisor.Timer, after delay: Duration) {
        timers[timer]?.cancel()
        timers[timer] = Task { [event] in
            do { try await Task.sleep(for: delay) } catch { return }
            event.yield(.timer(timer))
        }
    }

    /// Asks Envoy until it says that this epoch serves.
    private func waitUntilLive(_ epoch: Int) async {
        let admin = EnvoyAdminClient(port: settings.adminPort, timeout: .seconds(2))
        let started = ContinuousClock.now
        var hasWarned = false
        while !Task.isCancelled {
            do throws(EnvoyAdminError) {
                let info = try await admin.serverInfo()
                let isOurs =
                    info.commandLineOptions.serviceNode == settings.node.description
                    && info.commandLineOptions.configPath == settings.configurationPath(epoch: epoch)
                if isOurs, info.epoch == epoch, info.state == "LIVE" {
                    event.yield(.live(epoch: epoch))
                    return
                }
                // The epoch before answers until this one takes over.
            } catch {
                // Envoy does not listen yet, or not any more; its end is seen elsewhere.
            }
            let waited = ContinuousClock.now - started
            if waited > .seconds(15), !hasWarned {
                hasWarned = true
                log.warning(
                    "Epoch \(epoch) has no configuration after 15 s: does the control plane answer at "
                        + "\(settings.discovery)?")
            }
            do { try await Task.sleep(for: waited > .seconds(10) ? .seconds(1) : .milliseconds(100)) } catch { return }
        }
    }

    // MARK: Log

    private func report(_ usability: CertificateState.Usability) {
        switch usability {
        case .usable: log.info("Using the certificates in \(settings.certificateFolder)")
        case .absent: log.warning("No certificates in \(settings.certificateFolder) yet; waiting for them")
        case .unusable(let reason):
            log.warning("The certificates in \(settings.certificateFolder) cannot be used: \(reason)")
        }
    }

    private func observe(_ observation: CertificateWatch.Observation) {
        switch observation {
        case .changed:
            log.info("The certificates in \(settings.certificateFolder) have changed")
            event.yield(.configurationChanged)
        case .unusable(let reason):
            log.warning(
                "The certificates in \(settings.certificateFolder) have changed and cannot be used; Envoy keeps those it "
                    + "has: \(reason)")
        case .unwatched(let error):
            log.warning("Changes of the certificates are seen with a delay of up to a minute: \(error)")
        }
    }

    private func report(_ note: Supervisor.Note) {
        switch note {
        case .reconciling(let budget): log.info("Reconciling configuration (budget \(budget))")
        case .live(let epoch):
            log.info("Epoch \(epoch) is live")
            log.info("Envoy proxy is ready")
        case .replaced(let epoch, let ending): log.info("Epoch \(epoch) was replaced: \(ending)")
        case .failed(let epoch, let ending): log.error("Epoch \(epoch) failed: \(ending)")
        case .retrying(let delay, let budget):
            log.info("Trying again in \(GoDuration(delay)) (budget \(budget))")
        case .exhausted(let serving?):
            log.error(
                "Giving up until the configuration changes: all retries failed. Epoch \(serving) keeps serving with what "
                    + "it has")
        case .exhausted(nil): log.error("Giving up: all retries failed and no Envoy runs")
        case .overdue(let epoch): log.warning("Epoch \(epoch) has not ended in time: killing it")
        case .terminating(let epochs):
            log.info("Ending" + epochs.map { " epoch \($0)" }.joined(separator: ","))
        case .terminated(let epoch, let ending): log.info("Epoch \(epoch) ended: \(ending)")
        }
    }
}

/// Why an agent could not begin.
public enum AgentError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The folder of the configuration cannot be used.
    case folder(FileError)
    /// Another agent uses the folder of the configuration.
    case folderInUse(String)
    /// Signals cannot be received.
    case signals(ProcessError)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .folder(let error):
            "\(error): expected a folder for Envoy's configuration that this user can write (--configPath)"
        case .folderInUse(let path):
            "another pilot-agent uses '\(path)': end it, or give each agent a --configPath and a --proxyAdminPort of its own"
        case .signals(let error): error.description
        }
    }
}
