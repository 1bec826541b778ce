import DebianFormat

/// Rules for how maintainer scripts treat the package's services (Policy 9.3).
enum ServiceScriptRules {
    static let all = [reload, enablePolicy, stopOnRemoval, directCalls, removalReload]

    static let reload = LintRule(
        "DB0305", .error, "units are shipped and systemd is not told",
        remedy: "run 'systemctl --system daemon-reload' in postinst when /run/systemd/system exists",
        reference: "systemctl(1), deb-systemd-invoke(1p)"
    ) { subject in
        guard let unit = subject.units.first, !reloads(subject.scripts[.postinst]) else { return [] }
        return [.init("postinst", "does not reload systemd, which then does not know \(unit.name)")]
    }

    static let enablePolicy = LintRule(
        "DB0306", .error, "unit can be enabled and no script does it by the administrator's will",
        remedy: "call deb-systemd-helper in postinst (unmask, was-enabled, enable, update-state)",
        reference: "deb-systemd-helper(1p)"
    ) { subject in
        subject.units.filter { unit in
            // The administrator enables instances of a template by name.
            guard unit.sections.contains("Install"), !unit.name.contains("@.") else { return false }
            guard let postinst = subject.scripts[.postinst] else { return true }
            return !postinst.commands(running: ["deb-systemd-helper"]).contains { $0.words.contains(unit.name) }
        }.map { .init($0.path, "has an [Install] section and postinst does not call deb-systemd-helper for it") }
    }

    static let stopOnRemoval = LintRule(
        "DB0307", .error, "service runs on after its package is removed",
        remedy: "stop it in prerm on remove with deb-systemd-invoke",
        reference: "Debian Policy 9.3.3, deb-systemd-invoke(1p)"
    ) { subject in
        subject.units.filter { unit in
            guard unit.sections.contains("Service") || unit.sections.contains("Socket"), !isHelper(unit) else {
                return false
            }
            return !stops(subject.scripts[.prerm], unit.name)
        }.map { .init($0.path, "is not stopped in prerm: its processes go on from deleted files") }
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
                guard let verb = command.arguments.first(where: { !$0.hasPrefix("-") }), verbs.contains(verb) else {
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
        "DB0319", .warning, "systemd goes on knowing a removed unit",
        remedy: "run 'systemctl --system daemon-reload' in postrm on remove", reference: "systemctl(1)"
    ) { subject in
        guard let unit = subject.units.first, !reloads(subject.scripts[.postrm]) else { return [] }
        return [.init("postrm", "does not reload systemd, which goes on knowing \(unit.name)")]
    }

    // MARK: - parts

    private static func reloads(_ script: ShellScript?) -> Bool {
        script?.commands(running: ["systemctl", "deb-systemd-invoke"]).contains { $0.words.contains("daemon-reload") }
            ?? false
    }

    private static func stops(_ script: ShellScript?, _ unit: String) -> Bool {
        guard let script else { return false }
        let bare = unit.hasSuffix(".service") ? String(unit.dropLast(".service".count)) : unit
        return script.commands(running: ["deb-systemd-invoke", "systemctl", "invoke-rc.d", "service"]).contains {
            command in
            command.words.contains("stop") && (command.words.contains(unit) || command.words.contains(bare))
        }
    }

    /// A oneshot service that does not remain has nothing running to stop; a template has no process of its own.
    private static func isHelper(_ unit: UnitFile) -> Bool {
        if unit.name.contains("@.") { return true }
        return unit.value("Service", "Type") == "oneshot" && !unit.isTrue("Service", "RemainAfterExit")
    }
}

extension UnitFile {
    /// A boolean setting (systemd.syntax(7)).
    func isTrue(_ section: String, _ key: String) -> Bool {
        guard let value = value(section, key)?.lowercased() else { return false }
        return ["1", "yes", "y", "true", "t", "on"].contains(value)
    }
}
