import Platform

/// Reads relation fields byte by byte, each once; lists nest to a fixed depth, so nothing recurs.
struct RelationParser {
    private let text: String
    private let kind: RelationField.Kind
    private let bytes: [UInt8]
    private var position = 0

    init(text: String, kind: RelationField.Kind) {
        self.text = text
        self.kind = kind
        bytes = Array(text.utf8)
    }

    mutating func groups() throws(FormatError) -> [[Relation]] {
        var groups: [[Relation]] = []
        while true {
            var alternatives = [try relation()]
            while peek == UInt8(ascii: "|") {
                guard kind.allowsAlternatives else { throw fault("no alternatives ('|')") }
                position += 1
                alternatives.append(try relation())
            }
            groups.append(alternatives)
            guard let byte = peek else { return groups }
            guard byte == UInt8(ascii: ",") else { throw fault("',' or '|' between packages, or the end") }
            position += 1
        }
    }

    // MARK: - bytes

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func fault(_ expected: String, at offset: Int? = nil) -> FormatError {
        FormatError(
            subject: "relation in \(kind.rawValue)", found: text, expected: expected, offset: offset ?? position,
            source: "Policy 7.1")
    }

    private mutating func skipBlanks() {
        while let byte = peek, Ascii.isBlank(byte) { position += 1 }
    }

    /// The bytes up to a blank or one of some others.
    private mutating func word(until delimiters: StaticString) -> (text: String, start: Int) {
        let ends = UnsafeBufferPointer(start: delimiters.utf8Start, count: delimiters.utf8CodeUnitCount)
        let start = position
        while let byte = peek, !Ascii.isBlank(byte), !ends.contains(byte) { position += 1 }
        return (Ascii.text(bytes[start..<position]), start)
    }

    // MARK: - parts

    /// A relation with the blanks around it.
    private mutating func relation() throws(FormatError) -> Relation {
        skipBlanks()
        let start = position
        var relation = Relation(package: try package())
        if peek == UInt8(ascii: ":") { relation.architectureQualifier = try qualifier() }
        skipBlanks()
        if peek == UInt8(ascii: "(") { relation.constraint = try constraint() }
        skipBlanks()
        if !kind.isOfSource, peek == UInt8(ascii: "[") || peek == UInt8(ascii: "<") {
            throw fault("no '[architecture]' and no '<profile>': a binary package is for one of each already")
        }
        if peek == UInt8(ascii: "[") { relation.architectures = try architectures() }
        skipBlanks()
        while peek == UInt8(ascii: "<") {
            relation.profiles.append(try profiles())
            skipBlanks()
        }
        if kind.demandsVersion, relation.constraint == nil {
            throw fault("an exact version '(= …)' for each source", at: start)
        }
        return relation
    }

    private mutating func package() throws(FormatError) -> PackageName {
        let (name, start) = word(until: "(),:<>[]|")
        guard !name.isEmpty else { throw fault("a package name") }
        do throws(FormatError) {
            return try PackageName(name)
        } catch {
            throw fault("a package name (\(error.expected))", at: start + error.offset)
        }
    }

    private mutating func qualifier() throws(FormatError) -> String {
        position += 1
        let (name, start) = word(until: "(),:<>[]|")
        if name == "any" || (name == "native" && kind.isOfSource) { return name }
        guard name != "all", (try? Architecture(name)) != nil else {
            throw fault(
                kind.isOfSource
                    ? "'any', 'native' or an architecture behind ':'" : "'any' or an architecture behind ':'", at: start
            )
        }
        return name
    }

    private mutating func constraint() throws(FormatError) -> Relation.Constraint {
        position += 1
        skipBlanks()
        let start = position
        while let byte = peek, byte >= UInt8(ascii: "<"), byte <= UInt8(ascii: ">") { position += 1 }
        let word = Ascii.text(bytes[start..<position])
        guard let relationship = Relation.Relationship(rawValue: word) else {
            let hint =
                word == "<" || word == ">" ? "; '\(word)' means '\(word)=' to dpkg: write that or '\(word)\(word)'" : ""
            throw fault("one of <<, <=, =, >=, >>\(hint)", at: start)
        }
        guard kind.relationships.contains(relationship) else {
            throw fault("'=' alone in \(kind.rawValue)", at: start)
        }
        skipBlanks()
        let (version, from) = self.word(until: "()")
        let value: DebianVersion
        do throws(FormatError) {
            value = try DebianVersion(version)
        } catch {
            throw fault("a version (\(error.expected))", at: from + error.offset)
        }
        skipBlanks()
        guard peek == UInt8(ascii: ")") else { throw fault("')' behind the version") }
        position += 1
        return Relation.Constraint(relationship: relationship, version: value)
    }

    /// `[amd64 arm64]` or `[!amd64 !arm64]`.
    private mutating func architectures() throws(FormatError) -> [Relation.ArchitectureRestriction] {
        position += 1
        var result: [Relation.ArchitectureRestriction] = []
        while true {
            skipBlanks()
            if peek == UInt8(ascii: "]") { break }
            let start = position
            let isNegated = peek == UInt8(ascii: "!")
            if isNegated { position += 1 }
            let (name, from) = word(until: "!(),<>[]|")
            guard !name.isEmpty else {
                throw fault(position < bytes.count ? "an architecture" : "']' behind the architectures")
            }
            do throws(FormatError) {
                let architecture = try Architecture(orWildcard: name)
                guard architecture != .all else { throw fault("an architecture other than 'all'", at: from) }
                result.append(.init(isNegated: isNegated, architecture: architecture))
            } catch {
                throw fault("an architecture or a wildcard (\(error.expected))", at: from)
            }
            guard result.first?.isNegated == isNegated else {
                throw fault("'!' before all of the architectures or before none", at: start)
            }
        }
        guard !result.isEmpty else { throw fault("an architecture") }
        position += 1
        return result
    }

    /// `<!nocheck cross>`.
    private mutating func profiles() throws(FormatError) -> [Relation.BuildProfile] {
        position += 1
        var result: [Relation.BuildProfile] = []
        while true {
            skipBlanks()
            if peek == UInt8(ascii: ">") { break }
            let isNegated = peek == UInt8(ascii: "!")
            if isNegated { position += 1 }
            let (name, from) = word(until: "!(),<>[]|")
            guard !name.isEmpty else {
                throw fault(position < bytes.count ? "a build profile" : "'>' behind the build profiles")
            }
            let isPlain = name.utf8.allSatisfy {
                Ascii.isLower($0) || Ascii.isDigit($0) || "+-.".utf8.contains($0)
            }
            guard isPlain else { throw fault("a build profile of lower-case letters, digits, '+', '-', '.'", at: from) }
            result.append(.init(isNegated: isNegated, name: name))
        }
        guard !result.isEmpty else { throw fault("a build profile") }
        position += 1
        return result
    }
}
