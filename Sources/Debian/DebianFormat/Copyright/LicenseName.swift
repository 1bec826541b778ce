import Platform

/// A short name of a licence, perhaps with an exception, within a licence's first line.
struct LicenseName {
    /// As written.
    let text: String
    /// What a paragraph that has its text may be called: the name with its exception, the name alone.
    let keys: [[UInt8]]
    /// Its place in the line.
    let offset: Int

    /// The names in `A, B with X exception and C`; nil where the line is built otherwise.
    static func names(in line: ArraySlice<UInt8>) -> [LicenseName]? {
        var result: [LicenseName] = []
        var words = Ascii.words(line)[...]
        var isConnected = true
        var lastEndsWithComma = false
        while let word = words.popFirst() {
            let lowered = word.map { Ascii.lowercased($0) }
            if lowered.elementsEqual("and".utf8) || lowered.elementsEqual("or".utf8) {
                // A comma may stand before the connector, and nothing but a name behind it.
                guard !result.isEmpty, !words.isEmpty, !isConnected || lastEndsWithComma else { return nil }
                isConnected = true
                lastEndsWithComma = false
                continue
            }
            guard isConnected else { return nil }
            var end = word
            if words.first.map({ key($0).elementsEqual("with".utf8) }) == true {
                repeat {
                    guard let next = words.popFirst() else { return nil }
                    end = next
                } while !key(withoutComma(end)).elementsEqual("exception".utf8)
            }
            lastEndsWithComma = end.last == UInt8(ascii: ",")
            isConnected = lastEndsWithComma
            let whole = withoutComma(line[word.startIndex..<end.endIndex])
            let base = withoutComma(word)
            guard !base.isEmpty else { return nil }
            result.append(
                LicenseName(
                    text: Ascii.text(whole), keys: [key(whole), key(base)],
                    offset: word.startIndex - line.startIndex))
        }
        return result.isEmpty || isConnected ? nil : result
    }

    /// Names compare without regard to case and to the number of blanks.
    static func key(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(Ascii.words(bytes).map { word in word.map { Ascii.lowercased($0) } }.joined(separator: [Ascii.space]))
    }

    private static func withoutComma(_ word: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        word.last == UInt8(ascii: ",") ? word.dropLast() : word
    }
}
