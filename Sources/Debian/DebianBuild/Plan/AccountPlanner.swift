import Archive
import DebianArchive
import DebianFormat
import DebianManifest
import Documents
import Platform

/// Sees to it that every owner of the package's files exists before dpkg unpacks them: dpkg gives a file whose owner is
/// unknown to root, and root's it stays, set-user-id or not.
struct AccountPlanner {
    /// Made before the package is unpacked.
    private(set) var early: [SystemAccount] = []
    /// What the sysusers.d file says, for systems without systemd-sysusers(8).
    private(set) var fallback: [SystemAccount] = []
    /// Whether only systemd-sysusers(8) can do what the file says.
    private(set) var needsSysusers = false
    /// Packages that make users or groups which files belong to.
    private var makers: [String] = []

    init(
        _ spec: PackageSpec, entries: EntryCollector, sources: SourceFiles, diagnostics: inout Diagnostics
    ) {
        declare(spec, diagnostics: &diagnostics)
        if let file = spec.sysusers, let bytes = sources.text(file, diagnostics: &diagnostics)?.bytes {
            let parsed = SysusersFile(bytes)
            needsSysusers = !parsed.isComplete
            fallback = parsed.accounts
        }
        var preinst: Set<String> = []
        if let file = spec.scripts[.preinst], let bytes = sources.script(file, diagnostics: &diagnostics) {
            preinst = Self.words(bytes)
        }
        checkOwners(spec, entries, preinst: preinst, diagnostics: &diagnostics)
    }

    /// The words of a script that could be names.
    private static func words(_ script: [UInt8]) -> Set<String> {
        let words = script.split { !(Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")) }
        return Set(words.map { String(decoding: $0, as: UTF8.self) })
    }

    /// Relations that follow.
    var relations: [RelationField.Kind: [String]] {
        var result: [RelationField.Kind: [String]] = [:]
        if !early.isEmpty { result[.preDepends] = ["passwd"] }
        result[.preDepends, default: []] += makers
        if needsSysusers {
            result[.depends] = ["systemd | systemd-standalone-sysusers | systemd-sysusers"]
        } else if !fallback.isEmpty, early.isEmpty {
            result[.depends] = ["passwd"]
        }
        return result
    }

    /// Where a user without a home is at home (Debian Policy 9.2.3).
    private static let noHome = "/nonexistent"

    private mutating func declare(_ spec: PackageSpec, diagnostics: inout Diagnostics) {
        var seen: Set<String> = []
        func isUsable(_ name: Located<String>, _ kind: String, _ diagnostics: inout Diagnostics) -> Bool {
            guard OwnerTable.isValidName(name.value) else {
                diagnostics.error(
                    "owner-name", "'\(name.value)' is not a user or group name", at: name.range,
                    help: "a letter or '_', then letters, digits, '_' and '-', at most 32 (useradd(8))")
                return false
            }
            guard seen.insert(kind + name.value).inserted else {
                diagnostics.error("account-twice", "\(kind) '\(name.value)' is declared twice", at: name.range)
                return false
            }
            let base = kind == "user" ? BaseAccounts.users : BaseAccounts.groups
            if base[name.value] != nil {
                diagnostics.warning(
                    "account-base", "every Debian system has the \(kind) '\(name.value)'", at: name.range,
                    help: "drop it")
            }
            return true
        }
        var groups: Set<String> = Set(BaseAccounts.groups.keys)
        for item in spec.groups where isUsable(item.name, "group", &diagnostics) {
            groups.insert(item.name.value)
            if let package = item.package {
                if !makers.contains(package.value) { makers.append(package.value) }
            } else {
                early.append(SystemAccount(name: item.name.value, kind: .group, id: item.id))
            }
        }
        for item in spec.users where isUsable(item.name, "user", &diagnostics) {
            if let package = item.package {
                if !makers.contains(package.value) { makers.append(package.value) }
                groups.insert(item.group?.value ?? item.name.value)
                continue
            }
            let group = item.group?.value ?? item.name.value
            if item.group == nil, !groups.contains(group) {
                early.append(SystemAccount(name: group, kind: .group, id: item.id))
                groups.insert(group)
            }
            for name in [item.group].compactMap({ $0 }) + item.groups where !groups.contains(name.value) {
                diagnostics.error(
                    "group-unknown",
                    "user '\(item.name.value)' is in the group '\(name.value)', which nothing declares",
                    at: name.range, help: "declare it under 'groups:'")
            }
            for text in [item.comment, item.home, item.shell].compactMap({ $0 })
            where text.value.contains(":") || text.value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
                diagnostics.error(
                    "account-text", "'\(DisplayText.inline(text.value))' has a ':' or a control character",
                    at: text.range,
                    help: "passwd(5) separates its fields by ':'")
            }
            early.append(
                SystemAccount(
                    name: item.name.value,
                    kind: .user(
                        group: group, home: item.home?.value ?? Self.noHome,
                        shell: item.shell?.value ?? DeclaredAccounts.noLogin, comment: item.comment?.value ?? "",
                        groups: item.groups.map(\.value)), id: item.id))
        }
    }

    /// What the specification itself declares, for the package's checks; another package's accounts are in its own.
    static func add(_ spec: PackageSpec, to accounts: inout DeclaredAccounts) {
        for item in spec.users where item.package == nil {
            if accounts.users.contains(where: { $0.name == item.name.value }) { continue }
            var user = DeclaredAccounts.User(name: item.name.value)
            user.number = item.id
            user.home = item.home?.value ?? noHome
            user.shell = item.shell?.value ?? DeclaredAccounts.noLogin
            user.groups = [item.group?.value ?? item.name.value] + item.groups.map(\.value)
            accounts.users.append(user)
        }
        for item in spec.groups where item.package == nil {
            let isThere =
                accounts.groups.contains(item.name.value) || accounts.users.contains { $0.name == item.name.value }
            if !isThere { accounts.groups.append(item.name.value) }
        }
    }

    private mutating func checkOwners(
        _ spec: PackageSpec, _ entries: EntryCollector, preinst: Set<String>, diagnostics: inout Diagnostics
    ) {
        let declaredGroups = Set(
            spec.groups.map(\.name.value) + spec.users.map { $0.group?.value ?? $0.name.value })
        let users = Set(BaseAccounts.users.keys).union(spec.users.map(\.name.value))
        let groups = Set(BaseAccounts.groups.keys).union(declaredGroups)
        var reported: Set<String> = []
        for (path, entry, range) in entries.placed {
            for (kind, owner, known) in [("user", entry.owner, users), ("group", entry.group, groups)]
            where !known.contains(owner.name) && !reported.contains(kind + owner.name) {
                let (name, isUser) = (owner.name, kind == "user")
                // Whoever gives a number knows what dpkg takes where there is no such name.
                if owner.id != 0 || preinst.contains(name) { continue }
                if let index = fallback.firstIndex(where: { ($0.kind != .group) == isUser && $0.name == name }) {
                    promote(fallback[index])
                    continue
                }
                reported.insert(kind + name)
                diagnostics.error(
                    "owner-unknown",
                    "'\(path)' belongs to the \(kind) '\(DisplayText.inline(name))', which nothing makes before it is unpacked",
                    at: range,
                    help: "dpkg would give it to root: declare '\(kind)s: [{name: \(name)}]', with 'package: NAME' if "
                        + "another package makes it, or set another owner")
            }
        }
    }

    /// Takes an account of the sysusers.d file, and what it needs, to those that are made early.
    private mutating func promote(_ account: SystemAccount) {
        if early.contains(account) { return }
        if case .user(let group, _, _, _, let further) = account.kind {
            for name in [group] + further {
                if let needed = fallback.first(where: { $0.kind == .group && $0.name == name }) { promote(needed) }
            }
        }
        early.append(account)
    }
}
