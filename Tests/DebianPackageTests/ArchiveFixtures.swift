/// Archives byte by byte, so that every field can be wrong.
struct TinyTar {
    var bytes: [UInt8] = []

    /// Adds an entry; `checksum` replaces the right one.
    mutating func add(
        _ name: String, type: Character = "0", contents: [UInt8] = [], mode: String = "0000644", link: String = "",
        size: String? = nil, owner: (String, String) = ("root", "0000000"), checksum: String? = nil,
        magic: String = "ustar  \0", time: String = "00000000000"
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, limit: Int) {
            for (index, byte) in text.utf8.prefix(limit).enumerated() { header[offset + index] = byte }
        }
        let octal = String(contents.count, radix: 8)
        put(name, at: 0, limit: 100)
        put(mode, at: 100, limit: 8)
        put(owner.1, at: 108, limit: 8)
        put(owner.1, at: 116, limit: 8)
        put(size ?? String(repeating: "0", count: 11 - octal.count) + octal, at: 124, limit: 12)
        put(time, at: 136, limit: 12)
        put(String(type), at: 156, limit: 1)
        put(link, at: 157, limit: 100)
        put(magic, at: 257, limit: 8)
        put(owner.0, at: 265, limit: 32)
        put(owner.0, at: 297, limit: 32)
        Self.seal(&header)
        if let checksum { put(checksum, at: 148, limit: 8) }
        bytes += header + contents
        bytes += [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512)
    }

    /// The archive with its end.
    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// Writes the checksum of a header.
    static func seal(_ header: inout [UInt8]) {
        for index in 148..<156 { header[index] = 32 }
        let octal = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        let text = String(repeating: "0", count: max(0, 6 - octal.count)) + octal + "\0 "
        for (index, byte) in text.utf8.prefix(8).enumerated() { header[148 + index] = byte }
    }
}

/// `ar` archives of the BSD kind.
enum TinyAr {
    static func of(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        var result = Array("!<arch>\n".utf8)
        for member in members {
            func field(_ text: String, _ width: Int) -> String {
                text + String(repeating: " ", count: max(0, width - text.utf8.count))
            }
            let header =
                field(member.name, 16) + field("1700000000", 12) + field("0", 6) + field("0", 6) + field("100644", 8)
                + field("\(member.bytes.count)", 10) + "`\n"
            result += Array(header.utf8) + member.bytes
            if member.bytes.count % 2 == 1 { result.append(UInt8(ascii: "\n")) }
        }
        return result
    }
}

/// A package put together from uncompressed tars.
enum TinyDeb {
    static let control = """
        Package: tiny
        Version: 1.0
        Architecture: all
        Maintainer: A Person <person@example.org>
        Description: small package
         for tests

        """

    static func controlTar(_ text: String = control) -> TinyTar {
        var tar = TinyTar()
        tar.add("./", type: "5", mode: "0000755")
        tar.add("./control", contents: Array(text.utf8))
        return tar
    }

    static func dataTar() -> TinyTar {
        var tar = TinyTar()
        tar.add("./", type: "5", mode: "0000755")
        tar.add("./usr/", type: "5", mode: "0000755")
        tar.add("./usr/share/", type: "5", mode: "0000755")
        tar.add("./usr/share/tiny", contents: Array("hello\n".utf8))
        return tar
    }

    static func of(
        version: String = "2.0\n", control: [UInt8] = controlTar().finished, data: [UInt8] = dataTar().finished,
        controlName: String = "control.tar", dataName: String = "data.tar"
    ) -> [UInt8] {
        TinyAr.of([("debian-binary", Array(version.utf8)), (controlName, control), (dataName, data)])
    }
}

/// The smallest ELF files that say something about themselves (elf(5)).
struct TinyELF {
    var machine: UInt16 = 62
    /// 2 is a program at a fixed address, 3 a shared object or a position-independent program.
    var type: UInt16 = 3
    var interpreter: String? = "/lib64/ld-linux-x86-64.so.2"
    var needed: [String] = ["libc.so.6"]
    var soname: String?
    var runPath: String?
    var hasExecutableStack = false
    var isStripped = true
    var isDynamic = true
    var entryPoint: UInt64 = 0

    var bytes: [UInt8] {
        var strings: [UInt8] = [0]
        func string(_ text: String) -> UInt64 {
            let offset = strings.count
            strings += Array(text.utf8) + [0]
            return UInt64(offset)
        }
        var dynamic: [(UInt64, UInt64)] = needed.map { (1, string($0)) }
        if let soname { dynamic.append((14, string(soname))) }
        if let runPath { dynamic.append((29, string(runPath))) }

        let headerCount = 2 + (interpreter == nil ? 0 : 1) + (isDynamic ? 1 : 0)
        let interpreterOffset = 64 + headerCount * 56
        let interpreterBytes: [UInt8] = interpreter.map { Array($0.utf8) + [0] } ?? []
        let stringsOffset = interpreterOffset + interpreterBytes.count
        let dynamicOffset = (stringsOffset + strings.count + 7) / 8 * 8
        dynamic += [(5, UInt64(stringsOffset)), (10, UInt64(strings.count)), (0, 0)]
        let dynamicSize = isDynamic ? dynamic.count * 16 : 0
        let symbolsOffset = dynamicOffset + dynamicSize
        let sectionsOffset = isStripped ? 0 : symbolsOffset + 48
        let size = isStripped ? symbolsOffset : sectionsOffset + 3 * 64

        var out: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        func put16(_ value: UInt16) { withUnsafeBytes(of: value.littleEndian) { out += $0 } }
        func put32(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { out += $0 } }
        func put64(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { out += $0 } }
        put16(type)
        put16(machine)
        put32(1)
        put64(entryPoint)
        put64(64)
        put64(UInt64(sectionsOffset))
        put32(0)
        put16(64)
        put16(56)
        put16(UInt16(headerCount))
        put16(64)
        put16(isStripped ? 0 : 3)
        put16(isStripped ? 0 : 2)
        func segment(_ kind: UInt32, _ flags: UInt32, _ offset: Int, _ length: Int) {
            put32(kind)
            put32(flags)
            put64(UInt64(offset))
            put64(UInt64(offset))
            put64(UInt64(offset))
            put64(UInt64(length))
            put64(UInt64(length))
            put64(8)
        }
        segment(1, 5, 0, size)
        if interpreter != nil { segment(3, 4, interpreterOffset, interpreterBytes.count) }
        if isDynamic { segment(2, 6, dynamicOffset, dynamicSize) }
        segment(0x6474_e551, hasExecutableStack ? 7 : 6, 0, 0)
        out += interpreterBytes + strings
        out += [UInt8](repeating: 0, count: dynamicOffset - out.count)
        if isDynamic {
            for (tag, value) in dynamic {
                put64(tag)
                put64(value)
            }
        }
        if !isStripped {
            out += [UInt8](repeating: 0, count: 48)
            func section(_ kind: UInt32, _ offset: Int, _ length: Int, link: UInt32, entry: UInt64) {
                put32(0)
                put32(kind)
                put64(0)
                put64(0)
                put64(UInt64(offset))
                put64(UInt64(length))
                put32(link)
                put32(0)
                put64(8)
                put64(entry)
            }
            section(0, 0, 0, link: 0, entry: 0)
            section(2, symbolsOffset, 48, link: 2, entry: 24)
            section(3, stringsOffset, strings.count, link: 0, entry: 0)
        }
        return out
    }
}
