import Files
import Glibc
import Platform

/// What the next boot does to files and directories that have to stay.
struct BootFiles {
    /// Who has to use them.
    struct Reader: Sendable {
        var uid: UInt32
        var groups: Set<UInt32>
    }

    var losses: [String] = []
    var changes: [String] = []
    var undo: [String] = []

    private struct Found {
        var path: String
        var facts: FileFacts
        var target: String?
        var isFolder: Bool { facts.type == "directory" }
    }

    private let rules: TmpfilesRules
    private let users: UserDatabase
    private let reader: Reader?

    /// Looks at the rules for each path that is there.
    ///
    /// - Parameter place: where a path of the host is for this process.
    init(
        _ rules: TmpfilesRules, paths: [String], writable: [String], reader: Reader?, users: UserDatabase,
        place: (String) -> String
    ) throws(ProbeError) {
        self.rules = rules
        self.users = users
        self.reader = reader
        var hit: [TmpfilesRules.Rule] = []
        var lost = Hits()
        var changed = Hits()
        for path in paths + writable {
            guard let facts = try FileFacts.read(place(path), followLinks: false) else { continue }
            let target = try FileFacts.linkTarget(of: place(path))
            let found = Found(path: path, facts: facts, target: target)
            let isKept = writable.contains(path)
            for rule in rules.removals(of: path, isFolder: found.isFolder, target: found.target) {
                lost.add(rule.shown, path)
                hit.append(rule)
            }
            if !isKept, !found.isFolder, let rule = rules.ageing(of: path) {
                lost.add("\(rule.shown), if not used for \(rule.age ?? "")", path)
                hit.append(rule)
            }
            if found.target != nil { continue }
            for rule in try changes(found, isWritten: isKept, place) {
                changed.add(rule.shown, path)
                hit.append(rule)
            }
        }
        var seen: Set<String> = []
        (losses, changes) = (lost.lines, changed.lines)
        for rule in hit where seen.insert("\(rule.file):\(rule.number)").inserted { undo += Self.undo(rule) }
    }

    /// The paths that each rule is about.
    private struct Hits {
        private var order: [String] = []
        private var paths: [String: [String]] = [:]

        mutating func add(_ rule: String, _ path: String) {
            if paths[rule] == nil { order.append(rule) }
            if paths[rule]?.contains(path) != true { paths[rule, default: []].append(path) }
        }

        var lines: [String] { order.map { "\($0) → \((paths[$0] ?? []).joined(separator: " "))" } }
    }

    /// Rules of packages are hidden by a file of the same name, others become comments.
    private static func undo(_ rule: TmpfilesRules.Rule) -> [String] {
        guard let file = ShellWord.quoted(rule.file) else { return [] }
        let edit = "sed -i '\(rule.number)s/^/# /'"
        if rule.file.startsBytewise("/usr/lib/") {
            let own = "/etc/tmpfiles.d/" + ProcessEntry.lastPart(of: rule.file)
            guard let copy = ShellWord.quoted(own) else { return [] }
            return ["mkdir -p /etc/tmpfiles.d && cp \(file) \(copy) && \(edit) \(copy)"]
        }
        return ["cp --backup=numbered \(file) /root/ && \(edit) \(file)"]
    }

    /// The rules after which the reader can no longer use a path, or others can.
    private func changes(
        _ found: Found, isWritten: Bool, _ place: (String) -> String
    ) throws(ProbeError) -> [TmpfilesRules.Rule] {
        var bad: [TmpfilesRules.Rule] = []
        for path in [found.path] + TmpfilesRules.parents(of: found.path) {
            let isItself = path == found.path
            for rule in rules.adjustments(of: path) {
                guard let facts = isItself ? found.facts : try FileFacts.read(place(path), followLinks: true),
                    let after = after(rule, facts, isFolder: facts.type == "directory")
                else { continue }
                let now = State(user: facts.owner, group: facts.group, mode: facts.permissions)
                // What it may not do today is for other checks.
                let isProgram = !found.isFolder && facts.permissions & 0o111 != 0
                let need: UInt32 = !isItself ? 1 : found.isFolder ? (isWritten ? 3 : 1) : isProgram ? 5 : 4
                if let reader, now.allows(need, reader), !after.allows(need, reader) { bad.append(rule) }
                let isPrivate = isItself && !found.isFolder && now.mode & 0o077 == 0
                let isOfRoot = now.user == 0 && now.mode & 0o022 == 0
                if isPrivate && after.mode & 0o077 != 0 || isOfRoot && (after.user != 0 || after.mode & 0o022 != 0) {
                    bad.append(rule)
                }
            }
        }
        return bad
    }

    private struct State {
        var user: UInt32
        var group: UInt32
        var mode: UInt32

        func allows(_ bits: UInt32, _ reader: Reader) -> Bool {
            if reader.uid == 0 { return true }
            let own = user == reader.uid ? mode >> 6 : reader.groups.contains(group) ? mode >> 3 : mode
            return own & bits == bits
        }
    }

    /// What a path is like once a rule was followed; nil for one that only holds for what it makes.
    private func after(_ rule: TmpfilesRules.Rule, _ facts: FileFacts, isFolder: Bool) -> State? {
        var state = State(user: facts.owner, group: facts.group, mode: facts.permissions)
        let colon = UInt8(ascii: ":")
        if let user = rule.user, user.utf8.first != colon {
            guard let number = users.user(nameOrNumber: user)?.uid ?? UInt32(user) else { return nil }
            state.user = number
        }
        if let group = rule.group, group.utf8.first != colon {
            guard let number = users.group(nameOrNumber: group)?.gid ?? UInt32(group) else { return nil }
            state.group = number
        }
        if let mode = rule.mode, !mode.utf8.contains(colon) {
            let digits = mode.utf8.filter { $0 != UInt8(ascii: "~") }
            guard var number = UInt32(Ascii.text(digits), radix: 8) else { return state }
            if mode.utf8.contains(UInt8(ascii: "~")) {
                // Bits that nobody had are not given, except that folders keep theirs.
                if state.mode & 0o111 == 0 { number &= ~0o111 }
                if state.mode & 0o222 == 0 { number &= ~0o222 }
                if state.mode & 0o444 == 0 { number &= ~0o444 }
            }
            state.mode = number & 0o7777
        }
        return state
    }
}
