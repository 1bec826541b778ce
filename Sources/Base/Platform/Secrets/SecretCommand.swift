// Passwords among the arguments of commands, and behind words.
extension SecretLine {
    /// An option before its value.
    mutating func takeOption(_ range: Range<Int>) {
        let word = bytes[range]
        if takeShortOption(word) { return }
        let stripped = word.drop { $0 == UInt8(ascii: "-") }
        guard case .secret = SecretName.kind(stripped) else { return }
        if index == bytes.count {
            // The next argument of a list stands in the next line.
            state.isArgumentPending = range.lowerBound == firstWord && firstWord > indentation
            return
        }
        // Arguments of a list are quoted and have commas between.
        let quote = bytes[index]
        if Ascii.isQuote(quote), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: ",") {
            copy(2)
            copyBlanks()
            if index < bytes.count, bytes[index] == quote { takeQuoted() }
            return
        }
        guard Ascii.isHorizontalBlank(quote) else { return }
        copyBlanks()
        takeArgument(from: index)
    }

    /// What follows an option.
    mutating func takeArgument(from start: Int) {
        if start > index { copy(start - index) }
        guard index < bytes.count, !hasMark() else { return }
        if Ascii.isQuote(bytes[index]) { return takeQuoted() }
        let rest = bytes[index...]
        if "-<[(,.;|)".utf8.contains(bytes[index]) || SecretProse.followsOption(rest) || takeReference() { return }
        let end = rest.firstIndex { Ascii.isBlank($0) || Ascii.isQuote($0) } ?? bytes.count
        replace(upTo: trimmed(end))
    }

    /// `-p` and the like of programs that are known for it.
    private mutating func takeShortOption(_ word: ArraySlice<UInt8>) -> Bool {
        func isOption(_ letter: Character) -> Bool { word.elementsEqual("-\(letter)".utf8) }
        switch tool {
        case .attached where word.starts(with: "-p".utf8) && word.count > 2,
            .sshpass where word.starts(with: "-p".utf8) && word.count > 2:
            guard !word.dropFirst(2).starts(with: "ort".utf8) else { return false }
            output.removeLast(word.count - 2)
            output += SecretMask.value.utf8
            index = bytes[index...].firstIndex { Ascii.isBlank($0) || Ascii.isQuote($0) } ?? bytes.count
            return true
        case .sshpass where isOption("p"), .login where isOption("p"), .redis where isOption("a"),
            .directory where isOption("w"):
            guard index < bytes.count, Ascii.isHorizontalBlank(bytes[index]) else { return false }
            copyBlanks()
            takeArgument(from: index)
            return true
        case .http where isOption("u") || isOption("U") || isOption("a") || Self.userOptions.contains(Ascii.text(word)):
            copyBlanks()
            if index < bytes.count, Ascii.isQuote(bytes[index]) { copy(1) }
            takePassword(behind: UInt8(ascii: ":"))
            return true
        case .http where word.starts(with: "-u".utf8) && word.count > 2 && index < bytes.count:
            guard bytes[index] == UInt8(ascii: ":") else { return false }
            takePassword(behind: UInt8(ascii: ":"))
            return true
        case .samba where isOption("U"):
            copyBlanks()
            takePassword(behind: UInt8(ascii: "%"))
            return true
        default: return false
        }
    }

    private static let userOptions: Set<String> = ["--user", "--proxy-user", "--auth"]

    /// The password of `USER:PASSWORD`.
    private mutating func takePassword(behind separator: UInt8) {
        let rest = bytes[index...]
        let end = rest.firstIndex { Ascii.isBlank($0) || Ascii.isQuote($0) } ?? bytes.count
        guard let place = rest[..<end].firstIndex(of: separator), place + 1 < end else { return }
        copy(place + 1 - index)
        if !hasMark(), !takeReference() { replace(upTo: end) }
    }

    /// Words that say what may follow.
    mutating func takeKeyword(_ word: ArraySlice<UInt8>) {
        let lowered = Ascii.text(word.map(Ascii.lowercased))
        switch lowered {
        case "bearer", "basic", "negotiate": takeCredential(of: lowered)
        case "identified": sawIdentified = true
        case "password", "passwd", "passphrase", "secret", "by":
            if state.isInNetrc || isMachineLine, lowered == "password" {
                copyBlanks()
                takeArgument(from: index)
                return
            }
            guard lowered != "by" || sawIdentified else { return }
            let blanks = bytes[index...].prefix(4).prefix(while: Ascii.isHorizontalBlank).count
            guard blanks > 0, index + blanks < bytes.count, Ascii.isQuote(bytes[index + blanks]) else { return }
            // A secret's name is quoted in sentences; in a configuration a semicolon follows.
            if lowered == "secret" {
                let quote = bytes[index + blanks]
                let rest = bytes[(index + blanks + 1)...].prefix(Self.horizon)
                guard let close = rest.firstIndex(of: quote), bytes[(close + 1)...].first == UInt8(ascii: ";") else {
                    return
                }
            }
            copyBlanks()
            takeQuoted()
        case "login":
            if tool == .registry { tool = .login }
        default:
            let program = lowered.utf8.lastIndex(of: UInt8(ascii: "/")).map {
                String(lowered[lowered.utf8.index(after: $0)...])
            }
            tool = CommandTool.known[program ?? lowered] ?? tool
        }
    }

    private var isMachineLine: Bool { bytes[firstWord...].starts(with: "machine ".utf8) }
}

/// Programs that take a password by an option of one letter.
enum CommandTool {
    case other
    /// `-pPASSWORD`.
    case attached
    case sshpass
    /// `-u USER:PASSWORD`.
    case http
    /// `-a PASSWORD`.
    case redis
    /// `-U USER%PASSWORD`.
    case samba
    /// `-w PASSWORD`.
    case directory
    /// `login -p PASSWORD`.
    case registry, login

    static let known: [String: CommandTool] = [
        "mysql": .attached, "mysqldump": .attached, "mysqladmin": .attached, "mysqlimport": .attached,
        "mariadb": .attached, "mariadb-dump": .attached, "mariadb-admin": .attached, "sshpass": .sshpass, "curl": .http,
        "http": .http, "xh": .http, "smbclient": .samba, "rpcclient": .samba, "redis-cli": .redis,
        "ldapsearch": .directory, "ldapmodify": .directory,
        "ldapadd": .directory, "ldapwhoami": .directory, "ldappasswd": .directory, "docker": .registry,
        "podman": .registry, "buildah": .registry, "skopeo": .registry, "nerdctl": .registry, "helm": .registry,
        "oc": .registry,
    ]
}
