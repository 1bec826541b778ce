import Crypto
import Files

/// What a machine needs for a run: our program, and the scenarios as an archive; each known by its checksum.
public struct Bundle: Sendable {
    /// A file with the checksum by which machines keep it.
    struct Part: Sendable {
        var bytes: [UInt8]
        /// SHA-256 in hexadecimal.
        var digest: String

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            digest = SHA256.hash(data: bytes).map { byte in
                let digits = String(byte, radix: 16)
                return digits.utf8.count == 1 ? "0" + digits : digits
            }.joined()
        }
    }

    let program: Part
    let archive: Part
    /// The processor that the program is for, as `uname -m` calls it; nil when that is not known.
    let machine: String?
    /// Paths in the archive, to be given to `meshcheck run`.
    public let scenarioPaths: [String]
    /// Paths in the archive of the other files, in their order.
    public let filePaths: [String]

    /// Bytes of a program.
    static let programLimit = 1 << 30
    /// Bytes of all scenarios.
    static let archiveLimit = 16 << 20

    /// Reads the program and the scenarios.
    ///
    /// - Parameters:
    ///   - program: the file with our program; nil for the one that runs now.
    ///   - scenarios: scenario files, and folders of which every .yaml and .yml file is taken.
    ///   - files: other files, such as those with variables.
    public init(program: String?, scenarios: [String], files: [String]) throws(FileError) {
        self.program = Part(try FileTree.readWhole(program ?? "/proc/self/exe", limit: Self.programLimit))
        machine = program == nil ? Self.ownMachine : nil
        var archive = TarArchive()
        var paths: [String] = []
        var taken: Set<String> = []
        for path in scenarios {
            let name = Self.unused(LexicalPath.split(path).name, &taken)
            paths.append(name)
            try Self.add(path, as: name, to: &archive)
        }
        var names: [String] = []
        for path in files {
            let name = Self.unused("file-" + LexicalPath.split(path).name, &taken)
            names.append(name)
            try archive.add(path: name, try FileTree.readWhole(path, limit: Self.archiveLimit))
        }
        self.archive = Part(archive.finished())
        scenarioPaths = paths
        filePaths = names
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

    /// A name that is not taken yet: two folders may be called alike.
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

    private static var ownMachine: String? {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            nil
        #endif
    }
}
