import DebianArchive
import DebianFormat
import ELF
import Platform

/// Rules for fields that name other packages (Policy 7).
enum RelationRules {
    static let all = [malformed, missingForScripts, missingForPrograms, missingLibc, selfRelation, duplicateRelation]

    static let malformed = LintRule(
        "DB0106", .error, "malformed relation",
        remedy: "write 'name (>= version)'; Built-Using and Provides take '=' alone, Built-Using demands it",
        reference: "Debian Policy 7.1"
    ) { subject in
        var found: [LintRule.Observation] = []
        for kind in RelationField.Kind.allCases {
            guard let text = subject.image.control[kind.rawValue] else { continue }
            do throws(FormatError) {
                let parsed = try RelationField(parsing: text, field: kind)
                if parsed.groups.isEmpty { found.append(.init(kind.rawValue, "field is empty")) }
            } catch {
                found.append(.init(kind.rawValue, "\(error)"))
            }
        }
        return found
    }

    static let missingForScripts = LintRule(
        "DB0118", .error, "a maintainer script runs a program of a package that Depends does not name",
        remedy: "add the package to Depends", reference: "Debian Policy 7.2"
    ) { subject in
        MaintainerScriptName.allCases.flatMap { name in
            subject.scripts[name].map { missing(for: $0, name.rawValue, in: subject, [.depends, .preDepends]) } ?? []
        }
    }

    static let missingForPrograms = LintRule(
        "DB0131", .warning, "a shipped script runs a program of a package that no field names",
        remedy: "add the package to Depends, or to Recommends where the script does without it",
        reference: "Debian Policy 7.2"
    ) { subject in
        subject.shippedScripts.flatMap { path, script in
            missing(for: script, path, in: subject, [.depends, .preDepends, .recommends, .suggests])
        }
    }

    /// Programs that a script runs without asking, and that come with none of the packages that fields name.
    private static func missing(
        for script: ShellScript, _ name: String, in subject: LintedPackage, _ fields: [RelationField.Kind]
    ) -> [LintRule.Observation] {
        var reported: Set<String> = []
        return script.commands.compactMap { command in
            guard let program = command.program, let packages = providers[program], !command.mayFail,
                !script.asksFor(program), reported.insert(program).inserted,
                !packages.contains(where: { package in
                    package == subject.name || fields.contains { subject.relates($0, to: package) }
                }), !definesFunction(program, in: script)
            else { return nil }
            return .init(
                name, "line \(command.line) runs '\(program)', which \(packages[0]) has",
                remedy: "add '\(packages.joined(separator: " | "))' to Depends")
        }
    }

    static let missingLibc = LintRule(
        "DB0119", .error, "machine code needs a C library that Depends does not ask for",
        remedy: "add 'libc6 (>= version)' to Depends", reference: "Debian Policy 8.6"
    ) { subject in
        var newest: (version: DebianVersion?, path: String)?
        for entry in subject.image.entries {
            guard let elf = entry.elf, elf.needed.contains("libc.so.6") else { continue }
            let symbols = elf.versionNeeds.filter { $0.library == "libc.so.6" }.flatMap { $0.versions }
            let versions = symbols.compactMap { symbol -> DebianVersion? in
                guard symbol.startsBytewise("GLIBC_"), symbol.dropFirst(6).first?.isNumber == true else { return nil }
                // `GLIBC_2.34` names a version; `GLIBC_PRIVATE` does not.
                return try? DebianVersion(String(symbol.dropFirst(6)))
            }
            let wanted = versions.max()
            if newest == nil || wanted.map({ wanted in newest?.version.map { $0 < wanted } ?? true }) == true {
                newest = (wanted, entry.path)
            }
        }
        guard let (wanted, path) = newest, subject.name != "libc6" else { return [] }
        let relation = wanted.map { "libc6 (>= \($0))" } ?? "libc6"
        let present = subject.relation(.depends, to: "libc6") ?? subject.relation(.preDepends, to: "libc6")
        guard let present else {
            // libc6-dev has libc6 of its own version, and so has the library that this package is the companion of.
            if subject.depends(on: "libc6-dev") || dependsOnSibling(subject) { return [] }
            return [.init(path, "needs \(relation) and Depends has no libc6", remedy: "add '\(relation)' to Depends")]
        }
        // 'libc6' alone takes any version, and one below the wanted version takes too old ones.
        guard let wanted else { return [] }
        if let constraint = present.constraint, constraint.version >= wanted { return [] }
        return [
            .init(path, "needs \(relation) and Depends has '\(present)'", remedy: "write '\(relation)' in Depends")
        ]
    }

    static let selfRelation = LintRule(
        "DB0123", .warning, "package depends on itself", remedy: "remove the relation",
        reference: "Debian Policy 7.2"
    ) { subject in
        let kinds: [RelationField.Kind] = [.preDepends, .depends, .recommends, .suggests, .enhances]
        return kinds.filter { subject.relates($0, to: subject.name) }.map { kind in
            .init(kind.rawValue, "names '\(subject.name)' itself")
        }
    }

    static let duplicateRelation = LintRule(
        "DB0124", .warning, "the same relation is there twice", remedy: "keep one of them",
        reference: "Debian Policy 7.1"
    ) { subject in
        var found: [LintRule.Observation] = []
        for kind in RelationField.Kind.allCases {
            var seen: Set<String> = []
            for group in subject.relations[kind]?.groups ?? [] {
                let text = group.map { "\($0)" }.joined(separator: " | ")
                if !seen.insert(text).inserted { found.append(.init(kind.rawValue, "'\(text)' is there twice")) }
            }
        }
        return found
    }

    /// Whether Depends names a package of exactly this version, as packages of one source do.
    private static func dependsOnSibling(_ subject: LintedPackage) -> Bool {
        guard let version = subject.image.control["Version"] else { return false }
        return subject.relations[.depends]?.groups.joined().contains { relation in
            relation.constraint.map { "\($0)" == "= \(version)" } ?? false
        } ?? false
    }

    /// Programs outside Debian's essential packages, with the packages that have them. The first is the usual one.
    private static let providers: [String: [String]] = [
        "iptables": ["iptables"], "iptables-restore": ["iptables"], "iptables-save": ["iptables"],
        "ip6tables": ["iptables"], "ip6tables-restore": ["iptables"], "ip6tables-save": ["iptables"],
        "nft": ["nftables"], "ip": ["iproute2"], "ss": ["iproute2"],
        "adduser": ["adduser"], "addgroup": ["adduser"], "deluser": ["adduser"], "delgroup": ["adduser"],
        // adduser cannot do without passwd.
        "useradd": ["passwd", "adduser"], "groupadd": ["passwd", "adduser"], "usermod": ["passwd", "adduser"],
        "userdel": ["passwd", "adduser"], "groupdel": ["passwd", "adduser"], "groupmod": ["passwd", "adduser"],
        "sudo": ["sudo"], "logrotate": ["logrotate"],
        "curl": ["curl"], "wget": ["wget"], "jq": ["jq"], "openssl": ["openssl"], "host": ["bind9-host"],
        "dig": ["bind9-dnsutils", "dnsutils"], "ps": ["procps"], "pgrep": ["procps"], "pkill": ["procps"],
        "sysctl": ["procps"], "setcap": ["libcap2-bin"], "getcap": ["libcap2-bin"], "setfacl": ["acl"],
        "systemd-sysusers": ["systemd", "systemd-standalone-sysusers", "opensysusers"],
        "systemd-tmpfiles": ["systemd", "systemd-standalone-tmpfiles", "opentmpfiles"], "python3": ["python3"],
        "dbus-send": ["dbus"], "ifconfig": ["net-tools"], "netstat": ["net-tools"], "route": ["net-tools"],
    ]

    private static func definesFunction(_ name: String, in script: ShellScript) -> Bool {
        script.mentions("\(name)()") || script.mentions("\(name) ()")
    }
}
