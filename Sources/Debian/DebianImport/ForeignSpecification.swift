import DebianBuild
import DebianFormat
import Documents
import Files
import Platform

/// The specification of another builder while it is turned into one of this program: which of its keys have been used, and
/// what has been written for them.
struct ForeignSpecification {
    /// The folder that its paths are relative to.
    let base: String
    /// Where the workspace will be.
    let target: String
    private(set) var diagnostics: Diagnostics
    /// Keys of `package.yaml`.
    var entries: [SpecEntry] = []
    /// Keys of `workspace.yaml` beside its sources.
    var workspace: [SpecEntry] = []
    /// Items of `contents`.
    var contents: [SpecValue] = []
    /// Files that are written into the package folder.
    var files: [(name: String, bytes: [UInt8], permissions: UInt16)] = []

    init(base: String, target: String, diagnostics: Diagnostics) {
        self.base = base
        self.target = target
        self.diagnostics = diagnostics
    }

    /// Reports a key that nothing here stands for.
    mutating func report(_ key: YAMLNode, _ name: String, _ help: String) {
        diagnostics.warning(
            "import-key", "'\(DisplayText.inline(name))' has no equivalent and is left out", at: key.range, help: help)
    }

    /// Reports a key that only means something in other formats.
    mutating func note(_ key: YAMLNode, _ message: String) {
        diagnostics.note("import-key", message, at: key.range)
    }

    /// Reports what has to be looked at.
    mutating func warn(_ node: YAMLNode, _ message: String, help: String) {
        diagnostics.warning("import-value", message, at: node.range, help: help)
    }

    /// Reports what cannot be turned into anything.
    mutating func fail(_ node: YAMLNode?, _ message: String, help: String? = nil) {
        diagnostics.error("import-value", message, at: node?.range, help: help)
    }

    /// The text of a scalar; nil after a diagnostic.
    mutating func text(_ node: YAMLNode, _ name: String) -> String? {
        if let text = node.scalarText { return node.isNull ? nil : text }
        fail(node, "expected a text for '\(name)', found \(node.kindName)")
        return nil
    }

    /// The texts of a list, or of a single scalar.
    mutating func texts(_ node: YAMLNode, _ name: String) -> [String] {
        guard case .sequence(let items) = node.content else { return text(node, name).map { [$0] } ?? [] }
        return items.compactMap { text($0, name) }
    }

    /// The pairs of a mapping; none after a diagnostic.
    mutating func pairs(_ node: YAMLNode, _ name: String) -> [YAMLNode.Pair] {
        if case .mapping(let pairs) = node.content { return pairs }
        if !node.isNull { fail(node, "expected a mapping for '\(name)', found \(node.kindName)") }
        return []
    }

    /// A path of the other specification as one of the package folder.
    mutating func source(_ path: String, at node: YAMLNode, in package: String) -> String {
        let absolute = LexicalPath.isAbsolute(path) ? path : base + "/" + path
        guard let normalised = LexicalPath.normalised(absolute), LexicalPath.isInside(normalised, folder: base) else {
            warn(
                node, "'\(DisplayText.inline(path))' is outside of '\(base)'",
                help: "copy it below the workspace, or declare it under 'payloads' in workspace.yaml")
            return path
        }
        return Self.relative(normalised, from: target + "/" + package)
    }

    /// A path as it is named from a folder, both absolute.
    static func relative(_ path: String, from folder: String) -> String {
        let to = LexicalPath.components(path)
        let from = LexicalPath.components(folder)
        var shared = 0
        while shared < min(to.count, from.count), to[shared].utf8.elementsEqual(from[shared].utf8) { shared += 1 }
        let parts = Array(repeating: "..", count: from.count - shared) + to[shared...].map(String.init)
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    /// A mode in octal digits, with or without `0o`; nil after a diagnostic.
    mutating func mode(_ text: String, at node: YAMLNode) -> UInt16? {
        if let mode = UInt16(text.hasPrefix("0o") ? String(text.dropFirst(2)) : text, radix: 8), mode <= 0o7777 {
            return mode
        }
        fail(node, "'\(DisplayText.inline(text))' is not a mode in octal")
        return nil
    }

    // MARK: - files beside the other specification

    private func place(_ path: String) -> String { LexicalPath.isAbsolute(path) ? path : base + "/" + path }

    /// The bytes of a file; nil after a diagnostic.
    mutating func bytes(_ path: String, at node: YAMLNode, limit: Int = 1 << 20) -> [UInt8]? {
        do throws(FileError) {
            return try FileTree.readWhole(place(path), limit: limit)
        } catch {
            fail(node, "\(error)")
            return nil
        }
    }

    /// The status of a file; nil where there is none yet, and after a diagnostic where it cannot be seen.
    mutating func status(_ path: String, at node: YAMLNode) -> FileStatus? {
        do throws(FileError) {
            return try FileStatus.ofIfExists(place(path), followLinks: true)
        } catch {
            fail(node, "\(error)")
            return nil
        }
    }

    /// The names in a folder; none where it is not there, and after a diagnostic where it cannot be read.
    mutating func names(in folder: String, at node: YAMLNode) -> [String] {
        guard status(folder, at: node)?.kind == .directory else { return [] }
        do throws(FileError) {
            return try FileTree.children(of: place(folder))
        } catch {
            fail(node, "\(error)")
            return []
        }
    }

    private static let matchLimit = 10_000

    /// Files that a pattern matches, as paths below the base, in order; none after a diagnostic, and nil for a path that is
    /// no pattern.
    ///
    /// - Parameter takesFolders: whether a folder that matches stands for the files in it, and `**` for one folder at
    ///   least, as nfpm has it.
    mutating func matches(_ pattern: String, at node: YAMLNode, takesFolders: Bool = false) -> [String]? {
        guard pattern.utf8.contains(where: { "*?[{".utf8.contains($0) }) else { return nil }
        let components = LexicalPath.components(pattern)
        let fixed = components.prefix { part in !part.utf8.contains { "*?[{".utf8.contains($0) } }
        let parts = takesFolders ? components.map { $0 == "**" ? "**/*" : String($0) } : components.map(String.init)
        let glob = GlobPattern("/" + parts.joined(separator: "/"))
        var found: [String] = []
        var pending = [(folder: fixed.joined(separator: "/"), isTaken: false)]
        do throws(FileError) {
            while let (folder, isTaken) = pending.popLast(), found.count <= Self.matchLimit {
                for name in names(in: folder, at: node) {
                    let path = folder.isEmpty ? name : folder + "/" + name
                    let isDirectory = try FileStatus.of(place(path), followLinks: false).kind == .directory
                    let isMatch = isTaken || glob.matches(path, isDirectory: isDirectory)
                    if !isDirectory {
                        if isMatch { found.append(path) }
                    } else if takesFolders || !isMatch {
                        pending.append((path, isTaken: isMatch))
                    }
                }
            }
        } catch {
            fail(node, "\(error)")
            return []
        }
        if found.isEmpty {
            warn(
                node, "'\(DisplayText.inline(pattern))' matches nothing at present",
                help: "make the files before the package is built")
        } else if found.count > Self.matchLimit {
            fail(
                node, "'\(DisplayText.inline(pattern))' matches more than \(Self.matchLimit) files",
                help: "give the folder as a tree")
            return []
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The patterns that the first braces of a pattern stand for, `a.{b,c}` for `a.b` and `a.c`; nil where there are none.
    static func choices(of pattern: String) -> [String]? {
        let bytes = Array(pattern.utf8)
        var depth = 0
        var marks: [Int] = []
        for (index, byte) in bytes.enumerated() {
            // A variable is none: ${NAME}.
            let isVariable = index > 0 && bytes[index - 1] == UInt8(ascii: "$")
            switch byte {
            case UInt8(ascii: "{"):
                if depth == 0, isVariable { continue }
                depth += 1
                if depth == 1 { marks.append(index) }
            case UInt8(ascii: ",") where depth == 1: marks.append(index)
            case UInt8(ascii: "}") where depth > 0:
                depth -= 1
                guard depth == 0 else { continue }
                marks.append(index)
                return zip(marks, marks.dropFirst()).map { start, end in
                    Ascii.text(bytes[..<marks[0]] + bytes[(start + 1)..<end] + bytes[(index + 1)...])
                }
            default: break
            }
        }
        return nil
    }

    // MARK: - the way through

    /// How a format is turned into a workspace.
    struct Format {
        /// The document; nil after a diagnostic.
        var load: (SourceText, inout Diagnostics) -> YAMLNode?
        /// The package's name and where it is written; nil after a diagnostic.
        var name: (YAMLNode, inout Diagnostics) -> (text: String, node: YAMLNode, help: String?)?
        /// The folder that is made for a package where none is named.
        var folder: (String) -> String
        /// Fills in what the document says.
        var translate: (YAMLNode, _ name: String, inout ForeignSpecification) -> Void
    }

    /// Reads a specification, has it translated, and writes the workspace.
    ///
    /// - Parameters:
    ///   - file: the specification, absolute.
    ///   - output: the folder to make, absolute; nil takes the format's in `directory`.
    static func imported(
        _ file: String, as format: Format, output: String?, in directory: String
    ) throws(ImportError) -> ImportOutcome {
        var diagnostics = Diagnostics()
        let bytes: [UInt8]
        do throws(FileError) { bytes = try FileTree.readWhole(file, limit: 8 << 20) } catch { throw .file(error) }
        let source = SourceText(path: LexicalPath.shortened(file, in: FileTree.currentDirectory), bytes: bytes)
        func failed(_ name: String) -> ImportOutcome {
            ImportOutcome(directory: "", package: name, diagnostics: diagnostics, differences: nil)
        }
        guard let node = format.load(source, &diagnostics), let given = format.name(node, &diagnostics) else {
            return failed("")
        }
        do throws(FormatError) { _ = try PackageName(given.text) } catch {
            diagnostics.error("import-value", "\(error)", at: given.node.range, help: given.help)
            return failed(given.text)
        }
        let target = output ?? directory + "/" + format.folder(given.text)
        try OutputFolder.check(target)
        var specification = ForeignSpecification(
            base: LexicalPath.split(file).folder, target: target, diagnostics: diagnostics)
        format.translate(node, given.text, &specification)
        return try specification.write(package: given.text)
    }

    /// Writes the workspace and reports what was found.
    private func write(package: String) throws(ImportError) -> ImportOutcome {
        if diagnostics.hasErrors {
            return ImportOutcome(directory: "", package: package, diagnostics: diagnostics, differences: nil)
        }
        do throws(FileError) {
            let folder = try OutputFolder(in: LexicalPath.split(target).folder)
            let sources = SpecEntry("sources", .text(Self.relative(base, from: target)))
            try folder.put(Array(SpecText.document(workspace + [sources]).utf8), at: Workspace.fileName)
            var all = entries
            if !contents.isEmpty { all.append(SpecEntry("contents", .list(contents))) }
            let head = "# Every key: debbuild schema package --form markdown\n"
            try folder.put(
                Array((head + SpecText.document(all)).utf8), at: package + "/" + Workspace.packageFileName)
            for file in files {
                try folder.put(file.bytes, at: package + "/" + file.name, permissions: file.permissions)
            }
            try folder.commit(as: target)
        } catch {
            throw .file(error)
        }
        return ImportOutcome(directory: target, package: package, diagnostics: diagnostics, differences: nil)
    }
}
