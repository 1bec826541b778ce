import DebianFormat
import Documents
import Platform

/// Makes the copyright file of a package that declares its licence.
struct CopyrightPlanner {
    let spec: PackageSpec
    let sources: SourceFiles

    /// The file, and the place that declares it; nil where the package has none, and after a diagnostic.
    func file(diagnostics: inout Diagnostics) -> (bytes: [UInt8], range: SourceRange?)? {
        let licensing = spec.licensing
        guard let license = licensing.license else {
            // They may be those of the whole workspace, and mean nothing for a package with a file of its own.
            if spec.copyright != nil { return nil }
            for holder in licensing.holders.prefix(1) { report(holder.range, "copyright-holders", &diagnostics) }
            if let files = licensing.files { report(files.range, "license-file", &diagnostics) }
            return nil
        }
        if let copyright = spec.copyright {
            diagnostics.note(
                "license-unused", "the package has a copyright file of its own, and no file is made of 'license'",
                at: copyright.range)
            return nil
        }
        let before = diagnostics.errorCount
        if licensing.holders.isEmpty {
            diagnostics.error(
                "copyright-holders", "nobody is named who has the copyright", at: license.range,
                help: "add 'copyright-holders: [2026 A Team <team@example.org>]' here or under 'defaults'")
        }
        for holder in licensing.holders where holder.value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            diagnostics.error(
                "copyright-holders", "a holder has several lines or control characters", at: holder.range,
                help: "give each holder as an item of the list")
        }
        let texts = texts(of: license, diagnostics: &diagnostics)
        guard diagnostics.errorCount == before else { return nil }
        let file = CopyrightFile(
            name: spec.source?.value.split(separator: " ").first.map(String.init) ?? spec.name.value.description,
            source: spec.homepage?.value, holders: licensing.holders.map(\.value), license: license.value, texts: texts)
        return (Array(file.text.utf8), license.range)
    }

    private func report(_ range: SourceRange?, _ key: String, _ diagnostics: inout Diagnostics) {
        diagnostics.warning(
            "license-missing", "'\(key)' is given without 'license', and no copyright file is made", at: range,
            help: "add 'license:' with an SPDX expression, or write all of it into a file and name that as 'copyright'")
    }

    // MARK: - texts

    private func texts(
        of license: Located<SPDXExpression>, diagnostics: inout Diagnostics
    ) -> [SPDXLicense: String] {
        let before = diagnostics.errorCount
        let all = license.value.licenses
        let wanted = all.filter(\.needsText)
        var texts: [SPDXLicense: String] = [:]
        switch spec.licensing.files {
        case .one(let file)?:
            if wanted.isEmpty {
                noteUnused(file.range, &diagnostics)
            } else if wanted.count > 1 {
                let keys = wanted.map { "'\($0)'" }.joined(separator: " and ")
                diagnostics.error(
                    "license-file", "one text for the licences \(keys)", at: file.range,
                    help: "give each its own: 'license-file: {\(wanted[0]): LICENSE-\(wanted[0].identifier), …}'")
                return texts
            } else if let text = text(file, diagnostics: &diagnostics) {
                texts[wanted[0]] = text
            }
        case .several(let files, _)?:
            for (name, file) in files {
                let key = name.value.lowercased()
                guard let license = all.first(where: { $0.description.lowercased() == key }) else {
                    let names = all.map(\.description)
                    diagnostics.error(
                        "license-file", "'\(name.value)' is not one of the licences of 'license'", at: name.range,
                        help: SpellingSuggestion.of(name.value, among: names).map { "did you mean '\($0)'?" }
                            ?? "they are \(names.joined(separator: ", "))")
                    continue
                }
                if !license.needsText {
                    noteUnused(file.range, &diagnostics)
                } else if let text = text(file, diagnostics: &diagnostics) {
                    texts[license] = text
                }
            }
        case nil: break
        }
        guard diagnostics.errorCount == before else { return texts }
        for missing in wanted where texts[missing] == nil {
            diagnostics.error(
                "license-file", "the text of the licence '\(missing)' is missing", at: license.range,
                help: "no Debian system has it in /usr/share/common-licenses: name its file, "
                    + (wanted.count > 1 ? "'license-file: {\(missing): LICENSE}'" : "'license-file: LICENSE'"))
        }
        return texts
    }

    private func noteUnused(_ range: SourceRange?, _ diagnostics: inout Diagnostics) {
        diagnostics.note(
            "license-file-unused",
            "every Debian system has the licence in /usr/share/common-licenses: the file refers to that", at: range)
    }

    private func text(_ file: Located<String>, diagnostics: inout Diagnostics) -> String? {
        guard let text = sources.document(file, diagnostics: &diagnostics) else { return nil }
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || [0x09, 0x0a, 0x0c].contains($0) }
        guard isPlain, !text.allSatisfy(\.isWhitespace) else {
            diagnostics.error(
                "license-file", "'\(file.value)' is empty or has control characters", at: file.range,
                help: "give the licence as plain text")
            return nil
        }
        return text
    }
}
