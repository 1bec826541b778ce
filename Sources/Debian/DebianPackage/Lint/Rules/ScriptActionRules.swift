import DebianFormat

/// Rules for what scripts do.
enum ScriptActionRules {
    static let all = [
        dottedOwner, changesShippedFiles, recursiveOwner, purgeWithoutDependencies, leavesTraces, forcedLink,
        removesUser,
        downloads,
    ]

    static let dottedOwner = LintRule(
        "DB0309", .warning, "owner and group are separated by a dot", remedy: "separate them by a colon",
        reference: "chown(1)"
    ) { subject in
        subject.allScripts.flatMap { name, script in
            script.commands(running: ["chown"]).compactMap { command -> LintRule.Observation? in
                guard let owner = command.arguments.first(where: { !$0.hasPrefix("-") }), owner.contains("."),
                    !owner.contains(":"), !owner.contains("/")
                else { return nil }
                return .init(name, "line \(command.line) says 'chown \(owner)'")
            }
        }
    }

    static let changesShippedFiles = LintRule(
        "DB0310", .warning, "maintainer script changes the mode or owner of a shipped file",
        remedy: "ship the mode and owner in the archive, so that dpkg-statoverride(1) counts",
        reference: "Debian Policy 10.9.1"
    ) { subject in
        subject.scripts.flatMap { name, script -> [LintRule.Observation] in
            if script.code.contains("dpkg-statoverride") { return [] }
            return script.commands(running: ["chmod", "chown", "chgrp"]).flatMap { command in
                command.arguments.dropFirst().filter { argument in
                    let path = argument.hasSuffix("/") ? String(argument.dropLast()) : argument
                    return subject.entries[path] != nil
                }.map { .init(name.rawValue, "line \(command.line) runs \(command.program ?? "chmod") on '\($0)'") }
            }
        }
    }

    static let recursiveOwner = LintRule(
        "DB0311", .warning, "maintainer script hands a whole tree over",
        remedy: "change the owner of the directory alone, when it is created",
        reference: "chown(1), protected_hardlinks in proc(5)"
    ) { subject in
        subject.scripts.flatMap { name, script in
            script.commands(running: ["chown", "chgrp", "chmod"]).filter { command in
                command.arguments.contains { $0 == "--recursive" || ($0.hasPrefix("-") && $0.contains("R")) }
            }.map { command in
                .init(
                    name.rawValue,
                    "line \(command.line) runs \(command.program ?? "chown") -R: it follows hard links that a user laid"
                )
            }
        }
    }

    static let purgeWithoutDependencies = LintRule(
        "DB0312", .error, "postrm runs a program that need not be there on purge",
        remedy: "ask for it with 'command -v' first", reference: "Debian Policy 7.2"
    ) { subject in
        guard let script = subject.scripts[.postrm] else { return [] }
        let programs: Set<String> = [
            "iptables", "iptables-restore", "ip6tables", "ip", "hostname", "adduser", "deluser", "delgroup", "ucf",
            "ucfr",
            "update-inetd", "logrotate", "curl", "systemctl", "deb-systemd-helper", "deb-systemd-invoke",
            "systemd-tmpfiles", "systemd-sysusers",
        ]
        return script.commands(running: programs).filter { command in
            guard let program = command.program, !script.guardedPrograms.contains(program) else { return false }
            // A running systemd has its own programs.
            let isSystemd = ["systemctl", "deb-systemd-invoke"].contains(program)
            return !(isSystemd && script.code.contains("/run/systemd/system"))
        }.map { .init("postrm", "line \($0.line) runs '\($0.program ?? "")', whose package may be gone") }
    }

    static let leavesTraces = LintRule(
        "DB0313", .warning, "purge leaves directories of the package behind",
        remedy: "remove logs and generated files in postrm on purge", reference: "Debian Policy 6.8 and 10.8"
    ) { subject in
        let made = variableDirectories(subject)
        if made.isEmpty { return [] }
        if let postrm = subject.scripts[.postrm], postrm.code.contains("purge"),
            !postrm.commands(running: ["rm", "rmdir", "find"]).isEmpty
        {
            return []
        }
        return made.sorted().map { .init($0, "is made by the package and left by purge") }
    }

    static let forcedLink = LintRule(
        "DB0314", .warning, "maintainer script makes a link without looking at what is there",
        remedy: "test with '[ ! -e … ] && [ ! -L … ]', or ship the link", reference: "Debian Policy 6.2, ln(1)"
    ) { subject in
        subject.scripts.flatMap { name, script in
            script.commands(running: ["ln"]).compactMap { command -> LintRule.Observation? in
                let options = command.arguments.filter { $0.hasPrefix("-") && !$0.hasPrefix("--") }.joined()
                let operands = command.arguments.filter { !$0.hasPrefix("-") }
                guard let link = operands.last else { return nil }
                let isForced = options.contains("f") || command.arguments.contains("--force")
                if !isForced, testsFor(link, in: script) { return nil }
                return .init(
                    name.rawValue, "line \(command.line) makes the link '\(link)'\(isForced ? " by force" : "")")
            }
        }
    }

    static let removesUser = LintRule(
        "DB0315", .warning, "removal deletes a user or group", remedy: "leave the user: files may still belong to it",
        reference: "Debian Policy 9.2.2"
    ) { subject in
        [MaintainerScriptName.prerm, .postrm].flatMap { name -> [LintRule.Observation] in
            (subject.scripts[name]?.commands(running: ["userdel", "groupdel", "deluser", "delgroup"]) ?? []).map {
                .init(name.rawValue, "line \($0.line) runs '\($0.program ?? "")'")
            }
        }
    }

    static let downloads = LintRule(
        "DB0318", .error, "maintainer script fetches something from the network",
        remedy: "ship it in the package or in one that Depends names", reference: "Debian Policy 6.3"
    ) { subject in
        subject.scripts.flatMap { name, script in
            script.commands(running: ["curl", "wget", "pip", "pip3", "npm", "git"]).map {
                .init(name.rawValue, "line \($0.line) runs '\($0.program ?? "")'")
            }
        }
    }

    // MARK: - parts

    /// Directories below /var that belong to this package alone: shipped, made by tmpfiles.d, or by a script.
    static func variableDirectories(_ subject: LintSubject) -> Set<String> {
        var made: Set<String> = []
        for script in subject.scripts.values {
            for command in script.commands(running: ["mkdir", "install"]) {
                let operands = command.arguments.filter { !$0.hasPrefix("-") }
                // `install -d` alone makes directories.
                if command.program == "install", !command.arguments.contains("-d") { continue }
                made.formUnion(operands.filter { isLogDirectory($0) })
            }
        }
        for words in subject.temporaryFileLines where words.count > 1 && words[0].hasPrefix("d") {
            if isLogDirectory(words[1]) { made.insert(words[1]) }
        }
        return made
    }

    private static func isLogDirectory(_ path: String) -> Bool {
        path.hasPrefix("/var/log/") || path.hasPrefix("/var/cache/")
    }

    private static func testsFor(_ path: String, in script: ShellScript) -> Bool {
        script.commands.contains { command in
            let words = command.words.drop { ShellScript.reservedWords.contains($0) }
            guard let first = words.first, ["[", "test", "[["].contains(first) else { return false }
            return words.contains { ["-e", "-L", "-h", "-d", "-f"].contains($0) }
                && words.contains { $0 == path || $0 == path + "/" }
        }
    }
}
