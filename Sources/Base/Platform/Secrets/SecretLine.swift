/// One line of text without its secrets, written while it is read from left to right.
struct SecretLine {
    let bytes: [UInt8]
    var output: [UInt8] = []
    var index = 0
    var state: MaskState
    /// The last word, as long as only blanks and quotes followed it.
    var name: Range<Int>?
    /// The word before it, one blank away.
    private var previous: Range<Int>?
    /// Where the first word of the line begins, behind indentation and `- `.
    let firstWord: Int
    /// The name of the element that is open (`<password type="x">`).
    private var element: Range<Int>?
    var tool = CommandTool.other
    private var sawAccessKey = false
    var sawIdentified = false

    /// How far is looked for what ends something.
    static let horizon = 256

    /// The line without secrets.
    static func mask(_ line: ArraySlice<UInt8>, _ state: inout MaskState) -> ArraySlice<UInt8> {
        var scanner = SecretLine(line, state)
        if scanner.takeBlock() {
            state = scanner.state
            return scanner.output[...]
        }
        scanner.state.pendingName = max(0, scanner.state.pendingName - 1)
        if !scanner.takeRecord() {
            scanner.takeLineStart()
            while scanner.index < scanner.bytes.count { scanner.step() }
        }
        state = scanner.state
        return scanner.output[...]
    }

    private init(_ line: ArraySlice<UInt8>, _ state: MaskState) {
        bytes = Array(line)
        self.state = state
        output.reserveCapacity(bytes.count)
        var start = bytes.firstIndex { !Ascii.isBlank($0) } ?? bytes.count
        while start + 1 < bytes.count, bytes[start] == UInt8(ascii: "-"), Ascii.isBlank(bytes[start + 1]) {
            start = bytes[(start + 1)...].firstIndex { !Ascii.isBlank($0) } ?? bytes.count
        }
        for word in ["export ", "set ", "ENV ", "env "] where bytes[start...].starts(with: word.utf8) {
            start += word.utf8.count
            break
        }
        firstWord = start
    }

    /// Columns in front of the line.
    var indentation: Int { bytes.prefix { $0 == Ascii.space || $0 == Ascii.tab }.count }

    // MARK: - lines as a whole

    /// Replaces a line of a block.
    private mutating func takeBlock() -> Bool {
        state.wasSwallowed = false
        guard let block = state.block else { return false }
        let isBlank = bytes.allSatisfy { Ascii.isBlank($0) }
        guard isBlank || indentation > block.indentation else {
            state.block = nil
            return false
        }
        if block.isShown || isBlank {
            state.wasSwallowed = block.isShown
        } else {
            output += bytes.prefix(indentation)
            output += SecretMask.value.utf8
            state.block?.isShown = true
        }
        return true
    }

    /// Replaces the secret of a line that is a record: `host:port:database:user:password` of PostgreSQL, or a cookie in
    /// the format of Netscape's jar.
    private mutating func takeRecord() -> Bool {
        let tabs = bytes.count { $0 == Ascii.tab }
        if tabs == 6, let last = bytes.lastIndex(of: Ascii.tab) {
            let fields = bytes.split(separator: Ascii.tab, omittingEmptySubsequences: false)
            let flags = ["TRUE", "FALSE"].map { Array($0.utf8)[...] }
            guard flags.contains(fields[1]), flags.contains(fields[3]) else { return false }
            output += bytes[...last]
            if last + 1 < bytes.count { output += SecretMask.value.utf8 }
            index = bytes.count
            return true
        }
        guard !bytes.contains(where: Ascii.isBlank), bytes.count(where: { $0 == UInt8(ascii: ":") }) == 4 else {
            return false
        }
        let fields = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let isAny = { (field: ArraySlice<UInt8>) in field.elementsEqual("*".utf8) }
        guard fields.allSatisfy({ !$0.isEmpty }),
            isAny(fields[1]) || (fields[1].count <= 5 && fields[1].allSatisfy(Ascii.isDigit)),
            isAny(fields[0])
                || fields[0].contains(where: { $0 == UInt8(ascii: ".") || ($0 | 0x20 > 0x66 && Ascii.isLetter($0)) }),
            fields[2...3].allSatisfy({ isAny($0) || $0.contains(where: Ascii.isLetter) }),
            fields[0...3].allSatisfy({ $0.allSatisfy { Ascii.isToken($0) || $0 == UInt8(ascii: "*") } })
        else { return false }
        output += bytes[..<fields[4].startIndex]
        output += SecretMask.value.utf8
        index = bytes.count
        return true
    }

    /// What the beginning of a line says of it.
    private mutating func takeLineStart() {
        if let indentation = state.secretMapping, self.indentation <= indentation, firstWord < bytes.count {
            state.secretMapping = nil
        }
        let rest = bytes[firstWord...]
        let words = rest.prefix(Self.horizon).split(maxSplits: 3, whereSeparator: Ascii.isHorizontalBlank)
        guard let first = words.first else { return }
        if state.isArgumentPending {
            state.isArgumentPending = false
            if firstWord > indentation { takeArgument(from: firstWord) }
            return
        }
        if first.elementsEqual("stringData:".utf8) { state.secretMapping = indentation }
        let isMachine = first.elementsEqual("machine".utf8) || rest.starts(with: "default login".utf8)
        if isMachine {
            state.isInNetrc = true
        } else if !["login", "password", "account", "macdef"].contains(Ascii.text(first)) {
            state.isInNetrc = false
        }
        // A setting of two words; letters alone may be a sentence, but not behind these.
        guard words.count == 2 || (words.count == 3 && words[2].first == UInt8(ascii: "#")),
            words[1].endIndex <= bytes.count
        else { return }
        let isCertain = Self.settings.contains(Ascii.text(first.map(Ascii.lowercased)))
        guard isCertain || Self.keywords.contains(Ascii.text(first)), first.last != UInt8(ascii: ":"),
            let letter = words[1].first, Ascii.isAlphanumeric(letter) || !"=:\"'([{<$-".utf8.contains(letter),
            isCertain || !SecretProse.isPlainWord(words[1])
        else { return }
        output += bytes[..<words[1].startIndex]
        let end = words[1].last == UInt8(ascii: ";") ? words[1].endIndex - 1 : words[1].endIndex
        output += SecretMask.value.utf8
        index = end
    }

    /// Settings of well-known programs: Redis, keepalived, LDAP.
    private static let settings: Set<String> = [
        "requirepass", "masterauth", "auth_pass", "bindpw", "rootpw", "olcrootpw",
    ]
    private static let keywords: Set<String> = ["password", "passwd", "passphrase", "secret", "psk"]

    // MARK: - words

    private mutating func step() {
        let byte = bytes[index]
        if Ascii.isToken(byte) { return takeWord() }
        output.append(byte)
        index += 1
        switch byte {
        case UInt8(ascii: "="), UInt8(ascii: ":"): takeSeparator(byte)
        case UInt8(ascii: ">") where element != nil: takeElement()
        case UInt8(ascii: "("), UInt8(ascii: "{"), UInt8(ascii: "["): takeOpening(byte)
        case UInt8(ascii: "$"):
            let length = SecretShapes.hashLength(bytes[(index - 1)...].prefix(Self.horizon))
            if length > 0 {
                output.removeLast()
                output += SecretMask.value.utf8
                index += length - 1
            }
            name = nil
        case Ascii.space, Ascii.tab, UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "\\"),
            UInt8(ascii: "]"), UInt8(ascii: "?"):
            break
        case UInt8(ascii: "<"):
            (name, previous, element) = (nil, nil, nil)
        default: (name, previous) = (nil, nil)
        }
    }

    /// `setPassword("…")` and SQL's `PASSWORD('…')`, and `Token{value=…}` as programs write their values.
    private mutating func takeOpening(_ byte: UInt8) {
        let last = name
        (name, previous) = (nil, nil)
        guard let last, last.upperBound == index - 1, case .secret = SecretName.kind(bytes[last]) else { return }
        let isSetter =
            ["set", "with"].contains { bytes[last].starts(with: $0.utf8) }
            || bytes[last].map(Ascii.lowercased).elementsEqual("password".utf8)
        if byte == UInt8(ascii: "("), isSetter, index < bytes.count, Ascii.isQuote(bytes[index]) {
            takeQuoted()
        } else {
            state.pendingName = 1
        }
    }

    private mutating func takeWord() {
        let start = index
        let end = bytes[start...].firstIndex { !Ascii.isToken($0) } ?? bytes.count
        if bytes[end...].starts(with: "://".utf8) {
            output += bytes[start..<(end + 3)]
            index = end + 3
            name = nil
            takeAuthority()
            return
        }
        let word = bytes[start..<end]
        if SecretShapes.isSecret(word) || (sawAccessKey && SecretShapes.isAccessSecret(word)) {
            sawAccessKey = sawAccessKey || word.starts(with: "AKIA".utf8) || word.starts(with: "ASIA".utf8)
            output += SecretMask.value.utf8
            // Padding belongs to what it pads.
            index = bytes[end...].firstIndex { $0 != UInt8(ascii: "=") } ?? bytes.count
            name = nil
            return
        }
        output += word
        index = end
        if start > 0, bytes[start - 1] == UInt8(ascii: "<"), Ascii.isLetter(bytes[start]) { element = start..<end }
        previous = start > 0 && bytes[start - 1] == Ascii.space && name?.upperBound == start - 1 ? name : nil
        name = start..<end
        if word.first == UInt8(ascii: "-") {
            takeOption(start..<end)
        } else if word.count <= 24 {
            takeKeyword(word)
        }
    }

    // MARK: - names and values

    private mutating func takeSeparator(_ separator: UInt8) {
        guard let range = name else { return }
        let before = previous
        (name, previous) = (nil, nil)
        var start = range.lowerBound
        // A line end that is written as an escape.
        if start > 0, bytes[start - 1] == UInt8(ascii: "\\"), "nrt".utf8.contains(bytes[start]), range.count > 1 {
            start += 1
        }
        let word = bytes[start..<range.upperBound].drop { $0 == UInt8(ascii: "-") }
        // A path is no name, and of another the last part is.
        guard word.first != UInt8(ascii: "/"), word.first != UInt8(ascii: ".") else { return }
        let own = word.lastIndex(of: UInt8(ascii: "/")).map { word[($0 + 1)...] } ?? word
        var kind = SecretName.kind(own)
        if case .other = kind, let before { kind = SecretName.kind(bytes[before] + [UInt8(ascii: "_")] + own) }
        if case .nameOfValue = kind, let before {
            let joined = SecretName.kind(bytes[before] + [UInt8(ascii: "_")] + own)
            if case .secret = joined { kind = joined }
        }
        if state.secretMapping != nil, start == firstWord, indentation > state.secretMapping ?? 0 { kind = .secret }
        let isAdjacent = range.upperBound == index - 1
        if case .other = kind {
            if separator == UInt8(ascii: ":"), isAdjacent { takePair(behind: own) }
            return
        }
        // `==`, `=>`, `:=` and `::` are one separator.
        while index < bytes.count, "=>:~".utf8.contains(bytes[index]) { copy(1) }
        let isQuoted = range.lowerBound > 0 && Ascii.isQuote(bytes[range.lowerBound - 1]) && isAdjacent
        let site = ValueSite(
            name: start..<range.upperBound, separator: separator,
            surrounding: isQuoted ? bytes[range.lowerBound - 1] : nil)
        switch kind {
        case .other: break
        case .authorization: takeAuthorization(site)
        case .cookie: takeCookies(site)
        case .nameOfValue: noteName()
        case .valueOfName:
            if state.pendingName > 0 {
                state.pendingName = 0
                takeValue(site) { _ in true }
            }
        case .encodedPair: takeValue(site) { EncodedText.isPair($0) }
        case .related:
            let isQuery = range.lowerBound > 0 && "?&".utf8.contains(bytes[range.lowerBound - 1])
            takeValue(site) { isQuery || SecretShapes.looksRandom($0) }
        case .secret:
            // A number of tests that pass.
            let isCount = Ascii.lowercased(Ascii.text(own)).elementsEqual("pass".utf8)
            takeValue(site) { !isCount || !($0.prefix { $0 != UInt8(ascii: ",") }.allSatisfy(Ascii.isDigit)) }
        }
    }

    /// Whether the value of a name is one of a secret.
    private mutating func noteName() {
        let value = bytes[index...].prefix(Self.horizon).drop {
            Ascii.isBlank($0) || Ascii.isQuote($0) || $0 == UInt8(ascii: "\\")
        }
        if case .secret = SecretName.kind(value.prefix { Ascii.isToken($0) }) {
            state.pendingName = 2
        } else {
            state.pendingName = 0
        }
    }

    /// The text of an element whose name is secret.
    private mutating func takeElement() {
        let range = element
        (element, name, previous) = (nil, nil, nil)
        guard let range, case .secret = SecretName.kind(bytes[range]), bytes[index - 2] != UInt8(ascii: "/"),
            let end = bytes[index...].firstIndex(of: UInt8(ascii: "<")), bytes[end...].starts(with: "</".utf8)
        else { return }
        if !hasMark(), !SecretProse.isHarmless(bytes[index..<end]) { replace(upTo: end) }
    }

    // MARK: - writing

    mutating func copy(_ count: Int) {
        let end = min(bytes.count, index + count)
        output += bytes[index..<end]
        index = end
    }

    mutating func copyBlanks() {
        while index < bytes.count, Ascii.isHorizontalBlank(bytes[index]) { copy(1) }
    }

    /// Puts the mark in place of what goes up to here.
    mutating func replace(upTo end: Int) {
        guard end > index else { return }
        output += SecretMask.value.utf8
        index = end
    }

    /// Copies a mark that stands there already.
    mutating func hasMark() -> Bool {
        for mark in [SecretMask.value, SecretMask.key] where bytes[index...].starts(with: mark.utf8) {
            copy(mark.utf8.count)
            return true
        }
        return false
    }

    /// The end without what closes a sentence or list.
    func trimmed(_ end: Int) -> Int {
        var end = end
        while end > index + 1, ",;)]}".utf8.contains(bytes[end - 1]) { end -= 1 }
        return end
    }
}

extension Ascii {
    @inlinable static func isQuote(_ byte: UInt8) -> Bool { byte == 0x22 || byte == 0x27 || byte == 0x60 }
}
