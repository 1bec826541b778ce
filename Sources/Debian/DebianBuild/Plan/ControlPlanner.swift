import Archive
import DebianArchive
import DebianFormat
import Documents
import Files
import Platform

/// Computes the binary control paragraph (deb-control(5)) and checks every field of it.
struct ControlPlanner {
    let spec: PackageSpec
    let version: DebianVersion
    let architecture: Architecture
    /// Relations that follow from what the package does, such as making users.
    let implied: [RelationField.Kind: [String]]
    /// The extended description, wherever it is written.
    let description: Located<String>?

    func paragraph(
        entries: [PlannedEntry], elf: MachineCode, diagnostics: inout Diagnostics
    ) -> ControlParagraph? {
        let name = spec.name
        var control = ControlParagraph()
        control["Package"] = name.value.description
        if let source = spec.source {
            control["Source"] = source.value
            checkSource(source, diagnostics: &diagnostics)
        }
        control["Version"] = version.description
        control["Architecture"] = architecture.description
        if let variant = spec.architectureVariant, !variant.value.isEmpty {
            control["Architecture-Variant"] = variant.value
            checkVariant(variant, diagnostics: &diagnostics)
        }
        if let maintainer = spec.maintainer {
            control["Maintainer"] = maintainer.value.description
        } else if !spec.rawFields.contains(where: { $0.name.value.lowercased() == "maintainer" }) {
            diagnostics.error(
                "required-field", "package '\(name.value)' has no maintainer", at: name.range,
                help: "add 'maintainer: Name <address>' here or under 'defaults' in workspace.yaml")
        }
        control["Installed-Size"] = String(InstalledSize.kibibytes(of: entries.lazy.map(\.entry.kind)))
        control["Section"] = (spec.section?.value).flatMap { $0.isEmpty ? nil : $0 } ?? "misc"
        control["Priority"] = (spec.priority?.value ?? .optional).rawValue
        if let multiArch = spec.multiArch {
            control["Multi-Arch"] = multiArch.value.rawValue
            if multiArch.value == .same, architecture == .all {
                diagnostics.error(
                    "multi-arch", "'multi-arch: same' in a package for all architectures", at: multiArch.range,
                    help: "use 'foreign' (deb-control(5))")
            }
        }
        if spec.isEssential { control["Essential"] = "yes" }
        if let homepage = spec.homepage { control["Homepage"] = homepage.value }
        addRelations(to: &control, elf: elf, diagnostics: &diagnostics)
        addDescription(to: &control, diagnostics: &diagnostics)
        for field in spec.extraFields { addExtra(field, to: &control, diagnostics: &diagnostics) }
        for field in spec.rawFields { setRaw(field, in: &control, diagnostics: &diagnostics) }
        let ordered = control.orderedForBinaryControl()
        do throws(FormatError) {
            // What is written can be read again, whatever the values are.
            _ = try ControlParagraph(parsing: ordered.description)
        } catch {
            diagnostics.error("control", "\(error)", at: name.range, help: "see deb822(5)")
        }
        return ordered
    }

    /// A variant is named after its architecture, such as amd64v3.
    private func checkVariant(_ variant: Located<String>, diagnostics: inout Diagnostics) {
        let name = architecture.description
        let suffix = variant.value.utf8.dropFirst(name.utf8.count)
        guard architecture != .all, variant.value.utf8.starts(with: name.utf8), !suffix.isEmpty,
            suffix.allSatisfy({ Ascii.isLower($0) || Ascii.isDigit($0) })
        else {
            diagnostics.error(
                "architecture-variant", "'\(DisplayText.shortened(variant.value))' is not a variant of \(name)",
                at: variant.range,
                help: architecture == .all
                    ? "a package for all architectures has none"
                    : "it begins with the architecture, such as amd64v3; put it under 'overrides' with 'architecture: "
                        + "amd64' where the package is for others too")
            return
        }
    }

    /// A package's name, and perhaps a version in parentheses.
    private func checkSource(_ source: Located<String>, diagnostics: inout Diagnostics) {
        do throws(FormatError) {
            let parts = source.value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            _ = try PackageName(String(parts[0]))
            if parts.count == 2 {
                guard parts[1].hasPrefix("("), parts[1].hasSuffix(")") else {
                    throw FormatError(
                        subject: "source", found: source.value, expected: "a version in parentheses after the name",
                        offset: parts[0].utf8.count + 1, source: "Policy 5.6.1")
                }
                _ = try DebianVersion(String(parts[1].dropFirst().dropLast()))
            }
        } catch {
            diagnostics.error("source", "\(error)", at: source.range, help: "such as 'hello' or 'hello (1.2-1)'")
        }
    }

    // MARK: - relations

    private func addRelations(
        to control: inout ControlParagraph, elf: MachineCode, diagnostics: inout Diagnostics
    ) {
        for kind in RelationField.Kind.allCases {
            var groups: [[Relation]] = []
            func append(_ parsed: RelationField) {
                for group in parsed.groups where !groups.contains(group) { groups.append(group) }
            }
            for text in spec.relations[kind] ?? [] {
                do {
                    let parsed = try RelationField(parsing: text.value, field: kind)
                    for relation in parsed.groups.joined() where relation.package == spec.name.value {
                        if kind == .depends || kind == .preDepends || kind == .recommends || kind == .suggests {
                            diagnostics.error(
                                "relation-self", "package '\(relation.package)' relates to itself in \(kind.rawValue)",
                                at: text.range)
                        }
                    }
                    append(parsed)
                } catch {
                    diagnostics.error(
                        "relation", "\(kind.rawValue): \(error)",
                        at: text.range?.narrowed(toByte: error.offset, of: text.value),
                        help: "see Policy 7.1, e.g. 'iptables (>= 1.8) | nftables'")
                }
            }
            for text in (implied[kind] ?? []) + (kind == .depends ? elf.dependencies.relations : []) {
                do throws(FormatError) {
                    let parsed = try RelationField(parsing: text, field: kind)
                    // A bound that is declared already says more than the name alone.
                    let names = Set(groups.filter { $0.count == 1 }.flatMap { $0 }.map(\.package))
                    if let only = parsed.groups.first?.first, parsed.groups == [[only]], only.constraint == nil,
                        names.contains(only.package)
                    {
                        continue
                    }
                    append(parsed)
                } catch {
                    diagnostics.error(
                        "relation", "\(kind.rawValue): \(error)", at: spec.name.range,
                        help: "it follows from the payload; name the library under 'shlibs:' to have another one")
                }
            }
            if !groups.isEmpty { control[kind.rawValue] = RelationField(groups: groups).description }
        }
    }

    // MARK: - description and other fields

    private func addDescription(to control: inout ControlParagraph, diagnostics: inout Diagnostics) {
        let summary = spec.summary
        let text = summary.value
        if text.isEmpty || text.contains(where: \.isNewline) {
            diagnostics.error("summary", "summary is empty or has several lines", at: summary.range)
        } else if text.count > 80 {
            diagnostics.error(
                "summary", "summary has \(text.count) characters (must be <=80)", at: summary.range,
                help: "the rest belongs in 'description' (Policy 3.4.1)")
        } else if text.hasSuffix(".") || text.first == " " {
            diagnostics.warning(
                "summary-style", "summary ends with a full stop or begins with a space", at: summary.range,
                help: "it is a phrase, not a sentence (developers' reference 6.2.2)")
        }
        for part in [summary, description].compactMap({ $0 })
        where part.value.utf8.contains(where: { ($0 < 0x20 && $0 != 0x0a && $0 != 0x09) || $0 == 0x7f }) {
            diagnostics.error("description", "the description has control characters", at: part.range)
        }
        let body = description?.value ?? ""
        guard spec.foldsDescription else {
            var lines = ([text] + body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
            while lines.last?.isEmpty == true { lines.removeLast() }
            control["Description"] = lines.joined(separator: "\n")
            return
        }
        control["Description"] = ControlParagraph.description(summary: text, body: body)
    }

    /// Takes a field as it is. What dpkg-deb and apt go by to find the package has keys of its own.
    private func setRaw(
        _ field: (name: Located<String>, value: Located<String>), in control: inout ControlParagraph,
        diagnostics: inout Diagnostics
    ) {
        let name = field.name.value
        do throws(FormatError) { try ControlParagraph.checkName(name) } catch {
            diagnostics.error("field-name", "\(error)", at: field.name.range)
            return
        }
        guard !["package", "version", "architecture"].contains(name.lowercased()) else {
            diagnostics.error(
                "field-taken", "field '\(name)' has a key of its own", at: field.name.range,
                help: "it is also in the name of the package file")
            return
        }
        control[name] = nil
        if field.value.value.isEmpty { return }
        var lines = field.value.value.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
        control[name] = lines.joined(separator: "\n")
    }

    private func addExtra(
        _ field: (name: Located<String>, value: Located<String>), to control: inout ControlParagraph,
        diagnostics: inout Diagnostics
    ) {
        let name = field.name.value
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }),
            name.first != "#", name.first != "-"
        else {
            diagnostics.error(
                "field-name", "'\(DisplayText.inline(name))' is not a field name", at: field.name.range,
                help: "printable ASCII without ':' and space, not beginning with '#' or '-' (Policy 5.1)")
            return
        }
        if let fault = ExtraFields.fault(name, field.value.value) {
            let isOfValue = ["field-value", "relation"].contains(fault.code)
            diagnostics.error(
                fault.code, fault.message, at: isOfValue ? field.value.range : field.name.range, help: fault.help)
            return
        }
        if control[name] != nil {
            diagnostics.error("field-twice", "field '\(name)' is there twice", at: field.name.range, help: "keep one")
            return
        }
        guard !field.value.value.isEmpty,
            field.value.value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x0a || $0 == 0x09 })
        else {
            diagnostics.error(
                "field-value", "field '\(name)' is empty or has control characters", at: field.value.range)
            return
        }
        var lines = field.value.value.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
        control[name] = lines.joined(separator: "\n")
    }
}
