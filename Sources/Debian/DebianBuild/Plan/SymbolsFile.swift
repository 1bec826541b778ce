import DebianFormat
import Platform

/// The symbols of an installed library, each with the version of the package that first had it (deb-symbols(5)).
enum SymbolsFile {
    /// Stands in a dependency template for the version.
    static let minimumMark = "#MINVER#"

    /// What follows from the use of a library: dependency templates, each with the highest version that is needed.
    ///
    /// The library's first template holds whatever is used of it, with the lowest version of its symbols; so does
    /// dpkg-shlibdeps(1).
    ///
    /// - Parameters:
    ///   - soname: the library.
    ///   - symbols: what may be used of it, as `name@VERSION`; others are left out.
    ///   - bytes: the symbols file of its package.
    static func dependencies(
        of soname: String, on symbols: Set<String>, in bytes: [UInt8]
    ) -> [(template: String, version: DebianVersion?)] {
        var templates: [String] = []
        var lowest: DebianVersion?
        var needed: [Int: DebianVersion] = [:]
        var isWanted = false
        // Thousands of lines share few versions.
        var versions: [Substring: DebianVersion?] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            switch line.utf8.first {
            case UInt8(ascii: "*"), UInt8(ascii: "#"): continue
            case UInt8(ascii: "|"):
                if isWanted { templates.append(trimmed(line.dropFirst())) }
            case UInt8(ascii: " "):
                guard isWanted else { continue }
                let words = line.split(separator: " ")
                // `#MISSING: 1.2#name@Base 1.0` is of a symbol that is gone.
                guard words.count > 1, words[0].utf8.first != UInt8(ascii: "#") else { continue }
                let template = words.count > 2 ? Int(words[2]) ?? 0 : 0
                // What dpkg itself would not take as a version bounds nothing; the library's own relation stays.
                let version = versions[words[1]] ?? (try? DebianVersion(String(words[1])))
                versions[words[1]] = version
                guard let version else { continue }
                if template == 0, lowest.map({ version < $0 }) ?? true { lowest = version }
                let name = words[0].utf8.first == UInt8(ascii: "(") ? untagged(words[0]) : words[0]
                guard symbols.contains(String(name)) else { continue }
                if needed[template].map({ $0 < version }) ?? true { needed[template] = version }
            default:
                // `libfoo.so.1 libfoo1 #MINVER#` begins the part of a library.
                isWanted = line.prefix { $0 != " " } == soname
                if isWanted {
                    templates = [trimmed(line.dropFirst(soname.count))]
                    lowest = nil
                    needed = [:]
                }
            }
        }
        guard !templates.isEmpty else { return [] }
        var result: [(template: String, version: DebianVersion?)] = []
        for (index, template) in templates.enumerated() where index == 0 || needed[index] != nil {
            let version = [needed[index], index == 0 ? lowest : nil].compactMap { $0 }.max()
            for part in template.split(separator: ",") { result.append((trimmed(part), version)) }
        }
        return result
    }

    /// The libraries that the file is about.
    static func sonames(in bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { line in
            line.utf8.first.map { !" |*#".utf8.contains($0) } ?? false
        }.map { String($0.prefix { $0 != " " }) }
    }

    /// The name behind `(tag|tag=value)`.
    private static func untagged(_ word: Substring) -> Substring {
        word.firstIndex(of: ")").map { word[word.index(after: $0)...] } ?? word
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
