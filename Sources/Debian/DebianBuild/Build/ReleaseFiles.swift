import DebianArchive
import DebianFormat
import Files
import Platform

/// Writes further files beside the packages of a release, in a form that only some readers want.
public protocol ReleaseFileWriter: Sendable {
    /// Writes the files for packages that have been built into a folder.
    func write(_ outcomes: [BuildOutcome], to directory: String) throws(FileError)
}

extension Builder {
    /// Writes what lies beside the packages: `SHA256SUMS`, a `.buildinfo` for each that was written, the checks of each,
    /// and what `writer` adds.
    ///
    /// - Parameter date: the date of the build, seconds since 1970.
    public func writeReleaseFiles(
        _ outcomes: [BuildOutcome], date: Int64, and writer: (any ReleaseFileWriter)? = nil
    ) throws(BuildError) {
        let scenarios = try writeScenarios(outcomes)
        do throws(FileError) {
            try ChecksumList.update(in: outputDirectory, with: outcomes, and: scenarios)
            for outcome in outcomes {
                let information = BuildInformation.path(for: outcome.path)
                let isThere = try FileStatus.ofIfExists(information, followLinks: false) != nil
                if outcome.isUpToDate, isThere { continue }
                try BuildInformation.write(outcome, date: date)
            }
            try writer?.write(outcomes, to: outputDirectory)
            // Once for the names of all of them.
            if writer != nil || outcomes.contains(where: { !$0.isUpToDate }) {
                try FileTree.syncDirectory(outputDirectory)
            }
        } catch {
            throw .file(package: outputDirectory, error)
        }
    }

    /// Writes `NAME_VERSION_ARCH.meshcheck.yaml` for each package, unless it is there already.
    ///
    /// - Returns: SHA-256 of the files that were written, by name.
    private func writeScenarios(_ outcomes: [BuildOutcome]) throws(BuildError) -> [String: String] {
        var sums: [String: String] = [:]
        for outcome in outcomes {
            let name = outcome.plan.scenarioFileName
            let path = outputDirectory + "/" + name
            do throws(FileError) {
                if outcome.isUpToDate, try FileStatus.ofIfExists(path, followLinks: false) != nil { continue }
            } catch { throw .file(package: name, error) }
            guard let text = try scenario(of: outcome) else { continue }
            do throws(FileError) {
                let file = try AtomicFile(target: path)
                try file.write(text: text)
                try file.commit(.contents)
            } catch { throw .file(package: name, error) }
            sums[name] = FileDigests.of(Array(text.utf8)).sha256
        }
        return sums
    }
}

/// `SHA256SUMS` beside the packages, in the format of sha256sum(1).
enum ChecksumList {
    /// The file's name.
    static let fileName = "SHA256SUMS"

    /// Puts the checksums of these packages in, keeping the lines of other files that are still there.
    static func update(
        in directory: String, with outcomes: [BuildOutcome], and others: [String: String] = [:]
    ) throws(FileError) {
        let path = directory + "/" + fileName
        var sums: [String: String] = [:]
        var present = ""
        if try FileStatus.ofIfExists(path, followLinks: false) != nil {
            present = String(decoding: try FileTree.readWhole(path, limit: 4 << 20), as: UTF8.self)
        }
        for line in present.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].utf8.count == 64 else { continue }
            let name = String(words[1].drop { $0 == " " || $0 == "*" })
            guard !name.contains("/"), try FileStatus.ofIfExists(directory + "/" + name, followLinks: false) != nil
            else { continue }
            sums[name] = String(words[0])
        }
        sums.merge(others) { _, new in new }
        for outcome in outcomes { sums[outcome.plan.fileName] = outcome.checksums.sha256 }
        let text = sums.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { "\($0.value)  \($0.key)\n" }.joined()
        if text == present { return }
        let file = try AtomicFile(target: path)
        try file.write(text: text)
        try file.commit(.contents)
    }
}

/// The `.buildinfo` file beside each package (deb-buildinfo(5)): what it was made of and with.
enum BuildInformation {
    /// Packages whose code decides the bytes of what `debbuild` writes.
    private static let toolPackages = [
        "libarchive13", "libarchive13t64", "libbz2-1.0", "libc6", "liblzma5", "libyaml-0-2", "libzstd1", "zlib1g",
    ]

    /// Writes `NAME_VERSION_ARCH.buildinfo` for a package that has just been written.
    ///
    /// - Parameter date: seconds since 1970.
    static func write(
        _ outcome: BuildOutcome, date: Int64, status: String = "/var/lib/dpkg/status"
    ) throws(FileError) {
        let checksums = outcome.checksums
        let plan = outcome.plan
        var paragraph = ControlParagraph()
        paragraph["Format"] = "1.0"
        paragraph["Source"] = plan.control["Source"] ?? plan.package.description
        paragraph["Binary"] = plan.package.description
        paragraph["Architecture"] = plan.architecture.description
        paragraph["Version"] = plan.version.description
        func line(_ sum: String) -> String { "\n\(sum) \(outcome.size) \(plan.fileName)" }
        paragraph["Checksums-Md5"] = line(checksums.md5)
        paragraph["Checksums-Sha1"] = line(checksums.sha1)
        paragraph["Checksums-Sha256"] = line(checksums.sha256)
        paragraph["Build-Origin"] = "Debian"
        paragraph["Build-Architecture"] = Architecture.host.description
        paragraph["Build-Date"] = MailDate.text(date)
        let installed = installedTools(status)
        paragraph["Installed-Build-Depends"] =
            installed.isEmpty ? "" : "\n" + installed.map { "\($0.name) (= \($0.version))" }.joined(separator: ",\n")
        paragraph["Environment"] = "\nSOURCE_DATE_EPOCH=\"\(plan.sourceDateEpoch)\""
        let file = try AtomicFile(target: path(for: outcome.path))
        try file.write(text: paragraph.description)
        try file.commit(.contents)
    }

    /// The file beside a package.
    static func path(for package: String) -> String {
        (package.hasSuffix(".deb") ? String(package.dropLast(4)) : package) + ".buildinfo"
    }

    /// Reads dpkg's status line by line: the file is large and only two fields of it are wanted.
    private static func installedTools(_ path: String) -> [(name: String, version: String)] {
        var found: [String: String] = [:]
        var package = ""
        do throws(FileError) {
            try LineScanner.scan(path) { line in
                switch line.first {
                case nil: package = ""
                case UInt8(ascii: "P") where line.starts(with: "Package: ".utf8):
                    package = String(decoding: line.dropFirst("Package: ".utf8.count), as: UTF8.self)
                case UInt8(ascii: "V") where line.starts(with: "Version: ".utf8) && toolPackages.contains(package):
                    found[package] = String(decoding: line.dropFirst("Version: ".utf8.count), as: UTF8.self)
                default: break
                }
            }
        } catch {
            // Not a machine with dpkg: nothing can be said about its packages.
            return []
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
