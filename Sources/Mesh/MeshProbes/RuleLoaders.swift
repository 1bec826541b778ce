import MeshContract
import Platform
import Probes

/// Commands that empty the nat table, and with it the mesh's rules: what this host runs at boot, by the clock or by hand.
struct RuleLoaders {
    private static let lineLimit = 6
    private static let restores = ["iptables-restore", "iptables-nft-restore", "iptables-legacy-restore"]
    private static let iptables = ["iptables", "iptables-nft", "iptables-legacy", "xtables-nft-multi"]
    private static let firewalls = ["shorewall", "firehol"]

    private let jobs: HostJobs
    /// The commands, those of the mesh's own units aside.
    private(set) var lines: [HostJobs.Line] = []

    init(_ jobs: HostJobs) {
        self.jobs = jobs
        for file in jobs.files.values.sorted(by: { $0.path < $1.path }) {
            guard !jobs.isOf([MeshNames.istioUnit, MeshNames.nodeAgentUnit], file), !isMeshScript(file) else {
                continue
            }
            lines += file.lines.filter { empties($0, in: file) }
        }
    }

    private func isMeshScript(_ file: HostJobs.File) -> Bool {
        [MeshPaths.startScript, MeshPaths.iptablesScript].contains(file.path)
    }

    /// The commands, and those that call their scripts, for people.
    var shown: [String] {
        var seen: Set<String> = []
        return Array(
            (lines + lines.flatMap { jobs.callers(of: $0) }).map(\.shown).filter { seen.insert($0).inserted }
                .prefix(Self.lineLimit))
    }

    /// Commands that keep them from being run again.
    var undo: [String] {
        var seen: Set<String> = []
        return lines.flatMap { jobs.undo(of: $0) }.filter { seen.insert($0).inserted }
    }

    // MARK: - what a command does

    private func empties(_ line: HostJobs.Line, in file: HostJobs.File) -> Bool {
        // A unit's commands for its end are not run at boot, and take away what it has set itself.
        if line.key.map({ $0.startsBytewise("ExecStop") || $0 == "ExecReload" }) == true { return false }
        return Self.commands(in: line.text).contains { empties($0, in: file, depth: 0) }
    }

    private func empties(_ words: [String], in file: HostJobs.File, depth: Int) -> Bool {
        // The lines of a script for nft, and those that another one hands to it.
        if words.first == "flush" || words.first == "delete" {
            return file.text.containsBytewise("nft") && Self.empties(nft: words)
        }
        for (index, word) in words.enumerated() {
            let arguments = Array(words[(index + 1)...])
            switch Self.program(word) {
            case let name where Self.restores.contains(name): return restores(arguments, in: file)
            case let name where Self.iptables.contains(name):
                if Self.empties(iptables: arguments, in: file) { return true }
            case "nft":
                if Self.empties(nft: arguments) { return true }
                guard let flag = arguments.firstIndex(where: { $0 == "-f" || $0 == "--file" }),
                    flag + 1 < arguments.count
                else { continue }
                return loads(arguments[flag + 1], in: file) { contents in
                    contents.lines.contains { Self.commands(in: $0.text).contains { Self.empties(nft: $0) } }
                }
            case let name where Self.firewalls.contains(name):
                if arguments.contains(where: { ["start", "restart", "reload"].contains($0) }) { return true }
            case "systemctl", "service", "invoke-rc.d":
                // A firewall's own unit, loaded once more.
                let isStart = arguments.contains { ["start", "restart", "reload", "reload-or-restart"].contains($0) }
                guard depth == 0, isStart else { continue }
                let units = arguments.map { $0.endsBytewise(".service") ? $0 : $0 + ".service" }
                return jobs.files.values.contains { other in
                    guard case .unit(let name) = other.origin, units.contains(name) else { return false }
                    return other.lines.contains { line in
                        Self.commands(in: line.text).contains { empties($0, in: other, depth: 1) }
                    }
                }
            default: continue
            }
        }
        return false
    }

    private func restores(_ arguments: [String], in file: HostJobs.File) -> Bool {
        if arguments.contains(where: { ["-n", "--noflush", "--test", "-t"].contains($0) }) { return false }
        if let table = Self.value(of: ["-T", "--table"], arguments), table != "nat" { return false }
        let path = arguments.last { $0.startsBytewise("/") || $0.startsBytewise("$") } ?? ""
        return loads(path, in: file) { contents in
            contents.lines.contains { $0.text == "*nat" }
        }
    }

    /// Whether the file that a command loads empties the table and does not set the mesh's rules again; one that is not
    /// known may.
    private func loads(_ path: String, in file: HostJobs.File, _ empties: (HostJobs.File) -> Bool) -> Bool {
        guard let contents = jobs.files[Self.resolved(path, in: file)] else { return true }
        return empties(contents) && !contents.text.containsBytewise(InterceptionRules.outputChain)
    }

    /// A variable of the same script that has a path.
    private static func resolved(_ path: String, in file: HostJobs.File) -> String {
        guard path.startsBytewise("$") else { return path }
        let name = Ascii.text(path.utf8.filter { !"${}".utf8.contains($0) })
        for line in file.lines where line.text.startsBytewise(name + "=") {
            return Ascii.text(line.text.utf8.dropFirst(name.utf8.count + 1).filter { !"\"'".utf8.contains($0) })
        }
        return path
    }

    private static func empties(iptables arguments: [String], in file: HostJobs.File) -> Bool {
        guard let table = value(of: ["-t", "--table"], arguments) else { return false }
        guard table == "nat" || table.startsBytewise("$") && file.text.containsBytewise("nat") else { return false }
        let meant = ["OUTPUT", "PREROUTING"] + InterceptionRules.chains
        for (index, word) in arguments.enumerated() where ["-F", "--flush"].contains(word) {
            let chain = index + 1 < arguments.count ? arguments[index + 1] : "-"
            return chain.startsBytewise("-") || meant.contains(chain)
                || !chain.utf8.contains { Ascii.isAlphanumeric($0) }
        }
        return arguments.contains { $0 == "-D" || $0 == "--delete" }
            && arguments.contains { InterceptionRules.chains.contains($0) }
    }

    private static func empties(nft words: [String]) -> Bool {
        for (index, word) in words.enumerated() where word == "flush" || word == "delete" || word == "destroy" {
            let rest = words[(index + 1)...]
            if rest.first == "ruleset" {
                return rest.count < 2 || ["ip", "inet"].contains(rest[rest.startIndex + 1]) || rest.last == "ruleset"
            }
            if rest.first == "table" || rest.first == "chain" {
                let names = rest.dropFirst().filter { $0 != "ip" }
                return names.first == "nat"
            }
        }
        return false
    }

    private static func value(of names: [String], _ arguments: [String]) -> String? {
        for (index, word) in arguments.enumerated() {
            if names.contains(word) { return index + 1 < arguments.count ? arguments[index + 1] : nil }
            if let name = names.first(where: { $0.startsBytewise("--") && word.startsBytewise($0 + "=") }) {
                return Ascii.text(word.utf8.dropFirst(name.utf8.count + 1))
            }
        }
        return nil
    }

    /// What stands behind the folder, and behind the marks of ExecStart=.
    private static func program(_ word: String) -> String {
        let parts = word.utf8.drop { "-@:+!".utf8.contains($0) }.split(separator: UInt8(ascii: "/"))
        return parts.last.map { Ascii.text($0) } ?? ""
    }

    /// The words of each command of a line; quotes are left out, since they may hold commands themselves.
    static func commands(in text: String) -> [[String]] {
        text.utf8.split { ";&|()`{}".utf8.contains($0) && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "}") }.map {
            part in
            part.split { Ascii.isBlank($0) || "<>\"'".utf8.contains($0) }.map { Ascii.text($0) }
        }.filter { !$0.isEmpty }
    }

    // MARK: - the next boot

    /// A command that is run once the mesh's rules are set, or may be.
    struct Late: Sendable, Hashable {
        var text: String
        var undo: [String]
    }

    /// The commands that are run after the mesh's service at a boot, or in no order with it.
    func late(_ order: BootOrder) -> [Late] {
        var found: [Late] = []
        for line in lines {
            for root in jobs.roots(of: line.file) {
                guard !restoresMesh(line, root.file), let late = late(line, root, order) else { continue }
                if !found.contains(late) { found.append(late) }
            }
        }
        return found
    }

    private func late(
        _ line: HostJobs.Line, _ root: (file: HostJobs.File, line: HostJobs.Line?), _ order: BootOrder
    ) -> Late? {
        let caller = root.line ?? line
        switch root.file.origin {
        case .unit(let name):
            if caller.key.map({ $0.startsBytewise("ExecStop") || $0 == "ExecReload" }) == true { return nil }
            let triggers = order.triggers(of: name).filter { !$0.endsBytewise(".socket") }
            let again = Self.dropIn(
                name, "[Service]\\nExecStartPost=+systemctl --no-block try-restart \(MeshNames.istioUnit)\\n")
            if !triggers.isEmpty {
                return Late(
                    text: "\(line.shown) (by \(name), started by \(triggers.joined(separator: ", ")))", undo: again)
            }
            guard order.starts(name) else { return nil }
            switch order.place(of: name, relativeTo: MeshNames.istioUnit) {
            case .before: return nil
            case .after: return Late(text: "\(line.shown) (by \(name), after \(MeshNames.istioUnit))", undo: again)
            case .unordered:
                return Late(
                    text: "\(line.shown) (by \(name), in no order with \(MeshNames.istioUnit))",
                    undo: Self.dropIn(name, "[Unit]\\nBefore=\(MeshNames.istioUnit)\\n"))
            }
        case .table where root.file.path.containsBytewise("cron"):
            guard ["cron.service", "crond.service", "cron.target", "anacron.service"].contains(where: order.starts),
                let file = ShellWord.quoted(root.file.path)
            else { return nil }
            return Late(
                text: "\(line.shown) (by cron)",
                undo: [
                    "cp --backup=numbered \(file) /root/ && "
                        + "sed -i '\(caller.number)s/$/; systemctl --no-block try-restart \(MeshNames.istioUnit)/' \(file)"
                ])
        // What is run when an interface comes up is run before anybody waits for the network.
        default: return nil
        }
    }

    /// Whether the one who empties the table lets the mesh set its rules again.
    private func restoresMesh(_ line: HostJobs.Line, _ root: HostJobs.File) -> Bool {
        var lines = (jobs.files[line.file]?.lines ?? []) + jobs.callers(of: line)
        if root.origin == .table {
            // The other lines of a table are other jobs.
            lines = lines.filter { $0.file != root.path || $0 == line || jobs.callers(of: line).contains($0) }
        }
        if case .unit(let name) = root.origin {
            lines += jobs.files.values.filter { $0.origin == .unit(name) }.flatMap(\.lines)
        }
        return lines.contains { line in
            [MeshPaths.startScript, MeshPaths.iptablesScript].contains { line.text.containsBytewise($0) }
                || line.text.containsBytewise("istio") && line.text.containsBytewise("start")
                    && line.text.containsBytewise("systemctl")
        }
    }

    private static func dropIn(_ unit: String, _ text: String) -> [String] {
        guard let folder = ShellWord.quoted("/etc/systemd/system/\(unit).d"),
            let file = ShellWord.quoted("/etc/systemd/system/\(unit).d/istio.conf")
        else { return [] }
        return ["mkdir -p \(folder) && printf '\(text)' >\(file)", "systemctl daemon-reload"]
    }
}

extension HostJobs.File {
    /// All its commands.
    var text: String { lines.map(\.text).joined(separator: "\n") }
}
