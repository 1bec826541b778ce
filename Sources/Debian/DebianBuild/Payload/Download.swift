import DebianArchive
import Files
import Subprocess

/// Fetches a URL with curl(1), resuming what an earlier run left, and keeps it by checksum.
struct Download {
    let cacheDirectory: String
    let announce: @Sendable (String) -> Void

    /// The downloaded file.
    ///
    /// - Parameter sha256: the expected checksum; without one a file is kept by its URL and fetched anew when the
    ///   server has a newer one.
    func file(
        at url: String, sha256: String?, verify: (_ path: String) throws(PayloadError) -> Void
    ) async throws(PayloadError) -> String {
        let directory = cacheDirectory + "/downloads"
        let name = sha256 ?? "url-" + FileDigests.of(Array(url.utf8)).sha256
        let target = directory + "/" + name
        let partial = target + ".partial"
        do {
            try FileTree.createDirectories(directory)
            if sha256 != nil, try FileStatus.ofIfExists(target, followLinks: false) != nil {
                try verify(target)
                return target
            }
            announce("fetching \(url)")
            var outcome = try await curl(url, to: partial, resume: true)
            // A server without ranges (33), or one that refuses a range because the file is whole already (22).
            if outcome.status == 33 || outcome.status == 22 {
                if try FileStatus.ofIfExists(partial, followLinks: false) != nil {
                    try FileTree.remove(partial)
                    outcome = try await curl(url, to: partial, resume: false)
                }
            }
            guard outcome.status == 0 else {
                throw PayloadError.download(url: url, status: outcome.status, message: outcome.message)
            }
            do {
                try verify(partial)
            } catch {
                // A wrong file must not be resumed by the next run.
                try FileTree.remove(partial)
                throw error
            }
            try FileTree.rename(partial, to: target)
            return target
        } catch let error as PayloadError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .download(url: url, status: -1, message: "\(error)")
        }
    }

    private func curl(_ url: String, to path: String, resume: Bool) async throws -> (status: Int32, message: String) {
        var arguments = [
            "--fail", "--location", "--silent", "--show-error", "--proto", "=http,https,file",
            "--proto-redir", "=http,https", "--connect-timeout", "30", "--retry", "3", "--output", path,
        ]
        if resume { arguments += ["--continue-at", "-"] }
        arguments += ["--", url]
        let outcome = try await Program.run("curl", arguments, purpose: "fetch '\(url)'")
        return (outcome.status, outcome.errors)
    }
}
