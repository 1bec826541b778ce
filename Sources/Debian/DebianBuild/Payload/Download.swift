import DebianArchive
import Downloads
import Files
import Platform
import Synchronization

extension PayloadResolver {
    /// The file of a URL, kept by its checksum; without one it is kept by its URL and fetched again by every run.
    func download(_ url: String, sha256: String?) async throws(PayloadError) -> String {
        while true {
            do throws(PayloadError) {
                return try await download(url, sha256: sha256, to: try folder("downloads"))
            } catch {
                guard case .file(let error) = error, try turnsAway(from: error) else { throw error }
            }
        }
    }

    private func download(
        _ url: String, sha256: String?, to directory: String
    ) async throws(PayloadError) -> String {
        let target = directory + "/" + (sha256 ?? "url-" + FileDigests.of(Array(url.utf8)).sha256)
        var fault: PayloadError?
        func isRight(_ path: String) -> Bool {
            do throws(PayloadError) {
                _ = try verified(path, sha256: sha256)
                return true
            } catch {
                fault = error
                return false
            }
        }
        if sha256 != nil, isRight(target) { return target }
        let shown = DownloadAddress(url).shown
        announce("fetching \(shown)")
        let notes = DownloadNotes(shown, announce: announce)
        do throws(DownloadError) {
            let downloader = Downloader(limits: downloadLimits, progress: { notes.add($0) })
            if try await downloader.file(url, to: target, isCovered: sha256 != nil, isRight: isRight) { return target }
        } catch {
            switch error.reason {
            case .noCurl: throw .programMissing("curl", purpose: "fetch '\(shown)'")
            case .file(let error): throw .file(error)
            default: throw .download(error)
            }
        }
        throw fault ?? .missing(path: target, nearest: nil)
    }
}

/// Says what a download is doing, but not more often than somebody wants to read it.
private final class DownloadNotes: Sendable {
    private let name: String
    private let announce: @Sendable (String) -> Void
    private let next = Mutex(MonotonicTime.now + interval)
    private static let interval = Duration.seconds(5)

    init(_ name: String, announce: @escaping @Sendable (String) -> Void) {
        self.name = name
        self.announce = announce
    }

    func add(_ progress: DownloadProgress) {
        switch progress {
        case .retrying(let seconds, let reason):
            announce("fetching \(name) again in \(DurationText.short(.seconds(seconds))): \(reason)")
        case .received(let bytes): occasionally("fetching \(name): \(ByteCount.text(bytes)) so far")
        case .waiting(let bytes):
            occasionally("waiting for another debbuild, which fetches \(name): \(ByteCount.text(bytes)) so far")
        }
    }

    private func occasionally(_ text: String) {
        let isDue = next.withLock { next in
            let now = MonotonicTime.now
            guard now >= next else { return false }
            next = now + Self.interval
            return true
        }
        if isDue { announce(text) }
    }
}
