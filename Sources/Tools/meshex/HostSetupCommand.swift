import ArgumentParser
import Documents
import FoundationEssentials
import HostSetup
import RemoteHosts
import Reports
import StandardStreams

/// `meshex machine-setup`.
struct HostSetupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine-setup",
        abstract: "Make hosts a part of the mesh: certificates, configuration and packages, by the guide's steps.",
        discussion: """
            Everything is checked here first. Then each host gets, over one ssh connection, the files that it lacks and
            setupIstioVM.sh ('meshex machine-script' prints it), which installs them. A second run changes nothing; a run
            that was interrupted continues when it is run again. The user there is root, or may use sudo without a password.

            EXAMPLES
              meshex machine-setup --certs certs --packages .build/packages root@10.150.0.5
              meshex machine-setup --certs certs --release https://example.com/istio-vm/0.3.0 demo-vm-1 demo-vm-2
              meshex machine-setup --certs certs --apt-source istio.sources --inventory hosts.ini --limit onprem --dry-run

            EXIT STATUS
              0 done; 1 a step or a check failed on a host; 2 wrong input, or no right to use sudo; 3 a host or the
              release cannot be reached; 4 a time limit was reached; 70 an error in meshex itself or on this host
            """)

    @Argument(
        help: ArgumentHelp("The hosts: [user@]host[:port], ssh://… or a name of ssh_config(5).", valueName: "host"))
    var hosts: [String] = []

    @OptionGroup var remote: SSHArguments

    @Option(help: ArgumentHelp("Seconds for one host, from connecting to its result.", valueName: "n"))
    var hostTimeout = 1800

    @Option(help: ArgumentHelp("The folder with root-cert.pem, cert-chain.pem and key.pem.", valueName: "dir"))
    var certs: String

    @Option(
        name: .customLong("cluster-env"), help: ArgumentHelp("The file of 'meshex cluster-env'.", valueName: "file"))
    var clusterEnvironment = "cluster.env"

    @Option(help: ArgumentHelp("The file of 'meshex dnsmasq'.", valueName: "file"))
    var kubedns = "kubedns"

    @Option(help: ArgumentHelp("A package, or a folder of packages; repeatable.", valueName: "path"))
    var packages: [String] = []

    @Option(help: ArgumentHelp("Where istio.VERSION and the packages are published.", valueName: "url"))
    var release: String?

    @Option(help: ArgumentHelp("An apt source for the hosts, .list or .sources.", valueName: "file"))
    var aptSource: String?

    @Option(help: ArgumentHelp("Its key, put to /etc/apt/keyrings/istio.asc or .gpg.", valueName: "file"))
    var aptKey: String?

    @Option(help: ArgumentHelp("Only packages of this architecture, such as amd64.", valueName: "name"))
    var architecture: String?

    @Option(help: ArgumentHelp("Where downloaded packages are kept.", valueName: "dir"))
    var cache: String?

    @Option(help: ArgumentHelp("Seconds for one download.", valueName: "n"))
    var downloadTimeout = 600

    @Option(help: ArgumentHelp("The namespace of the control plane.", valueName: "name"))
    var namespace = "istio-system"

    @Flag(help: "Print the steps, and change no host.")
    var dryRun = false

    @Flag(name: .customLong("no-check"), help: "Do not run meshcheck on the hosts at the end.")
    var noCheck = false

    @Flag(name: .shortAndLong, help: "Show only what was changed and what failed.")
    var quiet = false

    func validate() throws {
        if !(1...86400).contains(hostTimeout) {
            throw ValidationError("--host-timeout is \(hostTimeout) (must be >=1 and <=86400 seconds)")
        }
        if hosts.isEmpty, remote.inventory == nil { throw ValidationError("name a host, or an --inventory") }
        let sources = [!packages.isEmpty, release != nil, aptSource != nil].count { $0 }
        if sources != 1 { throw ValidationError("give one of --packages, --release and --apt-source") }
        if aptKey != nil, aptSource == nil { throw ValidationError("--apt-key needs an --apt-source") }
        if !(1...86400).contains(downloadTimeout) {
            throw ValidationError("--download-timeout is \(downloadTimeout) (must be >=1 and <=86400 seconds)")
        }
    }

    func run() async throws {
        let hosts = try selectedHosts()
        let files = try await inputs()
        if dryRun {
            let steps = SetupPlan.steps(files: files, checks: !noCheck)
            for host in hosts {
                Terminal.writeText("\(host.name) (\(host.address))\n" + steps.map { "  \($0)\n" }.joined())
            }
            return
        }
        let runner: SetupRunner
        do throws(SetupProblems) {
            runner = try SetupRunner(
                hosts: hosts, files: files, namespace: namespace, checks: !noCheck, options: remote.ssh,
                forks: remote.forks, timeLimit: .seconds(hostTimeout))
        } catch {
            throw Self.failure(error)
        }
        // A reader of the output that goes away must not end the setup of the hosts.
        Signals.ignoreBrokenPipes()
        let isQuiet = quiet
        let results = await runner.run { event in Self.tell(event, isQuiet: isQuiet) }
        for result in results { Terminal.writeText(Self.summary(result)) }
        let status = SetupResult.exitStatus(of: results)
        if status != 0 { throw ExitCode(status) }
    }

    private func selectedHosts() throws -> [RemoteHost] {
        var diagnostics = Diagnostics()
        let addresses = hosts.map { $0.utf8.starts(with: "ssh://".utf8) ? $0 : "ssh://" + $0 }
        let hosts = remote.hosts(addresses: addresses, diagnostics: &diagnostics)
        if diagnostics.hasErrors { throw Meshex.failure(2, DiagnosticRenderer.text(diagnostics, color: false)) }
        return hosts
    }

    /// All that a host gets; every mistake is told at once.
    private func inputs() async throws -> [StagedFile] {
        var files: [StagedFile] = []
        var problems: [SetupProblem] = []
        do throws(SetupProblems) {
            files.append(try ConfigurationInput.clusterEnvironment(clusterEnvironment))
        } catch {
            problems += error.problems
        }
        do throws(SetupProblems) {
            files.append(try ConfigurationInput.kubeDNS(kubedns, namespace: namespace))
        } catch {
            problems += error.problems
        }
        do throws(SetupProblems) {
            let certificates = try await ConfigurationInput.certificates(in: certs, at: Date.now)
            files += certificates.files
            Terminal.writeErrorLine(
                "\(certs): \(certificates.identity), valid for \(certificates.secondsLeft / 60) more minutes")
        } catch {
            problems += error.problems
        }
        do throws(SetupProblems) {
            if let release {
                // A release is not asked for when there is something to fix first.
                if problems.isEmpty { files += try await releaseFiles(release) }
            } else if let aptSource {
                files += try PackageInput.aptSource(aptSource, key: aptKey)
            } else {
                files += try PackageInput.files(packages, architecture: architecture)
            }
        } catch {
            problems += error.problems
        }
        if !problems.isEmpty { throw Self.failure(SetupProblems(problems)) }
        return files
    }

    private func releaseFiles(_ url: String) async throws(SetupProblems) -> [StagedFile] {
        let home = Terminal.variable("XDG_CACHE_HOME") ?? (Terminal.variable("HOME") ?? "/var/tmp") + "/.cache"
        return try await ReleasePackages(
            url: url, cache: cache ?? home + "/meshex/packages", architecture: architecture,
            timeLimit: downloadTimeout
        ).files { Terminal.writeErrorLine($0) }
    }

    private static func failure(_ error: SetupProblems) -> ExitCode {
        for problem in error.problems { Terminal.writeErrorLine("meshex: \(problem)") }
        let kinds = Set(error.problems.map(\.kind))
        let status: Int32 =
            kinds.contains(.fault) ? 70 : kinds.contains(.input) ? 2 : kinds.contains(.timedOut) ? 4 : 3
        return ExitCode(status)
    }

    private static func tell(_ event: SetupRunner.Event, isQuiet: Bool) {
        switch event {
        case .began(let target): if !isQuiet { Terminal.writeErrorLine("\(target): connecting") }
        case .told(let target, let text):
            if !isQuiet || !text.utf8.starts(with: "unchanged:".utf8) { Terminal.writeErrorLine("\(target): \(text)") }
        case .reported(let target, let text): Terminal.writeErrorLine("\(target): \(text)")
        case .ended: break
        }
    }

    private static func summary(_ result: SetupResult) -> String {
        switch result.outcome {
        case .failure(let failure): return "\(result.target): failed: \(failure); \(failure.remedy)\n"
        case .success(let report):
            var text =
                report.changed.isEmpty
                ? "nothing to change" : "set up, \(report.changed.count) changes"
            if !report.warnings.isEmpty { text += ", \(report.warnings.count) warnings" }
            if let status = report.checkStatus {
                text += status == 0 ? ", checks passed" : ", checks failed (meshcheck ended with status \(status))"
            }
            return "\(result.target): \(text)\n"
        }
    }
}

/// `meshex machine-script`.
struct HostScriptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine-script",
        abstract: "Print setupIstioVM.sh, which machine-setup runs on a host, to read it or run it by hand.",
        discussion: """
            The script needs nothing else of this project: copy it to the host with kubedns, cluster.env, the three .pem files and the
            packages, and run it there as root in that folder. 'sh setupIstioVM.sh help' lists its functions and settings.

            EXAMPLE
              meshex machine-script > setupIstioVM.sh
            """)

    func run() throws { Terminal.write(SetupScript.bytes) }
}
