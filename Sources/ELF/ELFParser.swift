/// Walks program headers and the dynamic section; section headers only to see whether there is a symbol table, because a
/// file may have none.
struct ELFParser {
    private struct Segment {
        var type: UInt32
        var flags: UInt32
        var offset: UInt64
        var address: UInt64
        var size: UInt64
    }

    // More than any real file has; a hostile one must not make us read for long.
    private static let segmentLimit = 4096
    private static let dynamicLimit = 1 << 20
    private static let stringLimit = 4096
    private static let needLimit = 4096

    private let read: (UInt64, Int) throws -> [UInt8]
    private let size: UInt64
    private let isLittleEndian: Bool
    private let sectionOffset: UInt64
    private let sectionEntrySize: Int
    private let sectionCount: Int
    private let programOffset: UInt64
    private let programEntrySize: Int
    private let programCount: Int
    let is64Bit: Bool
    let machine: ELFFile.Machine
    let type: ELFFile.FileType
    let hasEntryPoint: Bool

    private(set) var interpreter: String?
    private(set) var needed: [String] = []
    private(set) var versionNeeds: [ELFFile.VersionNeed] = []
    private(set) var soname: String?
    private(set) var runPath: String?
    private(set) var hasExecutableStack = false
    private(set) var buildID: String?
    private var segments: [Segment] = []

    init(read: @escaping (UInt64, Int) throws -> [UInt8], size: UInt64) throws(ELFError) {
        self.read = read
        self.size = size
        let header = try Self.bytes(read, 0, 64, "header")
        guard ELFFile.isELF(prefix: header) else { throw .notELF }
        guard header[4] == 1 || header[4] == 2 else { throw .malformed(what: "class") }
        guard header[5] == 1 || header[5] == 2 else { throw .malformed(what: "byte order") }
        is64Bit = header[4] == 2
        isLittleEndian = header[5] == 1
        let reader = FieldReader(bytes: header, isLittleEndian: isLittleEndian)
        type =
            switch reader.half(16) {
            case 1: .relocatable
            case 2: .executable
            case 3: .shared
            case 4: .core
            case let number: .other(number)
            }
        machine =
            switch reader.half(18) {
            case 62: .x86_64
            case 183: .aarch64
            case let number: .other(number)
            }
        hasEntryPoint = (is64Bit ? reader.double(24) : UInt64(reader.word(24))) != 0
        programOffset = is64Bit ? reader.double(32) : UInt64(reader.word(28))
        sectionOffset = is64Bit ? reader.double(40) : UInt64(reader.word(32))
        programEntrySize = Int(reader.half(is64Bit ? 54 : 42))
        programCount = Int(reader.half(is64Bit ? 56 : 44))
        sectionEntrySize = Int(reader.half(is64Bit ? 58 : 46))
        sectionCount = Int(reader.half(is64Bit ? 60 : 48))
        guard programCount == 0 || programEntrySize >= (is64Bit ? 56 : 32) else {
            throw .malformed(what: "program header size")
        }
        guard programCount <= Self.segmentLimit else { throw .malformed(what: "number of program headers") }
    }

    private static func bytes(
        _ read: (UInt64, Int) throws -> [UInt8], _ offset: UInt64, _ count: Int, _ what: String
    ) throws(ELFError) -> [UInt8] {
        let bytes: [UInt8]
        do { bytes = try read(offset, count) } catch { throw .unreadable("\(error)") }
        guard bytes.count >= count else { throw .truncated(what: what) }
        return bytes
    }

    private func bytes(_ offset: UInt64, _ count: Int, _ what: String) throws(ELFError) -> [UInt8] {
        guard count >= 0, offset <= size, UInt64(count) <= size - offset else { throw .truncated(what: what) }
        return try Self.bytes(read, offset, count, what)
    }

    // MARK: - segments

    mutating func readSegments() throws(ELFError) {
        let table = try bytes(programOffset, programCount * programEntrySize, "program headers")
        var dynamic: Segment?
        var hasStackHeader = false
        for index in 0..<programCount {
            let start = index * programEntrySize
            let reader = FieldReader(bytes: Array(table[start..<(start + programEntrySize)]), isLittleEndian: isLittleEndian)
            let segment =
                is64Bit
                ? Segment(
                    type: reader.word(0), flags: reader.word(4), offset: reader.double(8), address: reader.double(16),
                    size: reader.double(32))
                : Segment(
                    type: reader.word(0), flags: reader.word(24), offset: UInt64(reader.word(4)),
                    address: UInt64(reader.word(8)), size: UInt64(reader.word(16)))
            segments.append(segment)
            switch segment.type {
            case 2: dynamic = segment
            case 3: interpreter = try text(at: segment.offset, limit: segment.size, "interpreter")
            case 4: try readNotes(segment)
            case 0x6474_e551:
                hasStackHeader = true
                hasExecutableStack = segment.flags & 1 != 0
            default: break
            }
        }
        // The kernel takes an x86-64 executable that says nothing about its stack for one that wants it executable.
        if !hasStackHeader, machine == .x86_64, type == .executable || interpreter != nil { hasExecutableStack = true }
        if let dynamic { try readDynamic(dynamic) }
    }

    private mutating func readNotes(_ segment: Segment) throws(ELFError) {
        guard segment.size <= 1 << 16 else { return }
        let notes = try bytes(segment.offset, Int(segment.size), "notes")
        let reader = FieldReader(bytes: notes, isLittleEndian: isLittleEndian)
        var position = 0
        while position + 12 <= notes.count {
            let nameSize = Int(reader.word(position))
            let descriptionSize = Int(reader.word(position + 4))
            let type = reader.word(position + 8)
            let name = position + 12
            guard nameSize <= notes.count, descriptionSize <= notes.count else { return }
            let description = name + (nameSize + 3) / 4 * 4
            guard description + descriptionSize <= notes.count else { return }
            if type == 3, nameSize == 4, notes[name..<(name + 4)].elementsEqual([0x47, 0x4e, 0x55, 0]) {
                buildID = notes[description..<(description + descriptionSize)].map { byte in
                    (byte < 16 ? "0" : "") + String(byte, radix: 16)
                }.joined()
            }
            position = description + (descriptionSize + 3) / 4 * 4
        }
    }

    // MARK: - dynamic section

    private mutating func readDynamic(_ segment: Segment) throws(ELFError) {
        guard segment.size <= UInt64(Self.dynamicLimit) else { throw .malformed(what: "dynamic section") }
        let table = try bytes(segment.offset, Int(segment.size), "dynamic section")
        let reader = FieldReader(bytes: table, isLittleEndian: isLittleEndian)
        let entrySize = is64Bit ? 16 : 8
        var neededOffsets: [UInt64] = []
        var sonameOffset: UInt64?
        var runPathOffset: UInt64?
        var stringTable: UInt64?
        var needTable: (address: UInt64, count: UInt64) = (0, 0)
        var position = 0
        while position + entrySize <= table.count {
            let tag = is64Bit ? reader.double(position) : UInt64(reader.word(position))
            let value = is64Bit ? reader.double(position + 8) : UInt64(reader.word(position + 4))
            position += entrySize
            switch tag {
            case 0: position = table.count
            case 1: neededOffsets.append(value)
            case 5: stringTable = value
            case 14: sonameOffset = value
            case 15: runPathOffset = runPathOffset ?? value
            case 29: runPathOffset = value
            case 0x6fff_fffe: needTable.address = value
            case 0x6fff_ffff: needTable.count = value
            default: break
            }
        }
        guard let stringTable, let strings = fileOffset(of: stringTable) else {
            if neededOffsets.isEmpty { return }
            throw .malformed(what: "string table")
        }
        for offset in neededOffsets.prefix(Self.needLimit) {
            needed.append(try text(at: strings &+ offset, limit: UInt64(Self.stringLimit), "library name"))
        }
        if let sonameOffset {
            soname = try text(at: strings &+ sonameOffset, limit: UInt64(Self.stringLimit), "soname")
        }
        if let runPathOffset {
            runPath = try text(at: strings &+ runPathOffset, limit: UInt64(Self.stringLimit), "run path")
        }
        if needTable.count > 0, let offset = fileOffset(of: needTable.address) {
            try readVersionNeeds(at: offset, count: needTable.count, strings: strings)
        }
    }

    private mutating func readVersionNeeds(at start: UInt64, count: UInt64, strings: UInt64) throws(ELFError) {
        var offset = start
        for _ in 0..<min(count, UInt64(Self.needLimit)) {
            let record = FieldReader(bytes: try bytes(offset, 16, "version needs"), isLittleEndian: isLittleEndian)
            let library = try text(
                at: strings &+ UInt64(record.word(4)), limit: UInt64(Self.stringLimit), "library name")
            var versions: [String] = []
            var inner = offset &+ UInt64(record.word(8))
            for _ in 0..<min(Int(record.half(2)), Self.needLimit) {
                let aux = FieldReader(bytes: try bytes(inner, 16, "version needs"), isLittleEndian: isLittleEndian)
                versions.append(
                    try text(at: strings &+ UInt64(aux.word(8)), limit: UInt64(Self.stringLimit), "version name"))
                let next = UInt64(aux.word(12))
                if next == 0 { break }
                inner = inner &+ next
            }
            versionNeeds.append(ELFFile.VersionNeed(library: library, versions: versions))
            let next = UInt64(record.word(12))
            if next == 0 { break }
            offset = offset &+ next
        }
    }

    private func fileOffset(of address: UInt64) -> UInt64? {
        for segment in segments where segment.type == 1 {
            if address >= segment.address, address - segment.address < segment.size {
                return segment.offset &+ (address - segment.address)
            }
        }
        return nil
    }

    private func text(at offset: UInt64, limit: UInt64, _ what: String) throws(ELFError) -> String {
        guard offset < size else { throw .truncated(what: what) }
        var collected: [UInt8] = []
        let most = min(min(limit, UInt64(Self.stringLimit)), size - offset)
        while UInt64(collected.count) < most {
            let count = Int(min(256, most - UInt64(collected.count)))
            let block = try bytes(offset + UInt64(collected.count), count, what)
            if let end = block.firstIndex(of: 0) {
                collected += block[..<end]
                return try decoded(collected, what)
            }
            collected += block
        }
        throw .malformed(what: what)
    }

    private func decoded(_ bytes: [UInt8], _ what: String) throws(ELFError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed(what: what) }
        return text
    }

    // MARK: - sections

    func hasSymbolTable() throws(ELFError) -> Bool {
        guard sectionCount > 0, sectionEntrySize >= 40 else { return false }
        let table = try bytes(sectionOffset, sectionCount * sectionEntrySize, "section headers")
        let reader = FieldReader(bytes: table, isLittleEndian: isLittleEndian)
        return (0..<sectionCount).contains { reader.word($0 * sectionEntrySize + 4) == 2 }
    }
}

/// Numbers at offsets of a buffer whose length has been checked; 0 outside of it.
struct FieldReader {
    let bytes: [UInt8]
    let isLittleEndian: Bool

    func half(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(offset, 2)) }
    func word(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: number(offset, 4)) }
    func double(_ offset: Int) -> UInt64 { number(offset, 8) }

    private func number(_ offset: Int, _ width: Int) -> UInt64 {
        guard offset >= 0, offset + width <= bytes.count else { return 0 }
        var result: UInt64 = 0
        for index in 0..<width {
            let byte = bytes[offset + (isLittleEndian ? width - 1 - index : index)]
            result = result << 8 | UInt64(byte)
        }
        return result
    }
}
