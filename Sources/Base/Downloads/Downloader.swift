import Files
import Glibc
import Platform
import Processes

/// Downloads by curl(1): bounded in time and size, without the user's `~/.curlrc`, and safe to run several times at once.
public struct Downloader: Sendable {
    /// What a download may cost.
    public var limits: DownloadLimits
    /// Told what is going on, several times a second.
    public var progress: @Sendable (DownloadProgress) -> Void

    /// Creates a downloader.
    public init(
        limits: DownloadLimits = DownloadLimits(), progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) {
        self.limits = limits
        self.progress = progress
    }

    /// Puts the file of a URL at a path once it is complete and right.
    ///
    /// Until then it is beside the path, with `.partial` behind its name, and locked: whoever wants the same file waits.
    /// A partial download is continued if the server confirms that the file is still the same (If-Range, RFC 9110
    /// section 13.1.5), and where a checksum covers the whole.
    ///
    /// - Parameters:
    ///   - isCovered: whether `isRight` finds every wrong file, as a checksum does. Only then a file that is there already
    ///     is used, and a beginning that the server does not vouch for is continued.
    ///   - isRight: whether the file at a path is the one that is wanted.
    /// - Returns: false when the server has another file.
    public func file(
        _ url: String, to target: String, isCovered: Bool, isRight: (_ path: String) -> Bool
    ) async throws(DownloadError) -> Bool {
        let address = DownloadAddress(url)
        let partial = try await PartialFile.locked(
            target + ".partial", of: address, within: limits.time, progress: progress)
        // Somebody else may have been faster.
        if isCovered, try partial.exists(target), isRight(target) {
            try partial.remove()
            return true
        }
        let deadline = MonotonicTime.now + .seconds(limits.time)
        var isContinued = try partial.size() > 0
        while true {
            isContinued = try await complete(partial, continued: isContinued, isCovered: isCovered, deadline)
            if isRight(partial.path) {
                try partial.finish(as: target)
                return true
            }
            guard isContinued else {
                try partial.remove()
                return false
            }
            // The beginning was another file's.
            isContinued = false
        }
    }

    /// Transfers until the file is complete, again after failures that pass.
    ///
    /// - Returns: whether an earlier beginning is a part of it.
    private func complete(
        _ partial: PartialFile, continued: Bool, isCovered: Bool, _ deadline: MonotonicTime
    ) async throws(DownloadError) -> Bool {
        var isContinued = continued
        var failures = 0
        while true {
            let validator = isContinued ? try partial.validator() : nil
            if validator == nil, !isCovered { isContinued = false }
            if !isContinued { try partial.empty() }
            let transfer = Transfer(
                limits: limits, partial: partial, deadline: deadline, isContinued: isContinued, validator: validator,
                progress: progress)
            switch try await transfer.run() {
            case .whole: return isContinued
            case .cannotContinue: isContinued = false
            case .failed(let error, let retryAfter):
                let isUseless = try partial.size() == 0
                let pause = failures < limits.retries ? pause(after: error, failures, retryAfter) : .failure(error)
                switch pause {
                case .failure(let error):
                    if isUseless || error.reason == .tooLarge(limit: limits.bytes) { try partial.remove() }
                    throw error
                case .success(let seconds):
                    progress(.retrying(seconds: seconds, reason: error.found))
                    do { try await Task.sleep(for: .seconds(seconds)) } catch {
                        throw DownloadError(partial.address, .cancelled)
                    }
                }
                failures += 1
                isContinued = !isUseless
            }
        }
    }

    /// Seconds until the next attempt, or why there is none.
    private func pause(
        after error: DownloadError, _ failures: Int, _ retryAfter: Int?
    ) -> Result<Int, DownloadError> {
        guard error.isPassing else { return .failure(error) }
        guard case .status(let status) = error.reason, let retryAfter else { return .success(1 << min(failures, 4)) }
        guard retryAfter <= limits.wait else {
            var error = error
            error.reason = .retryLater(status: status, seconds: retryAfter, limit: limits.wait)
            return .failure(error)
        }
        return .success(max(1, retryAfter))
    }
}
