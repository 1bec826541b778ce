import DebianArchive
import Downloads
import Files

extension PayloadResolver {
    /// An hour and 64 GiB for one file.
    private static let downloader = Downloader(timeLimit: 3600, sizeLimit: 1 << 36)

    /// The file of a URL, kept by its checksum; without one it is kept by its URL and fetched again by every run.
    func download(_ url: String, sha256: String?) async throws(PayloadError) -> String {
        let directory = cacheDirectory + "/downloads"
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
        announce("fetching \(url)")
        do throws(FileError) { try FileTree.createDirectories(directory) } catch { throw .file(error) }
        do throws(DownloadError) {
            let isCovered = sha256 != nil
            if try await Self.downloader.file(url, to: target, isCovered: isCovered, isRight: isRight) { return target }
        } catch {
            switch error.reason {
            case .noCurl: throw .programMissing("curl", purpose: "fetch '\(url)'")
            case .file(let error): throw .file(error)
            default: throw .download(url: url, status: error.curlStatus, message: error.found)
            }
        }
        throw fault ?? .missing(path: target, nearest: nil)
    }
}
