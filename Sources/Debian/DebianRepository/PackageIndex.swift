import Archive
import DebianFormat
import Files
import Glibc
import Platform

/// A package in an index: a paragraph of `Packages`.
public struct IndexEntry: Sendable {
    /// The paragraph without the empty line behind it.
    var bytes: [UInt8]
    /// The package's name.
    public var package: String
    /// Its version.
    public var version: String
    /// Its architecture, or `all`.
    public var architecture: String
    /// The path of the file, from the repository's root.
    public var path: String
    /// The size of the file in bytes.
    public var size: Int64
    /// The file's SHA-256.
    public var sha256: String
    /// Seconds since 1970 when it was added; nil for a package that something else added.
    public var published: Int64?
    /// Percent of machines that it reaches; nil for all.
    var phase: Int?

    static let publishedField = "Published"
    static let phaseField = "Phased-Update-Percentage"

    /// Reads a paragraph.
    init(bytes: [UInt8], of index: String) throws(RepositoryError) {
        self.bytes = bytes
        var found: [String?] = Array(repeating: nil, count: Self.fields.count)
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: Ascii.newline) ?? bytes.count
            for (number, name) in Self.fields.enumerated() where bytes[start..<end].starts(with: name) {
                found[number] = Ascii.text(Ascii.trimmed(bytes[(start + name.count)..<end]))
            }
            start = end + 1
        }
        guard let package = found[0], let version = found[1], let architecture = found[2], let path = found[3],
            let size = found[4].flatMap({ Int64($0) }), let sha256 = found[5]
        else {
            throw RepositoryError(
                .input, "index-corrupt",
                "a paragraph of \(index) has not all of Package, Version, Architecture, Filename, Size and SHA256")
        }
        guard PoolPath.isSafe(path) else {
            throw RepositoryError(
                .input, "path-escapes", "\(index) lists '\(DisplayText.inline(path))', which is not a path below pool/")
        }
        self.package = package
        self.version = version
        self.architecture = architecture
        self.path = path
        self.size = size
        self.sha256 = sha256
        published = found[6].flatMap { text in
            do throws(FormatError) { return try MailDate(text).timestamp } catch { return nil }
        }
        phase = found[7].flatMap { Int($0) }
    }

    private static let fields = [
        "Package:", "Version:", "Architecture:", "Filename:", "Size:", "SHA256:", publishedField + ":",
        phaseField + ":",
    ].map { Array($0.utf8) }

    /// Sets a field at the end of the paragraph, or takes it out.
    mutating func set(_ name: String, _ value: String?) {
        let prefix = Array((name + ":").utf8)
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count + 32)
        for line in bytes.split(separator: Ascii.newline) where !line.starts(with: prefix) {
            kept += line
            kept.append(Ascii.newline)
        }
        if let value { kept += Array("\(name): \(value)\n".utf8) }
        bytes = kept
    }

    /// Whether it is the same version for the same architecture.
    func isSame(as other: IndexEntry) -> Bool {
        package == other.package && architecture == other.architecture && order(before: other) == nil
    }

    /// Whether it comes before another version of the package; nil for neither.
    func order(before other: IndexEntry) -> Bool? {
        do throws(FormatError) {
            let (left, right) = (try DebianVersion(version), try DebianVersion(other.version))
            return left < right ? true : right < left ? false : nil
        } catch {
            // What something else has written; any order will do.
            return version == other.version ? nil : version < other.version
        }
    }
}

/// Reads an index one paragraph after the other, and holds no more than one.
final class PackageIndexReader {
    private let source: any ByteSource
    private let name: String
    private var buffer: [UInt8] = []
    private var start = 0
    private var isEnded = false
    private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
    private static let paragraphLimit = 4 << 20

    init(_ source: any ByteSource, name: String) {
        self.source = source
        self.name = name
    }

    deinit { block.deallocate() }

    /// The next package, or nil at the end.
    func next() throws(RepositoryError) -> IndexEntry? {
        var scanned = start
        while true {
            if let end = endOfParagraph(from: scanned) {
                let paragraph = Array(buffer[start..<end])
                start = end
                while start < buffer.count, buffer[start] == Ascii.newline { start += 1 }
                if paragraph.isEmpty {
                    scanned = start
                    continue
                }
                return try IndexEntry(bytes: paragraph, of: name)
            }
            if isEnded {
                guard start < buffer.count else { return nil }
                let rest = Array(buffer[start...])
                start = buffer.count
                return try IndexEntry(bytes: rest, of: name)
            }
            scanned = max(start, buffer.count - 1)
            if start > 0 {
                buffer.removeFirst(start)
                scanned -= start
                start = 0
            }
            guard buffer.count < Self.paragraphLimit else {
                throw RepositoryError(
                    .input, "index-corrupt",
                    "a paragraph of \(name) has more than \(Self.paragraphLimit) bytes")
            }
            let count = try RepositoryError.wrapping("cannot read \(name)") { try source.read(into: block) }
            if count == 0 { isEnded = true } else { buffer += block[..<count] }
        }
    }

    /// Behind the newline that the empty line follows.
    private func endOfParagraph(from scanned: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var place = scanned
            while place + 1 < bytes.count, let found = memchr(base + place, 0x0a, bytes.count - place - 1) {
                let offset = found - UnsafeMutableRawPointer(mutating: base)
                if bytes[offset + 1] == Ascii.newline { return offset + 1 }
                place = offset + 1
            }
            return nil
        }
    }
}

/// Paths below `pool`.
enum PoolPath {
    /// Whether a path stays below `pool`, whatever an index says.
    static func isSafe(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count >= 2 && parts.first == "pool"
            && parts.allSatisfy { part in
                !part.isEmpty && part != "." && part != ".."
                    && part.utf8.allSatisfy { Ascii.isGraphic($0) && $0 != UInt8(ascii: "\\") }
            }
    }

    /// `pool/main/libh/libhello`, as Debian's archive has it.
    static func folder(component: String, source: String) -> String {
        let prefix = source.hasPrefix("lib") && source.utf8.count > 3 ? source.prefix(4) : source.prefix(1)
        return "pool/\(component)/\(prefix)/\(source)"
    }

    /// Makes a folder below the root; a link on the way, which could lead anywhere, is refused.
    static func makeFolder(_ path: String, in root: String) throws(RepositoryError) {
        var current = root
        for part in path.split(separator: "/") {
            current += "/" + part
            let status = try RepositoryError.wrapping { try FileStatus.ofIfExists(current, followLinks: false) }
            switch status?.kind {
            case nil: try RepositoryError.wrapping { try FileTree.createDirectories(current) }
            case .directory: continue
            case .symbolicLink:
                throw RepositoryError(
                    .input, "link-in-repository",
                    "'\(current)' is a symbolic link, which debbuild does not write through",
                    help: "replace it with the folder itself, or mount that there")
            default: throw RepositoryError(.input, "not-a-folder", "'\(current)' is not a folder")
            }
        }
    }
}
