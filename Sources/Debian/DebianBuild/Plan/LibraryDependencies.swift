import Files
import Glibc
import DebianFormat
import DebianArchive
import Platform
import Archive
import Documents
import ELF

/// Turns what ELF payload needs of shared libraries into relations of `Depends`, as dpkg-shlibdeps(1) does.
///
/// The package's own table comes first, then the packages that are built with it, then what those installed here say:
/// their symbols files (deb-symbols(5)), which know since when there is a symbol, before their shlibs files
/// (deb-shlibs(5)). Where the C library, GCC's runtime or the C++ library is not installed for the architecture, symbol
/// versions stand for them.
struct LibraryDependencies: Sendable {
    /// Sonames with the relation that the workspace gives for them.
    var declared: [String: String]
    /// Sonames that other packages of the workspace ship, with the relations to these.
    var siblings: [String: String]
    /// Where dpkg keeps the shlibs and symbols files of installed packages.
    var infoDirectory: String

    /// Creates a resolver.
    init(
        declared: [String: String] = [:], siblings: [String: String] = [:], infoDirectory: String = "/var/lib/dpkg/info"
    ) {
        self.declared = declared
        self.siblings = siblings
        self.infoDirectory = infoDirectory
    }

    /// The outcome for one package.
    struct Result: Sendable, Equatable {
        /// Relations, sorted by package name, each package once with the highest version.
        var relations: [String]
        /// Sonames for which no package is known.
        var unknown: [String]
    }

    /// Resolves what a set of ELF files needs.
    ///
    /// - Parameter provided: sonames that the package itself ships.
    /// - Throws: ``FileError`` when dpkg's files cannot be read.
    func resolve(
        _ files: [ELFFile], provided: Set<String>, architecture: Architecture
    ) throws(FileError) -> Result {
        var minimum: [String: DebianVersion?] = [:]
        var verbatim: Set<String> = []
        var unknown: Set<String> = []
        func require(_ package: String, _ wanted: DebianVersion?) {
            if let present = minimum[package] ?? nil {
                if let wanted, present < wanted { minimum[package] = wanted }
            } else {
                minimum[package] = .some(wanted)
            }
        }
        var installed: [String: InstalledLibrary]?
        // What each library has to provide, for one look at its symbols file.
        var wanted: [String: Set<String>] = [:]
        for file in files {
            let versions = Dictionary(
                file.versionNeeds.map { ($0.library, $0.versions) }, uniquingKeysWith: { $0 + $1 })
            for library in file.needed where !provided.contains(library) {
                if let relation = declared[library] ?? siblings[library] {
                    verbatim.insert(relation)
                    continue
                }
                let table: [String: InstalledLibrary]
                if let installed { table = installed } else { table = try installedLibraries(architecture) }
                installed = table
                if let found = table[library], found.hasSymbols {
                    wanted[library, default: []].formUnion(file.undefinedSymbols)
                } else if let family = Self.families.first(where: { $0.covers(library) }) {
                    let template = family.package + " " + SymbolsFile.minimumMark
                    require(template, nil)
                    for symbol in versions[library] ?? [] {
                        // GLIBC_PRIVATE and the like are no versions of a package.
                        require(template, family.version(symbol).flatMap { try? DebianVersion($0) })
                    }
                } else if let found = table[library] {
                    verbatim.insert(found.relation)
                } else {
                    unknown.insert(library)
                }
            }
        }
        for (library, symbols) in wanted {
            guard let stem = installed?[library]?.stem else { continue }
            let bytes = try FileTree.readWhole(infoDirectory + "/" + stem + ".symbols", limit: Self.symbolsLimit)
            for (template, version) in SymbolsFile.dependencies(of: library, on: symbols, in: bytes) {
                require(template, version)
            }
        }
        for (template, version) in minimum {
            verbatim.insert(Self.relation(template, version))
        }
        return Result(relations: verbatim.sorted(), unknown: unknown.sorted())
    }

    /// A template of deb-symbols(5) with the version in place of `#MINVER#`.
    private static func relation(_ template: String, _ version: DebianVersion?) -> String {
        guard let mark = template.firstRange(of: SymbolsFile.minimumMark) else { return template }
        // Every version is at least 0.
        let text = version.map { $0.description == "0" ? "" : "(>= \($0))" } ?? ""
        let filled = template[..<mark.lowerBound] + text + template[mark.upperBound...]
        return String(filled.reversed().drop { $0 == " " }.reversed())
    }

    // MARK: - libraries that say their version in their symbols

    private struct Family {
        let package: String
        let sonames: [String]
        let prefix: String
        var table: [String: String] = [:]

        func covers(_ soname: String) -> Bool { sonames.contains { soname.hasPrefix($0) } }

        // "GLIBC_2.34" says the version itself; the C++ library's "GLIBCXX_3.4.30" has to be looked up.
        func version(_ symbol: String) -> String? {
            if let known = table[symbol] { return known }
            guard table.isEmpty, symbol.hasPrefix(prefix) else { return nil }
            let text = symbol.dropFirst(prefix.count)
            guard text.first?.isNumber == true else { return nil }
            return String(text)
        }
    }

    private static let families = [
        Family(
            package: "libc6",
            sonames: [
                "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libresolv.so.2",
                "libutil.so.1", "libanl.so.1", "libnss_", "libthread_db.so.1", "ld-linux",
            ], prefix: "GLIBC_"),
        Family(package: "libgcc-s1", sonames: ["libgcc_s.so.1"], prefix: "GCC_"),
        // The GCC release that first had each version: the ABI history in the manual of libstdc++.
        Family(
            package: "libstdc++6", sonames: ["libstdc++.so.6"], prefix: "GLIBCXX_",
            table: [
                "GLIBCXX_3.4.18": "4.8", "GLIBCXX_3.4.19": "4.8.1", "GLIBCXX_3.4.20": "4.9", "GLIBCXX_3.4.21": "5.1",
                "GLIBCXX_3.4.22": "6.1", "GLIBCXX_3.4.23": "7.1", "GLIBCXX_3.4.24": "7.2", "GLIBCXX_3.4.25": "8.1",
                "GLIBCXX_3.4.26": "9.1", "GLIBCXX_3.4.27": "9.2", "GLIBCXX_3.4.28": "9.3", "GLIBCXX_3.4.29": "11.1",
                "GLIBCXX_3.4.30": "12.1", "GLIBCXX_3.4.31": "13.1", "GLIBCXX_3.4.32": "13.2", "GLIBCXX_3.4.33": "14.1",
                "GLIBCXX_3.4.34": "15.1", "CXXABI_1.3.7": "4.8", "CXXABI_1.3.8": "4.9", "CXXABI_1.3.9": "5.1",
                "CXXABI_1.3.10": "6.1", "CXXABI_1.3.11": "7.1", "CXXABI_1.3.12": "9.1", "CXXABI_1.3.13": "11.1",
                "CXXABI_1.3.14": "13.1", "CXXABI_1.3.15": "14.1",
            ]),
    ]

    // MARK: - what dpkg knows

    /// A library of an installed package.
    private struct InstalledLibrary {
        /// What shlibs says.
        var relation: String
        /// The name of the package's files in dpkg's folder, without their suffixes.
        var stem: String
        var hasSymbols: Bool
    }

    /// The symbols files of the largest libraries of Debian have a tenth of it.
    private static let symbolsLimit = 64 << 20

    private func installedLibraries(_ architecture: Architecture) throws(FileError) -> [String: InstalledLibrary] {
        let names: [String]
        do throws(FileError) {
            names = try FileTree.children(of: infoDirectory)
        } catch {
            // A system without dpkg builds packages as well.
            if error.errno == ENOENT { return [:] }
            throw error
        }
        let all = Set(names)
        // A multi-arch package of another architecture says nothing about this one.
        func isForeign(_ stem: String) -> Bool {
            stem.lastIndex(of: ":").map { stem[stem.index(after: $0)...] != architecture.description } ?? false
        }
        var table: [String: InstalledLibrary] = [:]
        for name in names where name.hasSuffix(".shlibs") {
            let stem = String(name.dropLast(".shlibs".count))
            if isForeign(stem) { continue }
            let bytes = try FileTree.readWhole(infoDirectory + "/" + name, limit: 1 << 20)
            for entry in ShlibsFile.readableEntries(of: bytes)
            where entry.type == nil || entry.type == "deb" {
                let library = InstalledLibrary(
                    relation: entry.relation, stem: stem, hasSymbols: all.contains(stem + ".symbols"))
                for soname in entry.library.sonames where table[soname] == nil { table[soname] = library }
            }
        }
        for name in names where name.hasSuffix(".symbols") {
            let stem = String(name.dropLast(".symbols".count))
            if all.contains(stem + ".shlibs") || isForeign(stem) { continue }
            let bytes = try FileTree.readWhole(infoDirectory + "/" + name, limit: Self.symbolsLimit)
            for soname in SymbolsFile.sonames(in: bytes) where table[soname] == nil {
                table[soname] = InstalledLibrary(relation: "", stem: stem, hasSymbols: true)
            }
        }
        return table
    }
}
