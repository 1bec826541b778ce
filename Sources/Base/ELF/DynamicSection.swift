/// The table that the dynamic linker reads: libraries, names, symbol versions (gABI, "Dynamic Section").
struct DynamicSection {
    private enum Tag {
        static let null: UInt64 = 0
        static let needed: UInt64 = 1
        static let stringTable: UInt64 = 5
        static let stringTableSize: UInt64 = 10
        static let soname: UInt64 = 14
        static let rpath: UInt64 = 15
        static let runPath: UInt64 = 29
        static let flags1: UInt64 = 0x6fff_fffb
        static let versionNeeds: UInt64 = 0x6fff_fffe
        static let versionNeedCount: UInt64 = 0x6fff_ffff
    }
    private static let positionIndependentFlag: UInt64 = 0x0800_0000
    private static let sizeLimit: UInt64 = 1 << 20
    /// No library of Debian's has a table of symbols or names half as large.
    private static let symbolBytesLimit: UInt64 = 64 << 20

    private let layout: ELFLayout
    private let loaded: [ELFHeader.Segment]
    private let offset: UInt64
    private var needed: [UInt64] = []
    private var values: [UInt64: UInt64] = [:]

    init(
        _ segment: ELFHeader.Segment, segments: [ELFHeader.Segment], layout: ELFLayout, _ reader: inout ELFReader
    ) throws(ELFError) {
        self.layout = layout
        offset = segment.offset
        loaded = segments.filter { $0.type == ELFHeader.Segment.Kind.load }
        guard segment.fileSize <= Self.sizeLimit else {
            throw ELFError(
                .malformed, "dynamic section", at: segment.offset, found: "\(segment.fileSize) bytes",
                expected: "at most \(Self.sizeLimit)")
        }
        let entrySize = layout.is64Bit ? 16 : 8
        let bytes = try reader.bytes(at: segment.offset, count: Int(segment.fileSize), of: "dynamic section")
        for start in stride(from: 0, through: bytes.count - entrySize, by: entrySize) {
            let record = ELFRecord(bytes[start..<(start + entrySize)], layout)
            let tag = record.address(0)
            let value = record.address(8, 4)
            switch tag {
            case Tag.null: return
            case Tag.needed: needed.append(value)
            case Tag.stringTable, Tag.stringTableSize, Tag.soname, Tag.rpath, Tag.runPath, Tag.flags1,
                Tag.versionNeeds, Tag.versionNeedCount:
                values[tag] = value
            default: break
            }
        }
    }

    /// Fills in what the table says about the file.
    func describe(_ file: inout ELFFile, _ reader: inout ELFReader) throws(ELFError) {
        file.isPositionIndependentExecutable = (values[Tag.flags1] ?? 0) & Self.positionIndependentFlag != 0
        for name in needed { file.needed.append(try string(name, "needed library", &reader)) }
        if let name = values[Tag.soname] { file.soname = try string(name, "soname", &reader) }
        if let path = values[Tag.runPath] ?? values[Tag.rpath] { file.runPath = try string(path, "run path", &reader) }
        file.versionNeeds = try versionNeeds(&reader).map { need in
            ELFFile.VersionNeed(library: need.library, versions: need.versions.map(\.name))
        }
    }

    /// The symbols without a section, which libraries provide, each with its version: `name@VERSION`, or `name@Base`
    /// where the library has none (deb-symbols(5)).
    ///
    /// - Parameters:
    ///   - table: `.dynsym`.
    ///   - versions: `.gnu.version`, a number for each symbol (LSB Core, "Symbol Version Table").
    func undefinedSymbols(
        _ table: ELFHeader.Section, versions: ELFHeader.Section?, _ reader: inout ELFReader
    ) throws(ELFError) -> [String] {
        let subject = "dynamic symbols"
        let entrySize = layout.is64Bit ? 24 : 16
        guard table.size <= Self.symbolBytesLimit, let address = values[Tag.stringTable] else {
            throw ELFError(
                .malformed, subject, at: table.offset, found: "\(table.size) bytes",
                expected: "at most \(Self.symbolBytesLimit), and a string table")
        }
        let (start, available) = try fileOffset(of: address, "string table")
        let length = min(values[Tag.stringTableSize] ?? available, available)
        guard length <= Self.symbolBytesLimit else {
            throw ELFError(
                .malformed, "string table", at: start, found: "\(length) bytes",
                expected: "at most \(Self.symbolBytesLimit)")
        }
        let strings = try reader.bytes(at: start, count: Int(length), of: "string table")
        let symbols = try reader.bytes(at: table.offset, count: Int(table.size), of: subject)
        let count = symbols.count / entrySize
        var numbers: [UInt8] = []
        if let versions {
            numbers = try reader.bytes(
                at: versions.offset, count: min(Int(clamping: versions.size), 2 * count), of: "symbol versions")
        }
        let names = Dictionary(
            try versionNeeds(&reader).flatMap(\.versions).map { ($0.number, $0.name) }, uniquingKeysWith: { $1 })
        let versionNumbers = ELFRecord(numbers[...], layout)
        var result: [String] = []
        for index in 0..<count {
            let record = ELFRecord(symbols[(index * entrySize)..<((index + 1) * entrySize)], layout)
            let name = Int(record.word(0))
            // Section 0 is SHN_UNDEF, and a local symbol is nobody else's.
            guard record.half(layout.is64Bit ? 6 : 14) == 0, name > 0, name < strings.count,
                symbols[index * entrySize + (layout.is64Bit ? 4 : 12)] >> 4 != 0
            else { continue }
            let text = String(decoding: strings[name...].prefix { $0 != 0 }, as: UTF8.self)
            // The highest bit hides a version from the linker.
            let number = versionNumbers.half(2 * index) & 0x7fff
            result.append(text + "@" + (names[number] ?? "Base"))
        }
        return result
    }

    private func string(_ index: UInt64, _ subject: String, _ reader: inout ELFReader) throws(ELFError) -> String {
        guard let address = values[Tag.stringTable] else {
            throw ELFError(
                .malformed, "dynamic section", at: offset, found: "no string table",
                expected: "DT_STRTAB for the \(subject)")
        }
        let (start, available) = try fileOffset(of: address, "string table")
        let length = min(values[Tag.stringTableSize] ?? available, available)
        guard index < length else {
            throw ELFError(
                .malformed, subject, at: start, found: "index \(index) in the string table",
                expected: "less than \(length)")
        }
        return try reader.text(at: start.addingClamped(index), end: start.addingClamped(length), of: subject)
    }

    // LSB Core, "Version Requirements": records of 16 bytes (`Elfxx_Verneed`) that chain to records of 16 bytes
    // (`Elfxx_Vernaux`); distances are forward, counted from the record itself.
    private func versionNeeds(
        _ reader: inout ELFReader
    ) throws(ELFError) -> [(library: String, versions: [(name: String, number: UInt16)])] {
        guard let address = values[Tag.versionNeeds] else { return [] }
        let subject = "version needs"
        var result: [(library: String, versions: [(name: String, number: UInt16)])] = []
        var position = try fileOffset(of: address, subject).offset
        var remaining = values[Tag.versionNeedCount] ?? 0
        while remaining > 0 {
            try reader.chargeRecord(subject, at: position)
            let need = ELFRecord(try reader.bytes(at: position, count: 16, of: subject)[...], layout)
            guard need.half(0) == 1 else {
                throw ELFError(.malformed, subject, at: position, found: "version \(need.half(0))", expected: "1")
            }
            var versions: [(name: String, number: UInt16)] = []
            var inner = position.addingClamped(UInt64(need.word(8)))
            for _ in 0..<need.half(2) {
                try reader.chargeRecord(subject, at: inner)
                let name = ELFRecord(try reader.bytes(at: inner, count: 16, of: subject)[...], layout)
                versions.append((try string(UInt64(name.word(8)), "version name", &reader), name.half(6)))
                if name.word(12) == 0 { break }
                inner = inner.addingClamped(UInt64(name.word(12)))
            }
            let library = try string(UInt64(need.word(4)), "library of version needs", &reader)
            result.append((library, versions))
            if need.word(12) == 0 { break }
            position = position.addingClamped(UInt64(need.word(12)))
            remaining -= 1
        }
        return result
    }

    /// Where an address of the program is in the file, and how many bytes follow in its segment.
    private func fileOffset(
        of address: UInt64, _ subject: String
    ) throws(ELFError) -> (offset: UInt64, available: UInt64) {
        for segment in loaded where address >= segment.address {
            let distance = address - segment.address
            if distance < segment.fileSize {
                return (segment.offset.addingClamped(distance), segment.fileSize - distance)
            }
        }
        throw ELFError(
            .malformed, "dynamic section", at: offset,
            found: "\(subject) at address 0x\(String(address, radix: 16)), which is in no segment",
            expected: "an address of a loaded segment")
    }
}
