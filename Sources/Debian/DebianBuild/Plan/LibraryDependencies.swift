import Files
import DebianFormat
import DebianArchive
import Platform
import Archive
import Documents
import ELF

/// Turns what ELF payload needs of shared libraries into relations of `Depends`, as dpkg-shlibdeps(1) does.
///
/// The C library, GCC's runtime and the C++ library follow from symbol versions, so that the answer does not depend on
/// the machine that builds. Other libraries come from the workspace's own table first, then from the shlibs files of
/// the packages installed here (deb-shlibs(5)).
struct LibraryDependencies: Sendable {
    /// Sonames with the relation that the workspace gives for them.
    var declared: [String: String]
    /// Where dpkg keeps the shlibs files of installed packages.
    var shlibsDirectory: String

    /// Creates a resolver.
    init(declared: [String: String] = [:], shlibsDirectory: String = "/var/lib/dpkg/info") {
        self.declared = declared
        self.shlibsDirectory = shlibsDirectory
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
    func resolve(_ files: [ELFFile], provided: Set<String>, architecture: Architecture) -> Result {
        var minimum: [String: DebianVersion?] = [:]
        var verbatim: Set<String> = []
        var unknown: Set<String> = []
        func require(_ package: String, _ version: String?) {
            let wanted = version.flatMap { try? DebianVersion($0) }
            if let present = minimum[package] ?? nil {
                if let wanted, present < wanted { minimum[package] = wanted }
            } else {
                minimum[package] = .some(wanted)
            }
        }
        var shlibs: [String: String]?
        for file in files {
            let versions = Dictionary(
                file.versionNeeds.map { ($0.library, $0.versions) }, uniquingKeysWith: { $0 + $1 })
            for library in file.needed where !provided.contains(library) {
                if let relation = declared[library] {
                    verbatim.insert(relation)
                } else if let family = Self.families.first(where: { $0.covers(library) }) {
                    require(family.package, nil)
                    for symbol in versions[library] ?? [] { require(family.package, family.version(symbol)) }
                } else {
                    let table = shlibs ?? installedShlibs(architecture)
                    shlibs = table
                    if let relation = table[library] { verbatim.insert(relation) } else { unknown.insert(library) }
                }
            }
        }
        for (package, version) in minimum {
            verbatim.insert(version.map { "\(package) (>= \($0))" } ?? package)
        }
        return Result(relations: verbatim.sorted(), unknown: unknown.sorted())
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

    // MARK: - deb-shlibs(5)

    private func installedShlibs(_ architecture: Architecture) -> [String: String] {
        guard let names = try? FileTree.children(of: shlibsDirectory) else { return [:] }
        var table: [String: String] = [:]
        for name in names where name.hasSuffix(".shlibs") {
            let stem = name.dropLast(".shlibs".count)
            // A multi-arch package of another architecture says nothing about this one.
            if let colon = stem.lastIndex(of: ":"), stem[stem.index(after: colon)...] != architecture.description {
                continue
            }
            guard let bytes = try? FileTree.readWhole(shlibsDirectory + "/" + name, limit: 1 << 20) else { continue }
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                guard let (soname, relation) = Self.shlibsLine(line) else { continue }
                for candidate in soname where table[candidate] == nil { table[candidate] = relation }
            }
        }
        return table
    }

    /// `[type:] library version dependencies`: the soname is `library.so.version` or `library-version.so`.
    private static func shlibsLine(_ line: Substring) -> (sonames: [String], relation: String)? {
        var words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard let first = words.first, !first.hasPrefix("#") else { return nil }
        if first.hasSuffix(":") {
            guard first == "deb:" else { return nil }
            words = line.dropFirst(first.count).split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        }
        guard words.count == 3 else { return nil }
        let relation = words[2].drop { $0 == " " }
        return (["\(words[0]).so.\(words[1])", "\(words[0])-\(words[1]).so"], String(relation))
    }
}
