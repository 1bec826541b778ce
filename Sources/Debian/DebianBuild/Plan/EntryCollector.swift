import Archive
import DebianArchive
import DebianFormat
import DebianManifest
import Documents
import Files

/// Gathers the entries of one package and sees to it that they fit together: one entry per path, directories above each
/// file, no file where a directory is needed.
struct EntryCollector {
    private struct Slot {
        let path: String
        var planned: PlannedEntry
        var range: SourceRange?
        /// True when the directory stands there only because something is below it.
        var isImplicit: Bool
    }

    /// In the order in which they were added, which for a tree is that of the archive already.
    private var slots: [Slot] = []
    /// Where the slot of a path is. The slots themselves are large and would be moved whenever the table grows.
    private var indices: [String: Int] = [:]
    let sourceDateEpoch: Int64

    init(sourceDateEpoch: Int64) {
        self.sourceDateEpoch = sourceDateEpoch
    }

    /// Directories that base-files makes on every machine without dpkg's knowledge (Policy 9.1.2): a package that
    /// shipped them would have dpkg delete them with its removal.
    private static let unclaimed: Set<String> = [
        "/usr/local", "/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib",
        "/usr/local/man", "/usr/local/sbin", "/usr/local/share", "/usr/local/share/man", "/usr/local/src",
    ]

    /// The entries in the order of the archive.
    func sorted() -> [PlannedEntry] {
        slots.indices.sorted { Self.order(slots[$0].path, slots[$1].path) }.map { slots[$0].planned }
    }

    /// The entries in the order of the archive; the collector is empty after it, so that they are not there twice.
    mutating func takeSorted() -> [PlannedEntry] {
        let entries = sorted()
        (slots, indices) = ([], [:])
        return entries
    }

    func contains(_ path: String) -> Bool { indices[path] != nil }

    func kind(of path: String) -> Entry.Kind? { indices[path].map { slots[$0].planned.entry.kind } }

    mutating func markConffile(_ path: String) {
        if let index = indices[path] { slots[index].planned.isConffile = true }
    }

    var conffiles: [String] {
        slots.filter { $0.planned.isConffile }.map(\.path).sorted { Self.order($0, $1) }
    }

    /// The files that get capabilities, in the order of the archive.
    var capabilities: [(path: String, capabilities: FileCapabilities)] {
        slots.compactMap { slot in slot.planned.capabilities.map { (slot.path, $0) } }
            .sorted { Self.order($0.path, $1.path) }
    }

    private mutating func append(_ slot: Slot) {
        indices[slot.path] = slots.count
        slots.append(slot)
    }

    /// Adds an entry at an absolute, normalised path.
    mutating func add(
        _ path: String, kind: Entry.Kind, permissions: UInt16, owner: Owner, group: Owner, modificationTime: Int64,
        source: ContentSource, facts: ContentFacts? = nil, isConffile: Bool = false,
        capabilities: FileCapabilities? = nil, range: SourceRange?, diagnostics: inout Diagnostics
    ) {
        let isDirectory = kind == .directory
        var planned = PlannedEntry(
            entry: Entry(
                path: path == "/" ? "./" : "." + path + (isDirectory ? "/" : ""), kind: kind, permissions: permissions,
                owner: owner, group: group, modificationTime: min(modificationTime, sourceDateEpoch)),
            source: source, isConffile: isConffile, facts: facts)
        planned.capabilities = capabilities
        if let index = indices[path] {
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
        addParents(of: path, range: range, diagnostics: &diagnostics)
        append(Slot(path: path, planned: planned, range: range, isImplicit: false))
    }

    private mutating func addParents(of path: String, range: SourceRange?, diagnostics: inout Diagnostics) {
        var parent = path[...]
        while parent != "/", let slash = parent.unicodeScalars.lastIndex(of: "/") {
            parent = slash == parent.startIndex ? "/" : parent[..<slash]
            let key = String(parent)
            if let present = indices[key].map({ slots[$0] }) {
                if present.planned.entry.kind != .directory {
                    diagnostics.error(
                        "parent-not-directory", "'\(path)' needs a directory at '\(key)', where another entry is",
                        at: range, notes: present.range.map { ["'\(key)' is in \($0.place)"] } ?? [])
                }
                return
            }
            if Self.unclaimed.contains(key) { continue }
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

/// Owners by name.
///
/// dpkg looks an owner up by name on the target and falls back to the number, so the number matters only where the name
/// does not exist yet; it is then root's, never a number that means somebody else there.
enum OwnerTable {
    static func user(_ name: String) -> Owner { Owner(name: name, id: BaseAccounts.users[name] ?? 0) }

    static func group(_ name: String) -> Owner { Owner(name: name, id: BaseAccounts.groups[name] ?? 0) }

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
