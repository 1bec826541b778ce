import Platform

/// A shared library as deb-shlibs(5) names it: the soname's name and version.
public struct SharedLibraryName: Hashable, Sendable, CustomStringConvertible {
    /// The name, such as `libfoo`.
    public let name: String
    /// The version of the interface, such as `1`.
    public let version: String

    /// Takes `libfoo.so.1` or `libfoo-1.2.so` apart; nil where the soname has no version.
    public init?(soname: String) {
        let bytes = Array(soname.utf8)
        if let start = bytes.indices.last(where: { bytes[$0...].starts(with: ".so.".utf8) }) {
            self.init(name: Ascii.text(bytes[..<start]), version: Ascii.text(bytes[(start + 4)...]))
        } else if soname.utf8.suffix(3).elementsEqual(".so".utf8),
            let dash = bytes.indices.dropLast(4).last(where: { index in
                bytes[index] == UInt8(ascii: "-") && Ascii.isDigit(bytes[index + 1])
            })
        {
            self.init(name: Ascii.text(bytes[..<dash]), version: Ascii.text(bytes[(dash + 1)..<(bytes.count - 3)]))
        } else {
            return nil
        }
    }

    /// Creates a name; nil where a part is empty or has a blank, which a line of `shlibs` cannot hold.
    public init?(name: String, version: String) {
        for part in [name, version] where part.isEmpty || part.utf8.contains(where: { Ascii.isBlank($0) }) {
            return nil
        }
        self.name = name
        self.version = version
    }

    /// The sonames that it may have.
    public var sonames: [String] { ["\(name).so.\(version)", "\(name)-\(version).so"] }

    /// Name and version.
    public var description: String { "\(name) \(version)" }
}

/// The `shlibs` control file (deb-shlibs(5)): what a package has to depend on that needs a library.
public struct ShlibsFile: Hashable, Sendable {
    /// One line.
    public struct Entry: Hashable, Sendable, CustomStringConvertible {
        /// The type of packages that the line is for, such as `udeb`; nil for all.
        public var type: String?
        /// The library.
        public var library: SharedLibraryName
        /// What depends on it, as in `Depends`.
        public var relation: String

        /// Creates a line.
        public init(type: String? = nil, library: SharedLibraryName, relation: String) {
            self.type = type
            self.library = library
            self.relation = relation
        }

        /// `[TYPE: ]NAME VERSION RELATION`.
        public var description: String { (type.map { $0 + ": " } ?? "") + "\(library) \(relation)" }
    }

    /// The lines without comments.
    public var entries: [Entry]

    /// Creates the file from its lines.
    public init(entries: [Entry]) { self.entries = entries }

    /// Reads the file; a library that has two lines of one type is refused.
    public init(parsing text: String) throws(FormatError) {
        entries = []
        var seen: Set<String> = []
        for line in Lines(text) where !Self.isComment(line) {
            guard let entry = Self.entry(line) else {
                throw Self.fault(line, "'NAME VERSION DEPENDENCY', with 'TYPE: ' before it or not")
            }
            do throws(FormatError) {
                _ = try RelationField(parsing: entry.relation, field: .depends)
            } catch {
                throw Self.fault(line, "a relation such as 'libfoo1 (>= 1.2)' behind the version")
            }
            guard seen.insert("\(entry.type ?? ""): \(entry.library)").inserted else {
                throw Self.fault(line, "one line for each library")
            }
            entries.append(entry)
        }
    }

    /// The lines of a file that can be read; dpkg-shlibdeps(1) passes over the others.
    package static func readableEntries(of bytes: [UInt8]) -> some Sequence<Entry> {
        Lines(bytes).lazy.filter { !isComment($0) }.compactMap(entry)
    }

    /// The file.
    public var text: String { entries.map { "\($0)\n" }.joined() }

    private static func fault(_ line: Lines.Line, _ expected: String) -> FormatError {
        FormatError(
            subject: "shlibs line", found: line.text, expected: expected, offset: line.start, source: "deb-shlibs(5)")
    }

    private static func isComment(_ line: Lines.Line) -> Bool {
        line.isBlank || line.bytes.first { !Ascii.isBlank($0) } == UInt8(ascii: "#")
    }

    private static func entry(_ line: Lines.Line) -> Entry? {
        var words = Ascii.words(line.bytes)
        var type: String?
        if let first = words.first, first.last == UInt8(ascii: ":") {
            type = Ascii.text(first.dropLast())
            words.removeFirst()
        }
        guard words.count > 2,
            let library = SharedLibraryName(name: Ascii.text(words[0]), version: Ascii.text(words[1]))
        else { return nil }
        let relation = Ascii.trimmed(line.bytes[words[2].startIndex...])
        return Entry(type: type, library: library, relation: Ascii.text(relation))
    }
}

/// The `symbols` control file (deb-symbols(5)): since which version of the package each symbol of a library is there.
public struct SymbolsControlFile: Hashable, Sendable {
    /// What the file says of one library.
    public struct Library: Hashable, Sendable {
        /// The soname.
        public var soname: String
        /// What depends on it, `#MINVER#` standing for the version; the first is that of symbols without a number.
        public var templates: [String]
        /// Symbols with their versions, such as `main@Base`.
        public var symbols: [String]
    }

    /// The libraries in their order.
    public private(set) var libraries: [Library] = []

    /// Reads the file by dpkg's rules. Lines with '#' in front are comments, those of symbols that are gone as well; an
    /// include is only for dpkg-gensymbols(1) and refused.
    public init(parsing text: String) throws(FormatError) {
        var symbols: Set<[UInt8]> = []
        var sonames: Set<[UInt8]> = []
        for line in Lines(text) where !line.isBlank {
            func fault(_ expected: String, at offset: Int? = nil) -> FormatError {
                FormatError(
                    subject: "symbols line", found: line.text, expected: expected, offset: offset ?? line.start,
                    source: "deb-symbols(5)")
            }
            let words = Ascii.words(line.bytes)
            switch line.bytes.first {
            case UInt8(ascii: "#"):
                if line.bytes.starts(with: "#include".utf8) {
                    throw fault("what dpkg-gensymbols(1) makes of a template")
                }
            case UInt8(ascii: "|"):
                guard !libraries.isEmpty, words.count > 1 else {
                    throw fault("a dependency behind '|', below a library")
                }
                libraries[libraries.count - 1].templates.append(
                    Ascii.text(Ascii.trimmed(line.bytes.dropFirst())))
            case UInt8(ascii: "*"):
                guard !libraries.isEmpty, line.bytes.contains(UInt8(ascii: ":")) else {
                    throw fault("'* FIELD: VALUE' below a library")
                }
            case .some(let first) where Ascii.isBlank(first):
                guard let library = libraries.indices.last else { throw fault("the soname of the library first") }
                let name = words[0]
                // ` #MISSING: 1.2#name@Base 1.0` is of a symbol that is gone.
                if name.first == UInt8(ascii: "#") { continue }
                guard words.count == 2 || words.count == 3 else { throw fault("'SYMBOL VERSION [NUMBER]'") }
                do throws(FormatError) {
                    _ = try DebianVersion(Ascii.text(words[1]))
                } catch {
                    throw fault("a version behind the symbol", at: words[1].startIndex)
                }
                if words.count == 3 {
                    let last = libraries[library].templates.count - 1
                    guard ASCIINumber.decimal(words[2], in: 0...last) != nil else {
                        throw fault("the number of a dependency, 0 to \(last)", at: words[2].startIndex)
                    }
                }
                guard symbols.insert(Array(name)).inserted else { throw fault("each symbol once", at: name.startIndex) }
                libraries[library].symbols.append(Ascii.text(name))
            default:
                guard words.count > 1 else { throw fault("a soname and a dependency such as 'libfoo1 #MINVER#'") }
                guard sonames.insert(Array(words[0])).inserted else { throw fault("each library once") }
                symbols = []
                libraries.append(
                    Library(
                        soname: Ascii.text(words[0]),
                        templates: [Ascii.text(Ascii.trimmed(line.bytes[words[1].startIndex...]))], symbols: []))
            }
        }
        guard !libraries.isEmpty else {
            throw FormatError(
                subject: "symbols file", found: text, expected: "at least one library", offset: 0,
                source: "deb-symbols(5)")
        }
    }
}
