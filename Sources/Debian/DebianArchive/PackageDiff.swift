import Archive
import DebianFormat
import Documents
import Platform

/// What differs between two packages.
public struct PackageDiff: Sendable {
    /// What to compare beside contents, modes and owners.
    public struct Options: Sendable, Hashable {
        /// Whether modification times count.
        public var comparesTimes = false
        /// Whether names, compressions and sizes of the members of the archive count.
        public var comparesCompression = true
        /// Unchanged lines around changed ones.
        public var contextLines = 3
        /// Whether checksums and texts of files count.
        package var comparesContents = true

        /// The defaults.
        public init() {}
    }

    /// One property before and after; nil where it is not there.
    public struct Change: Sendable, Hashable {
        /// Such as `mode` or `Depends`.
        public var name: String
        /// In the first package.
        public var old: String?
        /// In the second package.
        public var new: String?
    }

    /// What became of something with a name.
    public enum Status: String, Sendable, Hashable {
        /// Only in the second package.
        case added
        /// Only in the first package.
        case removed
        /// In both, and different.
        case changed
    }

    /// A member of `control.tar` or `data.tar`, or of the `ar` archive.
    public struct Item: Sendable, Hashable {
        /// The path or name.
        public var name: String
        /// What became of it.
        public var status: Status
        /// What of it changed; of an added or removed one its properties.
        public var changes: [Change]
        /// The lines that changed, where it is a text in both packages.
        public var lines: LineDiff?
        /// Whether lines changed and are left out, because those of all texts are too many.
        public var isAbridged = false
    }

    /// Members of the `ar` archive.
    public var members: [Item]
    /// Fields of the control paragraph, in the order of the first package.
    public var fields: [Change]
    /// Maintainer scripts and other members of `control.tar`.
    public var controlFiles: [Item]
    /// Entries of `data.tar`, by path.
    public var entries: EntryDifferences

    /// Whether nothing differs.
    public var isEmpty: Bool { members.isEmpty && fields.isEmpty && controlFiles.isEmpty && entries.isEmpty }

    /// Compares two packages. Members of the `ar` archive are compared when both have them: a plan has none.
    public static func compare(
        _ old: PackageImage, _ new: PackageImage, options: Options = Options()
    ) -> PackageDiff {
        var budget = LineDiff.Budget()
        return PackageDiff(
            members: old.members.isEmpty || new.members.isEmpty ? [] : members(old.members, new.members, options),
            fields: fields(old.control, new.control), controlFiles: controlFiles(old, new, options, &budget),
            entries: EntryDifferences(old, new, options, budget))
    }

    // MARK: - parts

    private static func members(
        _ old: [PackageImage.Member], _ new: [PackageImage.Member], _ options: Options
    ) -> [Item] {
        // `data.tar.xz` and `data.tar.zst` are the same member in another dress.
        func stem(_ member: PackageImage.Member) -> String {
            ["control.tar", "data.tar"].first { member.name.startsBytewise($0) } ?? member.name
        }
        return items(keyed(old, by: stem), keyed(new, by: stem)) { member in
            var properties: [Property] = []
            if options.comparesCompression || member.compression == "none" && member.sha256 != nil {
                properties = [
                    ("name", member.name), ("compression", member.compression), ("size", "\(member.size)"),
                ]
            }
            return properties + [("sha256", member.sha256), ("bytes after the end", member.trailerSHA256)]
        }
    }

    private static func fields(_ old: ControlParagraph, _ new: ControlParagraph) -> [Change] {
        let (before, after) = (old.valuesByName, new.valuesByName)
        var changes = old.fields.compactMap { field -> Change? in
            let value = after[Ascii.lowercased(field.name)]
            return same(value, field.value) ? nil : Change(name: field.name, old: field.value, new: value)
        }
        changes += new.fields.filter { before[Ascii.lowercased($0.name)] == nil }.map {
            Change(name: $0.name, old: nil, new: $0.value)
        }
        return changes
    }

    private static func controlFiles(
        _ old: PackageImage, _ new: PackageImage, _ options: Options, _ budget: inout LineDiff.Budget
    ) -> [Item] {
        let before = keyed(old.controlFiles, by: \.name)
        let after = keyed(new.controlFiles, by: \.name)
        var items = items(before, after) { file in
            [
                ("mode", ModeText.octal(file.permissions)), ("size", "\(file.bytes.count)"),
                ("sha256", FileDigests.of(file.bytes).sha256),
            ]
        }
        let (oldTexts, newTexts) = (texts(before), texts(after))
        for index in items.indices {
            let key = ByteKey(items[index].name)
            let (before, after) = (oldTexts[key], newTexts[key])
            guard before != after else { continue }
            // Many, and told again by the entries: they leave the others their share.
            var own = LineDiff.Budget()
            items[index].lines =
                items[index].name == "md5sums"
                ? LineDiff(before ?? [], after ?? [], context: options.contextLines, within: &own)
                : LineDiff(before ?? [], after ?? [], context: options.contextLines, within: &budget)
            items[index].isAbridged = items[index].lines == nil
        }
        // A plan has none.
        guard !old.controlEntries.isEmpty, !new.controlEntries.isEmpty else { return items }
        func name(_ entry: Entry) -> String { entry.normalisedPath ?? "./" }
        let owners = self.items(keyed(old.controlEntries, by: name), keyed(new.controlEntries, by: name)) { entry in
            // The files' own modes have been compared.
            var properties: [Property] = [("owner", full(entry.owner)), ("group", full(entry.group))]
            if entry.normalisedPath == nil || entry.normalisedPath == "control" {
                properties.append(("mode", ModeText.octal(entry.permissions)))
            }
            if options.comparesTimes { properties.append(("modificationTime", "\(entry.modificationTime)")) }
            return properties
        }
        for owner in owners {
            if let index = items.firstIndex(where: { $0.name.hasSameBytes(as: owner.name) }) {
                if items[index].status == .changed { items[index].changes += owner.changes }
            } else {
                items.append(owner)
            }
        }
        return items
    }

    // MARK: - helpers

    fileprivate typealias Property = (name: String, value: String?)
    private typealias Keyed<Value> = [(key: String, value: Value)]

    private static func texts(_ files: Keyed<ControlFile>) -> [ByteKey: [UInt8]] {
        Dictionary(files.map { (ByteKey($0.key), $0.value.bytes) }, uniquingKeysWith: { $1 })
    }

    /// Values in order by a name; one that comes again gets a number, so that none is dropped.
    private static func keyed<Value>(_ values: [Value], by name: (Value) -> String) -> Keyed<Value> {
        var count: [ByteKey: Int] = [:]
        return values.map { value in
            let key = name(value)
            count[ByteKey(key), default: 0] += 1
            let number = count[ByteKey(key)] ?? 1
            return (number == 1 ? key : "\(key) (\(number))", value)
        }
    }

    private static func items<Value>(
        _ old: Keyed<Value>, _ new: Keyed<Value>, properties: (Value) -> [Property]
    ) -> [Item] {
        let before = Dictionary(old.map { (ByteKey($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { (ByteKey($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
        let names = Set(before.keys).union(after.keys).sorted {
            $0.text.utf8.lexicographicallyPrecedes($1.text.utf8)
        }
        var items: [Item] = []
        for name in names {
            let left = before[name].map(properties)
            let right = after[name].map(properties)
            var changes: [Change] = []
            for index in (left ?? right ?? []).indices {
                let change = Change(
                    name: (left ?? right ?? [])[index].name, old: left?[index].value, new: right?[index].value)
                if !same(change.old, change.new) { changes.append(change) }
            }
            let status: Status = left == nil ? .added : right == nil ? .removed : .changed
            if status != .changed || !changes.isEmpty {
                items.append(Item(name: name.text, status: status, changes: changes, lines: nil))
            }
        }
        return items
    }

    fileprivate static func same(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return left.hasSameBytes(as: right)
    }

    fileprivate static func full(_ owner: Owner) -> String {
        owner.name.isEmpty ? "\(owner.id)" : "\(owner.name) (\(owner.id))"
    }
}

/// The entries that differ, in the order of their paths. Each is put together when it is asked for: a package may have a
/// quarter of a million entries, and each of them may be different.
public struct EntryDifferences: RandomAccessCollection, Sendable {
    /// The positions of one path's entries in both packages, -1 where it is not there.
    private struct Pair {
        var old: Int32
        var new: Int32
    }

    private let old: [ImageEntry]
    private let new: [ImageEntry]
    private let options: PackageDiff.Options
    /// A plan has no checksums: there a text stands for itself.
    private let hasChecksums: Bool
    private var pairs: [Pair] = []
    /// The numbers of those that are not the first at their path, by index.
    private var numbers: [Int: Int] = [:]
    /// The lines of texts that differ, by index; nil where they are left out.
    private var lines: [Int: LineDiff?] = [:]

    init(_ old: PackageImage, _ new: PackageImage, _ options: PackageDiff.Options, _ budget: LineDiff.Budget) {
        (self.old, self.new, self.options) = (old.entries, new.entries, options)
        hasChecksums = !old.isPlanned && !new.isPlanned
        var budget = budget
        let (before, after) = (Self.order(self.old), Self.order(self.new))
        var (left, right) = (0, 0)
        var (number, path) = (1, "")
        while left < before.count || right < after.count {
            let first = left < before.count ? self.old[Int(before[left])] : nil
            let second = right < after.count ? self.new[Int(after[right])] : nil
            let order = Self.compare(first?.path, second?.path)
            let current = (order > 0 ? second?.path : first?.path) ?? ""
            number = current.hasSameBytes(as: path) ? number + 1 : 1
            path = current
            let pair = Pair(old: order <= 0 ? before[left] : -1, new: order >= 0 ? after[right] : -1)
            if order <= 0 { left += 1 }
            if order >= 0 { right += 1 }
            guard order != 0 || isDifferent(pair) else { continue }
            if number > 1 { numbers[pairs.count] = number }
            if order == 0, options.comparesContents, let before = first?.text, let after = second?.text, before != after
            {
                lines[pairs.count] = .some(
                    LineDiff(before, after, context: options.contextLines, within: &budget))
            }
            pairs.append(pair)
        }
    }

    /// The first index: 0.
    public var startIndex: Int { 0 }
    /// The number of entries that differ.
    public var endIndex: Int { pairs.count }

    /// What differs in an entry.
    public subscript(index: Int) -> PackageDiff.Item {
        let left = pairs[index].old < 0 ? nil : old[Int(pairs[index].old)]
        let right = pairs[index].new < 0 ? nil : new[Int(pairs[index].new)]
        let (before, after) = (left.map(properties), right.map(properties))
        let all = before ?? after ?? []
        let changes = all.indices.compactMap { position -> PackageDiff.Change? in
            let (old, new) = (before?[position].value, after?[position].value)
            return PackageDiff.same(old, new) ? nil : .init(name: all[position].name, old: old, new: new)
        }
        let path = (left ?? right)?.path ?? ""
        return PackageDiff.Item(
            name: numbers[index].map { "\(path) (\($0))" } ?? path,
            status: left == nil ? .added : right == nil ? .removed : .changed, changes: changes,
            lines: lines[index] ?? nil, isAbridged: lines[index].map { $0 == nil } ?? false)
    }

    /// Positions by path; entries at one path stay in their order.
    private static func order(_ entries: [ImageEntry]) -> [Int32] {
        entries.indices.map { Int32($0) }.sorted { left, right in
            let order = compare(entries[Int(left)].path, entries[Int(right)].path)
            return order == 0 ? left < right : order < 0
        }
    }

    /// The order of bytes; a path that is not there comes after all others.
    private static func compare(_ left: String?, _ right: String?) -> Int {
        guard let left, let right else { return left == nil ? right == nil ? 0 : 1 : -1 }
        return left.compareBytewise(right)
    }

    private func isDifferent(_ pair: Pair) -> Bool {
        let (left, right) = (old[Int(pair.old)], new[Int(pair.new)])
        guard left.permissions == right.permissions, left.owner.hasSameBytes(as: right.owner),
            left.group.hasSameBytes(as: right.group), Self.same(left.kind, right.kind)
        else { return true }
        if options.comparesTimes, left.modificationTime != right.modificationTime { return true }
        guard options.comparesContents else { return false }
        return hasChecksums ? left.digests?.sha256 != right.digests?.sha256 : left.facts.text != right.facts.text
    }

    private static func same(_ left: Entry.Kind, _ right: Entry.Kind) -> Bool {
        switch (left, right) {
        case (.file(let left), .file(let right)): left == right
        case (.directory, .directory): true
        case (.symbolicLink(let left), .symbolicLink(let right)): left.hasSameBytes(as: right)
        case (.hardLink(let left), .hardLink(let right)): left.hasSameBytes(as: right)
        case (.other(let left, let number), .other(let right, let other)): left == right && number == other
        default: false
        }
    }

    private func properties(of entry: ImageEntry) -> [PackageDiff.Property] {
        var properties: [PackageDiff.Property] = [
            ("type", entry.typeName), ("target", entry.linkTarget), ("device", entry.device),
            ("mode", ModeText.octal(entry.permissions)), ("owner", PackageDiff.full(entry.owner)),
            ("group", PackageDiff.full(entry.group)), ("size", entry.size.map { "\($0)" }),
        ]
        if options.comparesTimes { properties.append(("modificationTime", "\(entry.modificationTime)")) }
        if options.comparesContents {
            properties.append(
                ("sha256", hasChecksums ? entry.sha256 : entry.text.map { FileDigests.of($0).sha256 }))
        }
        return properties
    }
}

extension PackageDiff {
    /// The differences for people: `-` before, `+` after, `~` for what is in both.
    ///
    /// - Parameter color: whether ANSI colours are used (ECMA-48).
    public func text(color: Bool = false) -> String {
        var text = ""
        writeText(color: color) { text += $0 }
        return text
    }

    /// The same piece by piece: there may be more differences than one wants to keep as text.
    public func writeText(color: Bool = false, _ write: @escaping (String) -> Void) {
        if isEmpty { return write("no differences\n") }
        var writer = Writer(color: color, output: PieceWriter(write))
        if !members.isEmpty {
            writer.heading("archive")
            for item in members { writer.item(item) }
        }
        if !fields.isEmpty {
            writer.heading("control")
            for change in fields { writer.field(change) }
        }
        if !controlFiles.isEmpty {
            writer.heading("control files")
            for item in controlFiles { writer.item(item) }
        }
        if !entries.isEmpty {
            writer.heading("entries")
            for item in entries { writer.item(item) }
        }
        writer.output.finish()
    }

    /// The differences for programs.
    public var json: JSONValue {
        .object([
            ("equal", .bool(isEmpty)),
            ("members", .array(members.map(Self.json))),
            ("control", .array(fields.map(Self.json))),
            ("controlFiles", .array(controlFiles.map(Self.json))),
            ("entries", .list(count: entries.count) { Self.json(entries[$0]) }),
        ])
    }

    private static func json(_ item: Item) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(item.name)), ("status", .string(item.status.rawValue)),
            ("changes", .array(item.changes.map(json))),
        ]
        if let lines = item.lines { members.append(("lines", .array(lines.text.map(JSONValue.string)))) }
        if item.isAbridged { members.append(("abridged", .bool(true))) }
        return .object(members)
    }

    private static func json(_ change: Change) -> JSONValue {
        .object([
            ("name", .string(change.name)), ("old", change.old.map(JSONValue.string) ?? .null),
            ("new", change.new.map(JSONValue.string) ?? .null),
        ])
    }

    /// Puts lines together, each in the colour of its mark.
    private struct Writer {
        let color: Bool
        var output: PieceWriter

        mutating func heading(_ title: String) { output.lines([paint(title, "1")]) }

        mutating func field(_ change: Change) {
            // A description of many lines is shown by what changed in it.
            if let old = change.old, let new = change.new, old.contains("\n") || new.contains("\n") {
                output.lines([paint("  ~ \(DisplayText.inline(change.name))", "33")])
                lines(LineDiff(Array((old + "\n").utf8), Array((new + "\n").utf8)))
                return
            }
            for (mark, value, code) in [("-", change.old, "31"), ("+", change.new, "32")] {
                guard let value else { continue }
                for (index, line) in Lines(Array(value.utf8)).enumerated() {
                    let label = index == 0 ? "\(DisplayText.inline(change.name)): " : "  "
                    output.lines([paint("  \(mark) \(label)\(DisplayText.inline(line.text))", code)])
                }
            }
        }

        mutating func item(_ item: Item) {
            let name = DisplayText.inline(item.name)
            switch item.status {
            case .added: output.lines([paint("  + \(name)\(properties(item, \.new))", "32")])
            case .removed: output.lines([paint("  - \(name)\(properties(item, \.old))", "31")])
            case .changed:
                let changes = item.changes.map { change in
                    "\(change.name) \(shown(change.name, change.old)) -> \(shown(change.name, change.new))"
                }
                output.lines([paint("  ~ \(name)", "33") + "  " + changes.joined(separator: ", ")])
            }
            // The entries tell what md5sums tells, and by path.
            if item.name == "md5sums" { return }
            if let difference = item.lines { lines(difference) }
            if item.isAbridged { output.lines(["      (too many lines differ to show them)"]) }
        }

        private mutating func lines(_ difference: LineDiff) {
            for line in difference.text {
                let code =
                    line.startsBytewise("-")
                    ? "31" : line.startsBytewise("+") ? "32" : line.startsBytewise("@@") ? "36" : ""
                output.lines(["      " + paint(line, code)])
            }
        }

        private func properties(_ item: Item, _ side: KeyPath<Change, String?>) -> String {
            let shownNames = item.changes.filter {
                $0[keyPath: side] != nil && $0.name != "sha256" && $0.name != "name"
            }
            if shownNames.isEmpty { return "" }
            return "  " + shownNames.map { "\($0.name) \(shown($0.name, $0[keyPath: side]))" }.joined(separator: ", ")
        }

        private func shown(_ name: String, _ value: String?) -> String {
            guard let value else { return "none" }
            switch name {
            // Twelve digits tell two files apart; the whole checksum is in the JSON.
            case "sha256": return String(value.prefix(12))
            case "size": return Int64(value).map(ByteCount.text) ?? value
            case "modificationTime": return Int64(value).map(CivilTime.minuteText) ?? value
            case "target": return "'\(DisplayText.inline(value))'"
            default: return DisplayText.inline(value)
            }
        }

        private func paint(_ line: String, _ code: String) -> String {
            color && !code.isEmpty ? "\u{1b}[\(code)m\(line)\u{1b}[0m" : line
        }
    }
}
