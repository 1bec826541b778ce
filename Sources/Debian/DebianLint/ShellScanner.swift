/// Splits shell text into simple commands (XCU 2.3, token recognition, as far as lint needs it).
///
/// One pass, never backwards over more than a word; nesting is bounded, so that hostile text costs linear time.
struct ShellScanner {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private var depth = 0
    private var hereDocuments: [(delimiter: String, stripsTabs: Bool)] = []

    private(set) var commands: [ShellScript.Command] = []
    private(set) var code: [UInt8] = []
    private(set) var usesArguments = false

    /// Substitutions in substitutions; what is deeper is passed over.
    static let depthLimit = 8
    /// Bytes of a substitution that are kept as part of a word.
    static let expansionLimit = 1024

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Commands of one script; what follows is not looked at. The largest maintainer scripts have some hundreds.
    static let commandLimit = 50_000

    mutating func scan() {
        while hasMore { scanList(until: nil) }
    }

    private var hasMore: Bool { index < bytes.count && commands.count < Self.commandLimit }

    /// What is being put together while a list is scanned.
    private struct Pending {
        var command = ShellScript.Command()
        var word: [UInt8] = []
        var hasWord = false
        var isQuoted = false
        var redirection: String?
        var parentheses = 0
        var cases = 0
        /// Where the commands of the current pipeline begin: a case pattern `a|b)` looks like one.
        var pipelineStart = 0
        /// Whether the next command runs only after the success or failure of the one before, or in a subshell.
        var isConditional = false
    }

    // MARK: - lists

    private mutating func scanList(until terminator: UInt8?) {
        var state = Pending()
        state.pipelineStart = commands.count
        while hasMore {
            let byte = bytes[index]
            if byte == terminator, byte != UInt8(ascii: ")") || (state.parentheses == 0 && state.cases == 0) {
                index += 1
                finishCommand(&state)
                return
            }
            switch byte {
            case UInt8(ascii: "\n"):
                take()
                finishCommand(&state)
                state.pipelineStart = commands.count
                skipHereDocuments()
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                take()
                finishWord(&state)
            case UInt8(ascii: "#") where !state.hasWord:
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
            case UInt8(ascii: ";"), UInt8(ascii: "&"):
                separator(&state)
            case UInt8(ascii: "|"):
                let isOr = peek(1) == UInt8(ascii: "|")
                take()
                if isOr { take() }
                finishCommand(&state, isJudged: isOr)
                // Commands of a pipeline run in subshells.
                state.isConditional = true
                if isOr { state.pipelineStart = commands.count }
            case UInt8(ascii: "("):
                take()
                finishWord(&state)
                openParenthesis(&state)
            case UInt8(ascii: ")"):
                take()
                closeParenthesis(&state)
            case UInt8(ascii: "<"), UInt8(ascii: ">"):
                redirect(&state)
            default:
                wordByte(&state)
            }
        }
        finishCommand(&state)
    }

    private mutating func separator(_ state: inout Pending) {
        // `&>file` redirects both outputs.
        if bytes[index] == UInt8(ascii: "&"), peek(1) == UInt8(ascii: ">") {
            take()
            redirect(&state)
            return
        }
        let byte = bytes[index]
        let isAnd = byte == UInt8(ascii: "&") && peek(1) == byte
        while index < bytes.count, bytes[index] == byte { take() }
        finishCommand(&state, isJudged: isAnd)
        state.isConditional = isAnd
        state.pipelineStart = commands.count
    }

    private mutating func openParenthesis(_ state: inout Pending) {
        var ahead = index
        while ahead < bytes.count, bytes[ahead] == UInt8(ascii: " ") { ahead += 1 }
        if !state.command.words.isEmpty, ahead < bytes.count, bytes[ahead] == UInt8(ascii: ")") {
            // A function's name is not a command that runs.
            while index <= ahead { take() }
            state.command = ShellScript.Command()
            return
        }
        if state.cases > 0, state.command.words.isEmpty { return }
        finishCommand(&state)
        state.parentheses += 1
    }

    private mutating func closeParenthesis(_ state: inout Pending) {
        finishWord(&state)
        if state.parentheses > 0 {
            finishCommand(&state)
            state.parentheses -= 1
        } else {
            // A case pattern: neither it nor its alternatives are commands.
            let isAtCase = state.command.words.contains("case")
            let kept = isAtCase ? state.command : nil
            if commands.count > state.pipelineStart { commands.removeLast(commands.count - state.pipelineStart) }
            state.command = ShellScript.Command()
            if var kept {
                kept.resolve()
                commands.append(kept)
            }
            if isAtCase { state.cases += 1 }
        }
        state.pipelineStart = commands.count
    }

    // MARK: - words

    private mutating func wordByte(_ state: inout Pending) {
        let byte = bytes[index]
        if !state.hasWord, state.command.words.isEmpty { state.command.line = line }
        state.hasWord = true
        switch byte {
        case UInt8(ascii: "\\"):
            take()
            guard index < bytes.count else { return }
            if bytes[index] == UInt8(ascii: "\n") {
                take()
                if state.word.isEmpty, !state.isQuoted { state.hasWord = false }
                return
            }
            state.isQuoted = true
            state.word.append(bytes[index])
            take()
        case UInt8(ascii: "'"):
            state.isQuoted = true
            take()
            while index < bytes.count, bytes[index] != UInt8(ascii: "'") {
                state.word.append(bytes[index])
                take()
            }
            if index < bytes.count { take() }
        case UInt8(ascii: "\""):
            state.isQuoted = true
            doubleQuoted(&state.word)
        case UInt8(ascii: "$"):
            expansion(&state.word)
        case UInt8(ascii: "`"):
            backquoted(&state.word)
        default:
            state.word.append(byte)
            take()
        }
    }

    private mutating func doubleQuoted(_ word: inout [UInt8]) {
        take()
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            switch bytes[index] {
            case UInt8(ascii: "\\") where index + 1 < bytes.count:
                take()
                if bytes[index] != UInt8(ascii: "\n") { word.append(bytes[index]) }
                take()
            case UInt8(ascii: "$"): expansion(&word)
            case UInt8(ascii: "`"): backquoted(&word)
            default:
                word.append(bytes[index])
                take()
            }
        }
        if index < bytes.count { take() }
    }

    private mutating func backquoted(_ word: inout [UInt8]) {
        let start = index
        take()
        if depth < Self.depthLimit {
            depth += 1
            scanList(until: UInt8(ascii: "`"))
            depth -= 1
        }
        word += bytes[start..<index].prefix(Self.expansionLimit)
    }

    /// `$x`, `${x…}`, `$(…)` or `$((…))`, copied to the word as it stands.
    private mutating func expansion(_ word: inout [UInt8]) {
        let start = index
        take()
        guard index < bytes.count else { return word.append(UInt8(ascii: "$")) }
        switch bytes[index] {
        case UInt8(ascii: "("):
            take()
            if index < bytes.count, bytes[index] == UInt8(ascii: "(") {
                skipBalanced(open: UInt8(ascii: "("), close: UInt8(ascii: ")"), level: 1)
            } else if depth < Self.depthLimit {
                depth += 1
                scanList(until: UInt8(ascii: ")"))
                depth -= 1
            }
        case UInt8(ascii: "{"):
            take()
            var nameStart = index
            if nameStart < bytes.count, bytes[nameStart] == UInt8(ascii: "#") { nameStart += 1 }
            if nameStart < bytes.count { noteParameter(bytes[nameStart]) }
            skipBalanced(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), level: 1)
        case UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "'"): break
        default:
            noteParameter(bytes[index])
            take()
        }
        word += bytes[start..<index].prefix(Self.expansionLimit)
    }

    private mutating func noteParameter(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "1"), UInt8(ascii: "@"), UInt8(ascii: "*"), UInt8(ascii: "#"): usesArguments = true
        default: break
        }
    }

    private mutating func skipBalanced(open: UInt8, close: UInt8, level: Int) {
        var level = level
        while index < bytes.count, level > 0 {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\"), index + 1 < bytes.count { take() }
            if byte == open { level += 1 }
            if byte == close { level -= 1 }
            take()
        }
    }

    // MARK: - redirections and here-documents

    private mutating func redirect(_ state: inout Pending) {
        // Digits in front of a redirection are a descriptor.
        if state.hasWord, !state.isQuoted, !state.word.isEmpty,
            state.word.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        {
            state.word = []
            state.hasWord = false
        }
        finishWord(&state)
        if state.command.words.isEmpty { state.command.line = line }
        var mode: [UInt8] = []
        while index < bytes.count, mode.count < 3 {
            let byte = bytes[index]
            let continues = [UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "|")].contains(byte)
            let isDash = byte == UInt8(ascii: "-") && mode == Array("<<".utf8)
            guard continues || isDash else { break }
            mode.append(byte)
            take()
        }
        state.redirection = String(decoding: mode, as: UTF8.self)
    }

    private mutating func skipHereDocuments() {
        let pending = hereDocuments
        hereDocuments = []
        for document in pending {
            while index < bytes.count {
                var end = index
                while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
                var text = bytes[index..<end]
                if document.stripsTabs { text = text.drop { $0 == UInt8(ascii: "\t") } }
                index = min(end + 1, bytes.count)
                line += 1
                if String(decoding: text, as: UTF8.self) == document.delimiter { break }
            }
        }
    }

    // MARK: - ends

    private mutating func finishWord(_ state: inout Pending) {
        guard state.hasWord else { return }
        let text = String(decoding: state.word, as: UTF8.self)
        if let mode = state.redirection {
            if mode == "<<" || mode == "<<-" {
                hereDocuments.append((text, mode == "<<-"))
            } else {
                state.command.redirections.append(.init(mode: mode, target: text))
            }
            state.redirection = nil
        } else {
            state.command.words.append(text)
        }
        state.word = []
        state.hasWord = false
        state.isQuoted = false
    }

    /// - Parameter isJudged: whether `&&` or `||` follows.
    private mutating func finishCommand(_ state: inout Pending, isJudged: Bool = false) {
        finishWord(&state)
        if !state.command.words.isEmpty || !state.command.redirections.isEmpty {
            let words = state.command.words
            if words.first == "case" || words.dropFirst().first == "case" { state.cases += 1 }
            if words.first == "esac" { state.cases = max(0, state.cases - 1) }
            state.command.isConditional = state.isConditional || state.parentheses > 0 || depth > 0
            state.command.mayFail = isJudged
            state.command.resolve()
            commands.append(state.command)
            state.isConditional = false
        }
        state.command = ShellScript.Command()
        state.redirection = nil
    }

    private func peek(_ distance: Int) -> UInt8? {
        index + distance < bytes.count ? bytes[index + distance] : nil
    }

    private mutating func take() {
        if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        code.append(bytes[index])
        index += 1
    }
}
