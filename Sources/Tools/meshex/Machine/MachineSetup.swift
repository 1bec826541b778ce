import ArgumentParser
import Fleet
import FoundationEssentials
import Glibc
import MachineSetup
import Processes
import Reports
import StandardStreams

/// `meshex machine-setup`.
struct MachineSetupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine-setup",
        abstract: "Makes machines a part of the mesh: certificates, configuration and packages, by the guide's steps.",
        discussion: """
            Everything is checked here first. Then each machine gets, over one ssh connection, the files that it lacks and
            setupIstioVM.sh ('meshex machine-script' prints it), which installs them. A second run changes nothing; a run
            that was cut off is gone on with by running it again. The user there is root, or may use sudo without password.

            EXAMPLES
              meshex machine-setup --certs certs --packages .build/packages root@10.150.0.5
              meshex machine-setup --certs certs --release https://example.com/istio-vm/0.3.0 demo-vm-1 demo-vm-2
              meshex machine-setup --certs certs --apt-source istio.sources --inventory hosts.ini --limit onprem --dry-run

            EXIT STATUS
              0 done; 1 a step or a check failed on a machine; 2 wrong input, or no right to use sudo; 3 a machine or the
              release cannot be reached; 4 too late; 70 a fault of meshex itself or of this machine
            """)

    @OptionGroup var selection: MachineSelection

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

    @Option(help: ArgumentHelp("An apt source for the machines, .list or .sources.", valueName: "file"))
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

    @Flag(help: "Print the steps, and touch no machine.")
    var dryRun = false

    @Flag(name: .customLong("no-check"), help: "Do not run meshcheck on the machines at the end.")
    var noCheck = false

    @Flag(name: .shortAndLong, help: "Tell only what was changed and what failed.")
    var quiet = false

    func validate() throws {
        let sources = [!packages.isEmpty, release != nil, aptSource != nil].count { $0 }
        if sources != 1 { throw ValidationError("give one of --packages, --release and --apt-source") }
        if aptKey != nil, aptSource == nil { throw ValidationError("--apt-key needs an --apt-source") }
        if !(1...86400).contains(downloadTimeout) {
            throw ValidationError("--download-timeout is \(downloadTimeout) (must be >=1 and <=86400 seconds)")
        }
    }

    func run() async throws {
        let machines = try selection.machines()
        let files = try await inputs()
        if dryRun {
            let steps = SetupPlan.steps(files: files, checks: !noCheck)
            for machine in machines {
                Terminal.write("\(machine.name) (\(machine.address))\n" + steps.map { "  \($0)\n" }.joined())
            }
            return
        }
        let runner: SetupRunner
        do throws(SetupProblems) {
            runner = try SetupRunner(
                machines: machines, files: files, namespace: namespace, checks: !noCheck, options: selection.ssh,
                forks: selection.forks, timeLimit: .seconds(selection.hostTimeout))
        } catch {
            throw Self.failure(error)
        }
        // A machine that goes away while it is sent to must not end those beside it.
        SignalStream.ignoreBrokenPipes()
        let isQuiet = quiet
        let results = await runner.run { event in Self.tell(event, isQuiet: isQuiet) }
        for result in results { Terminal.write(Self.summary(result)) }
        let status = SetupResult.exitStatus(of: results)
        if status != 0 { throw ExitCode(status) }
    }

    /// All that a machine gets; every mistake is told at once.
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
                "\(certs): \(certificates.identity), valid for \(certificates.secondsLeft / 60) minutes more")
        } catch {
            problems += error.problems
        }
        do throws(SetupProblems) {
            if let release {
                // A release is not asked for when there is something to mend first.
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
        let environment = ProcessInfo.processInfo.environment
        let home = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "/var/tmp") + "/.cache"
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
