import Files
import Glibc
import Platform
import Processes

/// One run of curl(1), which writes what it gets behind what is there.
struct Transfer: Sendable {
    /// How it ended.
    enum Outcome: Sendable {
        /// The file is complete.
        case whole
        /// The server cannot continue the partial download.
        case cannotContinue
        /// It failed; the server may have said when to ask again, in seconds.
        case failed(DownloadError, retryAfter: Int?)
    }

    /// What one of the two tasks of a transfer ends with.
    private enum Step: Sendable {
        case ended(Result<ProcessOutput, ProcessError>)
        /// A limit was reached; nil when the other task was first.
        case stopped(DownloadError.Reason?)
    }

    let limits: DownloadLimits
    let partial: PartialFile
    let deadline: MonotonicTime
    let isContinued: Bool
    /// What the beginning is to be checked against; nil leaves that to a checksum.
    let validator: String?
    let progress: @Sendable (DownloadProgress) -> Void

    private static let interval = Duration.milliseconds(100)
    private static let connectTimeout = 20

    func run() async throws(DownloadError) -> Outcome {
        guard let program = ExecutablePath.find("curl") else {
            throw DownloadError(partial.address, .noCurl("curl is not installed here"))
        }
        try partial.seekToEnd()
        var options = SpawnOptions(executable: program, arguments: try arguments())
        // Nobody would use what an orphan writes.
        options.parentDeathSignal = .kill
        let output = await watched(options)
        switch output.process {
        case .failure(let error): throw DownloadError(partial.address, .noCurl(error.description))
        case .success(let process):
            if let reason = output.limit { return failed(reason) }
            return try outcome(process)
        }
    }

    private func arguments() throws(DownloadError) -> [String] {
        let left = max(1, deadline.since(.now) / .seconds(1))
        var arguments = [
            // First, or it has no effect: the user's ~/.curlrc is not read.
            "--disable", "--silent", "--show-error", "--fail", "--location", "--max-redirs", "10", "--globoff",
            "--proto", "=http,https,file", "--proto-redir", "=http,https",
            "--connect-timeout", String(Self.connectTimeout), "--max-time", String(Int(left) + 5),
            "--max-filesize", String(limits.bytes),
            // So that every byte is seen when it comes.
            "--no-buffer",
        ]
        if isContinued {
            arguments += ["--dump-header", partial.laterHeadersPath, "--continue-at", String(try partial.size())]
            if let validator { arguments += ["--header", "If-Range: " + validator] }
        } else {
            arguments += ["--dump-header", partial.headersPath]
        }
        // The URL may have a password in it, which every user of the machine could read in the list of processes.
        return arguments + ["--config", "-"]
    }

    /// curl's configuration (curl(1), --config): the URL in quotes.
    private var configuration: [UInt8] {
        var text = "url = \""
        for scalar in partial.address.url.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return Array((text + "\"\n").utf8)
    }

    // MARK: - watching

    /// Runs curl until it ends or a limit is reached.
    private func watched(
        _ options: SpawnOptions
    ) async -> (process: Result<ProcessOutput, ProcessError>, limit: DownloadError.Reason?) {
        await withTaskGroup(of: Step.self) { group in
            group.addTask {
                do throws(ProcessError) {
                    return .ended(
                        .success(
                            try await ChildProcess.run(
                                options, input: configuration, output: .descriptor(partial.descriptor.number),
                                limits: RunLimits(time: .seconds(limits.time + 10), outputBytes: 1 << 14),
                                group: .inherit)))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask { .stopped(await limitReached()) }
            var limit: DownloadError.Reason?
            var process: Result<ProcessOutput, ProcessError>?
            while let step = await group.next() {
                switch step {
                case .ended(let result): process = result
                case .stopped(let reason): limit = process == nil ? reason : nil
                }
                group.cancelAll()
            }
            return (process ?? .failure(ProcessError(step: .watch, subject: "curl", errno: ECHILD)), limit)
        }
    }

    /// Waits until a limit is reached; nil when it is cancelled.
    private func limitReached() async -> DownloadError.Reason? {
        var size: Int64 = -1
        var lastByte = MonotonicTime.now
        while true {
            do throws(DownloadError) {
                let now = MonotonicTime.now
                let current = try partial.size()
                if current != size {
                    size = current
                    lastByte = now
                    progress(.received(bytes: current))
                }
                if current > Int64(limits.bytes) { return .tooLarge(limit: limits.bytes) }
                if now >= deadline { return .timedOut(seconds: limits.time) }
                if now.since(lastByte) >= .seconds(limits.stall) { return .stalled(seconds: limits.stall) }
            } catch {
                return error.reason
            }
            do { try await Task.sleep(for: Self.interval) } catch { return nil }
        }
    }

    // MARK: - the end

    private func failed(_ reason: DownloadError.Reason, retryAfter: Int? = nil) -> Outcome {
        .failed(DownloadError(partial.address, reason), retryAfter: retryAfter)
    }

    private func outcome(_ process: ProcessOutput) throws(DownloadError) -> Outcome {
        guard process.reason == .ended else {
            return failed(process.reason == .cancelled ? .cancelled : .timedOut(seconds: limits.time))
        }
        let headers = try partial.headers(isContinued ? partial.laterHeadersPath : partial.headersPath)
        let code = process.status.shellStatus
        // 33 and status 416: the server has no ranges, another file, or one that is shorter than what has begun.
        if isContinued, code == 33 || (code == 22 && headers.status == 416) { return .cannotContinue }
        // A server may give a range of another file although it was asked for one of this file only.
        if isContinued, let validator, headers.validator != validator, code == 0 || code == 18 {
            return .cannotContinue
        }
        if try partial.size() > Int64(limits.bytes) { return failed(.tooLarge(limit: limits.bytes)) }
        switch code {
        case 0:
            if let status = headers.status, !(200...299).contains(status) { return failed(.status(status)) }
            return .whole
        case 18: return failed(.interrupted(bytes: try partial.size()))
        case 22:
            let now = Int64(time(nil))
            return failed(.status(headers.status ?? 0), retryAfter: headers.retryAfter(now: now))
        case 23:
            if let error = try partial.obstacle() { return failed(.file(error)) }
        case 63: return failed(.tooLarge(limit: limits.bytes))
        default: break
        }
        let message = process.standardError.split(separator: Ascii.newline).last ?? []
        return failed(
            .curl(
                status: code, message: partial.address.cleaned(String(decoding: message, as: UTF8.self))))
    }
}
