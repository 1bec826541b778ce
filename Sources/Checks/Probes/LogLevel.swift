import Platform

/// How bad a line of a log says that it is, in the formats that programs of these days write.
///
/// The level is where a format has it: behind the time, in brackets, in capitals, or behind a name. The first one decides;
/// a word in the middle of a sentence is not.
enum LogLevel {
    private static let bad = [
        "error", "err", "eror", "fatal", "critical", "crit", "alert", "emerg", "emergency", "panic", "dpanic", "severe",
    ].map { Array($0.utf8) }
    private static let good = [
        "trace", "debug", "dbg", "info", "inf", "information", "notice", "warn", "warning", "wrn", "verbose", "fine",
    ].map { Array($0.utf8) }
    private static let names = ["level", "lvl", "severity", "loglevel", "log.level", "@level", "levelname"]
    /// Texts one of which is in every line that reports an error, for a quick search.
    static let marks =
        ["err", "fatal", "crit", "alert", "emerg", "panic", "severe"].flatMap { word in
            [word, word.uppercased(), word.prefix(1).uppercased() + word.dropFirst()]
        } + ["\nE", "\nF", "\"level\":"]
    /// Bytes of a line in which a level can be.
    private static let head = 200

    /// Whether a line reports an error.
    static func isError(_ line: ArraySlice<UInt8>) -> Bool {
        guard let first = line.first else { return false }
        if first == UInt8(ascii: "{") { return isError(object: line) ?? isError(words: line.prefix(head)) }
        if isGlog(line) { return first == UInt8(ascii: "E") || first == UInt8(ascii: "F") }
        return isError(words: line.prefix(head))
    }

    /// `E1129 08:00:00.000000 7 file:66] …`, also with a year (`E20261129`), as glog writes it since version 0.5.
    private static func isGlog(_ line: ArraySlice<UInt8>) -> Bool {
        guard let first = line.first, "IWEF".utf8.contains(first) else { return false }
        let digits = line.dropFirst().prefix { Ascii.isDigit($0) }
        guard digits.count == 4 || digits.count == 8 else { return false }
        let clock = line[digits.endIndex...].prefix(9)
        guard clock.count == 9, clock.first == Ascii.space else { return false }
        return clock[clock.startIndex + 3] == UInt8(ascii: ":") && clock[clock.startIndex + 6] == UInt8(ascii: ":")
    }

    /// The level of a line that is a JSON object; nil for other lines, and without a level.
    private static func isError(object line: ArraySlice<UInt8>) -> Bool? {
        do throws(ProbeError) {
            let object = try JSONReader.read(Array(line), of: "a line")
            for name in names {
                switch object[name] {
                case .text(let text)?: return bad.contains(Ascii.lowercased(text))
                // Bunyan and pino: 50 is an error, 60 is fatal.
                case .integer(let number)?: return number >= 50
                default: continue
                }
            }
        } catch {
            return nil
        }
        return nil
    }

    private static func isError(words head: ArraySlice<UInt8>) -> Bool {
        var place = 0
        var rest = head
        // How many parts of a time of day the words before are; three make one.
        var clock = 0
        while !rest.isEmpty {
            guard let start = rest.firstIndex(where: isWord) else { return false }
            let end = rest[start...].firstIndex { !isWord($0) } ?? rest.endIndex
            let word = rest[start..<end]
            let before = start > head.startIndex ? head[start - 1] : nil
            let after = end < head.endIndex ? head[end] : nil
            let lowered = word.map { Ascii.lowercased($0) }
            let isBad = bad.contains(lowered)
            if isBad || good.contains(lowered) {
                let isNamed = before.map { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "\"") } ?? false
                let isBracketed =
                    (before == UInt8(ascii: "[") || before == UInt8(ascii: "<") || before == UInt8(ascii: "("))
                    && (after == UInt8(ascii: "]") || after == UInt8(ascii: ">") || after == UInt8(ascii: ")"))
                    // Apache: [core:error].
                    || before == UInt8(ascii: ":") && after == UInt8(ascii: "]")
                let isBetweenTabs = before == Ascii.tab && after == Ascii.tab
                let isShouted = word.allSatisfy { $0 >= 0x41 && $0 <= 0x5a } && word.count > 2
                let isHeading = after == UInt8(ascii: ":") && (place == 0 || isBehindColon(start, in: head))
                let name = isNamed ? nameBefore(start, in: head) : nil
                if isBracketed || isBetweenTabs || isHeading || isShouted || clock == 3 || name == true { return isBad }
            }
            if let digit = word.first, Ascii.isDigit(digit), before == UInt8(ascii: ":"), clock > 0 {
                clock = min(clock + 1, 3)
            } else if clock != 3 || !isZone(word) {
                clock = word.last.map(Ascii.isDigit) == true ? 1 : 0
            }
            place += 1
            rest = rest[end...]
        }
        return false
    }

    /// Whether a word between a time and a level is a zone, or a fraction.
    private static func isZone(_ word: ArraySlice<UInt8>) -> Bool {
        guard let first = word.first else { return false }
        return "+-,.".utf8.contains(first) || word.elementsEqual("UTC".utf8) || word.elementsEqual("GMT".utf8)
    }

    /// Whether a word stands behind a colon and blanks, as behind the name of a program.
    private static func isBehindColon(_ position: Int, in head: ArraySlice<UInt8>) -> Bool {
        let blanks = head[..<position].reversed().prefix { $0 == Ascii.space }.count
        let colon = position - blanks - 1
        return blanks > 0 && colon >= head.startIndex && head[colon] == UInt8(ascii: ":")
    }

    /// Whether what stands before `=` or `="` is the name of a level.
    private static func nameBefore(_ position: Int, in head: ArraySlice<UInt8>) -> Bool {
        var end = position
        while end > head.startIndex, "=\": ".utf8.contains(head[end - 1]) { end -= 1 }
        var start = end
        while start > head.startIndex, isWord(head[start - 1]) || head[start - 1] == UInt8(ascii: "@") { start -= 1 }
        let name = head[start..<end].map { Ascii.lowercased($0) }
        return names.contains { $0.utf8.elementsEqual(name) }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "+"), UInt8(ascii: ","):
            true
        default: false
        }
    }
}
