import Archive
import DebianArchive
import DebianFormat
import Platform

/// Rules for modes, owners and times of entries.
enum EntryModeRules {
    static let all = [
        worldWritable, setUserID, executableData, programNotExecutable, numericOwner, ownerUnknownAtUnpacking,
        timeInFuture, systemDirectory,
    ]

    static let worldWritable = LintRule(
        "DB0201", .error, "file or directory is writable by everybody",
        remedy: "take the write permission of others away, or set the sticky bit of a directory",
        reference: "Debian Policy 10.9"
    ) { entry, _ in
        guard entry.permissions & 0o002 != 0 else { return false }
        switch entry.kind {
        case .file, .hardLink: return true
        case .directory: return entry.permissions & 0o1000 == 0
        default: return false
        }
    } message: {
        "has the mode \(ModeText.octal($0.permissions))"
    }

    static let setUserID = LintRule(
        "DB0202", .warning, "file runs with the rights of its owner or group",
        remedy: "drop the setuid and setgid bits, or give a capability to the service instead",
        reference: "Debian Policy 10.9"
    ) { entry, _ in
        entry.isRegularFile && entry.permissions & 0o6000 != 0
    } message: { entry in
        let bits =
            entry.permissions & 0o4000 != 0 ? "setuid, owner \(entry.owner.name)" : "setgid, group \(entry.group.name)"
        return "has the mode \(ModeText.octal(entry.permissions)) (\(bits))"
    }

    static let executableData = LintRule(
        "DB0203", .error, "data file is executable", remedy: "set its mode to 0644", reference: "Debian Policy 10.9"
    ) { entry, _ in
        guard entry.isRegularFile, entry.permissions & 0o111 != 0, entry.facts.elf == nil else { return false }
        if let text = entry.facts.text, text.starts(with: "#!".utf8), !isUnit(entry) { return false }
        return dataSuffixes.contains { entry.path.endsBytewise($0) } || entry.path.startsBytewise("/usr/share/doc/")
            || entry.path.startsBytewise("/usr/share/man/")
    } message: {
        "has the mode \(ModeText.octal($0.permissions))"
    }

    static let programNotExecutable = LintRule(
        "DB0204", .error, "file in a folder of programs is not executable", remedy: "set its mode to 0755",
        reference: "Debian Policy 10.9"
    ) { entry, _ in
        guard entry.isRegularFile, entry.permissions & 0o111 != 0o111 else { return false }
        return programFolders.contains {
            entry.path.startsBytewise($0) && !entry.path.utf8.dropFirst($0.utf8.count).contains(UInt8(ascii: "/"))
        }
    } message: {
        "has the mode \(ModeText.octal($0.permissions))"
    }

    /// The folders of PATH.
    private static let programFolders = [
        "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/games/", "/usr/local/bin/", "/usr/local/sbin/",
    ]

    static let numericOwner = LintRule(
        "DB0209", .error, "owner or group is a number without a name",
        remedy: "store the owner by name; a number means another user on another machine",
        reference: "Debian Policy 9.2.2"
    ) { subject, found in
        for entry in subject.image.entries {
            if entry.owner.name.isEmpty, !isAllocated(entry.owner.id) {
                found.add(entry.path, "belongs to user \(entry.owner.id) without a name")
            }
            if entry.group.name.isEmpty, !isAllocated(entry.group.id) {
                found.add(entry.path, "belongs to group \(entry.group.id) without a name")
            }
        }
    }

    /// Whether a number means the same user or group on every Debian system (Policy 9.2.2).
    private static func isAllocated(_ id: Int64) -> Bool { id < 100 || (60_000...64_999).contains(id) }

    static let ownerUnknownAtUnpacking = LintRule(
        "DB0210", .warning, "owner need not exist when dpkg unpacks the package",
        remedy: "ship it as root and let tmpfiles.d hand it over, or create the user in preinst",
        reference: "Debian Policy 9.2.2, dpkg(1)"
    ) { subject, found in
        if let preinst = subject.scripts[.preinst],
            !preinst.commands(running: ["adduser", "useradd", "addgroup", "groupadd", "systemd-sysusers"]).isEmpty
        {
            return
        }
        // Nearly all belong to root.
        for entry in subject.image.entries where entry.owner.name != "root" || entry.group.name != "root" {
            if !entry.owner.name.isEmpty, BaseAccounts.users[entry.owner.name] == nil, entry.owner.name != "_apt" {
                found.add(entry.path, "belongs to user '\(entry.owner.name)', which dpkg may not know yet")
            }
            if !entry.group.name.isEmpty, BaseAccounts.groups[entry.group.name] == nil {
                found.add(entry.path, "belongs to group '\(entry.group.name)', which dpkg may not know yet")
            }
        }
    }

    static let timeInFuture = LintRule(
        "DB0211", .warning, "modification time is later than the package",
        remedy: "clamp modification times to SOURCE_DATE_EPOCH", reference: "SOURCE_DATE_EPOCH specification"
    ) { subject, found in
        guard let limit = subject.image.timeLimit else { return }
        for entry in subject.image.entries where entry.modificationTime > limit {
            found.add(
                entry.path,
                "is of \(entry.modificationTime), \(entry.modificationTime &- limit) seconds after \(limit)")
        }
    }

    static let systemDirectory = LintRule(
        "DB0215", .error, "a directory of the system has a mode or owner of its own",
        remedy: "give it mode 0755 and root:root, or leave it out", reference: "Debian Policy 10.9"
    ) { entry, _ in
        guard entry.isDirectory, SystemPaths.directories.contains(entry.path) else { return false }
        // Policy 9.1.2 has the folders of /usr/local belong to the group staff.
        let isLocal = entry.path.startsBytewise("/usr/local") && entry.group.name == "staff"
        let hasMode = entry.permissions == 0o755 || (isLocal && entry.permissions == 0o2775)
        return !hasMode || entry.owner.id != 0 || !(entry.group.id == 0 || isLocal)
    } message: { entry in
        "has the mode \(ModeText.octal(entry.permissions)), owner \(OwnerText.of(entry.owner)), group "
            + OwnerText.of(entry.group)
    }

    // MARK: - parts

    private static let dataSuffixes = [
        ".env", ".json", ".yaml", ".yml", ".conf", ".cfg", ".ini", ".service", ".socket", ".timer", ".target", ".mount",
        ".path", ".slice", ".md", ".txt", ".gz", ".pem", ".crt", ".html", ".xml", ".png", ".svg", ".toml", ".proto",
    ]

    private static func isUnit(_ entry: ImageEntry) -> Bool { entry.path.contains("/systemd/system/") }
}

/// Directories that belong to the system and not to one package.
enum SystemPaths {
    /// base-files' and those of the Filesystem Hierarchy Standard that many packages share.
    static let directories: Set<String> = [
        "/", "/bin", "/boot", "/etc", "/etc/cron.d", "/etc/cron.daily", "/etc/default", "/etc/init.d",
        "/etc/logrotate.d", "/etc/dnsmasq.d", "/etc/systemd", "/etc/systemd/system", "/home", "/lib", "/lib64",
        "/lib/systemd", "/lib/systemd/system", "/opt", "/sbin", "/srv", "/usr", "/usr/bin", "/usr/games",
        "/usr/include",
        "/usr/lib", "/usr/lib/sysusers.d", "/usr/lib/systemd", "/usr/lib/systemd/system", "/usr/lib/tmpfiles.d",
        "/usr/lib64", "/usr/libexec", "/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/lib",
        "/usr/local/sbin", "/usr/local/share", "/usr/sbin", "/usr/share", "/usr/share/doc", "/usr/share/lintian",
        "/usr/share/lintian/overrides", "/usr/share/man", "/usr/share/man/man1", "/usr/share/man/man5",
        "/usr/share/man/man7", "/usr/share/man/man8", "/usr/src", "/var", "/var/cache", "/var/lib", "/var/log",
        "/var/spool",
    ]
}
