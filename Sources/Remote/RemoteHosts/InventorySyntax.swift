import Documents
import Platform

/// Ansible's INI inventories: hosts with variables, `[group]`, `[group:vars]`, `[group:children]`.
enum INIInventory {
    private enum Section {
        case hosts(group: String?)
        case variables(group: String)
        case children(group: String)
    }

    static func read(_ source: SourceText, into draft: inout InventoryDraft, diagnostics: inout Diagnostics) {
        guard source.bytes.count <= Inventory.limit else {
            diagnostics.error(
                "file-too-large",
                "the inventory '\(source.path)' has \(source.bytes.count) bytes (must be <=\(Inventory.limit))", at: nil
            )
            return
        }
        guard String(validating: source.bytes, as: UTF8.self) != nil else {
            diagnostics.error("utf-8", "the inventory '\(source.path)' is not UTF-8", at: nil, help: "save it as UTF-8")
            return
        }
        var section = Section.hosts(group: nil)
        let lines = source.bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        for (index, bytes) in lines.enumerated() {
            let line = Line(
                source: source, number: index + 1, bytes: Array(bytes.last == 0x0d ? bytes.dropLast() : bytes))
            guard let words = line.words(&diagnostics), let first = words.first else { continue }
            if first.value.utf8.first == UInt8(ascii: "["), !line.beginsWithRange {
                guard let next = header(line, &diagnostics) else { continue }
                section = next
                switch next {
                case .hosts(let group?), .variables(let group), .children(let group): draft.declare(group: group)
                case .hosts(nil): break
                }
                continue
            }
            switch section {
            case .hosts(let group):
                add(words, to: group, line, into: &draft, diagnostics: &diagnostics)
            case .variables(let group):
                guard let (name, value) = line.assignment() else {
                    diagnostics.error(
                        "variable", "'\(first.value)' is not a variable (must be name=value)", at: first.range)
                    continue
                }
                draft.set([name: value], ofGroup: group)
            case .children(let group):
                if words.count > 1 {
                    diagnostics.error("child", "a line below [\(group):children] has one group", at: words[1].range)
                }
                draft.add(child: first, to: group)
            }
        }
    }

    private static func header(_ line: Line, _ diagnostics: inout Diagnostics) -> Section? {
        let text = line.withoutComment
        let inner = text.utf8.dropFirst().dropLast()
        guard text.utf8.first == UInt8(ascii: "["), text.utf8.last == UInt8(ascii: "]"), !inner.isEmpty else {
            diagnostics.error(
                "section", "the section '\(text)' cannot be read (must be [group], [group:vars] or [group:children])",
                at: line.range)
            return nil
        }
        let parts = inner.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard SSHAddress.isSafe(parts[0]), parts.count <= 2 else {
            diagnostics.error("group", "'\(parts[0])' is not a group name", at: line.range)
            return nil
        }
        switch parts.count == 2 ? parts[1] : nil {
        case nil: return .hosts(group: parts[0])
        case "vars": return .variables(group: parts[0])
        case "children": return .children(group: parts[0])
        case "hosts": return .hosts(group: parts[0])
        case let other?:
            let nearest = SpellingSuggestion.of(other, among: ["vars", "children", "hosts"])
            diagnostics.error(
                "section", "'\(other)' is not a kind of section (must be vars or children)", at: line.range,
                help: nearest.map { "did you mean '[\(parts[0]):\($0)]'?" })
            return nil
        }
    }

    private static func add(
        _ words: [Located<String>], to group: String?, _ line: Line, into draft: inout InventoryDraft,
        diagnostics: inout Diagnostics
    ) {
        guard let first = words.first else { return }
        var variables: InventoryDraft.Variables = [:]
        for word in words.dropFirst() {
            guard let (name, value) = split(word) else {
                diagnostics.error(
                    "variable", "'\(word.value)' after a host is not a variable (must be name=value)", at: word.range)
                continue
            }
            variables[name] = value
        }
        var pattern = first
        // `name:port` outside of a range.
        let bytes = Array(first.value.utf8)
        let tail = bytes.lastIndex(of: UInt8(ascii: "]")).map { $0 + 1 } ?? 0
        let colons = bytes[tail...].indices.filter { bytes[$0] == UInt8(ascii: ":") }
        if colons.count == 1, let colon = colons.first {
            pattern.value = String(decoding: bytes[..<colon], as: UTF8.self)
            let port = String(decoding: bytes[(colon + 1)...], as: UTF8.self)
            if variables["ansible_port"] == nil {
                variables["ansible_port"] = Located(value: port, range: first.range)
            }
        }
        draft.add(pattern, to: group, variables: variables, diagnostics: &diagnostics)
    }

    /// `name=value`.
    fileprivate static func split(_ word: Located<String>) -> (String, Located<String>)? {
        guard let equals = word.value.utf8.firstIndex(of: UInt8(ascii: "=")), equals > word.value.utf8.startIndex else {
            return nil
        }
        let name = String(word.value[..<equals]).trimmingBlanks
        let value = String(decoding: word.value.utf8[word.value.utf8.index(after: equals)...], as: UTF8.self)
        return (name, Located(value: value.trimmingBlanks, range: word.range))
    }
}

/// One line of an INI file.
private struct Line {
    let source: SourceText
    let number: Int
    let bytes: [UInt8]

    var range: SourceRange { place(0, max(1, bytes.count)) }

    /// Whether a bracket at the beginning belongs to a range such as `[a:c].example.com` and not to a section: a
    /// section's bracket is closed at the end of the line, or nowhere.
    var beginsWithRange: Bool {
        let text = Array(withoutComment.utf8)
        return text.contains(UInt8(ascii: "]")) && text.last != UInt8(ascii: "]")
    }

    /// The line without blanks at its ends and without a comment.
    var withoutComment: String {
        let end = comment ?? bytes.count
        return String(decoding: bytes[..<end], as: UTF8.self).trimmingBlanks
    }

    /// Where a comment begins: `#` or `;` first in a line, or `#` after a blank and outside of quotes.
    private var comment: Int? {
        var quote: UInt8?
        var previous = UInt8(ascii: " ")
        for (index, byte) in bytes.enumerated() {
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: "#"), previous == UInt8(ascii: " ") || previous == UInt8(ascii: "\t") {
                return index
            } else if byte == UInt8(ascii: ";"),
                bytes[..<index].allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
            {
                return index
            }
            previous = byte
        }
        return nil
    }

    /// The words, with quotes taken away as a shell does; nil after a diagnostic.
    func words(_ diagnostics: inout Diagnostics) -> [Located<String>]? {
        var words: [Located<String>] = []
        let end = comment ?? bytes.count
        var index = 0
        while index < end {
            if bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\t") {
                index += 1
                continue
            }
            let start = index
            var word: [UInt8] = []
            var quote: (byte: UInt8, index: Int)?
            while index < end {
                let byte = bytes[index]
                if let open = quote {
                    if byte == open.byte { quote = nil } else { word.append(byte) }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = (byte, index)
                } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                    break
                } else {
                    word.append(byte)
                }
                index += 1
            }
            if let quote {
                diagnostics.error("quote", "a quote is not closed", at: place(quote.index, quote.index + 1))
                return nil
            }
            words.append(Located(value: String(decoding: word, as: UTF8.self), range: place(start, index)))
        }
        return words
    }

    /// `name = value` of a section of variables, where blanks belong to the value.
    func assignment() -> (String, Located<String>)? {
        let text = withoutComment
        guard let (name, value) = INIInventory.split(Located(value: text, range: range)), !name.isEmpty else {
            return nil
        }
        var located = value
        let inner = Array(value.value.utf8)
        if inner.count >= 2, let first = inner.first, first == inner.last,
            first == UInt8(ascii: "\"") || first == UInt8(ascii: "'")
        {
            located.value = String(decoding: inner.dropFirst().dropLast(), as: UTF8.self)
        }
        return (name, located)
    }

    /// Columns count characters.
    private func place(_ start: Int, _ end: Int) -> SourceRange {
        func column(_ offset: Int) -> Int {
            String(decoding: bytes[..<min(offset, bytes.count)], as: UTF8.self).unicodeScalars.count + 1
        }
        let first = column(start)
        return SourceRange(
            source: source, line: number, column: first, endLine: number, endColumn: max(first + 1, column(end)))
    }
}

/// Ansible's YAML inventories: groups with `hosts`, `vars` and `children`.
enum YAMLInventory {
    /// Names with what stands after them.
    private typealias Entries<Value> = [(name: Located<String>, value: Value)]

    private struct Group: Sendable {
        var hosts: Entries<Entries<YAMLNode>?>?
        var variables: Entries<YAMLNode>?
        var children: Entries<Group?>?
    }

    private static let variables: Shape<Entries<YAMLNode>> = .entries(of: .node)

    private static let group: Shape<Group> = .object("group", "A group of hosts.", as: Group.init) {
        optional(
            "hosts", .nullable(.entries(of: .nullable(variables))), default: nil, "Its hosts with their variables.")
        optional("vars", .nullable(variables), default: nil, "Variables of all of its hosts.")
        optional(
            "children", .nullable(.entries(of: .nullable(.named("group") { group }))), default: nil, "Groups in it.")
    }

    private static let groups: Shape<Entries<Group?>> = .entries(of: .nullable(group))

    static func read(_ node: YAMLNode, into draft: inout InventoryDraft, diagnostics: inout Diagnostics) {
        for (name, group) in groups.decode(node, &diagnostics) ?? [] {
            add(group, named: name, into: &draft, diagnostics: &diagnostics)
        }
    }

    private static func add(
        _ group: Group?, named name: Located<String>, into draft: inout InventoryDraft, diagnostics: inout Diagnostics
    ) {
        guard SSHAddress.isSafe(name.value) else {
            diagnostics.error("group", "'\(name.value)' is not a group name", at: name.range)
            return
        }
        draft.declare(group: name.value)
        for (host, values) in group?.hosts ?? [] {
            draft.add(host, to: name.value, variables: texts(values ?? []), diagnostics: &diagnostics)
        }
        if let variables = group?.variables { draft.set(texts(variables), ofGroup: name.value) }
        for (child, inner) in group?.children ?? [] {
            draft.add(child: child, to: name.value)
            add(inner, named: child, into: &draft, diagnostics: &diagnostics)
        }
    }

    /// Variables whose value is one text; lists and mappings are of no use to us.
    private static func texts(_ variables: Entries<YAMLNode>) -> InventoryDraft.Variables {
        var result: InventoryDraft.Variables = [:]
        for (name, node) in variables where !node.isNull {
            if let text = node.scalarText { result[name.value] = Located(value: text, range: node.range) }
        }
        return result
    }
}

/// Names with ranges, as in Ansible's inventories: `web[01:10].example.com`, `db-[a:f]`, `[0:8:2]`.
enum HostRange {
    /// Why a range cannot be read.
    struct Problem: Error {
        var expected: String
    }

    /// Names that one pattern may stand for.
    static let limit = 10_000

    /// All names that a pattern stands for, in order; several ranges multiply.
    static func expand(_ pattern: String) throws(Problem) -> [String] {
        try expand(Array(pattern.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func expand(_ bytes: ArraySlice<UInt8>) throws(Problem) -> [[UInt8]] {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "[")) else { return [Array(bytes)] }
        guard let close = bytes[open...].firstIndex(of: UInt8(ascii: "]")) else {
            throw Problem(expected: "a ']' after the range")
        }
        let heads = try values(bytes[(open + 1)..<close])
        let tails = try expand(bytes[(close + 1)...])
        guard heads.count * tails.count <= limit else { throw Problem(expected: "at most \(limit) hosts") }
        let front = Array(bytes[..<open])
        return heads.flatMap { head in tails.map { front + head + $0 } }
    }

    /// `begin:end[:step]`, both ends included.
    private static func values(_ range: ArraySlice<UInt8>) throws(Problem) -> [[UInt8]] {
        let parts = range.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else {
            throw Problem(expected: "a range 'first:last' or 'first:last:step'")
        }
        guard let step = parts.count == 3 ? number(parts[2]) : 1, step > 0 else {
            throw Problem(expected: "a step of 1 or more")
        }
        let first = parts[0].isEmpty ? [UInt8(ascii: "0")][...] : parts[0]
        if let low = number(first), let high = number(parts[1]) {
            // A leading zero gives the width, and both ends have to have it.
            let width = first.count > 1 && first.first == UInt8(ascii: "0") ? first.count : 0
            guard width == 0 || parts[1].count == width else {
                throw Problem(expected: "ends of the same width, such as 01:10")
            }
            guard low <= high else { throw Problem(expected: "a first number that is not above the last") }
            guard (high - low) / step < limit else { throw Problem(expected: "at most \(limit) hosts") }
            return stride(from: low, through: high, by: step).map { value in
                let digits = Array(String(value).utf8)
                return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - digits.count)) + digits
            }
        }
        guard first.count == 1, parts[1].count == 1, let low = first.first, let high = parts[1].first,
            Ascii.isLetter(low), Ascii.isLetter(high), low <= high
        else { throw Problem(expected: "two numbers or two letters, the lower one first") }
        return stride(from: Int(low), through: Int(high), by: step).map { [UInt8($0)] }.filter { Ascii.isLetter($0[0]) }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 9,
            digits.allSatisfy({ Ascii.isDigit($0) })
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
