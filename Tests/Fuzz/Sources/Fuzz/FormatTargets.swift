import CMemoryFile
import DebianArchive
import DebianFormat
import DebianLint
import ELF
import Glibc
import Platform

extension FuzzTarget {
    /// A package, and whatever is made of one.
    static let deb = FuzzTarget(name: "deb") { bytes in
        var limits = DebReadLimits()
        limits.entries = 5_000
        limits.dataBytes = 16 << 20
        limits.unmeasuredBytes = 16 << 20
        limits.controlBytes = 4 << 20
        do throws(DebReadError) {
            // One in four keeps its wrong checksums; no other would get past them.
            let input = bytes.count % 4 == 3 ? bytes : withTarChecksums(bytes)
            let image = try DebReader.read(MemoryFile.path(of: input), limits: limits)
            let findings = LintRegistry(rules: DebianRules.all).findings(in: image)
            _ = LintReport(subject: "x.deb", findings: findings).text()
            let report = PackageReport(image)
            expect(
                !report.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" },
                "the report has control characters")
            _ = report.json.compact
            expect(PackageDiff.compare(image, image).isEmpty, "a package differs from itself")
        } catch {
            expect(!error.expected.isEmpty, "\(error)")
        }
    }

    /// The bytes with right checksums in what look like headers of tar(5).
    private static func withTarChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let magic = Array("ustar".utf8)
        var start = 0
        while start + 512 <= bytes.count {
            guard bytes[start + 257] == magic[0], bytes[(start + 257)...].starts(with: magic) else {
                start += 1
                continue
            }
            bytes.replaceSubrange((start + 148)..<(start + 156), with: repeatElement(UInt8(ascii: " "), count: 8))
            let sum = bytes[start..<(start + 512)].reduce(0) { $0 + Int($1) }
            let digits = Array(String(sum, radix: 8).utf8)
            let field = Array(repeating: UInt8(ascii: "0"), count: 6 - digits.count) + digits + [0]
            bytes.replaceSubrange((start + 148)..<(start + 155), with: field)
            start += 512
        }
        return bytes
    }

    /// Control data: paragraphs, relations, and the other files of the control archive.
    static let control = FuzzTarget(name: "control") { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        do throws(FormatError) {
            for paragraph in try ControlParagraph.paragraphs(parsing: text) {
                let again = try ControlParagraph(parsing: paragraph.description)
                expect(again == paragraph, "a paragraph is read otherwise from its own text")
                for field in paragraph.fields { check(relations: field.value) }
            }
        } catch { check(error, in: text) }
        check(relations: text)
        parse(text) { text throws(FormatError) in
            for entry in try Changelog.parse(text) { _ = entry.description }
        }
        parse(text) { text throws(FormatError) in
            let list = try Conffiles(parsing: text)
            expect(try Conffiles(parsing: list.text) == list, "conffiles are read otherwise from their own text")
        }
        parse(text) { text throws(FormatError) in _ = try MD5Sums(parsing: text) }
        parse(text) { text throws(FormatError) in _ = try Trigger.parse(text) }
        parse(text) { text throws(FormatError) in _ = try DebconfTemplates(parsing: text) }
        parse(text) { text throws(FormatError) in _ = try ShlibsFile(parsing: text) }
        parse(text) { text throws(FormatError) in _ = try SymbolsControlFile(parsing: text) }
        parse(text) { text throws(FormatError) in _ = try MaintenanceAction(text) }
        parse(text) { text throws(FormatError) in _ = try Maintainer(text) }
    }

    private static func check(relations text: String) {
        for kind in RelationField.Kind.allCases {
            parse(text) { text throws(FormatError) in
                let field = try RelationField(parsing: text, field: kind)
                expect(
                    try RelationField(parsing: field.description, field: kind) == field,
                    "a relation is read otherwise from its own text")
            }
        }
    }

    private static func parse(_ text: String, _ body: (String) throws(FormatError) -> Void) {
        do throws(FormatError) { try body(text) } catch { check(error, in: text) }
    }

    /// An error says what was expected, at a place in the text.
    private static func check(_ error: FormatError, in text: String) {
        expect(!error.expected.isEmpty && !"\(error)".isEmpty, "an error without a reason")
        expect(error.offset >= 0 && error.offset <= text.utf8.count, "an error at \(error.offset)")
    }

    /// A file of machine code.
    static let elf = FuzzTarget(name: "elf") { bytes in
        do throws(ELFError) {
            let read: (UInt64, Int) -> [UInt8] = { offset, count in
                expect(offset <= UInt64(bytes.count) && count <= bytes.count - Int(offset), "read beyond the end")
                return Array(bytes[Int(offset)..<(Int(offset) + count)])
            }
            let plain = try ELFFile(reading: read, size: UInt64(bytes.count))
            var symbols = try ELFFile(reading: read, size: UInt64(bytes.count), keepsSymbols: true)
            symbols.undefinedSymbols = []
            expect(plain == symbols, "symbols change the rest")
        } catch {
            expect(!error.description.isEmpty, "an error without a reason")
        }
    }

    /// Two or three versions, a line each.
    static let version = FuzzTarget(name: "version") { bytes in
        let lines = bytes.prefix(4096).split(separator: UInt8(ascii: "\n"), maxSplits: 2)
            .map { String(decoding: $0, as: UTF8.self) }
        var versions: [DebianVersion] = []
        for text in lines {
            for scheme in VersionScheme.allCases {
                parse(text) { text throws(FormatError) in
                    let version = try scheme.version(of: text)
                    versions.append(version)
                    let again = try DebianVersion(version.description)
                    expect(again == version, "a version is read otherwise from its own text")
                    expect(again.hashValue == version.hashValue, "equal versions with other hashes")
                    _ = (version.withoutEpoch, version.withoutRevision)
                }
            }
        }
        for left in versions {
            for right in versions {
                let isBefore = left < right
                expect(!(isBefore && right < left), "each is before the other")
                expect((left == right) == (!isBefore && !(right < left)), "equal and in an order")
                expect(left != right || left.hashValue == right.hashValue, "equal versions with other hashes")
                for third in versions where isBefore && right < third {
                    expect(left < third, "an order that does not carry on")
                }
            }
        }
    }
}

/// A file in memory, for what wants a path.
private enum MemoryFile {
    private static let descriptor: Int32 = {
        let descriptor = memory_file()
        expect(descriptor >= 0, "memfd_create: \(errno)")
        return descriptor
    }()

    static func path(of bytes: [UInt8]) -> String {
        expect(ftruncate(descriptor, 0) == 0, "ftruncate: \(errno)")
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, written) }
            expect(count > 0, "pwrite: \(errno)")
            written += count
        }
        return "/proc/self/fd/\(descriptor)"
    }
}
