import DebianFormat
import Files
import Platform

/// The `.buildinfo` file beside each package (deb-buildinfo(5)): what it was made of and with.
public enum BuildInformation {
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
