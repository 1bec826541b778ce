import Platform
import Archive
import DebianArchive
import Dispatch
import Documents
import ELF
import Files
import Glibc
import Synchronization

/// A file that a specification names, as it was when it was opened.
struct SourceFile {
    let path: String
    let status: FileStatus
    let facts: ContentFacts
}

/// Reads what the specification of a package names on this machine, and nothing outside the workspace; each file once,
/// for however many architectures the package is planned.
package final class SourceFiles {
    /// The package folder, absolute.
    let folder: String
    /// The folder that no path may leave, absolute.
    let workspaceRoot: String
    /// How much text may still be kept; nil keeps none.
    private let texts: TextBudget?
    /// What an archive may cost.
    let archiveLimits: ArchiveLimits
    /// Files by absolute path.
    private var files: [ByteKey: SourceFile] = [:]
    private var contents: [ByteKey: [UInt8]] = [:]
    /// Contents that need not be UTF-8.
    private var raw: [ByteKey: [UInt8]] = [:]
    /// Facts of files in trees, and of the entries of archives by their number.
    private var inspected: [ByteKey: ContentFacts] = [:]
    private var archives: [ByteKey: [Int: ContentFacts]] = [:]
    private let isShared: Bool
    /// What is known of the machine code in archives, which is often somebody else's, in bytes.
    private var machineCodeBytes = 0

    /// Units, scripts, changelogs and the like; a larger file is something else.
    package static let textLimit = 4 << 20
    /// Members of the control archive; the symbols of a large C++ library are.
    private static let scriptLimit = 32 << 20

    /// - Parameter isShared: whether several architectures are planned from these files.
    init(
        folder: String, workspaceRoot: String, texts: TextBudget?, archiveLimits: ArchiveLimits = ArchiveLimits(),
        isShared: Bool
    ) {
        self.archiveLimits = archiveLimits
        self.folder = folder
        self.workspaceRoot = workspaceRoot
        self.texts = texts
        self.isShared = isShared
    }

    /// The absolute path of a source, or nil after a diagnostic.
    func resolve(_ path: Located<String>, diagnostics: inout Diagnostics) -> String? {
        guard !path.value.isEmpty, !path.value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            diagnostics.error(
                "source-path", "source path is empty or has control characters", at: path.range,
                help: "name a file below the workspace")
            return nil
        }
        let joined = path.value.hasPrefix("/") ? path.value : folder + "/" + path.value
        guard let absolute = LexicalPath.normalised(joined), isInside(absolute) else {
            diagnostics.error(
                "source-outside", "source '\(path.value)' is outside the workspace '\(workspaceRoot)'", at: path.range,
                help: "copy it into the package folder, or declare it as a payload of the workspace")
            return nil
        }
        return absolute
    }

    /// A source that has to be a file, links followed as long as they stay in the workspace.
    func file(_ path: Located<String>, diagnostics: inout Diagnostics) -> SourceFile? {
        guard let absolute = resolve(path, diagnostics: &diagnostics) else { return nil }
        if let known = files[ByteKey(absolute)] { return known }
        return open(absolute, path, isText: false, diagnostics: &diagnostics)
    }

    /// A small text file with its contents.
    func text(_ path: Located<String>, diagnostics: inout Diagnostics) -> (file: SourceFile, bytes: [UInt8])? {
        guard let absolute = resolve(path, diagnostics: &diagnostics) else { return nil }
        if contents[ByteKey(absolute)] == nil { _ = open(absolute, path, isText: true, diagnostics: &diagnostics) }
        guard let file = files[ByteKey(absolute)], let bytes = contents[ByteKey(absolute)] else { return nil }
        return (file, bytes)
    }

    /// A document of somebody else's as plain text: without a byte order mark, and with the line ends of Unix.
    func document(_ path: Located<String>, diagnostics: inout Diagnostics) -> String? {
        guard let bytes = text(path, diagnostics: &diagnostics)?.bytes else { return nil }
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let content = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
        return String(decoding: content.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    }

    /// A small file with its contents, whatever their encoding: scripts of old packages have Latin-1 in comments, and
    /// some members of the control archive are not texts.
    func script(_ path: Located<String>, diagnostics: inout Diagnostics) -> [UInt8]? {
        guard let absolute = resolve(path, diagnostics: &diagnostics) else { return nil }
        if let known = contents[ByteKey(absolute)] ?? raw[ByteKey(absolute)] { return known }
        guard let file = file(path, diagnostics: &diagnostics) else { return nil }
        do throws(FileError) {
            let bytes = try FileTree.readWhole(absolute, limit: Self.scriptLimit)
            raw[ByteKey(absolute)] = bytes
            return bytes
        } catch {
            if error.errno == EFBIG {
                diagnostics.error(
                    "source-too-large",
                    "'\(path.value)' has \(file.status.size) bytes (must be <=\(Self.scriptLimit))", at: path.range)
            } else {
                diagnostics.error("source-unreadable", "\(error)", at: path.range)
            }
            return nil
        }
    }

    private func open(
        _ absolute: String, _ path: Located<String>, isText: Bool, diagnostics: inout Diagnostics
    ) -> SourceFile? {
        do throws(FileError) {
            let file = try InputFile(path: absolute)
            // A link inside the workspace may point anywhere; what it reaches must be inside too.
            let real = try FileTree.realPath(absolute)
            guard isInside(real) else {
                diagnostics.error(
                    "source-outside", "'\(path.value)' is a link to '\(real)', outside the workspace", at: path.range,
                    help: "copy the file into the package folder, or declare it as a payload of the workspace")
                return nil
            }
            guard try file.hasItsSize() else {
                diagnostics.error(
                    "source-not-file",
                    "'\(path.value)' is made while it is read, as the files of /proc and /sys are", at: path.range,
                    help: "copy it to a file, and name that")
                return nil
            }
            if isText {
                guard file.status.size <= Self.textLimit else {
                    diagnostics.error(
                        "source-too-large",
                        "'\(path.value)' has \(file.status.size) bytes (must be <=\(Self.textLimit))", at: path.range)
                    return nil
                }
                let bytes = try file.bytes(at: 0, count: Int(file.status.size))
                guard String(validating: bytes, as: UTF8.self) != nil else {
                    diagnostics.error("source-not-utf8", "'\(path.value)' is not UTF-8", at: path.range)
                    return nil
                }
                contents[ByteKey(absolute)] = bytes
            }
            let source = SourceFile(
                path: absolute, status: file.status, facts: try ContentFacts.of(file, texts: texts, keepsSymbols: true))
            files[ByteKey(absolute)] = source
            return source
        } catch {
            switch error.errno {
            case ENOENT, ENOTDIR:
                diagnostics.error(
                    "source-missing", "there is no file '\(path.value)'", at: path.range,
                    help: NearestPath.existing(for: absolute).map { "'\($0)' exists" })
            case EISDIR:
                diagnostics.error(
                    "source-not-file", "'\(path.value)' is a directory", at: path.range,
                    help: "use 'tree:' for a directory with its files")
            case EINVAL, ENXIO:
                diagnostics.error("source-not-file", "'\(path.value)' is not a regular file", at: path.range)
            default: diagnostics.error("source-unreadable", "\(error)", at: path.range)
            }
            return nil
        }
    }

    /// Looks into every file that has not been looked into yet and returns those that cannot be read.
    ///
    /// On all processors, because opening many small files takes longer than packing them.
    func inspect(_ entries: inout [PlannedEntry]) -> [FileError] {
        typealias Found = (position: Int, facts: ContentFacts)
        let found = Mutex<(facts: [Found], failures: [(position: Int, error: FileError)])>(([], []))
        let share = 512
        let (texts, planned, known) = (texts, entries, inspected)
        DispatchQueue.concurrentPerform(iterations: (planned.count + share - 1) / share) { part in
            var own: [Found] = []
            for position in part * share..<min((part + 1) * share, planned.count) {
                guard planned[position].facts == nil, case .file(let path, _) = planned[position].source else {
                    continue
                }
                do throws(FileError) {
                    if let facts = known[ByteKey(path)] {
                        own.append((position, facts))
                    } else {
                        own.append(
                            (position, try ContentFacts.of(InputFile(path: path), texts: texts, keepsSymbols: true)))
                    }
                } catch {
                    found.withLock { $0.failures.append((position, error)) }
                }
            }
            found.withLock { [own] in $0.facts += own }
        }
        return found.withLock { found in
            for (position, facts) in found.facts {
                entries[position].facts = facts
                if isShared, case .file(let path, _) = entries[position].source { inspected[ByteKey(path)] = facts }
            }
            return found.failures.sorted { $0.position < $1.position }.map(\.error)
        }
    }

    /// Looks into the current entry of an archive, unless that was done for another architecture.
    func inspect(
        _ reader: ArchiveReader, size: Int64, entry index: Int, of archive: String
    ) throws -> ContentFacts {
        if let known = archives[ByteKey(archive)]?[index] { return known }
        var probe = ContentProbe(
            size: size, texts: texts, scratchFolder: DebReader.temporaryFolder, keepsSymbols: true)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
        defer { buffer.deallocate() }
        while case let count = try reader.read(into: buffer), count > 0 {
            try probe.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let facts = probe.finish()
        machineCodeBytes += facts.elf?.keptBytes ?? 0
        guard Int64(machineCodeBytes) <= archiveLimits.unmeasuredBytes / 8 else {
            throw ArchiveError(
                operation: "read", subject: archive, code: .limit,
                detail: "more than \(archiveLimits.unmeasuredBytes / 8) bytes of names in machine code")
        }
        if isShared { archives[ByteKey(archive), default: [:]][index] = facts }
        return facts
    }

    private func isInside(_ path: String) -> Bool {
        LexicalPath.isInside(path, folder: workspaceRoot)
    }
}

/// Paths on the machine that the package is installed on.
enum InstalledPath {
    /// The normalised absolute path, or nil after a diagnostic.
    static func parse(_ path: Located<String>, diagnostics: inout Diagnostics) -> String? {
        let text = path.value
        if isPlain(text) { return text }
        var problem: (message: String, help: String)?
        if !LexicalPath.isAbsolute(text) {
            problem = ("path '\(text)' is not absolute", "write '/\(text)'")
        } else if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            problem = ("path has control characters", "dpkg's file lists hold one path per line: rename the file")
        } else if LexicalPath.components(text).contains("..") {
            problem = ("path '\(text)' has '..'", "write the path that is meant")
        } else if text.utf8.count > 4096 || LexicalPath.components(text).contains(where: { $0.utf8.count > 255 }) {
            problem = ("path has \(text.utf8.count) bytes (must be <=4096, each component <=255)", "shorten it")
        }
        if let problem {
            diagnostics.error("installed-path", problem.message, at: path.range, help: problem.help)
            return nil
        }
        return normalised(text)
    }

    /// Whether the path can stand as it is; nearly all can, and a tree may have very many.
    private static func isPlain(_ text: String) -> Bool {
        let slash = UInt8(ascii: "/")
        guard text.utf8.first == slash, text.utf8.count > 1, text.utf8.count <= 4096 else { return false }
        var length = 0
        var hasOnlyDots = true
        for byte in text.utf8.dropFirst() {
            guard byte >= 0x20, byte != 0x7f else { return false }
            if byte == slash {
                // An empty component, `.` or `..`, or one of dots that is looked at more closely.
                guard !hasOnlyDots else { return false }
                length = 0
                hasOnlyDots = true
            } else {
                length += 1
                guard length <= 255 else { return false }
                hasOnlyDots = hasOnlyDots && byte == UInt8(ascii: ".")
            }
        }
        return !hasOnlyDots
    }

    /// Without `.` components, double or trailing slashes.
    static func normalised(_ text: String) -> String {
        "/" + LexicalPath.components(text).filter { $0 != "." }.joined(separator: "/")
    }
}
