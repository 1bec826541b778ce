import Platform

/// What a package puts on a machine, path by path: type, mode, owner, checksum, where links lead.
///
/// Written as mtree(5) with one more keyword, `capabilities`: a line for each path, and `/set` lines with what the lines
/// after them do not say. Only the keywords that ``Entry`` has are understood.
public struct PackageManifest: Sendable, Hashable {
    /// One path.
    public struct Entry: Sendable, Hashable {
        /// What is there.
        public enum Kind: Sendable, Hashable {
            /// A regular file with its SHA-256 in lower-case hexadecimal; nil where the contents are not known here: a
            /// conffile, or the file that holds this manifest.
            case file(sha256: String?)
            case directory
            case link(target: String)
        }

        /// The absolute path on the machine.
        public var path: String
        /// The type and what belongs to it.
        public var kind: Kind
        /// Twelve permission bits; nil when any will do. A link has none.
        public var mode: UInt16?
        /// The owner by name; nil when any will do.
        public var owner: String?
        /// The group by name; nil when any will do.
        public var group: String?
        /// Whether the administrator may edit the file (deb-conffiles(5)).
        public var isConffile = false
        /// The capabilities that it must have; nil when nothing is said.
        public var capabilities: FileCapabilities?

        /// Creates an entry.
        public init(
            path: String, kind: Kind, mode: UInt16?, owner: String?, group: String?, isConffile: Bool = false,
            capabilities: FileCapabilities? = nil
        ) {
            self.path = path
            self.kind = kind
            self.mode = mode
            self.owner = owner
            self.group = group
            self.isConffile = isConffile
            self.capabilities = capabilities
        }
    }

    /// The paths, in the order of the package.
    public var entries: [Entry]

    /// Creates a manifest.
    public init(_ entries: [Entry]) { self.entries = entries }

    // MARK: - writing

    private static let common = Defaults(type: "file", mode: 0o644, owner: "root", group: "root")

    /// The lines, in ASCII.
    public var text: String {
        var text = "/set type=file uname=root gname=root mode=0644\n"
        for entry in entries { text += Self.line(entry) }
        return text
    }

    private static func line(_ entry: Entry) -> String {
        var line = "." + encoded(entry.path)
        switch entry.kind {
        case .file: break
        case .directory: line += " type=dir"
        case .link: line += " type=link"
        }
        if case .link = entry.kind {
        } else if entry.mode != common.mode {
            line += " mode=" + (entry.mode.map { octal($0) } ?? any)
        }
        if entry.owner != common.owner { line += " uname=" + (entry.owner ?? any) }
        if entry.group != common.group { line += " gname=" + (entry.group ?? any) }
        switch entry.kind {
        case .file(let sha256?): line += " sha256digest=" + sha256
        case .link(let target): line += " link=" + encoded(target)
        default: break
        }
        if let capabilities = entry.capabilities { line += " capabilities=\(capabilities)" }
        if entry.isConffile { line += " tags=conffile" }
        return line + "\n"
    }

    /// The value for "any will do".
    private static let any = "-"

    private static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }

    /// vis(3): bytes that could be taken for something else as a backslash and three octal digits.
    private static func encoded(_ path: String) -> String {
        if path.utf8.allSatisfy(isPlain) { return path }
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "\\"), 0x30 + (byte >> 6), 0x30 + (byte >> 3 & 7), 0x30 + (byte & 7)]
            }
        }
        return Ascii.text(bytes)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || "/._+@:,~%-".utf8.contains(byte)
    }

    // MARK: - reading

    private struct Defaults {
        var type: String
        var mode: UInt16?
        var owner: String?
        var group: String?
    }

    /// Reads the lines.
    public init(parsing text: String) throws(FormatError) {
        entries = []
        var defaults = Defaults(type: "file", mode: nil, owner: nil, group: nil)
        for line in Lines(text) {
            let words = Ascii.words(line.bytes)
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            let keywords = words.dropFirst()
            if first.elementsEqual("/set".utf8) {
                var entry = Self.blank(path: "/set", defaults)
                var type = defaults.type
                for word in keywords { try Self.apply(word, to: &entry, &type, line) }
                defaults = Defaults(type: type, mode: entry.mode, owner: entry.owner, group: entry.group)
                continue
            }
            guard first.starts(with: "./".utf8) else {
                throw Self.fault(line, "'/set', a comment, or a path that begins with './'")
            }
            guard let path = Self.decoded(first.dropFirst()) else {
                throw Self.fault(line, "a backslash and three octal digits")
            }
            var entry = Self.blank(path: path, defaults)
            var type = defaults.type
            for word in keywords { try Self.apply(word, to: &entry, &type, line) }
            switch (type, entry.kind) {
            case ("file", .file): break
            case ("dir", _): entry.kind = .directory
            case ("link", .link): entry.mode = nil
            default: throw Self.fault(line, "type=file, type=dir, or type=link with link=TARGET")
            }
            entries.append(entry)
        }
    }

    private static func blank(path: String, _ defaults: Defaults) -> Entry {
        Entry(
            path: path, kind: .file(sha256: nil), mode: defaults.mode, owner: defaults.owner, group: defaults.group)
    }

    private static func apply(
        _ word: ArraySlice<UInt8>, to entry: inout Entry, _ type: inout String, _ line: Lines.Line
    ) throws(FormatError) {
        guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else { throw fault(line, "KEYWORD=VALUE") }
        let value = word[(equals + 1)...]
        let text = Ascii.text(value)
        switch Ascii.text(word[..<equals]) {
        case "type": type = text
        case "mode":
            if text == any {
                entry.mode = nil
            } else {
                guard let mode = UInt16(text, radix: 8), mode <= 0o7777 else { throw fault(line, "an octal mode") }
                entry.mode = mode
            }
        case "uname": entry.owner = text == any ? nil : text
        case "gname": entry.group = text == any ? nil : text
        case "sha256digest":
            guard value.count == 64, value.allSatisfy(Ascii.isHexadecimal) else { throw fault(line, "64 digits") }
            entry.kind = .file(sha256: text)
        case "link":
            guard let target = decoded(value) else { throw fault(line, "a backslash and three octal digits") }
            entry.kind = .link(target: target)
        case "capabilities": entry.capabilities = try FileCapabilities(parsing: text)
        case "tags":
            entry.isConffile = value.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual("conffile".utf8) }
        default: throw fault(line, "a keyword that is known")
        }
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        guard text.contains(UInt8(ascii: "\\")) else { return Ascii.text(text) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(3)
            guard digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
            bytes.append(digits.reduce(0) { $0 &<< 3 | ($1 & 7) })
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func fault(_ line: Lines.Line, _ expected: String) -> FormatError {
        FormatError(
            subject: "line of a manifest", found: line.text, expected: expected, offset: line.start, source: "mtree(5)")
    }
}
