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
        if let address = values[Tag.versionNeeds] {
            file.versionNeeds = try versionNeeds(at: address, count: values[Tag.versionNeedCount] ?? 0, &reader)
        }
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
        at address: UInt64, count: UInt64, _ reader: inout ELFReader
    ) throws(ELFError) -> [ELFFile.VersionNeed] {
        let subject = "version needs"
        var result: [ELFFile.VersionNeed] = []
        var position = try fileOffset(of: address, subject).offset
        var remaining = count
        while remaining > 0 {
            try reader.chargeRecord(subject, at: position)
            let need = ELFRecord(try reader.bytes(at: position, count: 16, of: subject)[...], layout)
            guard need.half(0) == 1 else {
                throw ELFError(.malformed, subject, at: position, found: "version \(need.half(0))", expected: "1")
            }
            var versions: [String] = []
            var inner = position.addingClamped(UInt64(need.word(8)))
            for _ in 0..<need.half(2) {
                try reader.chargeRecord(subject, at: inner)
                let name = ELFRecord(try reader.bytes(at: inner, count: 16, of: subject)[...], layout)
                versions.append(try string(UInt64(name.word(8)), "version name", &reader))
                if name.word(12) == 0 { break }
                inner = inner.addingClamped(UInt64(name.word(12)))
            }
            let library = try string(UInt64(need.word(4)), "library of version needs", &reader)
            result.append(ELFFile.VersionNeed(library: library, versions: versions))
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
