import DebianArchive
import DebianFormat
import Platform

/// Rules for the fields of `control` (deb-control(5)).
enum ControlFieldRules {
    static let all = [
        packageName, version, architecture, maintainer, description, section, priority, installedSize, prerelease,
        homepage, synopsisStyle, extendedDescription, multiArch, essential,
    ]

    static let packageName = LintRule(
        "DB0101", .error, "package name missing or malformed",
        remedy: "use at least two of lower-case letters, digits, '+', '-' and '.', beginning with a letter or digit",
        reference: "Debian Policy 5.6.7"
    ) { subject in
        malformed("Package", in: subject) { text throws(FormatError) in _ = try PackageName(text) }
    }

    static let version = LintRule(
        "DB0102", .error, "version missing or malformed",
        remedy: "write [epoch:]upstream[-revision], the upstream version beginning with a digit",
        reference: "deb-version(7), Debian Policy 5.6.12"
    ) { subject in
        malformed("Version", in: subject) { text throws(FormatError) in _ = try DebianVersion(text) }
    }

    static let architecture = LintRule(
        "DB0103", .error, "architecture missing, unknown or a wildcard",
        remedy: "name one architecture such as amd64, or 'all'", reference: "Debian Policy 5.6.8"
    ) { subject in
        let problems = malformed("Architecture", in: subject) { text throws(FormatError) in
            _ = try Architecture(text)
        }
        return problems
    }

    static let maintainer = LintRule(
        "DB0104", .error, "maintainer missing or malformed", remedy: "write 'Name <address@example.org>'",
        reference: "Debian Policy 5.6.2"
    ) { subject in
        malformed("Maintainer", in: subject) { text throws(FormatError) in _ = try Maintainer(text) }
    }

    static let description = LintRule(
        "DB0105", .error, "description missing or without a synopsis",
        remedy: "say in one line what the package is", reference: "Debian Policy 5.6.13"
    ) { subject in
        guard let text = subject.image.control["Description"] else {
            return [.init("Description", "field is missing")]
        }
        return synopsis(text).isEmpty ? [.init("Description", "synopsis is empty")] : []
    }

    static let section = LintRule(
        "DB0107", .warning, "section missing, unknown or with an archive area",
        remedy: "name a section such as 'net', without 'contrib/' or 'non-free/'", reference: "Debian Policy 2.4"
    ) { subject in
        guard let text = subject.image.control["Section"] else { return [.init("Section", "field is missing")] }
        if let area = text.split(separator: "/").first, text.contains("/") {
            return [
                .init(
                    "Section",
                    "'\(text)' puts the package into the archive area '\(area)', which Debian alone hands out")
            ]
        }
        return sections.contains(text) ? [] : [.init("Section", "'\(text)' is not a section of Debian")]
    }

    static let priority = LintRule(
        "DB0108", .warning, "priority missing, unknown or deprecated", remedy: "use 'optional'",
        reference: "Debian Policy 2.5"
    ) { subject in
        guard let text = subject.image.control["Priority"] else { return [.init("Priority", "field is missing")] }
        if text == "extra" { return [.init("Priority", "'extra' is deprecated")] }
        let known = ["required", "important", "standard", "optional"]
        return known.contains(text) ? [] : [.init("Priority", "'\(text)' is not a priority")]
    }

    static let installedSize = LintRule(
        "DB0109", .warning, "Installed-Size missing or wrong",
        remedy: "let the builder compute it: each file rounded up to KiB, 1 KiB for everything else",
        reference: "deb-substvars(5)"
    ) { subject in
        guard let text = subject.image.control["Installed-Size"] else {
            return [.init("Installed-Size", "field is missing")]
        }
        let computed = subject.image.computedInstalledSize
        guard let stated = Int64(text) else { return [.init("Installed-Size", "'\(text)' is not a number")] }
        // Builders count directories of the file system that they build on differently.
        let tolerance = max(Int64(subject.image.entries.count) * 4, computed / 50)
        guard abs(stated.subtractingReportingOverflow(computed).partialValue) > tolerance else { return [] }
        return [.init("Installed-Size", "says \(stated) KiB, the entries add up to \(computed) KiB")]
    }

    static let prerelease = LintRule(
        "DB0114", .warning, "pre-release version sorts after its release",
        remedy: "put '~' in front of the suffix", reference: "deb-version(7)"
    ) { subject in
        // Another rule reports a malformed version.
        guard let text = subject.image.control["Version"], let (release, suffix) = prereleaseParts(of: text),
            let before = try? DebianVersion(text), let after = try? DebianVersion(release), after < before
        else { return [] }
        return [
            .init(
                "Version", "'\(text)' sorts after '\(release)' that it precedes",
                remedy: "write '\(release)~\(suffix)'")
        ]
    }

    static let homepage = LintRule(
        "DB0120", .warning, "homepage is not a web address", remedy: "write the address without '<' and '>'",
        reference: "Debian Policy 5.6.23"
    ) { subject in
        guard let text = subject.image.control["Homepage"] else { return [] }
        let isAddress = ["http://", "https://", "ftp://"].contains { text.startsBytewise($0) && text.count > $0.count }
        return isAddress && !text.contains(" ") ? [] : [.init("Homepage", "'\(text)' is not an address")]
    }

    static let synopsisStyle = LintRule(
        "DB0121", .warning, "synopsis is not a phrase of at most 80 characters",
        remedy: "write a phrase that completes 'NAME is a …', without the name and without a full stop",
        reference: "Debian Policy 3.4.1, developers' reference 6.2.2"
    ) { subject in
        guard let text = subject.image.control["Description"] else { return [] }
        let line = synopsis(text)
        if line.count > 80 { return [.init("Description", "synopsis has \(line.count) characters (must be <=80)")] }
        if line.endsBytewise("."), !line.endsBytewise("etc.") {
            return [.init("Description", "synopsis ends with a full stop")]
        }
        let name = subject.name
        if !name.isEmpty, line == name || line.startsBytewise(name + " ") || line.startsBytewise(name + ":") {
            return [.init("Description", "synopsis begins with the package's name")]
        }
        return []
    }

    static let extendedDescription = LintRule(
        "DB0122", .info, "no extended description", remedy: "say what the package is for and what it needs",
        reference: "Debian Policy 3.4.2"
    ) { subject in
        // One for debuggers says it all in a line.
        guard let text = subject.image.control["Description"], !synopsis(text).isEmpty,
            subject.image.control["Auto-Built-Package"] == nil
        else { return [] }
        let rest = TextLines.of(Array(text.utf8)).dropFirst()
        let hasText = rest.contains { $0.contains { $0 != " " && $0 != "." && $0 != "\t" } }
        return hasText ? [] : [.init("Description", "only the synopsis is there")]
    }

    static let multiArch = LintRule(
        "DB0127", .error, "Multi-Arch unknown or impossible",
        remedy: "use no, same, foreign or allowed; not same with all",
        reference: "deb-control(5)"
    ) { subject in
        guard let text = subject.image.control["Multi-Arch"] else { return [] }
        guard ["no", "same", "foreign", "allowed"].contains(text) else {
            return [.init("Multi-Arch", "'\(text)' is not a value of this field")]
        }
        guard text == "same", subject.image.control["Architecture"] == "all" else { return [] }
        return [.init("Multi-Arch", "'same' in a package for all architectures")]
    }

    static let essential = LintRule(
        "DB0128", .warning, "package is essential",
        remedy: "leave the field out: dpkg would refuse to remove the package", reference: "Debian Policy 3.8"
    ) { subject in
        guard let text = subject.image.control["Essential"], text == "yes" else { return [] }
        return [.init("Essential", "field is 'yes'")]
    }

    // MARK: - parts

    /// The values of Policy 2.4, areas left out.
    private static let sections: Set<String> = [
        "admin", "cli-mono", "comm", "database", "debug", "devel", "doc", "editors", "education", "electronics",
        "embedded", "fonts", "games", "gnome", "gnu-r", "gnustep", "graphics", "hamradio", "haskell", "httpd",
        "interpreters", "introspection", "java", "javascript", "kde", "kernel", "libdevel", "libs", "lisp",
        "localization", "mail", "math", "metapackages", "misc", "net", "news", "ocaml", "oldlibs", "otherosfs", "perl",
        "php", "python", "ruby", "rust", "science", "shells", "sound", "tasks", "tex", "text", "utils", "vcs", "video",
        "web", "x11", "xfce", "zope", "debian-installer",
    ]

    private static func malformed(
        _ field: String, in subject: LintedPackage, parse: (String) throws(FormatError) -> Void
    ) -> [LintRule.Observation] {
        guard let text = subject.image.control[field] else { return [.init(field, "field is missing")] }
        do throws(FormatError) {
            try parse(text)
            return []
        } catch {
            return [.init(field, "\(error)")]
        }
    }

    private static func synopsis(_ text: String) -> String {
        let line = TextLines.of(Array(text.utf8)).first ?? ""
        return String(line.drop { $0 == " " || $0 == "\t" })
    }

    /// `1.30.0` and `rc.1` of `1.30.0rc.1`, `1.30.0-rc.1` or `1.30.0.rc1`; nil for anything else.
    private static func prereleaseParts(of version: String) -> (release: String, suffix: String)? {
        let lower = version.lowercased()
        guard lower.utf8.count == version.utf8.count, lower.utf8.count <= 256 else { return nil }
        for word in ["alpha", "beta", "pre", "preview", "rc", "dev", "snapshot"] {
            guard let found = range(of: word, in: lower), found > lower.startIndex else { continue }
            var release = lower[..<found]
            let separator = release.last
            if let separator, separator == "-" || separator == "." || separator == "_" { release = release.dropLast() }
            guard let digit = release.last, digit.isASCII, digit.isNumber, !release.contains("~"),
                !release.contains("+")
            else { continue }
            return (
                String(version.prefix(release.count)),
                String(version.suffix(lower.distance(from: found, to: lower.endIndex)))
            )
        }
        return nil
    }

    private static func range(of word: String, in text: String) -> String.Index? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].startsBytewise(word) { return index }
            index = text.index(after: index)
        }
        return nil
    }
}
