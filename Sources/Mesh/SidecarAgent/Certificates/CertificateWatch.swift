import Files
import WorkloadCertificates

/// Follows the certificates of a folder.
struct CertificateWatch: Sendable {
    /// What people may want to know, and what the supervisor has to.
    enum Observation: Sendable, Hashable {
        /// There are certificates that can be used, other than the ones before.
        case changed
        /// The files have changed and cannot be used, or are gone; the ones before stay in use.
        case unusable(reason: String)
        /// Changes are seen late: there is no inotify(7).
        case unwatched(FileError)
    }

    let files: CertificateFiles
    /// How long changes are gathered before the files are compared.
    let batch: Duration
    /// How often they are compared without any sign of a change: inotify(7) sees nothing of network file systems.
    var regularly = Duration.seconds(60)

    /// The observations after a state, until the task that reads them ends.
    func observations(after first: CertificateState) -> AsyncStream<Observation> {
        let (stream, continuation) = AsyncStream.makeStream(of: Observation.self)
        let task = Task { await follow(first, continuation) }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    private func follow(_ first: CertificateState, _ output: AsyncStream<Observation>.Continuation) async {
        let (signs, sign) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var watch: DirectoryWatch?
        do throws(FileError) {
            watch = try DirectoryWatch([files.key, files.chain, files.root]) { sign.yield() }
        } catch {
            output.yield(.unwatched(error))
        }
        let regular = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: max(regularly, batch))
                sign.yield()
            }
        }
        defer {
            regular.cancel()
            sign.finish()
            withExtendedLifetime(watch) {}
        }
        // A change between the first reading and the watch would not be seen.
        sign.yield()
        var used = first.condition == .usable ? first.digests : nil
        var last = first
        for await _ in signs {
            // Nothing is gathered after a look that found nothing new; a wait costs nothing then either.
            do { try await Task.sleep(for: batch) } catch { return }
            let state = CertificateState.read(files)
            guard state != last else { continue }
            last = state
            switch state.condition {
            case .unusable(let reason): output.yield(.unusable(reason: reason))
            case .absent: output.yield(.unusable(reason: "there is none of the three files any more"))
            case .usable where state.digests != used:
                used = state.digests
                output.yield(.changed)
            case .usable: break
            }
        }
    }
}
