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
    }

    /// Members of the `ar` archive.
    public var members: [Item]
    /// Fields of the control paragraph, in the order of the first package.
    public var fields: [Change]
    /// Maintainer scripts and other members of `control.tar`.
    public var controlFiles: [Item]
    /// Entries of `data.tar`, by path.
    public var entries: [Item]

    /// Whether nothing differs.
    public var isEmpty: Bool { members.isEmpty && fields.isEmpty && controlFiles.isEmpty && entries.isEmpty }

    /// Compares two packages. Members of the `ar` archive are compared when both have them: a plan has none.
    public static func compare(
        _ old: PackageImage, _ new: PackageImage, options: Options = Options()
    ) -> PackageDiff {
        PackageDiff(
            members: old.members.isEmpty || new.members.isEmpty ? [] : members(old.members, new.members, options),
            fields: fields(old.control, new.control), controlFiles: controlFiles(old, new, options),
            entries: entries(old, new, options))
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
        var changes = old.fields.compactMap { field -> Change? in
            let value = new[field.name]
            return same(value, field.value) ? nil : Change(name: field.name, old: field.value, new: value)
        }
        changes += new.fields.filter { old[$0.name] == nil }.map { Change(name: $0.name, old: nil, new: $0.value) }
        return changes
    }

    private static func controlFiles(_ old: PackageImage, _ new: PackageImage, _ options: Options) -> [Item] {
        let before = keyed(old.controlFiles, by: \.name)
        let after = keyed(new.controlFiles, by: \.name)
        var items = items(before, after) { file in
            [
                ("mode", ModeText.octal(file.permissions)), ("size", "\(file.bytes.count)"),
                ("sha256", FileDigests.of(file.bytes).sha256),
            ]
        }
        addLines(to: &items, old: texts(before, \.bytes), new: texts(after, \.bytes), options: options, isWhole: true)
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

    private static func entries(_ old: PackageImage, _ new: PackageImage, _ options: Options) -> [Item] {
        let before = keyed(old.entries, by: \.path)
        let after = keyed(new.entries, by: \.path)
        // A plan has no checksums: there a text stands for itself.
        let hasChecksums = !old.isPlanned && !new.isPlanned
        var items = items(before, after) { properties(of: $0, options: options, hasChecksums: hasChecksums) }
        addLines(to: &items, old: texts(before, \.text), new: texts(after, \.text), options: options, isWhole: false)
        return items
    }

    private static func properties(of entry: ImageEntry, options: Options, hasChecksums: Bool) -> [Property] {
        var properties: [Property] = [("type", entry.typeName)]
        properties.append(("target", entry.linkTarget))
        properties.append(("device", entry.device))
        properties.append(("mode", ModeText.octal(entry.permissions)))
        properties.append(("owner", full(entry.owner)))
        properties.append(("group", full(entry.group)))
        properties.append(("size", entry.size.map { "\($0)" }))
        if options.comparesTimes { properties.append(("modificationTime", "\(entry.modificationTime)")) }
        let checksum = hasChecksums ? entry.sha256 : entry.text.map { FileDigests.of($0).sha256 }
        properties.append(("sha256", checksum))
        return properties
    }

    // MARK: - helpers

    private typealias Property = (name: String, value: String?)
    private typealias Keyed<Value> = [(key: String, value: Value)]

    private static func texts<Value>(_ values: Keyed<Value>, _ text: (Value) -> [UInt8]?) -> [ByteKey: [UInt8]] {
        Dictionary(
            values.compactMap { item in text(item.value).map { (ByteKey(item.key), $0) } }, uniquingKeysWith: { $1 })
    }

    /// - Parameter isWhole: whether an added or removed text is shown as well.
    private static func addLines(
        to items: inout [Item], old: [ByteKey: [UInt8]], new: [ByteKey: [UInt8]], options: Options, isWhole: Bool
    ) {
        for index in items.indices {
            let before = old[ByteKey(items[index].name)]
            let after = new[ByteKey(items[index].name)]
            guard before != after, isWhole || (before != nil && after != nil) else { continue }
            items[index].lines = LineDiff(before ?? [], after ?? [], context: options.contextLines)
        }
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

    private static func same(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return left.hasSameBytes(as: right)
    }

    private static func full(_ owner: Owner) -> String {
        owner.name.isEmpty ? "\(owner.id)" : "\(owner.name) (\(owner.id))"
    }
}

extension PackageDiff {
    /// The differences for people: `-` before, `+` after, `~` for what is in both.
    ///
    /// - Parameter color: whether ANSI colours are used (ECMA-48).
    public func text(color: Bool = false) -> String {
        var writer = Writer(color: color)
        if isEmpty { return "no differences\n" }
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
        return writer.text
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
        var text = ""

        mutating func heading(_ title: String) {
            text += paint(title, "1") + "\n"
        }

        mutating func field(_ change: Change) {
            // A description of many lines is shown by what changed in it.
            if let old = change.old, let new = change.new, old.contains("\n") || new.contains("\n") {
                text += paint("  ~ \(DisplayText.inline(change.name))", "33") + "\n"
                lines(LineDiff(Array((old + "\n").utf8), Array((new + "\n").utf8)))
                return
            }
            for (mark, value, code) in [("-", change.old, "31"), ("+", change.new, "32")] {
                guard let value else { continue }
                for (index, line) in TextLines.of(Array(value.utf8)).enumerated() {
                    let label = index == 0 ? "\(DisplayText.inline(change.name)): " : "  "
                    text += paint("  \(mark) \(label)\(DisplayText.inline(line))", code) + "\n"
                }
            }
        }

        mutating func item(_ item: Item) {
            let name = DisplayText.inline(item.name)
            switch item.status {
            case .added: text += paint("  + \(name)\(properties(item, \.new))", "32") + "\n"
            case .removed: text += paint("  - \(name)\(properties(item, \.old))", "31") + "\n"
            case .changed:
                let changes = item.changes.map { change in
                    "\(change.name) \(shown(change.name, change.old)) -> \(shown(change.name, change.new))"
                }
                text += paint("  ~ \(name)", "33") + "  " + changes.joined(separator: ", ") + "\n"
            }
            // The entries tell what md5sums tells, and by path.
            if let difference = item.lines, item.name != "md5sums" { lines(difference) }
        }

        private mutating func lines(_ difference: LineDiff) {
            for line in difference.text {
                let code =
                    line.startsBytewise("-")
                    ? "31" : line.startsBytewise("+") ? "32" : line.startsBytewise("@@") ? "36" : ""
                text += "      " + paint(line, code) + "\n"
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
