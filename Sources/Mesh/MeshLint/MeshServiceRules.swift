import DebianArchive
import DebianFormat
import DebianLint
import MeshContract
import Platform

/// Rules for the units that run the mesh.
enum MeshServiceRules {
    static let all = [networkOnline, openFiles, rootService, hardening, startOrder, unitUser, unitContract]

    static let networkOnline = LintRule(
        "DB0402", .warning, "a service that needs the network does not wait for it",
        remedy: "write 'Wants=network-online.target' and 'After=network-online.target' in [Unit]",
        reference: "systemd.special(7)"
    ) { subject in
        subject.meshUnits.flatMap { unit in
            ["Wants", "After"].filter { key in
                let list = unit.list("Unit", key).union(key == "Wants" ? unit.list("Unit", "Requires") : [])
                return !list.contains("network-online.target")
            }.map { .init(unit.path, "has no \($0)=network-online.target") }
        }
    }

    static let openFiles = LintRule(
        "DB0404", .warning, "Envoy runs with the system's limit of open files",
        remedy: "write 'LimitNOFILE=' with 65536 or more", reference: "systemd.exec(5)"
    ) { subject in
        subject.units.filter { subject.isMeshSidecar($0) }.compactMap { unit in
            guard let text = unit.value("Service", "LimitNOFILE") else {
                return .init(unit.path, "has no LimitNOFILE=: every connection is an open file")
            }
            let limits = text.split(separator: ":").map { $0 == "infinity" ? Int.max : Int($0) ?? 0 }
            return limits.allSatisfy { $0 >= 65536 }
                ? nil : .init(unit.path, "has LimitNOFILE=\(text) (must be >=65536)")
        }
    }

    static let rootService = LintRule(
        "DB0405", .error, "a service of the mesh runs as root", remedy: "write 'User=\(MeshNames.user)' in [Service]",
        reference: "systemd.exec(5), mesh contract"
    ) { subject in
        subject.meshUnits.filter { unit in
            let user = unit.value("Service", "User")
            if let user { return user == "root" || user == "0" }
            if unit.isTrue("Service", "DynamicUser") { return false }
            let dropsRights = unit.values("Service", "ExecStart").contains { value in
                let script = UnitFile.words(ofCommand: value).first.flatMap { subject.shippedScript(at: $0) }
                return script.map { !$0.commands(running: ["setpriv", "runuser", "su", "sudo"]).isEmpty } ?? false
            }
            return !dropsRights
        }.map { .init($0.path, "runs as root") }
    }

    static let hardening = LintRule(
        "DB0406", .warning, "node agent is not confined",
        remedy: "write NoNewPrivileges=yes, ProtectSystem=strict, ReadWritePaths=\(MeshPaths.certificates) and "
            + "PrivateTmp=yes",
        reference: "systemd.exec(5)"
    ) { subject in
        subject.units.filter { subject.isNodeAgent($0) }.flatMap { unit in
            var missing: [String] = []
            if !unit.isTrue("Service", "NoNewPrivileges") { missing.append("NoNewPrivileges=yes") }
            if unit.value("Service", "ProtectSystem") != "strict" { missing.append("ProtectSystem=strict") }
            if !unit.isTrue("Service", "PrivateTmp") { missing.append("PrivateTmp=yes") }
            let writable = unit.list("Service", "ReadWritePaths").map { $0.drop { $0 == "-" || $0 == "+" } }
            if !writable.contains(where: { $0 == MeshPaths.certificates || $0 == MeshPaths.certificates + "/" }) {
                missing.append("ReadWritePaths=\(MeshPaths.certificates)")
            }
            return missing.map { LintRule.Observation(unit.path, "has no \($0)") }
        }
    }

    static let startOrder = LintRule(
        "DB0409", .warning, "the sidecar may start before what it needs",
        remedy: "write 'After=nss-lookup.target dnsmasq.service \(MeshNames.nodeAgentUnit)' in [Unit]",
        reference: "systemd.special(7), mesh contract"
    ) { subject in
        subject.units.filter { $0.name == MeshNames.istioUnit }.flatMap { unit in
            ["nss-lookup.target", "dnsmasq.service", MeshNames.nodeAgentUnit].filter {
                !unit.list("Unit", "After").contains($0)
            }.map { .init(unit.path, "has no After=\($0)") }
        }
    }

    static let unitUser = LintRule(
        "DB0414", .error, "nothing creates the user of a service",
        remedy: "ship a sysusers.d file for it, and have postinst run systemd-sysusers",
        reference: "sysusers.d(5), Debian Policy 9.2.2"
    ) { subject in
        let makers: Set<String> = ["adduser", "useradd"]
        let made = Set(subject.scripts.values.flatMap { $0.commands(running: makers) }.lazy.map(\.words).joined())
        if made.contains(where: { $0.startsBytewise("$") }) || dependsOnRelative(subject)
            || MeshPackage.all.contains(where: { subject.depends(on: $0.name) })
        {
            return []
        }
        return subject.units.compactMap { unit in
            guard let user = unit.value("Service", "User"),
                !baseUsers.contains(user), !user.contains("%"),
                // The administrator chooses the instances of a template, and makes users for them.
                !unit.name.contains("@."),
                !unit.isTrue("Service", "DynamicUser"), !subject.sysusers.contains(user), !made.contains(user)
            else { return nil }
            return .init(unit.path, "runs as '\(user)', which neither this package nor its dependencies create")
        }
    }

    /// The users of every Debian system (base-passwd), and root by its number.
    private static let baseUsers: Set<String> = [
        "root", "0", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data",
        "backup", "list", "irc", "_apt", "nobody",
    ]

    /// Whether the package depends on one whose name begins alike, as `sound-server` on `sound-common`, which may make
    /// the user for all of its family.
    private static func dependsOnRelative(_ subject: LintedPackage) -> Bool {
        guard let family = subject.name.split(separator: "-").first else { return false }
        return [RelationField.Kind.depends, .preDepends].contains { kind in
            subject.relations[kind]?.groups.joined().contains {
                $0.package.description.split(separator: "-").first == family
            } ?? false
        }
    }

    static let unitContract = LintRule(
        "DB0710", .error, "a unit of the mesh contract is different",
        remedy: "keep ExecStart, Restart=always, RestartSec=10, no start limit and WantedBy=multi-user.target",
        reference: "mesh contract, the three packages"
    ) { subject in
        let commands = [
            MeshNames.istioUnit: [MeshPaths.startScript],
            MeshNames.nodeAgentUnit: [MeshPaths.nodeAgent, "--logtostderr"],
        ]
        return subject.units.flatMap { unit -> [LintRule.Observation] in
            guard let command = commands[unit.name] else { return [] }
            var found: [LintRule.Observation] = []
            let start = UnitFile.words(ofCommand: unit.value("Service", "ExecStart") ?? "")
            if Array(start.prefix(command.count)) != command {
                found.append(
                    .init(
                        unit.path,
                        "has ExecStart=\(start.joined(separator: " ")), not \(command.joined(separator: " "))"))
            }
            func demand(_ section: String, _ key: String, _ allowed: [String]) {
                let value = unit.value(section, key)
                if !allowed.contains(value ?? "") {
                    found.append(.init(unit.path, "has \(key)=\(value ?? "") in [\(section)], not \(allowed[0])"))
                }
            }
            demand("Service", "Restart", ["always"])
            demand("Service", "RestartSec", ["10", "10s", "10sec"])
            demand("Unit", "StartLimitIntervalSec", ["0", "0s"])
            if !unit.list("Install", "WantedBy").contains("multi-user.target") {
                found.append(.init(unit.path, "has no WantedBy=multi-user.target"))
            }
            return found
        }
    }
}
