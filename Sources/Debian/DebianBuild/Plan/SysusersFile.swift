import DebianArchive
import DebianFormat

/// The users and groups of a sysusers.d(5) file, as far as useradd(8) and groupadd(8) can make them.
struct SysusersFile {
    private(set) var accounts: [SystemAccount] = []
    /// Whether nothing in the file is beyond them: ranges, numbers taken from files, specifiers.
    private(set) var isComplete = true

    init(_ bytes: [UInt8]) {
        var memberships: [(user: String, group: String)] = []
        for line in TextLines.of(bytes) {
            let words = Self.words(line)
            guard let type = words.first, !type.hasPrefix("#") else { continue }
            let name = words.count > 1 ? words[1] : ""
            let id = words.count > 2 ? words[2] : "-"
            guard OwnerTable.isValidName(name), !words.contains(where: { $0.contains("%") }) else {
                isComplete = false
                continue
            }
            switch type {
            case "g": add(SystemAccount(name: name, kind: .group), number: id)
            case "u", "u!": user(name, id, words)
            case "m" where words.count > 2 && OwnerTable.isValidName(words[2]): memberships.append((name, words[2]))
            default: isComplete = false
            }
        }
        for (user, group) in memberships { join(user, group) }
    }

    private mutating func user(_ name: String, _ id: String, _ words: [String]) {
        func word(_ index: Int, _ fallback: String) -> String {
            guard index < words.count, words[index] != "-", !words[index].isEmpty else { return fallback }
            return words[index]
        }
        // "7:wheel" takes a group that is there; any other form has one of the user's name.
        let parts = id.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let group = parts.count == 2 && OwnerTable.isValidName(parts[1]) ? parts[1] : name
        if parts.count > 2 || (parts.count == 2 && group == name) { isComplete = false }
        if group == name, !accounts.contains(where: { $0.name == name && $0.kind == .group }) {
            add(SystemAccount(name: name, kind: .group), number: id)
        }
        add(
            SystemAccount(
                name: name,
                kind: .user(
                    group: group, home: word(4, "/"), shell: word(5, "/usr/sbin/nologin"), comment: word(3, ""),
                    groups: [])),
            number: parts.first ?? "-")
    }

    private mutating func add(_ account: SystemAccount, number: String) {
        var account = account
        if number != "-" {
            guard let value = Int(number), value > 0 else {
                isComplete = false
                return
            }
            account.id = value
        }
        accounts.append(account)
    }

    private mutating func join(_ user: String, _ group: String) {
        for index in accounts.indices where accounts[index].name == user {
            guard case .user(let main, let home, let shell, let comment, let groups) = accounts[index].kind else {
                continue
            }
            accounts[index].kind = .user(
                group: main, home: home, shell: shell, comment: comment, groups: groups + [group])
            if BaseAccounts.groups[group] == nil, !accounts.contains(where: { $0.name == group && $0.kind == .group }) {
                accounts.append(SystemAccount(name: group, kind: .group))
            }
            return
        }
        isComplete = false
    }

    /// Words between blanks; quotes hold words together.
    private static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isInWord = false
        var quote: Character?
        for character in line {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                isInWord = true
            } else if character == " " || character == "\t" || character == "\r" {
                if isInWord { words.append(word) }
                (word, isInWord) = ("", false)
            } else {
                word.append(character)
                isInWord = true
            }
        }
        return isInWord ? words + [word] : words
    }
}
