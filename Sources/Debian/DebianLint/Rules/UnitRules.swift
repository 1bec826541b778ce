import DebianArchive
import Platform

/// Rules for systemd units, whatever the package.
enum UnitRules {
    static let all = [
        startLimitSection, switchesUser, missingProgram, missingSection, outputTruncated, malformedLines,
        relativeProgram,
    ]

    static let startLimitSection = LintRule(
        "DB0401", .error, "start limit is where systemd does not look for it",
        remedy: "write 'StartLimitIntervalSec=' in [Unit]", reference: "systemd.unit(5)"
    ) { subject in
        subject.units.flatMap { unit in
            // For the sake of old units systemd takes StartLimitInterval, StartLimitBurst and StartLimitAction there.
            unit.settings.filter { $0.section == "Service" && $0.key == "StartLimitIntervalSec" }.map {
                .init(unit.path, "line \($0.line) has \($0.key) in [Service]: systemd ignores it")
            }
        }
    }

    static let switchesUser = LintRule(
        "DB0403", .error, "service runs through su or sudo",
        remedy: "set User= and, for what needs root, ExecStartPre=+; a child of su leaves the unit's control group",
        reference: "systemd.exec(5)"
    ) { subject in
        let switchers: Set<String> = ["su", "sudo"]
        var found: [LintRule.Observation] = []
        // A script that many settings run is looked at once.
        var seen = PathSet()
        for unit in subject.units {
            for setting in unit.executions {
                let words = UnitFile.words(ofCommand: setting.value)
                let name = words.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
                // `/bin/sh -c 'su …'` hides it in an argument.
                let isHidden = ["sh", "bash", "dash"].contains(name) && !switchers.isDisjoint(with: words)
                if switchers.contains(name) || isHidden {
                    found.append(.init(unit.path, "line \(setting.line) runs \(setting.key)=\(setting.value)"))
                }
                guard setting.key == "ExecStart", let path = words.first,
                    let script = subject.shippedScript(at: path), seen.insert(path)
                else { continue }
                found += script.commands(running: switchers).map { command in
                    .init(path, "line \(command.line) runs '\(command.program ?? "")', started by \(unit.name)")
                }
            }
        }
        return found
    }

    static let missingProgram = LintRule(
        "DB0407", .error, "service runs a program of the package that is not there or not executable",
        remedy: "ship it with mode 0755, or depend on the package that has it", reference: "systemd.service(5)"
    ) { subject in
        subject.units.flatMap { unit in
            unit.executions.compactMap { setting -> LintRule.Observation? in
                guard let path = UnitFile.words(ofCommand: setting.value).first, path.startsBytewise("/") else {
                    return nil
                }
                if let entry = subject.entries[path] {
                    guard entry.isRegularFile, entry.permissions & 0o111 == 0 else { return nil }
                    return .init(unit.path, "line \(setting.line) runs '\(path)', which is not executable")
                }
                // Programs of the system come from other packages.
                guard path.startsBytewise("/usr/local/") || path.startsBytewise("/opt/"),
                    !comesFromDependency(path, subject)
                else {
                    return nil
                }
                return .init(unit.path, "line \(setting.line) runs '\(path)', which is not shipped")
            }
        }
    }

    static let missingSection = LintRule(
        "DB0408", .error, "service has no command to start", remedy: "write [Service] with ExecStart=",
        reference: "systemd.service(5)"
    ) { subject in
        if subject.units.isEmpty { return [] }
        var folders = PathSet()
        for entry in subject.image.entries where entry.path.endsBytewise(".conf") {
            folders.insert(EntryPaths.parent(of: entry.path))
        }
        return subject.units.filter { unit in
            // An empty file masks the unit, and a drop-in may have what is missing here.
            guard unit.name.endsBytewise(".service"), !unit.sections.isEmpty,
                unit.values("Service", "ExecStart").isEmpty, !folders.contains(unit.path + ".d")
            else { return false }
            if unit.settings.contains(where: { $0.key == "SuccessAction" && $0.value != "none" }) { return false }
            // Without ExecStart and BusName the type is oneshot.
            let isOneshot =
                unit.value("Service", "Type").map { $0 == "oneshot" } ?? unit.values("Service", "BusName").isEmpty
            return !isOneshot || unit.values("Service", "ExecStop").isEmpty
                || !unit.isTrue("Service", "RemainAfterExit")
        }.map { .init($0.path, "has no ExecStart in [Service]") }
    }

    static let outputTruncated = LintRule(
        "DB0411", .warning, "service overwrites its log at each start",
        remedy: "write 'append:' before the path, or leave the output to the journal", reference: "systemd.exec(5)"
    ) { subject in
        subject.units.flatMap { unit in
            unit.settings.filter { setting in
                ["StandardOutput", "StandardError"].contains(setting.key)
                    && (setting.value.startsBytewise("file:") || setting.value.startsBytewise("truncate:"))
            }.map { .init(unit.path, "line \($0.line) says \($0.key)=\($0.value)") }
        }
    }

    static let malformedLines = LintRule(
        "DB0412", .error, "line of a unit that systemd does not understand",
        remedy: "write 'Key=value' below a [Section]",
        reference: "systemd.syntax(7)"
    ) { subject, found in
        for unit in subject.units {
            for line in unit.malformedLines {
                found.add(unit.path, "line \(line) is neither a section nor an assignment")
            }
        }
    }

    static let relativeProgram = LintRule(
        "DB0413", .warning, "service names its program without a path", remedy: "write the absolute path",
        reference: "systemd.service(5)"
    ) { subject in
        subject.units.flatMap { unit in
            unit.executions.compactMap { setting -> LintRule.Observation? in
                guard let program = UnitFile.words(ofCommand: setting.value).first, !program.startsBytewise("/"),
                    !program.startsBytewise("%")
                else { return nil }
                return .init(unit.path, "line \(setting.line) runs '\(program)'")
            }
        }
    }

    private static func comesFromDependency(_ path: String, _ subject: LintedPackage) -> Bool {
        subject.knownPackages.contains { package in
            package.name != subject.name && subject.depends(on: package.name) && package.files.contains(path)
        }
    }
}
