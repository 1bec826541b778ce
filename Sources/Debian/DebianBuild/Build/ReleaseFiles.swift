import DebianArchive
import DebianFormat
import Files
import Glibc
import Platform

/// Writes further files beside the packages of a release, in a form that only some readers want.
public protocol ReleaseFileWriter: Sendable {
    /// Writes the files for packages that have been built into a folder.
    func write(_ outcomes: [BuildOutcome], to directory: String) throws(FileError)
}

extension Builder {
    /// Writes what lies beside the packages: `SHA256SUMS`, a `.buildinfo` for each that was written (if the request wants
    /// it), the checks of each, and what `writer` adds.
    ///
    /// - Parameter date: the date of the build, seconds since 1970.
    public func writeReleaseFiles(
        _ outcomes: [BuildOutcome], date: Int64, and writer: (any ReleaseFileWriter)? = nil
    ) throws(BuildError) {
        let scenarios = try scenarioTexts(outcomes)
        do throws(FileError) {
            let lock = try ReleaseNeighbours.locked(outputDirectory)
            defer { withExtendedLifetime(lock) {} }
            // Another build may have put another package there since.
            var present: [BuildOutcome] = []
            for outcome in outcomes {
                let now = try FileStatus.ofIfExists(outcome.path, followLinks: false)
                if now?.isUnchanged(since: outcome.status) == true { present.append(outcome) }
            }
            var sums: [String: String] = [:]
            var files: [AtomicFile] = []
            lazy var tools = BuildInformation.installedTools(of: present.map(\.plan))
            for outcome in present {
                // Each is open until it has its name.
                if files.count > 64 {
                    try AtomicFile.commit(files)
                    files = []
                }
                let name = outcome.plan.scenarioFileName
                if let text = scenarios[name] {
                    let file = try AtomicFile(target: outputDirectory + "/" + name)
                    try file.write(text: text)
                    files.append(file)
                    sums[name] = FileDigests.of(Array(text.utf8)).sha256
                }
                if !request.writesBuildInformation { continue }
                if outcome.isUpToDate, try BuildInformation.isAbout(outcome) { continue }
                files.append(try BuildInformation.file(outcome, date: date, tools: tools))
            }
            // Last, so that no line is about a file that is not there.
            if let list = try ChecksumList.file(in: outputDirectory, with: present, and: sums) { files.append(list) }
            try AtomicFile.commit(files)
            try writer?.write(outcomes, to: outputDirectory)
            // Once for the names of all of them.
            if writer != nil || outcomes.contains(where: { !$0.isUpToDate }) {
                try FileTree.syncDirectory(outputDirectory)
            }
        } catch {
            throw .file(package: outputDirectory, error)
        }
    }

    /// The texts of the scenarios that have to be written, by the names of their files.
    private func scenarioTexts(_ outcomes: [BuildOutcome]) throws(BuildError) -> [String: String] {
        var texts: [String: String] = [:]
        for outcome in outcomes {
            let name = outcome.plan.scenarioFileName
            do throws(FileError) {
                let path = outputDirectory + "/" + name
                if outcome.isUpToDate, try FileStatus.ofIfExists(path, followLinks: false) != nil { continue }
            } catch { throw .file(package: name, error) }
            texts[name] = try scenario(of: outcome)
        }
        return texts
    }
}

/// What lies beside a package and is about its bytes: it must never be about others, whenever a build is killed.
///
/// Three files cannot change at one moment. So what would no longer be true is taken away first, then the package takes
/// its name, and then what is true of it is written.
enum ReleaseNeighbours {
    /// Keeps other builds from the files beside packages while they are changed.
    static func locked(_ directory: String) throws(FileError) -> DirectoryLock {
        try DirectoryLock(directory, patience: .seconds(120))
    }

    /// Takes away what is not true of the package that is about to take its name. The folder is locked.
    static func withdraw(
        in directory: String, _ plan: BuildPlan, sha256: String, scenario: String?
    ) throws(FileError) {
        var names: Set<String> = []
        let information = BuildInformation.path(for: directory + "/" + plan.fileName)
        if try !BuildInformation.names(sha256, information) { try remove(information) }
        if try ChecksumList.sum(of: plan.fileName, in: directory) != sha256 { names.insert(plan.fileName) }
        let checks = directory + "/" + plan.scenarioFileName
        let isStale = try !isSame(checks, Array((scenario ?? "").utf8))
        if isStale { names.insert(plan.scenarioFileName) }
        try ChecksumList.drop(names, in: directory)
        if isStale { try remove(checks) }
    }

    /// Whether a file has these bytes, or is not there.
    private static func isSame(_ path: String, _ bytes: [UInt8]) throws(FileError) -> Bool {
        guard let status = try FileStatus.ofIfExists(path, followLinks: false) else { return true }
        guard status.kind == .file, status.size == Int64(bytes.count) else { return false }
        return try FileTree.readWhole(path, limit: bytes.count) == bytes
    }

    private static func remove(_ path: String) throws(FileError) {
        if try FileStatus.ofIfExists(path, followLinks: false) != nil { try FileTree.remove(path) }
    }
}

/// `SHA256SUMS` beside the packages, in the format of sha256sum(1).
enum ChecksumList {
    /// The file's name.
    static let fileName = "SHA256SUMS"

    /// The list with the checksums of these packages put in, keeping the lines of other files that are still there; nil
    /// if it is so already.
    static func file(
        in directory: String, with outcomes: [BuildOutcome], and others: [String: String] = [:]
    ) throws(FileError) -> AtomicFile? {
        let present = try text(in: directory)
        var sums = try self.sums(present, in: directory)
        sums.merge(others) { _, new in new }
        for outcome in outcomes { sums[outcome.plan.fileName] = outcome.checksums.sha256 }
        return try file(sums, in: directory, unless: present)
    }

    /// The checksum that stands there for a file.
    static func sum(of name: String, in directory: String) throws(FileError) -> String? {
        try sums(try text(in: directory), in: directory)[name]
    }

    /// Takes the lines of files out.
    static func drop(_ names: Set<String>, in directory: String) throws(FileError) {
        let present = try text(in: directory)
        if names.isEmpty || present.isEmpty { return }
        let rest = try sums(present, in: directory).filter { !names.contains($0.key) }
        try file(rest, in: directory, unless: present)?.commit(.contents)
    }

    private static func text(in directory: String) throws(FileError) -> String {
        let path = directory + "/" + fileName
        guard try FileStatus.ofIfExists(path, followLinks: false) != nil else { return "" }
        return String(decoding: try FileTree.readWhole(path, limit: 4 << 20), as: UTF8.self)
    }

    /// The lines of files that are still there.
    private static func sums(_ text: String, in directory: String) throws(FileError) -> [String: String] {
        var sums: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].utf8.count == 64 else { continue }
            let name = String(words[1].drop { $0 == " " || $0 == "*" })
            guard !name.contains("/"), try FileStatus.ofIfExists(directory + "/" + name, followLinks: false) != nil
            else { continue }
            sums[name] = String(words[0])
        }
        return sums
    }

    private static func file(
        _ sums: [String: String], in directory: String, unless present: String
    ) throws(FileError) -> AtomicFile? {
        let text = sums.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { "\($0.value)  \($0.key)\n" }.joined()
        if text == present { return nil }
        let file = try AtomicFile(target: directory + "/" + fileName)
        try file.write(text: text)
        return file
    }
}

/// The `.buildinfo` file beside each package (deb-buildinfo(5)): what it was made of and with.
enum BuildInformation {
    /// Packages whose code decides the bytes of what `debbuild` writes.
    private static let toolPackages: Set = [
        "libarchive13", "libarchive13t64", "libbz2-1.0", "libc6", "liblzma5", "libyaml-0-2", "libzstd1", "zlib1g",
    ]

    /// `NAME_VERSION_ARCH.buildinfo` for a package that has just been written.
    ///
    /// - Parameters:
    ///   - date: seconds since 1970.
    ///   - tools: what may have been used.
    static func file(_ outcome: BuildOutcome, date: Int64, tools: [InstalledTool]) throws(FileError) -> AtomicFile {
        let plan = outcome.plan
        var checksums = outcome.checksums
        // An earlier build had no use for them.
        if checksums.md5 == nil || checksums.sha1 == nil { checksums = try PackageChecksums(of: outcome.path) }
        var paragraph = ControlParagraph()
        paragraph["Format"] = "1.0"
        paragraph["Source"] = plan.control["Source"] ?? plan.package.description
        paragraph["Binary"] = plan.package.description
        paragraph["Architecture"] = plan.architecture.description
        paragraph["Version"] = plan.version.description
        func line(_ sum: String?) -> String { "\n\(sum ?? "") \(outcome.size) \(plan.fileName)" }
        paragraph["Checksums-Md5"] = line(checksums.md5)
        paragraph["Checksums-Sha1"] = line(checksums.sha1)
        paragraph["Checksums-Sha256"] = line(checksums.sha256)
        paragraph["Build-Origin"] = "Debian"
        paragraph["Build-Architecture"] = Architecture.host.description
        paragraph["Build-Date"] = MailDate.text(date)
        let wanted = toolPackages.union(plan.toolPackages)
        let tools = tools.filter { wanted.contains($0.name) }
        paragraph["Installed-Build-Depends"] =
            tools.isEmpty ? "" : "\n" + tools.map { "\($0.name) (= \($0.version))" }.joined(separator: ",\n")
        paragraph["Environment"] = "\nSOURCE_DATE_EPOCH=\"\(plan.sourceDateEpoch)\""
        let file = try AtomicFile(target: path(for: outcome.path))
        try file.write(text: paragraph.description)
        return file
    }

    /// Whether the file beside a package is about these bytes of it.
    static func isAbout(_ outcome: BuildOutcome) throws(FileError) -> Bool {
        try names(outcome.checksums.sha256, path(for: outcome.path))
    }

    /// Whether a file has a line with this checksum.
    static func names(_ sha256: String, _ path: String) throws(FileError) -> Bool {
        var isNamed = false
        do throws(FileError) {
            try LineScanner.scan(path) { line in
                if line.starts(with: (sha256 + " ").utf8) || line.starts(with: (" " + sha256 + " ").utf8) {
                    isNamed = true
                }
            }
        } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
        return isNamed
    }

    /// The file beside a package.
    static func path(for package: String) -> String {
        (package.hasSuffix(".deb") ? String(package.dropLast(4)) : package) + ".buildinfo"
    }

    /// An installed package and its version.
    typealias InstalledTool = (name: String, version: String)

    /// Those of ``toolPackages`` and of what the plans name that are installed. Reads dpkg's status line by line: the file
    /// is large and only two fields of it are wanted.
    static func installedTools(of plans: [BuildPlan], _ path: String = "/var/lib/dpkg/status") -> [InstalledTool] {
        let packages = plans.reduce(into: toolPackages) { $0.formUnion($1.toolPackages) }
        var found: [String: String] = [:]
        var package = ""
        do throws(FileError) {
            try LineScanner.scan(path) { line in
                switch line.first {
                case nil: package = ""
                case UInt8(ascii: "P") where line.starts(with: "Package: ".utf8):
                    package = String(decoding: line.dropFirst("Package: ".utf8.count), as: UTF8.self)
                case UInt8(ascii: "V") where line.starts(with: "Version: ".utf8) && packages.contains(package):
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
