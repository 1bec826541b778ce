import Crypto
import Files
import Glibc
import Platform

/// What a host needs for a run: our program, and the scenarios as an archive; each known by its checksum.
public struct RemotePayload: Sendable {
    /// A file with the checksum by which hosts keep it.
    struct Part: Sendable {
        var bytes: [UInt8]
        /// SHA-256 in hexadecimal.
        var digest: String

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            digest = Hexadecimal.text(SHA256.hash(data: bytes))
        }
    }

    let program: Part
    let archive: Part
    /// Files that are not kept there, as an archive; empty where there are none.
    let privateArchive: [UInt8]
    /// The processor that the program is for, as `uname -m` calls it; nil when that is not known.
    let processor: String?
    /// Paths in the archive, to be given to `meshcheck run`.
    public let scenarioPaths: [String]
    /// Paths in the archive of the other files, in their order.
    public let filePaths: [String]

    /// Paths of the files that are not kept there, in their order.
    public let privatePaths: [String]

    /// Bytes of a program.
    static let programLimit = 1 << 30
    /// Bytes of all scenarios.
    static let archiveLimit = 16 << 20

    /// Reads the program and the scenarios.
    ///
    /// - Parameters:
    ///   - program: the file with our program; nil for the one that runs now.
    ///   - scenarios: scenario files, and folders of which every .yaml and .yml file is taken.
    ///   - files: other files.
    ///   - privateFiles: files that may have secrets, such as those with variables: the hosts keep them only while the
    ///     program runs.
    public init(
        program: String?, scenarios: [String], files: [String], privateFiles: [String] = []
    ) throws(FileError) {
        self.program = Part(try FileTree.readWhole(program ?? "/proc/self/exe", limit: Self.programLimit))
        processor = program == nil ? Self.ownProcessor : nil
        var archive = TarArchive()
        var paths: [String] = []
        var taken: Set<String> = []
        for path in scenarios {
            let name = Self.unused(LexicalPath.split(path).name, &taken)
            paths.append(name)
            try Self.add(path, as: name, to: &archive)
        }
        filePaths = try Self.add(files, to: &archive, &taken)
        var privateArchive = TarArchive()
        privatePaths = try Self.add(privateFiles, to: &privateArchive, &taken)
        self.archive = Part(archive.finished())
        self.privateArchive = privateFiles.isEmpty ? [] : privateArchive.finished()
        scenarioPaths = paths
    }

    private static func add(
        _ files: [String], to archive: inout TarArchive, _ taken: inout Set<String>
    ) throws(FileError) -> [String] {
        var names: [String] = []
        for path in files {
            let name = unused("file-" + LexicalPath.split(path).name, &taken)
            names.append(name)
            try archive.add(path: name, try FileTree.readWhole(path, limit: archiveLimit))
        }
        return names
    }

    private static func add(_ path: String, as name: String, to archive: inout TarArchive) throws(FileError) {
        switch try FileStatus.of(path, followLinks: true).kind {
        case .directory:
            for child in try FileTree.children(of: path) {
                let inner = path + "/" + child
                let kind = try FileStatus.of(inner, followLinks: true).kind
                let isScenario = [".yaml", ".yml"].contains { child.utf8.suffix($0.utf8.count).elementsEqual($0.utf8) }
                if kind == .directory || (kind == .file && isScenario) {
                    try add(inner, as: name + "/" + child, to: &archive)
                }
            }
        case .file, .symbolicLink, .other:
            try archive.add(path: name, try FileTree.readWhole(path, limit: archiveLimit))
        }
        guard archive.size <= archiveLimit else { throw FileError(operation: "send", path: path, errno: 27) }
    }

    /// A name that is not taken yet: two folders may have the same name.
    private static func unused(_ name: String, _ taken: inout Set<String>) -> String {
        let base = name.isEmpty || name == "." || name == ".." ? "Scenarios" : name
        var candidate = base
        var number = 2
        while !taken.insert(candidate).inserted {
            candidate = "\(number)-\(base)"
            number += 1
        }
        return candidate
    }

    private static var ownProcessor: String? {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            nil
        #endif
    }
}

/// A tar archive of small files in memory: the ustar format of POSIX (pax(1)), which every tar reads.
struct TarArchive {
    private static let block = 512
    private var bytes: [UInt8] = []

    /// Bytes so far.
    var size: Int { bytes.count }

    /// Adds a file of mode 0600. A path has up to 100 bytes, or up to 155 before a slash and up to 100 behind it.
    mutating func add(path: String, _ contents: [UInt8]) throws(FileError) {
        guard let (prefix, name) = Self.split(Array(path.utf8)) else {
            throw FileError(operation: "send", path: path, errno: ENAMETOOLONG)
        }
        var header = [UInt8](repeating: 0, count: Self.block)
        func put(_ value: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<(offset + value.count), with: value)
        }
        func octal(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - digits.count)) + digits
        }
        put(name, at: 0)
        put(octal(0o600, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(contents.count, 11), at: 124)
        // Always the same time, so that the same scenarios have the same checksum.
        put(octal(0, 11), at: 136)
        put([UInt8](repeating: UInt8(ascii: " "), count: 8), at: 148)
        put([UInt8(ascii: "0")], at: 156)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(prefix, at: 345)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6) + [0, UInt8(ascii: " ")], at: 148)
        bytes += header
        bytes += contents
        bytes += [UInt8](repeating: 0, count: (Self.block - contents.count % Self.block) % Self.block)
    }

    /// The archive with its end mark.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 2 * Self.block) }

    private static func split(_ path: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        if path.count <= 100 { return ([], path) }
        for index in path.indices where path[index] == UInt8(ascii: "/") {
            let name = Array(path[(index + 1)...])
            if index <= 155, name.count <= 100, !name.isEmpty { return (Array(path[..<index]), name) }
        }
        return nil
    }
}
