import Archive
import DebianFormat
import Documents
import ELF
import Platform

/// A package for people to read and for programs.
public struct PackageReport: Sendable {
    /// What is shown beside members, control data and entries.
    public struct Options: Sendable, Hashable {
        /// SHA-256 and MD5 of every file.
        public var showsChecksums = false
        /// The text of maintainer scripts and other control files.
        public var showsScripts = false

        /// The defaults.
        public init() {}
    }

    /// The package.
    public var image: PackageImage
    /// What is shown.
    public var options: Options

    /// Creates a report.
    public init(_ image: PackageImage, options: Options = Options()) {
        self.image = image
        self.options = options
    }

    // MARK: - text

    /// For people; whatever the package has in it, nothing but text and newlines reaches the terminal.
    public var text: String {
        var text = ""
        writeText { text += $0 }
        return text
    }

    /// The same piece by piece: the text of a package with many entries is larger than they are.
    public func writeText(_ write: @escaping (String) -> Void) {
        var output = PieceWriter(write)
        if let name = image.fileName { output.lines([DisplayText.inline(name), ""]) }
        if !image.members.isEmpty {
            output.lines(["members"])
            output.table(image.members.count) { memberRow(image.members[$0]) }
            output.lines([""])
        }
        output.lines(["control"])
        for field in image.control.fields {
            var label = "  \(DisplayText.inline(field.name)): "
            for line in Lines(Array(field.value.utf8)) {
                output.lines([label + DisplayText.inline(line.text)])
                label = "    "
            }
            if field.value.isEmpty { output.lines([label]) }
        }
        output.lines(["  (" + installedSizeText + ")", ""])
        if !image.controlFiles.isEmpty {
            output.lines(["control files"])
            output.table(image.controlFiles.count) { index in
                let file = image.controlFiles[index]
                return [
                    Cell(ModeText.octal(file.permissions)),
                    Cell(ByteCount.text(Int64(file.bytes.count)), isRight: true),
                    Cell(DisplayText.inline(file.name)), Cell(summary(of: file)),
                ]
            }
            output.lines([""])
        }
        if options.showsScripts { writeScripts(&output) }
        output.lines(["entries"])
        let conffiles = image.conffilePaths
        output.table(image.entries.count) {
            entryColumns(image.entries[$0])
        } last: {
            entryName(image.entries[$0], isConffile: conffiles.contains(image.entries[$0].path))
        }
        output.finish()
    }

    private var installedSizeText: String {
        let computed = image.computedInstalledSize
        guard let text = image.control["Installed-Size"] else {
            return "Installed-Size is missing; the entries add up to \(computed) KiB"
        }
        guard let stated = Int64(text) else {
            return "Installed-Size is not a number; the entries add up to \(computed) KiB"
        }
        return stated == computed
            ? "Installed-Size agrees with the entries: \(computed) KiB"
            : "the entries add up to \(computed) KiB, Installed-Size says \(stated) KiB"
    }

    private func memberRow(_ member: PackageImage.Member) -> [Cell] {
        var note = member.compression == "none" ? "" : member.compression
        if let unpacked = member.unpackedSize, member.compression != "none" {
            note += ", \(ByteCount.text(unpacked)) unpacked"
        }
        return [Cell(DisplayText.inline(member.name)), Cell(ByteCount.text(member.size), isRight: true), Cell(note)]
    }

    private func summary(of file: ControlFile) -> String {
        if let script = MaintainerScriptName(rawValue: file.name) {
            let interpreter = Interpreter.words(file.bytes).first
            let kind = script == .config ? "debconf" : "maintainer"
            return "\(kind) script, \(DisplayText.inline(interpreter ?? "no interpreter"))"
        }
        let lines =
            file.bytes.count { $0 == Ascii.newline } + (file.bytes.last.map { $0 == Ascii.newline } ?? true ? 0 : 1)
        return lines == 1 ? "1 line" : "\(lines) lines"
    }

    private func writeScripts(_ output: inout PieceWriter) {
        for file in image.controlFiles where file.name != "md5sums" {
            output.lines([DisplayText.inline(file.name)])
            for line in Lines(file.bytes) {
                let columns = line.bytes.split(separator: Ascii.tab, omittingEmptySubsequences: false)
                output.lines(["  " + columns.map { DisplayText.inline(Ascii.text($0)) }.joined(separator: "\t")])
            }
            output.lines([""])
        }
    }

    private func entryColumns(_ entry: ImageEntry) -> [Cell] {
        let typed = Entry(
            path: "", kind: entry.kind, permissions: entry.permissions, owner: entry.owner, group: entry.group,
            modificationTime: entry.modificationTime)
        var cells = [
            Cell(ModeText.of(typed)),
            Cell(DisplayText.inline(OwnerText.of(entry.owner)) + "/" + DisplayText.inline(OwnerText.of(entry.group))),
            Cell(entry.size.map(ByteCount.text) ?? "", isRight: true),
            Cell(CivilTime.minuteText(entry.modificationTime)),
        ]
        if options.showsChecksums { cells.append(Cell(entry.sha256 ?? "")) }
        return cells
    }

    private func entryName(_ entry: ImageEntry, isConffile: Bool) -> String {
        var name = DisplayText.inline(entry.path)
        switch entry.kind {
        case .symbolicLink(let target): name += " -> " + DisplayText.inline(target)
        case .hardLink(let target): name += " = " + DisplayText.inline(target)
        case .other(let kind, _): name += "  (\(kind))"
        default: break
        }
        if isConffile { name += "  (conffile)" }
        if let elf = entry.elf { name += "  " + Self.text(of: elf) }
        if let problem = entry.malformedELF { name += "  broken ELF: " + DisplayText.inline(problem) }
        return name
    }

    private static func text(of elf: ELFFile) -> String {
        var parts = ["\(elf.machine)"]
        if elf.isStatic { parts.append("static") }
        if !elf.isStripped { parts.append("not stripped") }
        if elf.hasExecutableStack { parts.append("executable stack") }
        if !elf.needed.isEmpty { parts.append("needs " + elf.needed.map(DisplayText.inline).joined(separator: " ")) }
        return "[ELF " + parts.joined(separator: ", ") + "]"
    }
}

/// A text in a column.
struct Cell {
    var text: String
    var isRight = false

    init(_ text: String, isRight: Bool = false) {
        self.text = text
        self.isRight = isRight
    }

    /// Characters; counting bytes is faster, and right for nearly all texts.
    var width: Int { text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.count }
}

/// Passes a text on in pieces of some size.
struct PieceWriter {
    private let write: (String) -> Void
    private var piece = ""

    init(_ write: @escaping (String) -> Void) { self.write = write }

    mutating func lines(_ lines: [String]) {
        for line in lines {
            piece += line
            piece += "\n"
        }
        if piece.utf8.count >= 1 << 16 { finish() }
    }

    mutating func finish() {
        write(piece)
        piece.removeAll(keepingCapacity: true)
    }

    /// Rows with columns of equal width, made twice rather than kept.
    ///
    /// - Parameter last: the text of the last column, which no other column stands behind.
    mutating func table(_ count: Int, row: (Int) -> [Cell], last: (Int) -> String = { _ in "" }) {
        var widths: [Int] = []
        for index in 0..<count {
            for (column, cell) in row(index).enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.width)
            }
        }
        for index in 0..<count {
            var line = " "
            for (column, cell) in row(index).enumerated() {
                let space = String(repeating: " ", count: max(0, widths[column] - cell.width))
                line += " "
                line += cell.isRight ? space + cell.text : cell.text + space
            }
            line += " " + last(index)
            while line.utf8.last == Ascii.space { line.removeLast() }
            lines([line])
        }
    }
}

extension PackageReport {
    /// For programs; checksums are always there, the texts of scripts when the options ask for them.
    public var json: JSONValue {
        let conffiles = image.conffilePaths
        return .object([
            ("file", image.fileName.map(JSONValue.string) ?? .null),
            ("members", .array(image.members.map(Self.json))),
            ("control", .object(image.control.fields.map { ($0.name, .string($0.value)) })),
            (
                "installedSize",
                .object([
                    ("stated", Self.stated(image.control["Installed-Size"])),
                    ("computed", .int(Int(image.computedInstalledSize))),
                ])
            ),
            ("controlFiles", .array(image.controlFiles.map(controlFile))),
            (
                "entries",
                .list(count: image.entries.count) {
                    Self.json(image.entries[$0], isConffile: conffiles.contains(image.entries[$0].path))
                }
            ),
        ])
    }

    private static func stated(_ text: String?) -> JSONValue {
        text.flatMap { Int($0) }.map(JSONValue.int) ?? .null
    }

    private static func json(_ member: PackageImage.Member) -> JSONValue {
        .object([
            ("name", .string(member.name)), ("size", .int(Int(member.size))),
            ("compression", .string(member.compression)),
            ("unpackedSize", member.unpackedSize.map { .int(Int($0)) } ?? .null),
            ("modificationTime", .int(Int(member.modificationTime))),
        ])
    }

    private func controlFile(_ file: ControlFile) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(file.name)), ("mode", .string(ModeText.octal(file.permissions))),
            ("size", .int(file.bytes.count)),
        ]
        if options.showsScripts { members.append(("text", .string(file.text))) }
        return .object(members)
    }

    private static func json(_ entry: ImageEntry, isConffile: Bool) -> JSONValue {
        var members: [(String, JSONValue)] = [("path", .string(entry.path)), ("type", .string(entry.typeName))]
        if let size = entry.size { members.append(("size", .int(Int(size)))) }
        if let target = entry.linkTarget { members.append(("target", .string(target))) }
        members += [
            ("mode", .string(ModeText.octal(entry.permissions))), ("owner", .string(entry.owner.name)),
            ("ownerId", .int(Int(entry.owner.id))), ("group", .string(entry.group.name)),
            ("groupId", .int(Int(entry.group.id))), ("modificationTime", .int(Int(entry.modificationTime))),
            ("conffile", .bool(isConffile)),
        ]
        if let md5 = entry.md5 { members.append(("md5", .string(md5))) }
        if let sha256 = entry.sha256 { members.append(("sha256", .string(sha256))) }
        if let elf = entry.elf { members.append(("elf", json(elf))) }
        if let problem = entry.malformedELF { members.append(("malformedELF", .string(problem))) }
        return .object(members)
    }

    private static func json(_ elf: ELFFile) -> JSONValue {
        .object([
            ("machine", .string("\(elf.machine)")), ("type", .string("\(elf.type)")),
            ("interpreter", elf.interpreter.map(JSONValue.string) ?? .null),
            ("needed", .array(elf.needed.map(JSONValue.string))),
            (
                "versionNeeds",
                .array(
                    elf.versionNeeds.map { need in
                        .object([
                            ("library", .string(need.library)),
                            ("versions", .array(need.versions.map(JSONValue.string))),
                        ])
                    })
            ),
            ("soname", elf.soname.map(JSONValue.string) ?? .null),
            ("buildId", elf.buildID.map(JSONValue.string) ?? .null),
            ("runPath", elf.runPath.map(JSONValue.string) ?? .null), ("static", .bool(elf.isStatic)),
            ("stripped", .bool(elf.isStripped)),
            ("executableStack", .bool(elf.hasExecutableStack)),
        ])
    }
}
