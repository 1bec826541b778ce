import Archive
import DebianArchive
import DebianFormat
import Platform

/// Rules for the members of `control.tar` beside `control` and the scripts.
enum ControlFileRules {
    static let all = [
        md5sumsMissing, md5sumsWrong, conffilesMalformed, conffileNotShipped, configurationNotConffile,
        triggersMalformed, unknownControlFile, controlFileMode,
    ]

    static let md5sumsMissing = LintRule(
        "DB0110", .warning, "no md5sums", remedy: "ship the checksums of all files that are not conffiles",
        reference: "deb-md5sums(5)"
    ) { subject in
        // A plan has none yet: the writer takes them while it writes.
        guard !subject.image.isPlanned, subject.image.controlFile("md5sums") == nil else { return [] }
        let files = subject.image.entries.filter { $0.isRegularFile && !subject.conffiles.contains($0.path) }
        return files.isEmpty ? [] : [.init("md5sums", "\(files.count) files have no checksum")]
    }

    static let md5sumsWrong = LintRule(
        "DB0111", .error, "md5sums does not match the files", remedy: "take the checksums of what is shipped",
        reference: "deb-md5sums(5)"
    ) { subject in
        guard let file = subject.image.controlFile("md5sums") else { return [] }
        let sums: MD5Sums
        do throws(FormatError) {
            sums = try MD5Sums(parsing: file.text)
        } catch {
            return [.init("md5sums", "\(error)")]
        }
        var found: [LintRule.Observation] = []
        var listed = PathSet()
        for sum in sums.entries {
            let path = "/" + sum.path
            listed.insert(path)
            guard let entry = subject.entries[path], entry.isRegularFile || entry.md5 != nil else {
                if case .hardLink = subject.entries[path]?.kind { continue }
                found.append(.init(path, "is listed but not shipped"))
                continue
            }
            if let actual = entry.md5, actual != sum.digest.lowercased() {
                found.append(.init(path, "has the checksum \(actual), md5sums says \(sum.digest)"))
            }
        }
        for entry in subject.image.entries
        where entry.isRegularFile && !listed.contains(entry.path) && !subject.conffiles.contains(entry.path) {
            found.append(.init(entry.path, "is shipped but not listed"))
        }
        return found
    }

    static let conffilesMalformed = LintRule(
        "DB0115", .error, "conffiles is malformed",
        remedy:
            "write one absolute path per line and end every line: no leading spaces, empty lines or repetition",
        reference: "deb-conffiles(5)"
    ) { subject in
        guard let file = subject.image.controlFile("conffiles") else { return [] }
        do throws(FormatError) {
            _ = try Conffiles(parsing: file.text)
            return []
        } catch {
            return [.init("conffiles", "\(error)")]
        }
    }

    static let conffileNotShipped = LintRule(
        "DB0116", .error, "conffile is not shipped or not a regular file",
        remedy: "list what the package ships, and nothing else", reference: "deb-conffiles(5)"
    ) { subject in
        guard let file = subject.image.controlFile("conffiles") else { return [] }
        var found: [LintRule.Observation] = []
        for line in TextLines.of(file.bytes) {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
            guard let path = words.last, path.startsBytewise("/") else { continue }
            let isRemoved = words.first == "remove-on-upgrade"
            let entry = subject.entries[path]
            switch entry {
            case nil where !isRemoved: found.append(.init(path, "is listed in conffiles but not shipped"))
            case let entry? where isRemoved:
                found.append(
                    .init(entry.path, "is to be removed on upgrade and shipped", remedy: "ship it or remove it"))
            case let entry? where !entry.isRegularFile:
                found.append(.init(entry.path, "is listed in conffiles and is not a regular file"))
            default: break
            }
        }
        return found
    }

    static let configurationNotConffile = LintRule(
        "DB0117", .warning, "a file in /etc is not a conffile",
        remedy: "list it in conffiles, or an upgrade overwrites what the administrator changed",
        reference: "Debian Policy 10.7.2"
    ) { subject in
        subject.image.entries.filter {
            $0.isRegularFile && $0.path.startsBytewise("/etc/") && !subject.conffiles.contains($0.path)
        }.map { .init($0.path, "is shipped in /etc but not listed in conffiles") }
    }

    static let triggersMalformed = LintRule(
        "DB0125", .error, "triggers is malformed", remedy: "write 'interest NAME' or 'activate NAME' lines",
        reference: "deb-triggers(5)"
    ) { subject in
        guard let file = subject.image.controlFile("triggers") else { return [] }
        var found: [LintRule.Observation] = []
        for (index, line) in TextLines.of(file.bytes).enumerated() {
            let text = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
            guard text.contains(where: { $0 != " " && $0 != "\t" }) else { continue }
            do throws(FormatError) {
                _ = try Trigger(String(text))
            } catch {
                found.append(.init("triggers", "line \(index + 1): \(error)"))
            }
        }
        return found
    }

    static let unknownControlFile = LintRule(
        "DB0126", .warning, "control.tar has a member that dpkg does not know", remedy: "leave it out",
        reference: "deb(5), Debian Policy 3.9"
    ) { subject in
        let known: Set<String> = [
            "md5sums", "conffiles", "preinst", "postinst", "prerm", "postrm", "config", "templates", "triggers",
            "shlibs",
            "symbols", "isinstallable",
        ]
        return subject.image.controlFiles.filter { !known.contains($0.name) }.map {
            .init($0.name, "is not a control file")
        }
    }

    static let controlFileMode = LintRule(
        "DB0129", .warning, "a control file that is not a script is executable or writable by others",
        remedy: "set its mode to 0644", reference: "deb(5)"
    ) { subject in
        let scripts = Set(MaintainerScriptName.allCases.map(\.rawValue))
        return subject.image.controlFiles.filter { !scripts.contains($0.name) && $0.permissions & 0o133 != 0 }.map {
            .init($0.name, "has the mode \(ModeText.octal($0.permissions))")
        }
    }
}
