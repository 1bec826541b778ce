import Platform
import Processes

/// A program of the host that a probe runs.
package enum Tool {
    /// What it did.
    package struct Run: Sendable {
        /// The program's name.
        var name: String
        /// The exit status; 128 and the signal's number when a signal ended it.
        package var status: Int32
        /// Standard output.
        package var output: [UInt8]
        /// Standard error.
        var errors: [UInt8]
        /// Whether it wrote more than was kept.
        var isTruncated: Bool

        /// The error of a run that did not do what it should.
        package func failure(_ operation: String) -> ProbeError {
            let said = Ascii.text(Ascii.trimmed(errors[...])).shortened()
            return ProbeError(
                .unavailable, operation, expected: "\(name) to succeed",
                found: "exit status \(status)" + (said.isEmpty ? "" : ": \(said)"))
        }
    }

    /// The path of a program of the system.
    package static func path(_ name: String) -> String? {
        // A login of another user than root has no sbin on its PATH.
        ExecutablePath.find(name) ?? ExecutablePath.find(name, path: ExecutablePath.standardSearchPath)
    }

    /// Runs a program with its arguments as an array, without its user's locale.
    package static func run(
        _ name: String, _ arguments: [String], as user: UserCredentials? = nil,
        environment: [String] = [], until deadline: ContinuousClock.Instant, outputLimit: Int = 4 << 20
    ) async throws(ProbeError) -> Run {
        guard let path = path(name) else {
            throw ProbeError(.unavailable, "run \(name)", expected: "the program \(name)", found: "none on PATH")
        }
        var options = SpawnOptions(executable: path, arguments: arguments)
        options.environment =
            ["PATH=\(ExecutablePath.standardSearchPath)", "LC_ALL=C", "SYSTEMD_COLORS=0", "TZ=UTC"] + environment
        options.parentDeathSignal = .kill
        if let user { options.user = .init(id: user.user.uid, group: user.user.gid, supplementaryGroups: user.groups) }
        let output = try await output(of: options, named: name, until: deadline, outputLimit: outputLimit)
        return Run(
            name: name, status: output.status.shellStatus, output: output.standardOutput,
            errors: output.standardError, isTruncated: output.isTruncated)
    }

    /// Runs a program until it ends or is killed at the deadline.
    static func output(
        of options: SpawnOptions, named name: String, until deadline: ContinuousClock.Instant, outputLimit: Int
    ) async throws(ProbeError) -> ProcessOutput {
        let rest = ContinuousClock.now.duration(to: deadline)
        let limits = RunLimits(time: max(.zero, rest), grace: .milliseconds(200), outputBytes: outputLimit)
        // A program that even SIGKILL does not end at once (it hangs in the kernel) holds up nobody.
        let output = try await Deadline.race("run \(name)", until: deadline) { () async throws(ProbeError) in
            do throws(ProcessError) {
                return try await ChildProcess.run(options, limits: limits)
            } catch {
                throw .system("run \(name)", errno: error.errno)
            }
        }
        guard output.reason == .ended else {
            throw ProbeError(.timedOut, "run \(name)", expected: "an end in time", found: "none; it was killed")
        }
        return output
    }
}
