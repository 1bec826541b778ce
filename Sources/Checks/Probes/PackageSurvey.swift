import Crypto
import DebianFormat
import DebianManifest
import Files
import Platform

/// What an installed package is like on this host, for a scenario that is drawn up from it.
package enum PackageSurvey {
    private static let unitFolders = ["/lib/systemd/system", "/usr/lib/systemd/system"]

    /// The scenario of a package, whoever built it.
    ///
    /// - Returns: the state in dpkg's database when the package is not installed.
    package static func scenario(
        of name: String, on host: Host, until deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> (scenario: PackageScenario?, state: String) {
        let request = ProbeRequest(parameters: [:], attributes: [], deadline: deadline)
        let database = try await host.packages(for: request)
        guard let entry = try database.entry(name) else { return (nil, "not-installed") }
        guard entry.isInstalled, let version = entry.version else { return (nil, entry.state) }
        let accounts = try await host.users(for: request)
        let files = PackageFiles(entry, name: name, host: host, deadline: deadline)
        var scenario = PackageScenario(
            package: files.package, version: version,
            architecture: entry.paragraph["Multi-Arch"] == "same" ? entry.architecture : nil,
            origin: "what it is like on this host; 'meshcheck init' has drawn it up")
        let empty = scenario
        scenario = try await BlockingPool.files.run("look at the files of \(name)", until: deadline) {
            () throws(ProbeError) in
            var scenario = empty
            scenario.manifest = try manifest(files, accounts)
            try addDeclarations(to: &scenario, host)
            scenario.alternatives = try alternatives(of: scenario.manifest, host)
            return scenario
        }
        scenario.units = try await units(of: scenario.manifest, on: host, deadline)
        return (scenario, entry.state)
    }

    private static func manifest(
        _ files: PackageFiles, _ accounts: UserDatabase
    ) throws(ProbeError) -> PackageManifest {
        // What is not as the package has it must not become the rule: there dpkg's own checksum stands.
        var wishes = PackageFiles.Wishes()
        wishes.checksums = true
        let modified = Set(try files.verify(wishes).modified)
        let (diversions, overrides) = (try files.diversions(), try files.statOverrides())
        let conffiles = Set(files.conffiles.map(\.path))
        var entries: [PackageManifest.Entry] = []
        for path in try files.list() {
            try files.checkTime()
            let place = files.host.path(diversions[path] ?? path)
            guard let facts = try FileFacts.read(place, followLinks: false) else { continue }
            let kind: PackageManifest.Entry.Kind
            switch facts.type {
            case "file":
                let isOpen = conffiles.contains(path) || modified.contains(path)
                kind = .file(sha256: isOpen ? nil : try FileDigest.sha256(place))
            case "directory": kind = .directory
            case "symlink": kind = .link(target: try FileFacts.linkTarget(of: place) ?? "")
            default: continue
            }
            let isOverridden = overrides[path] != nil
            // What its maintainer scripts give to others by a list is beyond a mode.
            var isOpen = isOverridden
            if facts.type != "symlink", try AccessList.read(place, .access) != nil { isOpen = true }
            entries.append(
                PackageManifest.Entry(
                    path: path, kind: kind, mode: isOpen ? nil : UInt16(truncatingIfNeeded: facts.permissions),
                    owner: isOverridden ? nil : accounts.name(ofUser: facts.owner),
                    group: isOverridden ? nil : accounts.name(ofGroup: facts.group),
                    isConffile: conffiles.contains(path),
                    capabilities: facts.type == "file" ? try FileCapabilities.read(place) : nil))
        }
        return PackageManifest(entries)
    }

    /// What its files for systemd-sysusers(8) and systemd-tmpfiles(8) declare.
    private static func addDeclarations(to scenario: inout PackageScenario, _ host: Host) throws(ProbeError) {
        for entry in scenario.manifest.entries where entry.path.endsBytewise(".conf") {
            let folder = LexicalPath.split(entry.path).folder
            guard folder == "/usr/lib/sysusers.d" || folder == "/usr/lib/tmpfiles.d",
                let bytes = try FileTree.readIfExists(host.path(entry.path), limit: 1 << 20)
            else { continue }
            let text = Ascii.text(bytes)
            if folder == "/usr/lib/sysusers.d" {
                let accounts = DeclaredAccounts(sysusers: text)
                scenario.accounts.users += accounts.users.filter {
                    !scenario.accounts.users.map(\.name).contains($0.name)
                }
                scenario.accounts.groups += accounts.groups.filter { !scenario.accounts.groups.contains($0) }
            } else {
                let paths = DeclaredPaths(tmpfiles: text)
                scenario.paths.entries += paths.entries
                scenario.paths.adjustable += paths.adjustable
            }
        }
        // Others make their users in maintainer scripts; what belongs to them shows which.
        let known = Set(scenario.accounts.users.map(\.name) + ["root"])
        for owner in Set(scenario.manifest.entries.compactMap(\.owner)).subtracting(known).sorted()
        where Bytes.decimal(owner.utf8) == nil {
            scenario.accounts.users.append(DeclaredAccounts.User(name: owner))
        }
    }

    private static func alternatives(
        of manifest: PackageManifest, _ host: Host
    ) throws(ProbeError) -> [PackageScenario.Alternative] {
        let own = Set(manifest.entries.map(\.path))
        let folder = host.path("/var/lib/dpkg/alternatives")
        var found: [PackageScenario.Alternative] = []
        for name in (try SystemFile.names(in: folder) ?? []).sorted() {
            guard let bytes = try FileTree.readIfExists("\(folder)/\(name)", limit: 1 << 20),
                let group = AlternativeGroup(bytes)
            else { continue }
            for choice in group.choices where own.contains(choice.path) {
                found.append(
                    PackageScenario.Alternative(
                        name: name, link: group.link, path: choice.path, priority: Int(clamping: choice.priority)))
            }
        }
        return found
    }

    /// The units that it brings, as systemd has them now; none where there is no systemd.
    private static func units(
        of manifest: PackageManifest, on host: Host, _ deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [PackageScenario.Unit] {
        var names: [String] = []
        for entry in manifest.entries {
            let (folder, name) = LexicalPath.split(entry.path)
            guard unitFolders.contains(folder), case .file = entry.kind, UnitName.isValid(name),
                !name.utf8.contains(UInt8(ascii: "@")), !names.contains(name)
            else { continue }
            names.append(name)
        }
        var units: [PackageScenario.Unit] = []
        for name in names {
            let seen: Observation
            do throws(ProbeError) {
                seen = try await UnitProbe(host: host).observe(
                    ProbeRequest(
                        parameters: ["name": .text(name)], attributes: ["enabled", "active"], deadline: deadline))
            } catch {
                // A container or chroot without systemd: what is made for it still holds.
                units.append(PackageScenario.Unit(name: name, isEnabled: false, isRunning: false))
                continue
            }
            let isEnabled = seen.attributes["enabled"] == .text("enabled")
            let isActive = seen.attributes["active"] == .text("active")
            let ports = isActive ? try await ports(of: name, on: host, deadline) : []
            units.append(
                PackageScenario.Unit(
                    name: name, isEnabled: isEnabled, isRunning: isEnabled && isActive, ports: ports))
        }
        return units
    }

    private static func ports(
        of unit: String, on host: Host, _ deadline: ContinuousClock.Instant
    ) async throws(ProbeError) -> [String] {
        let request = ProbeRequest(parameters: ["unit": .text(unit)], attributes: ["pids"], deadline: deadline)
        let seen = try await ProcessProbe(host: host).observe(request)
        var processes: Set<Int64> = []
        for case .integer(let pid) in seen.attributes["pids"]?.items ?? [] { processes.insert(pid) }
        return try await ListeningPorts.owned(by: processes, on: host).map { "\($0.number)/\($0.transport)" }
    }
}
