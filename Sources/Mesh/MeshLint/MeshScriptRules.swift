import DebianArchive
import DebianFormat
import DebianLint
import MeshContract
import Platform

/// Rules for the scripts that start the sidecar and set up interception.
enum MeshScriptRules {
    static let all = [
        sourcedEnvironment, truncatedLog, removesCertificates, hostAddress, packetFilterLock, unreadSetting,
        clusterSettings, internetProtocol6,
    ]

    static let sourcedEnvironment = LintRule(
        "DB0705", .error, "a script of root executes env files without looking whose they are",
        remedy: "parse NAME=VALUE lines, or refuse a file that root does not own or others may write",
        reference: "mesh contract, env files"
    ) { subject in
        subject.allScripts.flatMap { name, script -> [LintRule.Observation] in
            if !script.commands(running: ["stat", "find"]).isEmpty { return [] }
            return script.commands(running: [".", "source"]).filter { command in
                command.arguments.contains { $0.contains(".env") || $0.contains("_CONFIG") || $0.contains("ENV_FILE") }
            }.map { .init(name, "line \($0.line) executes '\($0.arguments.joined(separator: " "))'") }
        }
    }

    static let truncatedLog = LintRule(
        "DB0706", .warning, "a log is truncated at each start", remedy: "append with '>>', standard error too",
        reference: "mesh contract, logs"
    ) { subject, found in
        for (name, script) in subject.allScripts {
            for command in script.commands {
                for redirection in command.redirections {
                    guard [">", ">|", "&>", ">&"].contains(redirection.mode),
                        redirection.target.endsBytewise(".log") || redirection.target.startsBytewise("/var/log/")
                    else { continue }
                    found.add(name, "line \(command.line) writes '\(redirection.mode) \(redirection.target)'")
                }
            }
        }
    }

    static let removesCertificates = LintRule(
        "DB0712", .error, "a maintainer script removes files of the administrator",
        remedy: "leave /etc/certs, cluster.env and kubedns alone", reference: "Debian Policy 6.8, mesh contract"
    ) { subject in
        subject.scripts.flatMap { name, script in
            script.commands(running: ["rm", "rmdir", "find", "unlink", "shred"]).filter { command in
                let isForced = command.program != "rmdir"
                return isForced
                    && command.arguments.contains { argument in
                        argument.startsBytewise(MeshPaths.certificates)
                            || MeshPaths.administratorsFiles.contains(argument)
                    }
            }.map { .init(name.rawValue, "line \($0.line) runs '\($0.words.joined(separator: " "))'") }
        }
    }

    static let hostAddress = LintRule(
        "DB0713", .error, "the host's address is taken from its name",
        remedy: "take the source address of the route towards Pilot, then the first global address",
        reference: "hostname(1): 127.0.1.1 on a stock Debian"
    ) { subject in
        guard subject.contract != nil || MeshPackage.all.contains(where: { subject.depends(on: $0.name) }) else {
            return []
        }
        return subject.allScripts.flatMap { name, script in
            script.commands(running: ["hostname"]).filter { command in
                command.arguments.contains { ["--ip-address", "-i", "-I", "--all-ip-addresses"].contains($0) }
            }.map { .init(name, "line \($0.line) runs '\($0.invocation.joined(separator: " "))'") }
        }
    }

    static let packetFilterLock = LintRule(
        "DB0714", .warning, "packet filter is changed rule by rule, or without waiting for its lock",
        remedy: "write all rules in one 'iptables-restore --noflush --wait' transaction",
        reference: "iptables(8), iptables-restore(8)"
    ) { subject in
        let verbs: Set<String> = [
            "-A", "-I", "-D", "-N", "-F", "-X", "-R", "--append", "--insert", "--delete", "--new-chain", "--flush",
            "--delete-chain",
        ]
        return subject.allScripts.flatMap { name, script in
            script.commands(running: ["iptables", "ip6tables"]).filter { command in
                !verbs.isDisjoint(with: command.arguments)
                    && !command.arguments.contains {
                        $0 == "--wait" || $0.startsBytewise("--wait=") || $0.startsBytewise("-w")
                    }
            }.map { .init(name, "line \($0.line) runs '\($0.invocation.joined(separator: " "))' without -w") }
        }
    }

    static let unreadSetting = LintRule(
        "DB0715", .warning, "an env file documents a setting that no script reads",
        remedy: "document the name that works", reference: "mesh contract, settings"
    ) { subject, found in
        guard !subject.shippedScripts.isEmpty,
            subject.image.entries.contains(where: { $0.path.endsBytewise(".env") && $0.facts.text != nil })
        else { return }
        var names: Set<String> = []
        for (_, script) in subject.shippedScripts { names.formUnion(settings(script.code)) }
        for entry in subject.image.entries where entry.path.endsBytewise(".env") {
            for (index, line) in Lines(entry.text ?? []).enumerated() {
                let setting = line.bytes.drop { $0 == UInt8(ascii: "#") || Ascii.isHorizontalBlank($0) }
                guard isSetting(setting), let equals = setting.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let name = Ascii.text(setting[..<equals])
                guard settings(name) == [name], !names.contains(name) else { continue }
                found.add(entry.path, "line \(index + 1) documents \(name), which nothing reads")
            }
        }
    }

    static let clusterSettings = LintRule(
        "DB0718", .warning, "start script does not read cluster.env",
        remedy: "read cluster.env before sidecar.env: it may name the namespace and the service",
        reference: "mesh contract, istio-start.sh"
    ) { subject in
        subject.shippedScripts.filter { path, script in
            path == MeshPaths.startScript && !script.mentions("cluster.env")
                && !script.mentions("ISTIO_CLUSTER_CONFIG")
        }.map { .init($0.path, "names neither cluster.env nor ISTIO_CLUSTER_CONFIG") }
    }

    static let internetProtocol6 = LintRule(
        "DB0719", .warning, "interception says nothing about IPv6",
        remedy: "say in the script and its output that IPv6 is not captured, or capture it",
        reference: "mesh contract, istio-iptables.sh"
    ) { subject in
        subject.image.entries.filter { entry in
            guard entry.path == MeshPaths.iptablesScript, let bytes = entry.text else { return false }
            let text = String(decoding: bytes, as: UTF8.self)
            return !text.containsBytewise("IPv6") && !text.containsBytewise("ip6tables")
        }.map { .init($0.path, "does not mention IPv6") }
    }

    /// The names of settings in a text: letters, digits and underscores.
    private static func settings(_ text: String) -> Set<String> {
        var names: Set<String> = []
        var rest = Array(text.utf8)[...]
        while let start = rest.firstIndex(where: isPartOfName) {
            let name = rest[start...].prefix(while: isPartOfName)
            if isSetting(name) { names.insert(Ascii.text(name)) }
            rest = rest[name.endIndex...]
        }
        return names
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || byte == UInt8(ascii: "_")
    }

    /// Whether a name is one of the mesh's settings.
    private static func isSetting(_ name: ArraySlice<UInt8>) -> Bool {
        name.starts(with: "ISTIO_".utf8) || name.starts(with: "ENVOY_".utf8)
    }
}
