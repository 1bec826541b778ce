import CLinux
import Crypto
import DebianManifest
import Dispatch
import Files
import Glibc
import Platform
import Synchronization

/// The files of an installed package against the manifest that it was built with.
///
/// dpkg's ways to have files elsewhere (dpkg-divert(1)), with other owners (dpkg-statoverride(1)) or not at all
/// (`path-exclude` in dpkg.cfg(5)) are respected. Directories may belong to several packages, of which the first decides
/// how they are made: one that differs is only at fault when no other package has it.
extension PackageFiles {
    /// A regular file whose contents are still to be compared.
    private struct Content: Sendable {
        var path: String
        var place: String
        var size: Int64
        /// SHA-256 of the manifest, or MD5 of dpkg's database.
        var digest: String
    }

    /// Compares. Blocks.
    func verify(
        _ manifest: PackageManifest, accounts: UserDatabase, _ wishes: Wishes
    ) throws(ProbeError) -> Verdict {
        var verdict = Verdict()
        let diversions = try diversions()
        let overrides = try statOverrides()
        var shared = SharedDirectories(host: host, package: package)
        var excluded: DpkgFilter?
        var sums: [String: String]?
        var contents: [Content] = []
        for entry in manifest.entries {
            try checkTime()
            let place = host.path(diversions[entry.path] ?? entry.path)
            guard let facts = try FileFacts.read(place, followLinks: false) else {
                if excluded == nil { excluded = try DpkgFilter.read(host) }
                if excluded?.excludes(entry.path) != true { verdict.missing.append(entry.path) }
                continue
            }
            if let fault = try typeFault(entry, facts, place) {
                if case .directory = entry.kind, try shared.have(entry.path) { continue }
                verdict.modified.append(fault)
                // What dpkg and systemd-tmpfiles do not replace.
                if (entry.kind == .directory) != (facts.type == "directory"), let from = ShellWord.quoted(place),
                    let to = ShellWord.quoted(place + ".replaced")
                {
                    verdict.obstacles.append("mv -T \(from) \(to)")
                }
                continue
            }
            if facts.type == "symlink" { continue }
            if wishes.modes, let fault = try modeFault(entry, facts, overrides[entry.path], accounts, place) {
                if case .directory = entry.kind, try shared.have(entry.path) { continue }
                verdict.wrongModes.append(fault.text)
                if let command = repair(entry, overrides[entry.path], place, hasAccessList: fault.isAccessList) {
                    verdict.modeRepair.append(command)
                }
            }
            guard case .file(let sha256) = entry.kind else { continue }
            verdict.files += 1
            if wishes.capabilities, let fault = try capabilityFault(entry, place) {
                verdict.wrongCapabilities.append(fault)
            }
            guard wishes.checksums, !entry.isConffile else { continue }
            if let sha256 {
                contents.append(Content(path: entry.path, place: place, size: facts.size, digest: sha256))
            } else {
                // The file that holds the manifest, of which dpkg has a checksum.
                if sums == nil { sums = try checksums() }
                if let md5 = sums?[entry.path] {
                    contents.append(Content(path: entry.path, place: place, size: facts.size, digest: md5))
                }
            }
        }
        verdict.modified += try modified(contents)
        if wishes.leftovers { verdict.leftovers = try leftovers() }
        return verdict
    }

    // MARK: - one entry

    private func typeFault(
        _ entry: PackageManifest.Entry, _ facts: FileFacts, _ place: String
    ) throws(ProbeError) -> String? {
        switch entry.kind {
        case .file: return facts.type == "file" ? nil : "\(entry.path): is a \(facts.type) (must be a file)"
        case .directory:
            if facts.type == "directory" { return nil }
            // /bin and the like on a host whose /usr is merged.
            if facts.type == "symlink", let target = try FileFacts.linkTarget(of: place),
                ["usr" + entry.path, "/usr" + entry.path].contains(target)
            {
                return nil
            }
            return "\(entry.path): is a \(facts.type) (must be a directory)"
        case .link(let target):
            guard let found = try FileFacts.linkTarget(of: place) else {
                return "\(entry.path): is a \(facts.type) (must be a link to \(target))"
            }
            return found == target ? nil : "\(entry.path): leads to \(found) (must lead to \(target))"
        }
    }

    private func modeFault(
        _ entry: PackageManifest.Entry, _ facts: FileFacts,
        _ override: (owner: String, group: String, mode: String)?, _ accounts: UserDatabase, _ place: String
    ) throws(ProbeError) -> (text: String, isAccessList: Bool)? {
        // Where there is a list, the bits of the group are its mask. dpkg-statoverride(1) says nothing of lists.
        if override == nil, entry.mode != nil, let list = try AccessList.read(place, .access), list.isExtended {
            let named = list.entries(accounts).filter { !$0.containsBytewise("::") }
            return ("\(entry.path): has an access list (\(named.joined(separator: ", ")); must have none)", true)
        }
        return attributeFault(entry, facts, override, accounts).map { ($0, false) }
    }

    private func attributeFault(
        _ entry: PackageManifest.Entry, _ facts: FileFacts,
        _ override: (owner: String, group: String, mode: String)?, _ accounts: UserDatabase
    ) -> String? {
        let source = override == nil ? "must be" : "statoverride says"
        if let wanted = override.map({ Self.fourDigits($0.mode) })
            ?? entry.mode.map({ Self.fourDigits(String($0, radix: 8)) }),
            wanted != facts.mode
        {
            return "\(entry.path): mode \(facts.mode) (\(source) \(wanted))"
        }
        if let owner = override?.owner ?? entry.owner, Self.number(owner, accounts.number(ofUser:)) != facts.owner {
            return "\(entry.path): belongs to \(accounts.name(ofUser: facts.owner)) (\(source) \(owner))"
        }
        if let group = override?.group ?? entry.group, Self.number(group, accounts.number(ofGroup:)) != facts.group {
            return "\(entry.path): belongs to group \(accounts.name(ofGroup: facts.group)) (\(source) \(group))"
        }
        return nil
    }

    /// The command that makes mode and owner right; the owner first, since a change of it takes set-id bits away.
    private func repair(
        _ entry: PackageManifest.Entry, _ override: (owner: String, group: String, mode: String)?, _ place: String,
        hasAccessList: Bool
    ) -> String? {
        guard let path = ShellWord.quoted(place) else { return nil }
        let owner = (override?.owner ?? entry.owner ?? "").drop { $0 == "#" }
        let group = (override?.group ?? entry.group ?? "").drop { $0 == "#" }
        let mode = override?.mode ?? entry.mode.map { String($0, radix: 8) }
        var commands: [String] = hasAccessList ? ["setfacl --remove-all -- \(path)"] : []
        if !owner.isEmpty || !group.isEmpty {
            commands.append("chown \(owner)\(group.isEmpty ? "" : ":\(group)") \(path)")
        }
        if let mode { commands.append("chmod \(Self.fourDigits(mode)) \(path)") }
        return commands.isEmpty ? nil : commands.joined(separator: " && ")
    }

    /// dpkg-statoverride(1) and systemd write accounts without a name as numbers, the former with `#` in front.
    private static func number(_ account: String, _ named: (String) -> UInt32?) -> UInt32? {
        if let number = named(account) { return number }
        let digits = account.utf8.first == UInt8(ascii: "#") ? account.utf8.dropFirst() : account.utf8[...]
        return Bytes.decimal(digits).map { UInt32(clamping: $0) }
    }

    private func capabilityFault(_ entry: PackageManifest.Entry, _ place: String) throws(ProbeError) -> String? {
        let found = try FileCapabilities.read(place)
        if found == entry.capabilities { return nil }
        let wanted = entry.capabilities.map(\.description) ?? "none"
        return "\(entry.path): \(found.map { "has \($0)" } ?? "has no capabilities") (must have \(wanted))"
    }

    // MARK: - contents

    /// The paths whose contents differ, in the order of the manifest. On as many threads as there are processors, the
    /// largest files first, so that none is left for the end.
    private func modified(_ contents: [Content]) throws(ProbeError) -> [String] {
        let order = contents.indices.sorted { contents[$0].size > contents[$1].size }
        typealias Progress = (next: Int, differing: [Int], failure: ProbeError?)
        let progress = Mutex<Progress>((0, [], nil))
        let threads = max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 8, contents.count))
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
            defer { buffer.deallocate() }
            while true {
                let turn = progress.withLock { progress -> Int? in
                    guard progress.next < order.count, progress.failure == nil else { return nil }
                    progress.next += 1
                    return order[progress.next - 1]
                }
                guard let turn else { return }
                do throws(ProbeError) {
                    try checkTime()
                    let content = contents[turn]
                    let isSHA256 = content.digest.utf8.count == 64
                    let found =
                        isSHA256
                        ? try FileDigest.of(content.place, SHA256(), through: buffer)
                        : try FileDigest.of(content.place, Insecure.MD5(), through: buffer)
                    if found != content.digest { progress.withLock { $0.differing.append(turn) } }
                } catch {
                    progress.withLock { $0.failure = $0.failure ?? error }
                }
            }
        }
        let (_, differing, failure) = progress.withLock { $0 }
        if let failure { throw failure }
        return differing.sorted().map { contents[$0].path }
    }
}

extension FileCapabilities {
    /// The capabilities of a file; nil when it has none.
    package static func read(_ path: String) throws(ProbeError) -> FileCapabilities? {
        try FileAttribute.read("security.capability", of: path, as: "the capabilities").flatMap {
            FileCapabilities(attribute: $0)
        }
    }
}

/// Which directories other packages have as well; dpkg's lists are read when somebody asks.
private struct SharedDirectories {
    let host: Host
    let package: String
    private var lists: [[UInt8]]?

    init(host: Host, package: String) {
        self.host = host
        self.package = package
    }

    mutating func have(_ path: String) throws(ProbeError) -> Bool {
        if lists == nil { lists = try read() }
        let line = Array("\n\(path)\n".utf8)
        return (lists ?? []).contains { list in
            list.withUnsafeBytes { bytes in
                line.withUnsafeBytes { clinux_find(bytes.baseAddress, bytes.count, $0.baseAddress, $0.count) != nil }
            }
        }
    }

    private func read() throws(ProbeError) -> [[UInt8]] {
        let folder = host.path("/var/lib/dpkg/info")
        var lists: [[UInt8]] = []
        for name in try SystemFile.names(in: folder) ?? [] where name.endsBytewise(".list") {
            if name == package + ".list" || name.startsBytewise(package + ":") { continue }
            lists.append(try FileTree.readIfExists("\(folder)/\(name)", limit: 64 << 20) ?? [])
        }
        return lists
    }
}

/// What dpkg was told not to unpack (dpkg.cfg(5), `path-exclude` and `path-include`).
private struct DpkgFilter: Sendable {
    private var rules: [(pattern: String, isExcluded: Bool)] = []

    static func read(_ host: Host) throws(ProbeError) -> DpkgFilter {
        var filter = DpkgFilter()
        let folder = "/etc/dpkg/dpkg.cfg.d"
        let names = try SystemFile.names(in: host.path(folder)) ?? []
        let ordered = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { folder + "/" + $0 }
        for path in ordered + ["/etc/dpkg/dpkg.cfg"] {
            for line in Bytes.lines(try FileTree.readIfExists(host.path(path), limit: 1 << 20) ?? []) {
                let words = line.split(maxSplits: 1, whereSeparator: { $0 == UInt8(ascii: "=") || Ascii.isBlank($0) })
                guard words.count == 2 else { continue }
                let name = Ascii.text(words[0].drop { $0 == UInt8(ascii: "-") })
                guard ["path-exclude", "path-include"].contains(name) else { continue }
                filter.rules.append((Ascii.text(Ascii.trimmed(words[1])), name == "path-exclude"))
            }
        }
        return filter
    }

    /// The last rule that matches counts.
    func excludes(_ path: String) -> Bool {
        rules.last { fnmatch($0.pattern, path, 0) == 0 }?.isExcluded ?? false
    }
}
