import Archive
import DebianArchive
import DebianFormat
import DebianManifest
import Documents
import Files
import Platform

/// Gathers the entries of one package and sees to it that they fit together: one entry per path, directories above each
/// file, no file where a directory is needed.
struct EntryCollector {
    private struct Slot {
        let path: String
        var planned: PlannedEntry
        var range: SourceRange?
        /// True when the directory stands there only because something is below it.
        var isImplicit: Bool
        /// Which file of the specification's it is, where it may have several names.
        var identity: FileIdentity?
    }

    /// In the order in which they were added, which for a tree is that of the archive already.
    private var slots: [Slot] = []
    /// Where the slot of a path is. The slots themselves are large and would be moved whenever the table grows.
    private var indices: [ByteKey: Int] = [:]
    /// Slots by the path that a merged /usr gives them, where that is below /usr.
    private var merged: [ByteKey: Int] = [:]
    let sourceDateEpoch: Int64

    init(sourceDateEpoch: Int64) {
        self.sourceDateEpoch = sourceDateEpoch
    }

    /// The entries in the order of the archive.
    func sorted() -> [PlannedEntry] {
        slots.indices.sorted { Self.order(slots[$0].path, slots[$1].path) }.map { slots[$0].planned }
    }

    /// The entries in the order of the archive, names of one file as hard links of the first of them; the collector is
    /// empty after it, so that they are not there twice.
    mutating func takeSorted() -> [PlannedEntry] {
        linkNames()
        let entries = sorted()
        (slots, indices, merged) = ([], [:], [:])
        return entries
    }

    /// A tar may name a file again only after it, and all names of a file share its mode and owner. Names that differ in
    /// these, conffiles, which dpkg replaces one by one, and names that may lie on other file systems become copies.
    private mutating func linkNames() {
        struct Group: Hashable {
            var identity: FileIdentity
            var permissions: UInt16
            var owner: Owner
            var group: Owner
            var strips: Bool?
            var top: Substring
        }
        var names: [Group: [Int]] = [:]
        for (index, slot) in slots.enumerated() {
            guard let identity = slot.identity, !slot.planned.isConffile else { continue }
            let entry = slot.planned.entry
            let top = slot.path.dropFirst().prefix { $0 != "/" }
            if top == "etc" { continue }
            names[
                Group(
                    identity: identity, permissions: entry.permissions, owner: entry.owner, group: entry.group,
                    strips: slot.planned.strips, top: top), default: []
            ].append(index)
        }
        for var indices in names.values where indices.count > 1 {
            indices.sort { Self.order(slots[$0].path, slots[$1].path) }
            let target = slots[indices[0]].planned.entry.path
            for index in indices.dropFirst() {
                slots[index].planned.entry.kind = .hardLink(target: target)
                slots[index].planned.source = .nothing
                slots[index].planned.facts = nil
            }
        }
    }

    func contains(_ path: String) -> Bool { indices[ByteKey(path)] != nil }

    func kind(of path: String) -> Entry.Kind? { indices[ByteKey(path)].map { slots[$0].planned.entry.kind } }

    /// The entries with their paths and the places that declare them.
    var placed: [(path: String, entry: Entry, range: SourceRange?)] {
        slots.map { ($0.path, $0.planned.entry, $0.range) }
    }

    mutating func markConffile(_ path: String) {
        if let index = indices[ByteKey(path)] { slots[index].planned.isConffile = true }
    }

    var conffiles: [String] {
        // As dh_installdeb(1) lists them.
        slots.filter { $0.planned.isConffile }.map(\.path).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The files that get capabilities, in the order of the archive.
    var capabilities: [(path: String, capabilities: FileCapabilities)] {
        slots.compactMap { slot in slot.planned.capabilities.map { (slot.path, $0) } }
            .sorted { Self.order($0.path, $1.path) }
    }

    private mutating func append(_ slot: Slot) {
        indices[ByteKey(slot.path)] = slots.count
        if let path = MergedUsr.path(slot.path) { merged[ByteKey(path)] = slots.count }
        slots.append(slot)
    }

    /// Adds an entry at an absolute, normalised path.
    mutating func add(
        _ path: String, kind: Entry.Kind, permissions: UInt16, owner: Owner, group: Owner, modificationTime: Int64,
        source: ContentSource, facts: ContentFacts? = nil, isConffile: Bool = false, identity: FileIdentity? = nil,
        foreignCode: ForeignMachineCode? = nil, strips: Bool? = nil, capabilities: FileCapabilities? = nil,
        range: SourceRange?, diagnostics: inout Diagnostics
    ) {
        let isDirectory = kind == .directory
        var planned = PlannedEntry(
            entry: Entry(
                path: path == "/" ? "./" : "." + path + (isDirectory ? "/" : ""), kind: kind, permissions: permissions,
                owner: owner, group: group, modificationTime: min(modificationTime, sourceDateEpoch)),
            source: source, isConffile: isConffile, facts: facts, allowsForeignCode: foreignCode == .allow)
        planned.capabilities = capabilities
        planned.strips = strips
        if let index = indices[ByteKey(path)] {
            let present = slots[index]
            let bothDirectories = isDirectory && present.planned.entry.kind == .directory
            if bothDirectories && (present.isImplicit || present.planned.entry == planned.entry) {
                slots[index] = Slot(path: path, planned: planned, range: range, isImplicit: false)
                return
            }
            var notes: [String] = []
            if let first = present.range { notes.append("the first one is in \(first.place)") }
            diagnostics.error(
                "duplicate-entry", "two entries at '\(path)'", at: range, notes: notes,
                help: "keep one of them; a tree can leave a file out with 'exclude'")
            return
        }
        guard isAlone(path, isDirectory: isDirectory, range: range, diagnostics: &diagnostics) else { return }
        addParents(of: path, range: range, diagnostics: &diagnostics)
        append(Slot(path: path, planned: planned, range: range, isImplicit: false, identity: identity))
    }

    /// Whether nothing else lies at the place that a merged /usr gives to the path: dpkg would find one file twice.
    private func isAlone(
        _ path: String, isDirectory: Bool, range: SourceRange?, diagnostics: inout Diagnostics
    ) -> Bool {
        guard let place = MergedUsr.path(path), let index = merged[ByteKey(place)] else { return true }
        let other = slots[index]
        if isDirectory, other.planned.entry.kind == .directory { return true }
        diagnostics.error(
            "duplicate-entry", "'\(path)' and '\(other.path)' are one path where /usr is merged", at: range,
            notes: other.range.map { ["'\(other.path)' is in \($0.place)"] } ?? [],
            help: "keep the one below /usr (Debian 12 and later have /bin, /sbin and /lib as links to it)")
        return false
    }

    private mutating func addParents(of path: String, range: SourceRange?, diagnostics: inout Diagnostics) {
        var parent = path[...]
        while parent != "/", let slash = parent.unicodeScalars.lastIndex(of: "/") {
            parent = slash == parent.startIndex ? "/" : parent[..<slash]
            let key = String(parent)
            if let present = indices[ByteKey(key)].map({ slots[$0] }) {
                if present.planned.entry.kind != .directory {
                    diagnostics.error(
                        "parent-not-directory", "'\(path)' needs a directory at '\(key)', where another entry is",
                        at: range, notes: present.range.map { ["'\(key)' is in \($0.place)"] } ?? [])
                }
                return
            }
            if UnclaimedFolders.paths.contains(key) { continue }
            guard isAlone(key, isDirectory: true, range: range, diagnostics: &diagnostics) else { return }
            let root = Owner(name: "root", id: 0)
            let planned = PlannedEntry(
                entry: Entry(
                    path: key == "/" ? "./" : ".\(key)/", kind: .directory, permissions: 0o755, owner: root,
                    group: root,
                    modificationTime: sourceDateEpoch),
                source: .nothing, isConffile: false)
            append(Slot(path: key, planned: planned, range: range, isImplicit: true))
        }
    }

    /// Byte order by component, so that a directory stands right before what is in it.
    private static func order(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8) { first, second in
            let slash = UInt8(ascii: "/")
            if first == slash || second == slash { return first == slash && second != slash }
            return first < second
        }
    }
}

/// Which file a name in the package is of: an inode of a tree, or an entry of an archive, within one item.
struct FileIdentity: Hashable {
    var item: Int
    var device: UInt64
    var number: UInt64
}

/// Directories that are links into /usr since Debian 12 (usrmerge).
enum MergedUsr {
    private static let names: Set<String> = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"]

    /// Where the path lies on a system with a merged /usr; nil where that makes no difference.
    static func path(_ path: String) -> String? {
        let components = LexicalPath.components(path)
        guard let first = components.first else { return nil }
        if names.contains(String(first)) { return "/usr" + path }
        guard first == "usr", components.count > 1, names.contains(String(components[1])) else { return nil }
        return path
    }
}

/// Owners by name.
///
/// dpkg looks an owner up by name on the target and falls back to the number, so the number matters only where the name
/// does not exist yet; it is then root's, never a number that means somebody else there.
package enum OwnerTable {
    static func user(_ name: String) -> Owner { Owner(name: name, id: BaseAccounts.users[name] ?? 0) }

    static func group(_ name: String) -> Owner { Owner(name: name, id: BaseAccounts.groups[name] ?? 0) }

    /// `NAME:NUMBER` or `NUMBER`, the forms that tar(1) has for its option --owner; nil for any other text.
    static func numbered(_ text: String) -> Owner? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        // Seven octal digits are what a tar header holds.
        guard let digits = parts.last, !digits.isEmpty, digits.utf8.allSatisfy(Ascii.isDigit), let id = Int64(digits),
            id < 1 << 21
        else { return nil }
        let name = parts.count == 2 ? String(parts[0]) : ""
        guard name.utf8.count <= 32, !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return nil }
        return Owner(name: name, id: id)
    }

    /// How an owner is written; nil for root.
    package static func text(_ owner: Owner, isGroup: Bool) -> String? {
        if owner == Owner(name: "root", id: 0) { return nil }
        let known = isGroup ? group(owner.name) : user(owner.name)
        if isValidName(owner.name), known == owner { return owner.name }
        return owner.name.isEmpty ? "\(owner.id)" : "\(owner.name):\(owner.id)"
    }

    /// useradd(8): a letter or underscore, then letters, digits, underscores and dashes; at most 32.
    static func isValidName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 32 else { return false }
        let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
        guard lower.contains(first) || first == UInt8(ascii: "_") else { return false }
        return name.utf8.dropFirst().allSatisfy { byte in
            lower.contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
    }
}

/// Directories that base-files makes on every machine without dpkg's knowledge (Policy 9.1.2): a package that shipped
/// them would have dpkg delete them with its removal. They are a package's only where it says so.
package enum UnclaimedFolders {
    /// Their paths.
    package static let paths: Set<String> = [
        "/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib",
        "/usr/local/man", "/usr/local/sbin", "/usr/local/share", "/usr/local/share/man", "/usr/local/src",
    ]
}
