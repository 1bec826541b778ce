import Platform

/// Walks headers, segments, notes and the dynamic section of one file.
enum ELFParser {
    static func parse(_ reader: inout ELFReader, keepsSymbols: Bool) throws(ELFError) -> ELFFile {
        let header = try ELFHeader(&reader)
        var file = ELFFile(header: header)
        let segments = try header.segments(&reader)

        // Files with debugging symbols alone keep the program headers of the original, but not what they point to.
        var absent: Set<UInt64> = []
        var notes: [NoteTable] = []
        var symbols: ELFHeader.Section?
        var symbolVersions: ELFHeader.Section?
        var debugNames = DebugSectionNames()
        let sectionCount = try header.forEachSection(&reader) { (section: ELFHeader.Section) throws(ELFError) in
            debugNames.add(section, isNameTable: debugNames.count == header.sectionNameIndex)
            switch section.type {
            case ELFHeader.Section.Kind.symbolTable: file.isStripped = false
            case ELFHeader.Section.Kind.dynamicSymbols: symbols = section
            case ELFHeader.Section.Kind.symbolVersions: symbolVersions = section
            case ELFHeader.Section.Kind.note:
                // Notes are many in an object file; its build identifier, if any, is among the first.
                if notes.count < 64 {
                    notes.append(
                        NoteTable(offset: section.offset, size: section.size, alignment: section.alignment))
                }
            case ELFHeader.Section.Kind.noBits:
                // Thread-local zeros take no addresses: the next section begins at the same one.
                if section.flags & ELFHeader.Section.threadLocalFlag == 0, segments.count > 0, absent.count < 4096 {
                    absent.insert(section.address)
                }
            default: break
            }
        }
        if sectionCount == 0 { try checkLoaded(segments, size: reader.size) }
        file.hasDebugInformation = try debugNames.haveDebugInformation(&reader)

        var hasInterpreterSegment = false
        var hasStackSegment = false
        for segment in segments {
            let isPresent = !absent.contains(segment.address)
            switch segment.type {
            case ELFHeader.Segment.Kind.interpreter:
                hasInterpreterSegment = true
                guard isPresent else { continue }
                file.interpreter = try reader.text(
                    at: segment.offset, end: segment.offset.addingClamped(segment.fileSize), of: "program interpreter")
            case ELFHeader.Segment.Kind.dynamic where isPresent:
                let dynamic = try DynamicSection(segment, segments: segments, layout: header.layout, &reader)
                try dynamic.describe(&file, &reader)
                if keepsSymbols, let symbols {
                    file.undefinedSymbols = try dynamic.undefinedSymbols(
                        symbols, versions: symbolVersions, &reader)
                }
            case ELFHeader.Segment.Kind.gnuStack:
                hasStackSegment = true
                file.hasExecutableStack = segment.flags & ELFHeader.Segment.executeFlag != 0
            case ELFHeader.Segment.Kind.note where isPresent:
                notes.append(
                    NoteTable(offset: segment.offset, size: segment.fileSize, alignment: segment.alignment))
            default: break
            }
        }
        let isProgram = file.type == .executable || file.type == .shared
        // Without the header glibc makes the stacks of threads executable, and Linux before 5.8 the first stack as well.
        if !hasStackSegment, !segments.isEmpty, isProgram, file.machine == .x86_64 { file.hasExecutableStack = true }
        // The dynamic linker itself and a plugin need no library either; a program has no soname and says that it is one.
        file.isStatic =
            isProgram && !segments.isEmpty && !hasInterpreterSegment && file.needed.isEmpty
            && (file.type == .executable || (file.soname == nil && file.isPositionIndependentExecutable))
        for note in notes where file.buildID == nil {
            file.buildID = try note.buildID(header.layout, &reader)
        }
        return file
    }

    // The section headers are a file's last part as a rule, so that a cut-off file lacks them; without them, look at what
    // the kernel would map.
    private static func checkLoaded(_ segments: [ELFHeader.Segment], size: UInt64) throws(ELFError) {
        for segment in segments where segment.type == ELFHeader.Segment.Kind.load && segment.fileSize > 0 {
            guard segment.offset <= size, segment.fileSize <= size - segment.offset else {
                throw ELFError(
                    .truncated, "segment", at: segment.offset, found: "the file has \(size) bytes",
                    expected: "\(segment.fileSize) bytes there")
            }
        }
    }
}

/// The names of the sections that may be a debugger's.
private struct DebugSectionNames {
    /// How many sections have been added.
    private(set) var count = 0
    private var names: [UInt32] = []
    private var table: ELFHeader.Section?

    private static let wanted = Array(".debug_info".utf8) + [0]
    /// A linked file has a dozen; an object file may have one for each function.
    private static let limit = 4096

    mutating func add(_ section: ELFHeader.Section, isNameTable: Bool) {
        count += 1
        if isNameTable { table = section }
        if section.type == ELFHeader.Section.Kind.programBits, names.count < Self.limit,
            section.flags & ELFHeader.Section.allocatedFlag == 0
        {
            names.append(section.name)
        }
    }

    /// Names that are not where they should be are nobody's: neither the kernel nor the dynamic linker reads them.
    func haveDebugInformation(_ reader: inout ELFReader) throws(ELFError) -> Bool {
        guard let table else { return false }
        let length = UInt64(Self.wanted.count)
        for name in names {
            guard table.size >= length, UInt64(name) <= table.size - length else { continue }
            let place = table.offset.addingClamped(UInt64(name))
            guard place <= reader.size, length <= reader.size - place else { continue }
            if try reader.bytes(at: place, count: Int(length), of: "section name") == Self.wanted { return true }
        }
        return false
    }
}

/// A run of notes: owner, type and contents one after another (gABI, "Note Section").
struct NoteTable {
    var offset: UInt64
    var size: UInt64
    var alignment: UInt64

    private static let sizeLimit: UInt64 = 1 << 16
    private static let buildIDType: UInt32 = 3
    private static let gnuOwner: [UInt8] = [0x47, 0x4e, 0x55, 0]

    /// The build identifier in hexadecimal, if one of the notes has it.
    ///
    /// A note that does not add up ends the search: neither the kernel nor the dynamic linker acts upon it.
    func buildID(_ layout: ELFLayout, _ reader: inout ELFReader) throws(ELFError) -> String? {
        guard size >= 12, size <= Self.sizeLimit else { return nil }
        let bytes = try reader.bytes(at: offset, count: Int(size), of: "notes")
        let record = ELFRecord(bytes[...], layout)
        let unit = alignment == 8 ? 8 : 4
        var position = 0
        while position <= bytes.count - 12 {
            let ownerSize = Int(record.word(position))
            let contentsSize = Int(record.word(position + 4))
            guard ownerSize <= bytes.count, contentsSize <= bytes.count else { return nil }
            let owner = position + 12
            let contents = (owner + ownerSize + unit - 1) / unit * unit
            guard contents <= bytes.count, contentsSize <= bytes.count - contents else { return nil }
            if record.word(position + 8) == Self.buildIDType, ownerSize == 4,
                bytes[owner..<(owner + 4)].elementsEqual(Self.gnuOwner), contentsSize > 0, contentsSize <= 64
            {
                return Hexadecimal.text(bytes[contents..<(contents + contentsSize)])
            }
            position = (contents + contentsSize + unit - 1) / unit * unit
        }
        return nil
    }
}

extension UInt64 {
    /// The sum, or the greatest number when it is too great.
    func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
