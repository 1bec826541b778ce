import Platform

/// A copyright file in Debian's machine-readable format 1.0, for files of one licence and the same holders
/// (www.debian.org/doc/packaging-manuals/copyright-format/1.0/).
public struct CopyrightFile: Sendable {
    /// The project.
    public var name: String
    /// Where its source is, if that is known.
    public var source: String?
    /// Who has the copyright, each with the years: `2020-2026 A Team <team@example.org>`.
    public var holders: [String]
    /// The licences.
    public var license: SPDXExpression
    /// Texts of licences; those in `/usr/share/common-licenses` need none.
    public var texts: [SPDXLicense: String]

    /// Creates a description of a file.
    public init(
        name: String, source: String? = nil, holders: [String], license: SPDXExpression,
        texts: [SPDXLicense: String] = [:]
    ) {
        self.name = name
        self.source = source
        self.holders = holders
        self.license = license
        self.texts = texts
    }

    /// The file.
    public var text: String {
        var text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        text += "Upstream-Name: \(name)\n"
        if let source { text += "Source: \(source)\n" }
        text += "\nFiles: *\nCopyright: \(holders.joined(separator: "\n           "))\n"
        text += "License: \(license.debianName)\n"
        for license in license.licenses {
            let paragraphs = [texts[license].map(Self.folded), license.commonText].compactMap { $0 }
            text += "\nLicense: \(license.debianName)\n" + paragraphs.joined(separator: " .\n")
        }
        return text
    }

    /// The lines of a licence as those of a field: blank ones are a full stop, and tabs are spaces.
    private static func folded(_ text: String) -> String {
        var lines = text.utf8.split(separator: Ascii.newline, omittingEmptySubsequences: false).map { line in
            var columns: [UInt8] = []
            for byte in line where byte != 0x0c {
                if byte == Ascii.tab {
                    repeat { columns.append(Ascii.space) } while columns.count % 8 != 0
                } else {
                    columns.append(byte)
                }
            }
            return Ascii.text(Ascii.trimmedAtEnd(columns[...]))
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.drop { $0.isEmpty }.map { line in
            // A full stop alone would be read as a blank line.
            line.isEmpty ? " .\n" : line == "." ? "  .\n" : " \(line)\n"
        }.joined()
    }
}

extension SPDXLicense {
    /// A licence whose text every Debian system has.
    private struct Common {
        /// The name of the file in `/usr/share/common-licenses`.
        var file: String
        /// What the licence is called.
        var title: String
    }

    /// The parts of an identifier of the GNU licences, such as `LGPL-2.1-or-later`; nil for others.
    private var gnu: (family: String, version: String, isLater: Bool)? {
        let parts = identifier.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, ["GPL", "LGPL", "AGPL", "GFDL"].contains(parts[0]) else { return nil }
        let version = parts[1].hasSuffix(".0") ? String(parts[1].dropLast(2)) : parts[1]
        switch parts.dropFirst(2).joined(separator: "-") {
        case "", "only": return (parts[0], version, allowsLater)
        case "or-later": return (parts[0], version, true)
        case "no-invariants-only": return (parts[0] + "-NIV", version, false)
        case "no-invariants-or-later": return (parts[0] + "-NIV", version, true)
        default: return nil
        }
    }

    /// The short name in Debian's format, such as `GPL-2+`, `Expat` or `GPL-2+ with Classpath exception`.
    public var debianName: String {
        guard let exception else { return baseName }
        // The format has keywords here, and one exception to a licence.
        let keywords = Self.keywords(of: exception)
        return "\(baseName) with \(keywords) exception"
    }

    private static func keywords(of exception: String) -> String {
        let parts = exception.split(separator: "-", omittingEmptySubsequences: false)
        let words = parts.prefix { $0 != "exception" }
        return words.isEmpty ? exception : words.joined(separator: "-")
    }

    private var baseName: String {
        if let gnu { return "\(gnu.family)-\(gnu.version)" + (gnu.isLater ? "+" : "") }
        let other = [
            "MIT": "Expat", "BSD-2-Clause": "BSD-2-clause", "BSD-3-Clause": "BSD-3-clause",
            "BSD-4-Clause": "BSD-4-clause", "Artistic-1.0-Perl": "Artistic",
        ]
        return (other[identifier] ?? identifier) + (allowsLater ? "+" : "")
    }

    private var common: Common? {
        let titles = [
            "Apache-2.0": "Apache License, version 2.0", "Artistic": "Artistic License",
            "CC0-1.0": "CC0 1.0 Universal Public Domain Dedication", "GPL-1": "GNU General Public License",
            "GPL-2": "GNU General Public License", "GPL-3": "GNU General Public License",
            "LGPL-2": "GNU Library General Public License", "LGPL-2.1": "GNU Lesser General Public License",
            "LGPL-3": "GNU Lesser General Public License", "GFDL-1.2": "GNU Free Documentation License",
            "GFDL-1.3": "GNU Free Documentation License", "MPL-1.1": "Mozilla Public License, version 1.1",
            "MPL-2.0": "Mozilla Public License, version 2.0",
        ]
        var file = baseName
        if let gnu { file = (gnu.family == "GFDL-NIV" ? "GFDL" : gnu.family) + "-" + gnu.version }
        return titles[file].map { Common(file: file, title: $0) }
    }

    /// Whether a text has to be given for it: no Debian system has it, or it has an exception.
    public var needsText: Bool { common == nil || exception != nil }

    /// Where every Debian system has the text (Policy 12.5), as lines of a field; nil where none has it.
    var commonText: String? {
        guard let common else { return nil }
        var lines = ["This work may be used under the terms of the \(common.title)"]
        if let gnu {
            lines[0] += ","
            let invariants = gnu.family == "GFDL-NIV" ? ", with no invariant sections and no cover texts" : ""
            lines.append(
                "version \(gnu.version)" + (gnu.isLater ? " or (at your option) any later version" : "") + invariants
                    + ", as published by the")
            lines.append("Free Software Foundation.")
        } else {
            lines[0] += "."
        }
        lines += [
            ".", "On Debian systems, the text of the license is in the file", "\"\(Self.folder)/\(common.file)\".",
        ]
        return lines.map { " \($0)\n" }.joined()
    }

    private static let folder = "/usr/share/common-licenses"
}

extension SPDXExpression {
    /// The short names with `or` and `and`.
    ///
    /// Debian's format has no parentheses: `and` binds more strongly, unless a comma stands before it. What that cannot
    /// say is written as a choice between conjunctions, which means the same.
    public var debianName: String {
        switch self {
        case .license(let license): return license.debianName
        case .all(let parts):
            let clauses = parts.flatMap(\.conjuncts).map(\.disjuncts)
            if let names = Self.names(clauses) {
                let hasChoice = names.contains { $0.count > 1 }
                return names.map { $0.joined(separator: " or ") }.joined(separator: hasChoice ? ", and " : " and ")
            }
            return Self.choice(alternatives)
        case .any: return Self.choice(alternatives)
        }
    }

    private static func choice(_ alternatives: [[SPDXLicense]]) -> String {
        var seen: [String] = []
        for alternative in alternatives {
            var names: [String] = []
            for license in alternative where !names.contains(license.debianName) { names.append(license.debianName) }
            let text = names.joined(separator: " and ")
            if !seen.contains(text) { seen.append(text) }
        }
        return seen.joined(separator: " or ")
    }

    /// The names of clauses of single licences; nil where one is more than that.
    private static func names(_ clauses: [[SPDXExpression]]) -> [[String]]? {
        var result: [[String]] = []
        for clause in clauses {
            var names: [String] = []
            for part in clause {
                guard case .license(let license) = part else { return nil }
                names.append(license.debianName)
            }
            result.append(names)
        }
        return result
    }

    private var conjuncts: [SPDXExpression] {
        if case .all(let parts) = self { parts.flatMap(\.conjuncts) } else { [self] }
    }

    private var disjuncts: [SPDXExpression] {
        if case .any(let parts) = self { parts.flatMap(\.disjuncts) } else { [self] }
    }

    /// The conjunctions that there is a choice of.
    private var alternatives: [[SPDXLicense]] {
        switch self {
        case .license(let license): [[license]]
        case .any(let parts): parts.flatMap(\.alternatives)
        case .all(let parts):
            parts.reduce([[]]) { combined, part in
                combined.flatMap { left in part.alternatives.map { left + $0 } }
            }
        }
    }

    /// In how many ways the licences may be combined, counted no further than the limit; more than a few nobody reads.
    func combinations(limit: Int) -> Int {
        switch self {
        case .license: 1
        case .any(let parts): parts.reduce(0) { min(limit, $0 + $1.combinations(limit: limit)) }
        case .all(let parts): parts.reduce(1) { min(limit, $0 * $1.combinations(limit: limit)) }
        }
    }
}
