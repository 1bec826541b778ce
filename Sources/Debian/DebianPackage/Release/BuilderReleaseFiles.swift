import Files

extension Builder {
    /// Writes what lies beside the packages: `SHA256SUMS`, a `.buildinfo` for each that was written, and with an address
    /// `istio.VERSION`.
    ///
    /// - Parameters:
    ///   - url: where the folder will be published; nil leaves `istio.VERSION` out.
    ///   - date: the date of the build, seconds since 1970.
    public func writeReleaseFiles(_ outcomes: [BuildOutcome], url: String?, date: Int64) throws(BuildError) {
        do throws(FileError) {
            try ChecksumList.update(in: outputDirectory, with: outcomes)
            for outcome in outcomes {
                let information = BuildInformation.path(for: outcome.path)
                let isThere = try FileStatus.ofIfExists(information, followLinks: false) != nil
                if outcome.isUpToDate, isThere { continue }
                try BuildInformation.write(outcome, date: date)
            }
            if let url {
                _ = try ReleaseFiles.write(
                    url: url.hasSuffix("/") ? String(url.dropLast()) : url, outcomes: outcomes,
                    directory: outputDirectory)
            }
            // Once for the names of all of them.
            if url != nil || outcomes.contains(where: { !$0.isUpToDate }) {
                try FileTree.syncDirectory(outputDirectory)
            }
        } catch {
            throw .file(package: outputDirectory, error)
        }
    }
}
