import DebianArchive
import DebianBuild
import DebianFormat
import Platform

/// The fields of a package as keys of a specification: each field has its key where the same comes out of it, and is taken
/// as it is otherwise.
struct ControlKeys {
    /// Keys from `package` to `compression`, in the order of the reference.
    private(set) var identity: [SpecEntry] = []
    /// Keys of relations.
    private(set) var relations: [SpecEntry] = []
    /// Fields that have no key.
    private(set) var fields: [SpecEntry] = []
    /// Fields that are taken as they are.
    private(set) var rawFields: [SpecEntry] = []
    /// For the workspace.
    private(set) var maintainer: String?

    private let control: ControlParagraph
    private var done: Set<String> = ["package", "version", "architecture"]

    /// - Parameter isMapped: whether the version comes out of the scheme `semver` as it is.
    init(_ control: ControlParagraph, name: String, version: String, isMapped: Bool, computedSize: Int64) {
        self.control = control
        identity.append(SpecEntry("package", .text(name)))
        addDescription()
        identity.append(SpecEntry("architectures", .list([.text(control["Architecture"] ?? "all")])))
        add("Architecture-Variant", as: "architecture-variant") { value in
            let name = control["Architecture"] ?? "all"
            return value.utf8.starts(with: name.utf8) && value.utf8.count > name.utf8.count && name != "all"
                && value.utf8.allSatisfy { Ascii.isLower($0) || Ascii.isDigit($0) }
        }
        if !isMapped { identity.append(SpecEntry("version-scheme", .text("debian"))) }
        add("Section", as: "section", orElse: "misc") { Self.isSection($0) }
        add("Priority", as: "priority", orElse: "optional") { Priority(rawValue: $0) != nil }
        if let value = take("Maintainer") {
            do throws(FormatError) {
                let parsed = try Maintainer(value)
                if parsed.description.hasSameBytes(as: value) { maintainer = value } else { keep("Maintainer", value) }
            } catch { keep("Maintainer", value) }
        } else {
            keep("Maintainer", "")
        }
        add("Homepage", as: "homepage") { value in
            (value.hasPrefix("https://") || value.hasPrefix("http://")) && !value.contains(where: \.isWhitespace)
        }
        add("Source", as: "source") { Self.isSource($0) }
        add("Multi-Arch", as: "multi-arch") { value in
            MultiArch(rawValue: value) != nil && !(value == "same" && control["Architecture"] == "all")
        }
        if let value = take("Essential") {
            if value == "yes" {
                identity.append(SpecEntry("essential", .flag(true)))
            } else {
                keep("Essential", value)
            }
        }
        if let value = take("Installed-Size") {
            if value != "\(computedSize)" { keep("Installed-Size", value) }
        } else {
            keep("Installed-Size", "")
        }
        addRelations(name: name)
        for field in control.fields where !done.contains(field.name.lowercased()) {
            if ExtraFields.fault(field.name, field.value) == nil, Self.isPrintable(field.value), !field.value.isEmpty {
                fields.append(SpecEntry(field.name, Self.value(field.value)))
            } else {
                keep(field.name, field.value)
            }
        }
    }

    private static func value(_ text: String) -> SpecValue { text.contains("\n") ? .lines(text) : .text(text) }

    private mutating func take(_ name: String) -> String? {
        done.insert(name.lowercased())
        return control[name]
    }

    private mutating func keep(_ name: String, _ value: String) {
        rawFields.append(SpecEntry(name, Self.value(value)))
    }

    /// - Parameter otherwise: what is written where the key is missing.
    private mutating func add(
        _ field: String, as key: String, orElse otherwise: String? = nil, _ isKnown: (String) -> Bool
    ) {
        guard let value = take(field) else {
            if otherwise != nil { keep(field, "") }
            return
        }
        if isKnown(value) { identity.append(SpecEntry(key, .text(value))) } else { keep(field, value) }
    }

    private static func isSection(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            Ascii.isLower($0) || Ascii.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "/")
        }
            && text.split(separator: "/", omittingEmptySubsequences: false).count <= 2 && !text.isEmpty
    }

    private static func isSource(_ text: String) -> Bool {
        let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        do throws(FormatError) {
            _ = try PackageName(String(parts[0]))
            guard parts.count == 2 else { return true }
            guard parts[1].hasPrefix("("), parts[1].hasSuffix(")") else { return false }
            _ = try DebianVersion(String(parts[1].dropFirst().dropLast()))
            return true
        } catch { return false }
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x0a || $0 == 0x09 }
    }

    // MARK: - description

    private mutating func addDescription() {
        let value = take("Description") ?? ""
        let parts = value.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (summary, body) = (parts.first ?? "", parts.count > 1 ? parts[1] : "")
        guard !summary.isEmpty, summary.count <= 80, Self.isPrintable(value) else {
            identity.append(SpecEntry("summary", .text(summary.isEmpty ? "none" : String(summary.prefix(80)))))
            keep("Description", value)
            return
        }
        identity.append(SpecEntry("summary", .text(summary)))
        if body.isEmpty { return }
        let paragraphs = Self.unfolded(body)
        if ControlParagraph.description(summary: summary, body: paragraphs).hasSameBytes(as: value) {
            identity.append(SpecEntry("description", .lines(paragraphs)))
        } else if body.hasPrefix("\n") || body.hasSuffix("\n") {
            keep("Description", value)
        } else {
            identity.append(SpecEntry("description", .lines(body)))
            identity.append(SpecEntry("fold-description", .flag(false)))
        }
    }

    /// The text without the blank that keeps a verbatim line as it is, which folding adds again.
    private static func unfolded(_ body: String) -> String {
        let lines = body.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix(" - ") || line.hasPrefix(" * ") ? String(line.dropFirst()) : String(line)
        }
        return lines.joined(separator: "\n")
    }

    // MARK: - relations

    private static let keys: [(key: String, kind: RelationField.Kind)] = [
        ("depends", .depends), ("pre-depends", .preDepends), ("recommends", .recommends), ("suggests", .suggests),
        ("enhances", .enhances), ("breaks", .breaks), ("conflicts", .conflicts), ("replaces", .replaces),
        ("provides", .provides), ("built-using", .builtUsing),
    ]

    private mutating func addRelations(name: String) {
        for (key, kind) in Self.keys {
            guard let value = take(kind.rawValue) else { continue }
            do throws(FormatError) {
                let parsed = try RelationField(parsing: value, field: kind)
                let isOfItself =
                    [.depends, .preDepends, .recommends, .suggests].contains(kind)
                    && parsed.groups.joined().contains { $0.package.description == name }
                var unique: [[Relation]] = []
                for group in parsed.groups where !unique.contains(group) { unique.append(group) }
                guard !isOfItself, RelationField(groups: unique).description.hasSameBytes(as: value) else {
                    keep(kind.rawValue, value)
                    continue
                }
                relations.append(
                    SpecEntry(key, .list(unique.map { .text(RelationField(groups: [$0]).description) })))
            } catch { keep(kind.rawValue, value) }
        }
    }
}
