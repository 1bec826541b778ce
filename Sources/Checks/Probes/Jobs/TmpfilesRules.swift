import Files
import Glibc
import Platform

/// The rules by which systemd-tmpfiles(8) makes, changes and removes files at boot (tmpfiles.d(5)).
struct TmpfilesRules: Sendable {
    /// A line.
    struct Rule: Sendable, Hashable {
        var file: String
        var number: Int
        /// The type without what follows it: `d`, `R`.
        var type: UInt8
        /// What follows the type: `!`, `+`, `-`, `=`.
        var modifiers: [UInt8]
        var path: String
        var mode: String?
        var user: String?
        var group: String?
        var age: String?
        var argument: String
        var text: String

        /// It for people.
        var shown: String { "\(file):\(number): \(text.shortened(to: 160))" }

        func isOf(_ types: String) -> Bool { types.utf8.contains(type) }
        var isForced: Bool { modifiers.contains(UInt8(ascii: "+")) }
        /// Whether its path is a pattern (glob(7)).
        var isPattern: Bool { isOf("wxXrRemzZtThHaA") }

        /// Whether its path is, or the pattern matches, a path.
        func matches(_ other: String) -> Bool {
            guard isPattern else { return path == other }
            return fnmatch(path, other, FNM_PATHNAME | FNM_PERIOD) == 0
        }

        /// Whether it is about a path or a folder above it.
        func covers(_ other: String) -> Bool {
            matches(other) || TmpfilesRules.parents(of: other).contains(where: matches)
        }
    }

    /// Those that hold, in the order in which systemd reads them.
    private(set) var rules: [Rule] = []

    static let folders = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"]
    private static let sizeLimit = 1 << 20

    /// Reads them.
    ///
    /// - Parameter path: where a path of the host is for this process.
    static func read(path: (String) -> String) -> TmpfilesRules {
        // Of files of one name the first folder's counts, and an empty one or a link to /dev/null hides the others.
        var files: [String: String] = [:]
        for folder in folders {
            let names: [String]
            do throws(FileError) { names = try FileTree.children(of: path(folder)) } catch { continue }
            for name in names where name.endsBytewise(".conf") && files[name] == nil {
                files[name] = folder + "/" + name
            }
        }
        var all: [Rule] = []
        for (_, file) in files.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let bytes: [UInt8]
            do throws(FileError) {
                bytes = try FileTree.readWhole(path(file), limit: sizeLimit)
            } catch { continue }
            all += parse(bytes, of: file)
        }
        return TmpfilesRules(all)
    }

    /// Leaves out what systemd ignores: of two lines that would own the same path the first counts.
    init(_ all: [Rule]) {
        var owners: [String: Rule] = [:]
        for rule in all {
            // `isOwner` is item_compatible() of systemd: what only changes a path may stand beside others.
            let isOwner = rule.isOf("fFdDvqQpLcbCwxXerR")
            if isOwner, !rule.isForced {
                let key = (rule.isPattern ? "*" : "") + rule.path
                if owners[key] != nil { continue }
                owners[key] = rule
            }
            rules.append(rule)
        }
    }

    static func parse(_ bytes: [UInt8], of file: String) -> [Rule] {
        Bytes.lines(bytes).enumerated().compactMap { index, line in
            let text = Ascii.trimmed(line[...])
            guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { return nil }
            let words = fields(text)
            guard words.count >= 2, let type = words[0].utf8.first,
                words[1].startsBytewise("/") || words[1].startsBytewise("%")
            else { return nil }
            func word(_ place: Int) -> String? { words.count > place && words[place] != "-" ? words[place] : nil }
            return Rule(
                file: file, number: index + 1, type: type, modifiers: Array(words[0].utf8.dropFirst()),
                path: expanded(words[1]), mode: word(2), user: word(3), group: word(4), age: word(5),
                argument: words.dropFirst(6).joined(separator: " "), text: Ascii.text(text))
        }
    }

    /// The fields of a line, which may stand between quotes.
    private static func fields(_ line: ArraySlice<UInt8>) -> [String] {
        var fields: [[UInt8]] = []
        var open: [UInt8]?
        var quote: UInt8?
        for byte in line {
            if let mark = quote {
                if byte == mark { quote = nil } else { open?.append(byte) }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
                open = open ?? []
            } else if Ascii.isBlank(byte) {
                if let field = open { fields.append(field) }
                open = nil
            } else {
                open = (open ?? []) + [byte]
            }
        }
        if let field = open { fields.append(field) }
        return fields.map { Ascii.text($0) }
    }

    /// The folders that specifiers of a path stand for in rules of the system.
    private static func expanded(_ path: String) -> String {
        var text = path
        for (mark, folder) in [
            ("%S", "/var/lib"), ("%C", "/var/cache"), ("%L", "/var/log"), ("%t", "/run"), ("%T", "/tmp"),
            ("%V", "/var/tmp"), ("%h", "/root"),
        ] where text.startsBytewise(mark) { text = folder + Ascii.text(text.utf8.dropFirst(2)) }
        var bytes = Array(text.utf8)
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return Ascii.text(bytes)
    }

    /// The folders above a path, the nearest first, without `/`.
    static func parents(of path: String) -> [String] {
        var parents: [String] = []
        var rest = Array(path.utf8)
        while let slash = rest.lastIndex(of: UInt8(ascii: "/")), slash > 0 {
            rest.removeSubrange(slash...)
            parents.append(Ascii.text(rest))
        }
        return parents
    }

    /// The rules that take a path, or what is in it, away at boot.
    func removals(of path: String, isFolder: Bool, target: String?) -> [Rule] {
        let parents = Self.parents(of: path)
        // A folder that is made again is none that is missed: what has to be in it is asked for by itself.
        let isMade = isFolder && rules.contains { $0.isOf("dDqQv") && $0.path == path }
        return rules.filter { rule in
            if rule.isOf("R") { return rule.covers(path) && !isMade }
            if rule.isOf("r") { return !isFolder && rule.matches(path) }
            if rule.isOf("D") { return !isMade && parents.contains(rule.path) }
            if rule.isOf("Lpcb"), rule.isForced {
                return parents.contains(rule.path) || rule.path == path && target != rule.argument
            }
            if rule.isOf("F") || rule.isOf("f") && rule.isForced { return rule.path == path }
            return rule.isOf("w") && rule.matches(path)
        }
    }

    /// The rule by which a file is removed when nobody has used it for a while; systemd looks some time after each boot and
    /// every day.
    func ageing(of path: String) -> Rule? {
        // The nearest folder decides, and what is to be left alone is.
        if rules.contains(where: { $0.isOf("x") && $0.covers(path) || $0.isOf("X") && $0.matches(path) }) { return nil }
        for parent in Self.parents(of: path) {
            let own = rules.filter { $0.isOf("dDeqQvC") && $0.matches(parent) }
            if let first = own.first { return own.first { $0.age != nil } ?? (first.age == nil ? nil : first) }
        }
        return nil
    }

    /// The rules that give a path another owner or mode.
    func adjustments(of path: String) -> [Rule] {
        rules.filter { rule in
            guard rule.mode != nil || rule.user != nil || rule.group != nil else { return false }
            if rule.isOf("Z") { return rule.covers(path) }
            return rule.isOf("dDevqQfFzm") && rule.matches(path)
        }
    }
}
