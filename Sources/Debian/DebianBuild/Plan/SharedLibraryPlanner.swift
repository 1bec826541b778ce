import Archive
import DebianArchive
import DebianFormat
import Documents
import ELF
import Files
import Platform

/// The shared libraries of a package that are for everybody, and what dh_makeshlibs(1) makes of them: a file `shlibs`
/// for whoever builds against them, and a trigger that tells the linker of them.
///
/// A library is for everybody when it lies where the linker looks by itself. dh_makeshlibs takes any library with a
/// version for one, and is told of the others with -X.
struct SharedLibraryPlanner {
    /// The lines for those that have a version in their soname, in the order of their paths.
    private(set) var shlibs = ShlibsFile(entries: [])
    /// Sonames of all libraries of the package, wherever they are.
    private var sonames: Set<String> = []
    private var symbols: [UInt8]?
    private var needsTrigger = false

    /// The libraries among the entries, which have been inspected.
    init(_ entries: [PlannedEntry], spec: PackageSpec, version: DebianVersion) {
        let relation = "\(spec.name.value) (>= \(version.withoutRevision))"
        var seen: Set<SharedLibraryName> = []
        let libraries = entries.compactMap { planned -> (path: String, soname: String)? in
            guard let elf = planned.facts?.elf, elf.type == .shared || elf.type == .executable, let soname = elf.soname
            else { return nil }
            return (planned.installedPath, soname)
        }
        for (path, soname) in libraries.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            sonames.insert(soname)
            guard spec.publishesLibraries, LibraryFolders.contain(path) else { continue }
            needsTrigger = true
            // One without a version, such as those of NSS, can only be named in 'symbols'.
            guard let library = SharedLibraryName(soname: soname) else { continue }
            if seen.insert(library).inserted {
                shlibs.entries.append(ShlibsFile.Entry(library: library, relation: relation))
            }
        }
    }

    /// What a package depends on that needs one of the libraries, by soname.
    var relations: [String: String] {
        var result: [String: String] = [:]
        for entry in shlibs.entries {
            for soname in entry.library.sonames where sonames.contains(soname) { result[soname] = entry.relation }
        }
        return result
    }

    /// Reads the package's own file of symbols and compares it with the libraries.
    mutating func addSymbols(_ spec: PackageSpec, sources: SourceFiles, diagnostics: inout Diagnostics) {
        guard let file = spec.symbols, let bytes = sources.text(file, diagnostics: &diagnostics)?.bytes else { return }
        symbols = bytes
        do throws(FormatError) {
            let parsed = try SymbolsControlFile(parsing: String(decoding: bytes, as: UTF8.self))
            let listed = parsed.libraries.map(\.soname)
            for soname in listed where !sonames.contains(soname) {
                diagnostics.error(
                    "symbols-library", "symbols '\(file.value)' lists '\(soname)', which the package does not ship",
                    at: file.range)
            }
            for soname in relations.keys.sorted() where !listed.contains(soname) {
                diagnostics.warning(
                    "symbols-missing", "symbols '\(file.value)' does not list the library '\(soname)'", at: file.range)
            }
        } catch {
            let (line, _) = TextPosition.of(offset: error.offset, in: bytes)
            diagnostics.error(
                "symbols-syntax", "symbols '\(file.value)' line \(line): \(error)", at: file.range,
                help: "dpkg-gensymbols(1) writes it: see deb-symbols(5)")
        }
    }

    /// The control files that follow.
    var controlFiles: [ControlFile] {
        var files: [ControlFile] = []
        if !shlibs.entries.isEmpty {
            files.append(ControlFile(name: "shlibs", permissions: 0o644, bytes: Array(shlibs.text.utf8)))
        }
        if let symbols { files.append(ControlFile(name: "symbols", permissions: 0o644, bytes: symbols)) }
        return files
    }

    /// The file `triggers`: the package's own lines and the one for the linker.
    func triggers(_ own: [Trigger]) -> ControlFile? {
        var all = own
        let hasOwn = own.contains { $0.directive.hasPrefix("activate") && $0.name == Trigger.ldconfig.name }
        if needsTrigger, !hasOwn { all.append(.ldconfig) }
        if all.isEmpty { return nil }
        return ControlFile(name: "triggers", permissions: 0o644, bytes: Array(Trigger.text(of: all).utf8))
    }
}

/// The shared libraries of all packages that are planned together.
struct SiblingLibraries {
    /// What depends on the package that ships a library, by architecture and soname.
    private(set) var relations: [Architecture: [String: String]] = [:]

    mutating func add(_ draft: PackageDraft, for architecture: Architecture, diagnostics: inout Diagnostics) {
        for (soname, relation) in draft.libraries.sorted(by: { $0.key < $1.key }) {
            let other = relations[architecture, default: [:]].updateValue(relation, forKey: soname)
            guard let other, other != relation else { continue }
            diagnostics.error(
                "library-twice", "two packages ship the library '\(soname)': \(other) and \(relation)",
                at: draft.spec.name.range,
                help: "keep one, or set 'public-libraries: false' in the package that has it for itself")
        }
    }
}
