import Archive
import DebianArchive
import DebianBuild
import Files
import Platform

/// What a tree cannot express by itself: modes, owners and machine code for other processors, as few rules as possible.
struct OwnershipRules {
    /// What a rule says.
    struct Statement: Hashable {
        var mode: UInt16?
        var owner: String?
        var group: String?
        var allowsForeignCode = false

        /// Whether nothing has to be said.
        var isEmpty: Bool { mode == nil && owner == nil && group == nil && !allowsForeignCode }
    }

    /// A folder with what is in it.
    private struct Folder {
        var folders: [(name: String, index: Int)] = []
        var files: [(name: String, statement: Statement, kind: Kind, isCode: Bool)] = []
        /// Of the folder itself.
        var own = Statement()
    }

    private enum Kind { case file, link }

    /// The rules, each after those that it goes beyond.
    private(set) var rules: [(match: String, statement: Statement)] = []
    private var folders = [Folder()]

    /// - Parameter entries: what is in the tree, without the root.
    init(_ entries: [ImageEntry], isForeign: (ImageEntry) -> Bool) {
        var indices: [ByteKey: Int] = [ByteKey("/"): 0]
        for entry in entries {
            let components = LexicalPath.components(entry.path).map(String.init)
            guard let name = components.last else { continue }
            let parent = folder(components.dropLast(), in: &indices)
            var statement = Self.statement(entry)
            statement.allowsForeignCode = isForeign(entry)
            if entry.isDirectory {
                folders[folder(components[...], in: &indices)].own = statement
            } else {
                var kind = Kind.file
                if case .symbolicLink = entry.kind { kind = .link }
                folders[parent].files.append((name, statement, kind, entry.elf != nil))
            }
        }
        write(0, at: "")
    }

    /// The folder at a path, which is made with those above it.
    private mutating func folder(_ components: ArraySlice<String>, in indices: inout [ByteKey: Int]) -> Int {
        let path = "/" + components.joined(separator: "/")
        if let index = indices[ByteKey(path)] { return index }
        let parent = folder(components.dropLast(), in: &indices)
        folders.append(Folder())
        let index = folders.count - 1
        indices[ByteKey(path)] = index
        folders[parent].folders.append((components.last ?? "", index))
        return index
    }

    private static func statement(_ entry: ImageEntry) -> Statement {
        var result = Statement()
        switch entry.kind {
        case .directory: result.mode = entry.permissions == 0o755 ? nil : entry.permissions
        case .symbolicLink: break
        default:
            let usual: UInt16 = entry.permissions & 0o100 == 0 ? 0o644 : 0o755
            result.mode = entry.permissions == usual ? nil : entry.permissions
        }
        result.owner = OwnerTable.text(entry.owner, isGroup: false)
        result.group = OwnerTable.text(entry.group, isGroup: true)
        // A group is that of the owner's name unless it is said.
        if let owner = result.owner {
            result.group = owner == result.group ? nil : result.group ?? "root"
        }
        return result
    }

    /// What can be said of all files below a folder together; nil where they differ.
    private func common(_ index: Int) -> (statement: Statement, count: Int, hasOwnCode: Bool)? {
        let folder = folders[index]
        var statement: Statement?
        var count = 0
        var hasOwnCode = false
        /// Foreign code may be allowed where there is none, and not where there is code of the package's own.
        func join(_ next: Statement, isOwnCode: Bool) -> Bool {
            var next = next
            hasOwnCode = hasOwnCode || isOwnCode
            let allows = next.allowsForeignCode || statement?.allowsForeignCode == true
            next.allowsForeignCode = allows
            statement?.allowsForeignCode = allows
            if let known = statement, known != next { return false }
            statement = next
            return !(allows && hasOwnCode)
        }
        for file in folder.files where file.kind == .file {
            guard join(file.statement, isOwnCode: file.isCode && !file.statement.allowsForeignCode) else { return nil }
            count += 1
        }
        for (_, below) in folder.folders {
            guard let inside = common(below) else { return nil }
            count += inside.count
            if inside.count == 0 { continue }
            guard join(inside.statement, isOwnCode: inside.hasOwnCode) else { return nil }
        }
        let result = statement ?? Statement()
        // Links and folders match the rule as well: it has to be right for them.
        for file in folder.files where file.kind == .link {
            guard file.statement.owner == result.owner, file.statement.group == result.group else { return nil }
        }
        for (_, below) in folder.folders {
            let own = folders[below].own
            let given = result.mode.map { $0 | ($0 & 0o444) >> 2 } ?? 0o755
            guard own.owner == result.owner, own.group == result.group, own.mode ?? 0o755 == given else { return nil }
        }
        return (result, count, hasOwnCode)
    }

    private mutating func write(_ index: Int, at path: String) {
        let folder = folders[index]
        if let (statement, count, _) = common(index), count > 1, !statement.isEmpty {
            rules.append((Self.escaped(path) + "/**", statement))
            return
        }
        let alike = writeExtensions(of: folder, at: path)
        for file in folder.files where !file.statement.isEmpty && !alike.contains(Self.suffix(file.name)) {
            rules.append((Self.escaped(path + "/" + file.name), file.statement))
        }
        for (name, below) in folder.folders {
            if !folders[below].own.isEmpty {
                rules.append((Self.escaped(path + "/" + name), folders[below].own))
            }
            write(below, at: path + "/" + name)
        }
    }

    /// Writes one rule for the files of a folder whose names end alike, where all of them need it; gives the endings.
    private mutating func writeExtensions(of folder: Folder, at path: String) -> Set<String> {
        var statements: [String: (statement: Statement, count: Int)?] = [:]
        for file in folder.files where !Self.suffix(file.name).isEmpty {
            let suffix = Self.suffix(file.name)
            if let known = statements[suffix] {
                statements[suffix] = known.flatMap {
                    $0.statement == file.statement ? ($0.statement, $0.count + 1) : nil
                }
            } else {
                statements[suffix] = (file.statement, 1)
            }
        }
        var written: Set<String> = []
        for (suffix, found) in statements.sorted(by: { $0.key < $1.key }) {
            guard let found, found.count > 2, !found.statement.isEmpty,
                !folder.folders.contains(where: { $0.name.hasSuffix(suffix) })
            else { continue }
            written.insert(suffix)
            rules.append((Self.escaped(path) + "/*" + Self.escaped(suffix), found.statement))
        }
        return written
    }

    /// The end of a name from its last full stop on; empty where it has none but the first character.
    private static func suffix(_ name: String) -> String {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot != name.utf8.startIndex else { return "" }
        return String(name[dot...])
    }

    /// The path as a pattern that matches nothing else.
    static func escaped(_ path: String) -> String {
        var result = ""
        for scalar in path.unicodeScalars {
            if "*?[\\".unicodeScalars.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    /// The items of `rules:`.
    var values: [SpecValue] {
        rules.map { match, statement in
            var entries = [SpecEntry("match", .text(match))]
            if let mode = statement.mode { entries.append(SpecEntry("mode", .text(ModeText.octal(mode)))) }
            if let owner = statement.owner { entries.append(SpecEntry("owner", .text(owner))) }
            if let group = statement.group { entries.append(SpecEntry("group", .text(group))) }
            if statement.allowsForeignCode { entries.append(SpecEntry("foreign-machine-code", .text("allow"))) }
            return .mapping(entries)
        }
    }
}
