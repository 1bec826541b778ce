import Platform

/// The users and groups that a sysusers.d(5) file declares.
public struct DeclaredAccounts: Sendable, Hashable {
    /// A user.
    public struct User: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The number, where the file fixes it.
        public var number: Int?
        /// The home directory; nil when it is open.
        public var home: String?
        /// The login shell; nil when it is open.
        public var shell: String?
        /// Groups that it is in, its main one first where that is declared.
        public var groups: [String] = []

        /// Creates a user.
        public init(name: String) { self.name = name }
    }

    /// The users in the order of the file.
    public var users: [User] = []
    /// The groups that have no user of their name.
    public var groups: [String] = []

    /// No accounts.
    public init() {}

    /// Reads the file; what depends on the machine (specifiers, numbers from files) is left open.
    public init(sysusers text: String) {
        for line in Lines(text) {
            let words = QuotedWords.of(line.bytes)
            guard words.count >= 2, !words[0].utf8.starts(with: "#".utf8), !words[1].utf8.contains(UInt8(ascii: "%"))
            else { continue }
            let (name, id) = (words[1], words.count > 2 ? words[2] : "-")
            switch words[0] {
            case "u", "u!":
                let parts = id.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1).map { Ascii.text($0) }
                var user = User(name: name)
                user.number = parts.first.flatMap { Int($0) }
                // What the file leaves out, systemd-sysusers(8) fills in.
                user.home = Self.word(words, 4, or: "/")
                user.shell = Self.word(words, 5, or: user.number == 0 ? nil : Self.noLogin)
                let group = parts.count == 2 ? parts[1] : name
                if Int(group) == nil { user.groups = [group] }
                users.append(user)
            case "g": groups.append(name)
            case "m":
                if let index = users.firstIndex(where: { $0.name == name }) {
                    users[index].groups.append(id)
                } else {
                    // A user of another package that becomes a member of a group.
                    var user = User(name: name)
                    user.groups = [id]
                    users.append(user)
                }
            default: break
            }
        }
        groups.removeAll { group in users.contains { $0.name == group } }
    }

    /// Nil for what depends on the machine.
    private static func word(_ words: [String], _ index: Int, or standard: String?) -> String? {
        guard index < words.count, words[index] != "-", !words[index].isEmpty else { return standard }
        return words[index].utf8.contains(UInt8(ascii: "%")) ? nil : words[index]
    }

    /// The login shell of users that nobody logs in as, where nothing else is said.
    public static let noLogin = "/usr/sbin/nologin"
    /// Programs that let nobody in, whichever of them a system has for it.
    static let closedShells = [noLogin, "/sbin/nologin", "/usr/bin/false", "/bin/false"]
}

/// The paths that a tmpfiles.d(5) file makes.
public struct DeclaredPaths: Sendable, Hashable {
    /// Paths that must be there; where mode and owner are the administrator's, none are given.
    public var entries: [PackageManifest.Entry] = []
    /// Those whose mode or owner is set when they are made and left alone afterwards, with what is set.
    public var adjustable: [PackageManifest.Entry] = []

    /// No paths.
    public init() {}

    /// Reads the file. Lines that clean or change, that count only at boot, or that depend on the machine are left out.
    public init(tmpfiles text: String) {
        var listed: Set<String> = []
        for line in Lines(text) {
            let words = QuotedWords.of(line.bytes)
            guard words.count >= 2, let letter = words[0].utf8.first,
                !words[0].utf8.contains(UInt8(ascii: "!")), words[1].utf8.first == UInt8(ascii: "/"),
                !words[1].utf8.contains(where: "%*?[".utf8.contains),
                !["/tmp/", "/var/tmp/"].contains(where: { words[1].utf8.starts(with: $0.utf8) })
            else { continue }
            func word(_ index: Int) -> String? {
                guard index < words.count, words[index] != "-", !words[index].isEmpty else { return nil }
                return words[index]
            }
            let isForced = words[0].utf8.contains(UInt8(ascii: "+"))
            let kind: PackageManifest.Entry.Kind
            switch letter {
            case UInt8(ascii: "d"), UInt8(ascii: "D"), UInt8(ascii: "v"), UInt8(ascii: "q"), UInt8(ascii: "Q"):
                kind = .directory
            case UInt8(ascii: "f"): kind = .file(sha256: nil)
            case UInt8(ascii: "L"):
                guard let target = word(6), !target.utf8.contains(UInt8(ascii: "%")) else { continue }
                kind = .link(target: target)
            case UInt8(ascii: "a"), UInt8(ascii: "A"):
                listed.insert(Self.trimmed(words[1]))
                continue
            default: continue
            }
            add(kind, path: Self.trimmed(words[1]), isForced, mode: word(2), owner: word(3), group: word(4))
        }
        // Where there is an access list, the bits of the group are its mask.
        for index in entries.indices where listed.contains(entries[index].path) { entries[index].mode = nil }
        for index in adjustable.indices where listed.contains(adjustable[index].path) { adjustable[index].mode = nil }
    }

    private mutating func add(
        _ kind: PackageManifest.Entry.Kind, path: String, _ isForced: Bool, mode: String?, owner: String?,
        group: String?
    ) {
        var strict = PackageManifest.Entry(path: path, kind: kind, mode: nil, owner: nil, group: nil)
        if case .link = kind {
            if isForced { entries.append(strict) } else { adjustable.append(strict) }
            return
        }
        var made = strict
        let fallback: UInt16 = kind == .directory ? 0o755 : 0o644
        var isAdjustable = false
        /// `:` in front means "when it is made", `~` "among the bits that are there".
        func value(_ word: String?, or fallback: String) -> (text: String, isLoose: Bool) {
            guard let word else { return (fallback, false) }
            let marks = word.utf8.prefix { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "~") }
            return (Ascii.text(word.utf8.dropFirst(marks.count)), !marks.isEmpty)
        }
        let (octal, isLooseMode) = value(mode, or: String(fallback, radix: 8))
        guard let bits = UInt16(octal, radix: 8), bits <= 0o7777 else { return }
        made.mode = bits
        if isLooseMode { isAdjustable = true } else { strict.mode = bits }
        let (user, isLooseUser) = value(owner, or: "root")
        made.owner = user
        if isLooseUser { isAdjustable = true } else { strict.owner = user }
        let (team, isLooseGroup) = value(group, or: "root")
        made.group = team
        if isLooseGroup { isAdjustable = true } else { strict.group = team }
        entries.append(strict)
        if isAdjustable { adjustable.append(made) }
    }

    private static func trimmed(_ path: String) -> String {
        path.utf8.count > 1 && path.utf8.last == UInt8(ascii: "/") ? Ascii.text(path.utf8.dropLast()) : path
    }
}

/// Words as systemd's own configuration files have them: in quotes where they hold blanks.
enum QuotedWords {
    static func of(_ line: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var word: [UInt8]?
        var quote: UInt8?
        for byte in line {
            if let open = quote {
                if byte == open { quote = nil } else { word?.append(byte) }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
                word = word ?? []
            } else if Ascii.isBlank(byte) {
                if let ended = word { words.append(Ascii.text(ended)) }
                word = nil
            } else {
                word = (word ?? []) + [byte]
            }
        }
        if let word { words.append(Ascii.text(word)) }
        return words
    }
}
