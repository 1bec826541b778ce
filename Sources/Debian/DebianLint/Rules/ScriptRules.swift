import DebianArchive
import DebianFormat
import Platform

/// Rules for the form of maintainer scripts (Policy 6).
enum ScriptRules {
    static let all = [permissions, interpreter, errorExit, ignoresArguments, marker, carriageReturns]

    static let permissions = LintRule(
        "DB0301", .error, "maintainer script has bad permissions", remedy: "set its mode to 0755",
        reference: "dpkg-deb(1), Debian Policy 6.1"
    ) { subject in
        files(subject).filter { $0.permissions & 0o7557 != 0o555 }.map {
            .init(
                $0.name,
                "maintainer script '\($0.name)' has bad permissions \(ModeText.octal($0.permissions)) "
                    + "(must be >=0555 and <=0775)")
        }
    }

    static let interpreter = LintRule(
        "DB0302", .error, "maintainer script names no interpreter", remedy: "begin it with '#!/bin/sh'",
        reference: "Debian Policy 6.1 and 10.4"
    ) { subject in
        files(subject).compactMap { file in
            if file.bytes.isEmpty { return .init(file.name, "is empty") }
            if file.bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return nil }
            let interpreter = Interpreter.words(file.bytes).first
            guard let interpreter else { return .init(file.name, "does not begin with '#!'") }
            return interpreter.startsBytewise("/") ? nil : .init(file.name, "names the interpreter '\(interpreter)'")
        }
    }

    static let errorExit = LintRule(
        "DB0303", .warning, "maintainer script continues after a failure", remedy: "write 'set -e' in its second line",
        reference: "Debian Policy 10.4"
    ) { subject in
        subject.scripts.filter { _, script in !script.isEmpty && !stopsOnFailure(script) }.map { name, _ in
            .init(name.rawValue, "has no 'set -e'")
        }
    }

    static let ignoresArguments = LintRule(
        "DB0304", .warning, "maintainer script ignores what it is called for",
        remedy: "act on \"$1\": configure in postinst, remove and upgrade in prerm, purge in postrm",
        reference: "Debian Policy 6.5"
    ) { subject in
        subject.scripts.filter { name, script in
            name != .config && !script.usesArguments && !script.isEmpty
        }.map { name, _ in .init(name.rawValue, "never looks at its arguments and does the same on every call") }
    }

    static let marker = LintRule(
        "DB0316", .error, "a marker for generated snippets is left in a script",
        remedy: "build with a program that replaces it, or remove the line", reference: "debhelper(7)"
    ) { subject in
        files(subject).filter { file in
            Lines(file.bytes).contains {
                $0.bytes.drop(while: Ascii.isHorizontalBlank).starts(with: "#DEBHELPER#".utf8)
            }
        }.map { .init($0.name, "still has the line #DEBHELPER#") }
    }

    static let carriageReturns = LintRule(
        "DB0317", .error, "maintainer script has DOS line ends", remedy: "end its lines with a newline alone",
        reference: "Debian Policy 10.4"
    ) { subject in
        files(subject).filter { $0.bytes.prefix { $0 != UInt8(ascii: "\n") }.last == UInt8(ascii: "\r") }.map {
            .init($0.name, "ends its first line with a carriage return: the kernel looks for such an interpreter")
        }
    }

    private static func files(_ subject: LintedPackage) -> [ControlFile] {
        MaintainerScriptName.allCases.compactMap { subject.image.controlFile($0.rawValue) }
    }

    private static func stopsOnFailure(_ script: ShellScript) -> Bool {
        let options = script.interpreterArguments.filter { $0.startsBytewise("-") && !$0.startsBytewise("--") }
        if options.contains(where: { $0.contains("e") }) { return true }
        return script.commands(running: ["set"]).contains { command in
            command.arguments.contains { $0.startsBytewise("-") && $0.contains("e") }
                || command.arguments.contains("errexit")
        }
    }
}

/// Rules for what scripts do.
package enum ScriptActionRules {
    static let all = [
        dottedOwner, changesShippedFiles, recursiveOwner, purgeWithoutDependencies, leavesTraces, forcedLink,
        removesUser,
        downloads,
    ]

    static let dottedOwner = LintRule(
        "DB0309", .warning, "owner and group are separated by a dot", remedy: "separate them by a colon",
        reference: "chown(1)"
    ) { subject, found in
        for (name, script) in subject.allScripts {
            for command in script.commands(running: ["chown"]) {
                guard let owner = command.arguments.first(where: { !$0.startsBytewise("-") }), owner.contains("."),
                    !owner.contains(":"), !owner.contains("/")
                else { continue }
                found.add(name, "line \(command.line) says 'chown \(owner)'")
            }
        }
    }

    static let changesShippedFiles = LintRule(
        "DB0310", .warning, "maintainer script changes the mode or owner of a shipped file",
        remedy: "ship the mode and owner in the archive, so that dpkg-statoverride(1) counts",
        reference: "Debian Policy 10.9.1"
    ) { subject, found in
        for (name, script) in subject.scripts where !script.mentions("dpkg-statoverride") {
            for command in script.commands(running: ["chmod", "chown", "chgrp"]) {
                for argument in command.arguments.dropFirst() {
                    let path = argument.endsBytewise("/") ? String(argument.dropLast()) : argument
                    guard subject.entries.position(of: path) != nil else { continue }
                    found.add(
                        name.rawValue, "line \(command.line) runs \(command.program ?? "chmod") on '\(argument)'")
                }
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
                command.arguments.contains { $0 == "--recursive" || ($0.startsBytewise("-") && $0.contains("R")) }
            }.map { command in
                .init(
                    name.rawValue,
                    "line \(command.line) runs \(command.program ?? "chown") -R: it follows hard links that a user made"
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
        // A running systemd has its own programs.
        let asksForSystemd = script.mentions("/run/systemd/system")
        return script.commands(running: programs).filter { command in
            guard let program = command.program, !command.mayFail, !script.asksFor(program) else { return false }
            let isSystemd = ["systemctl", "deb-systemd-invoke"].contains(program)
            return !(isSystemd && asksForSystemd)
        }.map { .init("postrm", "line \($0.line) runs '\($0.program ?? "")', whose package may be gone") }
    }

    static let leavesTraces = LintRule(
        "DB0313", .warning, "purge leaves directories of the package behind",
        remedy: "remove logs and generated files in postrm on purge", reference: "Debian Policy 6.8 and 10.8"
    ) { subject, found in
        let made = variableDirectories(subject)
        if made.isEmpty { return }
        if let postrm = subject.scripts[.postrm], postrm.mentions("purge"),
            !postrm.commands(running: ["rm", "rmdir", "find"]).isEmpty
        {
            return
        }
        for path in made.sorted() { found.add(path, "is made by the package and left by purge") }
    }

    static let forcedLink = LintRule(
        "DB0314", .warning, "maintainer script makes a link without looking at what is there",
        remedy: "test with '[ ! -e … ] && [ ! -L … ]', or ship the link", reference: "Debian Policy 6.2, ln(1)"
    ) { subject in
        subject.scripts.flatMap { name, script in
            let tested = testedPaths(script)
            return script.commands(running: ["ln"]).compactMap { command -> LintRule.Observation? in
                let options = command.arguments.filter { $0.startsBytewise("-") && !$0.startsBytewise("--") }.joined()
                let operands = command.arguments.filter { !$0.startsBytewise("-") }
                guard let link = operands.last else { return nil }
                let isForced = options.contains("f") || command.arguments.contains("--force")
                if !isForced, tested.contains(link) || tested.contains(link + "/") { return nil }
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
    package static func variableDirectories(_ subject: LintedPackage) -> Set<String> {
        var made: Set<String> = []
        for script in subject.scripts.values {
            for command in script.commands(running: ["mkdir", "install"]) {
                let operands = command.arguments.filter { !$0.startsBytewise("-") }
                // `install -d` alone makes directories.
                if command.program == "install", !command.arguments.contains("-d") { continue }
                made.formUnion(operands.filter { isLogDirectory($0) })
            }
        }
        for words in subject.temporaryFileLines where words.count > 1 && words[0].startsBytewise("d") {
            if isLogDirectory(words[1]) { made.insert(words[1]) }
        }
        return made
    }

    private static func isLogDirectory(_ path: String) -> Bool {
        path.startsBytewise("/var/log/") || path.startsBytewise("/var/cache/")
    }

    /// The words of all tests that ask whether something is there.
    private static func testedPaths(_ script: ShellScript) -> Set<String> {
        script.commands(running: ["[", "test", "[["]).reduce(into: []) { words, command in
            guard command.words.contains(where: { ["-e", "-L", "-h", "-d", "-f"].contains($0) }) else { return }
            words.formUnion(command.words)
        }
    }
}

/// Rules for how maintainer scripts treat the package's services (Policy 9.3).
enum ServiceScriptRules {
    static let all = [reload, enablePolicy, stopOnRemoval, directCalls, removalReload]

    static let reload = LintRule(
        "DB0305", .error, "units are shipped and systemd is not told",
        remedy: "run 'systemctl --system daemon-reload' in postinst when /run/systemd/system exists",
        reference: "systemctl(1), deb-systemd-invoke(1p)"
    ) { subject in
        // What no script starts is read when something asks for it.
        guard let postinst = subject.scripts[.postinst], !reloads(postinst) else { return [] }
        let calls = ServiceCalls(postinst)
        guard let unit = subject.units.first(where: { calls.start($0.name, by: ["deb-systemd-invoke", "systemctl"]) })
        else { return [] }
        return [.init("postinst", "does not reload systemd, which then does not know \(unit.name)")]
    }

    static let enablePolicy = LintRule(
        "DB0306", .warning, "unit can be enabled and no script does it by the administrator's will",
        remedy: "call deb-systemd-helper in postinst (unmask, was-enabled, enable, update-state)",
        reference: "deb-systemd-helper(1p)"
    ) { subject in
        let calls = subject.scripts[.postinst]?.commands(running: ["deb-systemd-helper"]) ?? []
        let enabled = Set(calls.lazy.map(\.words).joined())
        // The administrator enables instances of a template by name.
        return subject.units.filter { unit in
            unit.sections.contains("Install") && !unit.name.contains("@.") && !enabled.contains(unit.name)
        }.map { .init($0.path, "has an [Install] section and postinst does not call deb-systemd-helper for it") }
    }

    static let stopOnRemoval = LintRule(
        "DB0307", .error, "service runs on after its package is removed",
        remedy: "stop it in prerm on remove with deb-systemd-invoke",
        reference: "Debian Policy 9.3.3, deb-systemd-invoke(1p)"
    ) { subject in
        guard let postinst = subject.scripts[.postinst] else { return [] }
        let (starting, stopping) = (ServiceCalls(postinst), ServiceCalls(subject.scripts[.prerm]))
        return subject.units.filter { unit in
            guard unit.sections.contains("Service") || unit.sections.contains("Socket"), !isHelper(unit) else {
                return false
            }
            // What the package does not start runs only where the administrator has started it.
            return starting.start(unit.name) && !stopping.stop(unit.name)
        }.map { .init($0.path, "is not stopped in prerm: its processes keep running from deleted files") }
    }

    static let directCalls = LintRule(
        "DB0308", .warning, "maintainer script starts, stops or enables a service directly",
        remedy: "use deb-systemd-invoke, which respects policy-rc.d, and deb-systemd-helper",
        reference: "Debian Policy 9.3.3.2"
    ) { subject in
        let verbs: Set<String> = [
            "start", "stop", "restart", "try-restart", "reload-or-restart", "enable", "disable", "mask", "unmask",
        ]
        return subject.scripts.flatMap { name, script -> [LintRule.Observation] in
            let systemctl = script.commands(running: ["systemctl"]).compactMap { command -> LintRule.Observation? in
                guard let verb = command.arguments.first(where: { !$0.startsBytewise("-") }), verbs.contains(verb)
                else {
                    return nil
                }
                return .init(name.rawValue, "line \(command.line) runs 'systemctl \(verb)'")
            }
            let service = script.commands(running: ["service"]).map { command in
                LintRule.Observation(name.rawValue, "line \(command.line) runs 'service'")
            }
            return systemctl + service
        }
    }

    static let removalReload = LintRule(
        "DB0319", .warning, "systemd still knows a removed unit",
        remedy: "run 'systemctl --system daemon-reload' in postrm on remove", reference: "systemctl(1)"
    ) { subject in
        guard let unit = subject.units.first, !reloads(subject.scripts[.postrm]) else { return [] }
        return [.init("postrm", "does not reload systemd, which still knows \(unit.name)")]
    }

    // MARK: - parts

    private static func reloads(_ script: ShellScript?) -> Bool {
        script?.commands(running: ["systemctl", "deb-systemd-invoke"]).contains { $0.words.contains("daemon-reload") }
            ?? false
    }

    /// A oneshot service that does not remain has nothing running to stop; a template has no process of its own.
    private static func isHelper(_ unit: UnitFile) -> Bool {
        if unit.name.contains("@.") { return true }
        return unit.value("Service", "Type") == "oneshot" && !unit.isTrue("Service", "RemainAfterExit")
    }
}

/// The commands of a script that start or stop services, by their words: a package may have thousands of units, and its
/// scripts as many commands.
private struct ServiceCalls {
    private var byWord: [String: [Call]] = [:]

    private struct Call {
        var program: String
        var starts: Bool
        var stops: Bool
    }

    init(_ script: ShellScript?) {
        for command in script?.commands(running: ["deb-systemd-invoke", "systemctl", "invoke-rc.d", "service"]) ?? [] {
            let call = Call(
                program: command.program ?? "",
                // `try-restart` starts nothing that does not run; debhelper's has the verb in a variable.
                starts: command.words.contains {
                    ["start", "restart", "reload-or-restart"].contains($0) || $0.startsBytewise("$")
                }, stops: command.words.contains("stop"))
            guard call.starts || call.stops else { continue }
            for word in Set(command.words) where (byWord[word]?.count ?? 0) < Self.callLimit {
                byWord[word, default: []].append(call)
            }
        }
    }

    /// More commands about one unit tell nothing new.
    private static let callLimit = 64

    /// Whether a unit is started.
    ///
    /// - Parameter programs: those that count; invoke-rc.d(8) sees to the reloading by itself.
    func start(
        _ unit: String, by programs: Set<String> = ["deb-systemd-invoke", "systemctl", "invoke-rc.d", "service"]
    ) -> Bool {
        calls(unit).contains { $0.starts && programs.contains($0.program) }
    }

    func stop(_ unit: String) -> Bool { calls(unit).contains { $0.stops } }

    private func calls(_ unit: String) -> [Call] {
        let bare = unit.endsBytewise(".service") ? String(unit.dropLast(".service".count)) : unit
        return (byWord[unit] ?? []) + (bare == unit ? [] : byWord[bare] ?? [])
    }
}
