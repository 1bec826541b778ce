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
        let count = subject.image.entries.count { $0.isRegularFile && !subject.conffiles.contains($0.path) }
        return count == 0 ? [] : [.init("md5sums", "\(count) files have no checksum")]
    }

    static let md5sumsWrong = LintRule(
        "DB0111", .error, "md5sums does not match the files", remedy: "take the checksums of what is shipped",
        reference: "deb-md5sums(5)"
    ) { subject, found in
        guard let file = subject.image.controlFile("md5sums") else { return }
        var listed = [Bool](repeating: false, count: subject.image.entries.count)
        do throws(FormatError) {
            try MD5Sums.forEach(in: file.bytes) { sum in
                let path = "/" + sum.path
                let position = subject.entries.position(of: path)
                if let position { listed[position] = true }
                guard let entry = position.map({ subject.image.entries[$0] }), entry.isRegularFile else {
                    if case .hardLink = position.map({ subject.image.entries[$0].kind }) { return }
                    return found.add(path, "is listed but not shipped")
                }
                if let actual = entry.md5, actual != sum.digest.lowercased() {
                    found.add(path, "has the checksum \(actual), md5sums says \(sum.digest)")
                }
            }
        } catch {
            found = LintRule.Observations()
            return found.add("md5sums", "\(error)")
        }
        for (position, entry) in subject.image.entries.enumerated()
        where entry.isRegularFile && !listed[position] && !subject.conffiles.contains(entry.path) {
            // Of two entries at one path the last counts.
            if subject.entries.position(of: entry.path) == position {
                found.add(entry.path, "is shipped but not listed")
            }
        }
    }

    static let conffilesMalformed = LintRule(
        "DB0115", .error, "conffiles is malformed",
        remedy:
            "write one absolute path per line and end every line: no leading spaces, empty lines or repetition",
        reference: "deb-conffiles(5)"
    ) { subject in
        guard let file = subject.image.controlFile("conffiles") else { return [] }
        do throws(FormatError) {
            try Conffiles.forEach(in: file.bytes) { _ in }
            return []
        } catch {
            return [.init("conffiles", "\(error)")]
        }
    }

    static let conffileNotShipped = LintRule(
        "DB0116", .error, "conffile is not shipped or not a regular file",
        remedy: "list what the package ships, and nothing else", reference: "deb-conffiles(5)"
    ) { subject, found in
        guard let file = subject.image.controlFile("conffiles") else { return }
        for line in Lines(file.bytes) {
            let text = Ascii.trimmed(line.bytes)
            let word = text[(text.lastIndex(where: Ascii.isBlank) ?? text.startIndex - 1).advanced(by: 1)...]
            guard word.first == UInt8(ascii: "/") else { continue }
            let path = Ascii.text(word)
            let isRemoved = text.prefix { !Ascii.isBlank($0) }.elementsEqual("remove-on-upgrade".utf8)
            guard let entry = subject.entries[path] else {
                if !isRemoved { found.add(path, "is listed in conffiles but not shipped") }
                continue
            }
            if isRemoved {
                found.add(path, "is to be removed on upgrade and shipped", remedy: "ship it or remove it")
            } else if !entry.isRegularFile {
                found.add(path, "is listed in conffiles and is not a regular file")
            }
        }
    }

    static let configurationNotConffile = LintRule(
        "DB0117", .warning, "a file in /etc is not a conffile",
        remedy: "list it in conffiles, or an upgrade overwrites what the administrator changed",
        reference: "Debian Policy 10.7.2"
    ) { entry, subject in
        entry.isRegularFile && entry.path.startsBytewise("/etc/") && !subject.conffiles.contains(entry.path)
    } message: { _ in
        "is shipped in /etc but not listed in conffiles"
    }

    static let triggersMalformed = LintRule(
        "DB0125", .error, "triggers is malformed", remedy: "write 'interest NAME' or 'activate NAME' lines",
        reference: "deb-triggers(5)"
    ) { subject, found in
        guard let file = subject.image.controlFile("triggers") else { return }
        for (index, line) in Lines(file.bytes).enumerated() {
            let text = line.bytes.prefix { $0 != UInt8(ascii: "#") }
            guard text.contains(where: { !Ascii.isHorizontalBlank($0) }) else { continue }
            do throws(FormatError) {
                _ = try Trigger(text)
            } catch {
                found.add("triggers", "line \(index + 1): \(error)")
            }
        }
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
