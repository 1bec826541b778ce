import Platform

/// The ELF header and the two tables that it names.
struct ELFHeader {
    let layout: ELFLayout
    let machine: ELFFile.Machine
    let type: ELFFile.FileType
    private let programOffset: UInt64
    private let programEntrySize: Int
    private let programCount: Int
    private let sectionOffset: UInt64
    private let sectionEntrySize: Int
    private let sectionCount: Int
    /// The position of the section with the names of all sections (`e_shstrndx`).
    let sectionNameIndex: Int

    /// One program header: a part of the file and the place in memory where it goes.
    struct Segment {
        enum Kind {
            static let load: UInt32 = 1
            static let dynamic: UInt32 = 2
            static let interpreter: UInt32 = 3
            static let note: UInt32 = 4
            static let gnuStack: UInt32 = 0x6474_e551
        }
        static let executeFlag: UInt32 = 1

        var type: UInt32
        var flags: UInt32
        var offset: UInt64
        var address: UInt64
        var fileSize: UInt64
        var alignment: UInt64

        init(_ record: ELFRecord) {
            type = record.word(0)
            flags = record.word(record.layout.is64Bit ? 4 : 24)
            offset = record.address(8, 4)
            address = record.address(16, 8)
            fileSize = record.address(32, 16)
            alignment = record.address(48, 28)
        }
    }

    /// One section header.
    struct Section {
        enum Kind {
            static let programBits: UInt32 = 1
            static let symbolTable: UInt32 = 2
            static let note: UInt32 = 7
            static let noBits: UInt32 = 8
            static let dynamicSymbols: UInt32 = 11
            static let symbolVersions: UInt32 = 0x6fff_ffff
        }
        static let allocatedFlag: UInt64 = 2
        static let threadLocalFlag: UInt64 = 0x400

        /// Where its name is among those of all sections.
        var name: UInt32
        var type: UInt32
        var flags: UInt64
        var address: UInt64
        var offset: UInt64
        var size: UInt64
        var alignment: UInt64

        init(_ record: ELFRecord) {
            name = record.word(0)
            type = record.word(4)
            flags = record.address(8)
            address = record.address(16, 12)
            offset = record.address(24, 16)
            size = record.address(32, 20)
            alignment = record.address(48, 32)
        }
    }

    init(_ reader: inout ELFReader) throws(ELFError) {
        let magic = try reader.bytes(at: 0, count: Int(min(4, reader.size)), of: "magic number")
        guard ELFFile.isELF(prefix: magic) else {
            let hexadecimal = magic.map { Hexadecimal.text(CollectionOfOne($0)) }.joined(separator: " ")
            throw ELFError(
                .notELF, "magic number", at: 0, found: hexadecimal.isEmpty ? "nothing" : hexadecimal,
                expected: "7f 45 4c 46")
        }
        let identification = try reader.bytes(at: 0, count: 16, of: "identification")
        guard identification[4] == 1 || identification[4] == 2 else {
            throw ELFError(
                .malformed, "class", at: 4, found: "\(identification[4])", expected: "1 (32 bits) or 2 (64 bits)")
        }
        guard identification[5] == 1 || identification[5] == 2 else {
            throw ELFError(
                .malformed, "byte order", at: 5, found: "\(identification[5])",
                expected: "1 (little endian) or 2 (big endian)")
        }
        layout = ELFLayout(is64Bit: identification[4] == 2, isLittleEndian: identification[5] == 1)
        let is64Bit = layout.is64Bit
        let bytes = try reader.bytes(at: 0, count: is64Bit ? 64 : 52, of: "ELF header")
        let record = ELFRecord(bytes[...], layout)
        type = ELFFile.FileType(number: record.half(16))
        machine = ELFFile.Machine(number: record.half(18))
        programOffset = record.address(32, 28)
        sectionOffset = record.address(40, 32)
        programEntrySize = Int(record.half(is64Bit ? 54 : 42))
        programCount = Int(record.half(is64Bit ? 56 : 44))
        sectionEntrySize = Int(record.half(is64Bit ? 58 : 46))
        sectionCount = Int(record.half(is64Bit ? 60 : 48))
        sectionNameIndex = Int(record.half(is64Bit ? 62 : 50))
    }

    /// The program headers; none of a core file, which may have more of them than its header can count.
    func segments(_ reader: inout ELFReader) throws(ELFError) -> [Segment] {
        guard type != .core, programCount > 0 else { return [] }
        let entrySize = layout.is64Bit ? 56 : 32
        guard programEntrySize == entrySize else {
            throw ELFError(
                .malformed, "program header size", at: layout.is64Bit ? 54 : 42, found: "\(programEntrySize)",
                expected: "\(entrySize)")
        }
        // The kernel refuses to execute a file whose program headers take more than this.
        let limit = 65_536
        guard programCount * entrySize <= limit else {
            throw ELFError(
                .malformed, "number of program headers", at: layout.is64Bit ? 56 : 44, found: "\(programCount)",
                expected: "at most \(limit / entrySize)")
        }
        let table = try reader.bytes(at: programOffset, count: programCount * entrySize, of: "program headers")
        return (0..<programCount).map { index in
            Segment(ELFRecord(table[(index * entrySize)..<((index + 1) * entrySize)], layout))
        }
    }

    /// Hands every section header to a closure, in order; there may be too many to keep. Gives their number.
    @discardableResult
    func forEachSection(
        _ reader: inout ELFReader, _ body: (Section) throws(ELFError) -> Void
    ) throws(ELFError) -> Int {
        guard sectionOffset != 0, type != .core else { return 0 }
        let entrySize = layout.is64Bit ? 64 : 40
        guard sectionEntrySize == entrySize else {
            throw ELFError(
                .malformed, "section header size", at: layout.is64Bit ? 58 : 46, found: "\(sectionEntrySize)",
                expected: "\(entrySize)")
        }
        var count = UInt64(sectionCount)
        if count == 0 {
            // gABI, "Extended section numbering": the first header's size field has the number.
            let first = try reader.bytes(at: sectionOffset, count: entrySize, of: "section headers")
            count = Section(ELFRecord(first[...], layout)).size
        }
        let limit: UInt64 = 1 << 20
        guard count <= limit else {
            throw ELFError(
                .malformed, "number of section headers", at: sectionOffset, found: "\(count)",
                expected: "at most \(limit)")
        }
        var remaining = Int(count)
        var offset = sectionOffset
        // A cut-off file is recognised before its first headers are judged.
        if remaining > 0 {
            let (last, overflow) = sectionOffset.addingReportingOverflow(UInt64((remaining - 1) * entrySize))
            _ = try reader.bytes(at: overflow ? .max : last, count: entrySize, of: "section headers")
        }
        while remaining > 0 {
            let chunk = min(remaining, 1024)
            let table = try reader.bytes(at: offset, count: chunk * entrySize, of: "section headers")
            for index in 0..<chunk {
                try body(Section(ELFRecord(table[(index * entrySize)..<((index + 1) * entrySize)], layout)))
            }
            remaining -= chunk
            offset += UInt64(chunk * entrySize)
        }
        return Int(count)
    }
}
