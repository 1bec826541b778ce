import Files
import Platform
import Probes

/// Programs of this host that replace or empty the packet filter's rules, at boot, by the clock or by hand: what is left of the
/// mesh's rules they take away.
enum RuleLoaders {
    /// Where administrators and other people's tools put what is run.
    private static let folders = [
        "/etc/systemd/system", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/var/spool/cron/crontabs",
        "/etc/network/if-pre-up.d", "/etc/network/if-up.d", "/etc/network/if-post-down.d", "/usr/local/sbin",
        "/usr/local/bin",
    ]
    private static let files = ["/etc/crontab", "/etc/rc.local", "/etc/network/interfaces"]
    /// Longer files are programs and data, and not scripts.
    private static let sizeLimit = 64 << 10
    private static let fileLimit = 2000
    private static let lineLimit = 6

    /// One line of a file.
    private struct Line {
        var file: String
        var number: Int
        var text: String

        var shown: String { "\(file):\(number): \(text.shortened(to: 160))" }
    }

    /// The lines that load or empty rules, and those that call the scripts which do.
    ///
    /// - Parameter path: where a path of the host is for this process.
    static func find(path: (String) -> String) -> [String] {
        var lines: [Line] = []
        for file in candidates(path) {
            // What cannot be read, or has just gone, tells nothing; that the rules are missing is known without it.
            do throws(FileError) { lines += try Self.lines(of: file, at: path(file)) } catch { continue }
        }
        let loading = lines.filter { loads($0.text) }
        let scripts = Set(loading.map(\.file))
        let calling = lines.filter { line in scripts.contains { $0 != line.file && line.text.containsBytewise($0) } }
        return (loading + calling).prefix(lineLimit).map(\.shown)
    }

    private static func candidates(_ path: (String) -> String) -> [String] {
        var found = files
        for folder in folders {
            let names: [String]
            do throws(FileError) { names = try FileTree.children(of: path(folder)).sorted() } catch { continue }
            // The sidecar's own scripts set the mesh's rules.
            found += names.filter { !$0.startsBytewise("istio-") }.map { folder + "/" + $0 }
        }
        return Array(found.prefix(fileLimit))
    }

    private static func lines(of file: String, at place: String) throws(FileError) -> [Line] {
        guard let status = try FileStatus.ofIfExists(place, followLinks: true), status.kind == .file,
            (1...Int64(sizeLimit)).contains(status.size)
        else { return [] }
        let bytes = try FileTree.readWhole(place, limit: sizeLimit)
        if bytes.contains(0) { return [] }
        return Bytes.lines(bytes).enumerated().compactMap { index, line in
            let text = Ascii.trimmed(line[...])
            guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { return nil }
            return Line(file: file, number: index + 1, text: Ascii.text(text))
        }
    }

    private static func loads(_ text: String) -> Bool {
        let words = Ascii.words(Array(text.utf8)[...]).map { Ascii.text($0) }
        for (index, word) in words.enumerated() {
            // Behind `ExecStart=` and the folder.
            let program = Ascii.text(word.utf8.split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "=") }.last ?? [])
            let arguments = words[(index + 1)...].prefix(6)
            switch program {
            case "iptables-restore", "iptables-nft-restore", "iptables-legacy-restore":
                return !arguments.contains { $0 == "-n" || $0 == "--noflush" || $0 == "--test" || $0 == "-t" }
            case "iptables", "iptables-nft", "iptables-legacy":
                if arguments.contains("-F") || arguments.contains("--flush") { return true }
            case "nft":
                if arguments.contains("-f") || arguments.contains("--file") || arguments.contains("flush") {
                    return true
                }
            default: continue
            }
        }
        return false
    }
}
