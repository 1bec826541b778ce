import DebianBuild
import DebianFormat
import Documents
import Files
import Platform

/// Turns `Cargo.toml` with `[package.metadata.deb]` (github.com/kornelski/cargo-deb) into a workspace.
public struct CargoImport {
    private let file: String

    /// - Parameter file: the manifest, absolute.
    public init(file: String) { self.file = file }

    /// Writes the workspace.
    ///
    /// - Parameters:
    ///   - output: the folder to make, absolute; nil takes `debian-NAME` in `directory`.
    ///   - date: the date of the files where there is no Debian changelog, seconds since 1970.
    public func run(output: String?, in directory: String, date: Int64) throws(ImportError) -> ImportOutcome {
        try ForeignSpecification.imported(
            file,
            as: .init(
                load: { TOMLLoader.load($0, diagnostics: &$1) },
                name: { document, diagnostics in
                    guard let package = document[key: "package"] else {
                        diagnostics.error(
                            "import-value", "there is no [package]", at: document.range,
                            help: "a Cargo workspace has no package of its own: import the Cargo.toml of a member")
                        return nil
                    }
                    let node = package[key: "metadata"]?[key: "deb"]?[key: "name"] ?? package[key: "name"] ?? package
                    let words = (node.scalarText ?? "").lowercased()
                        .split(separator: "_", omittingEmptySubsequences: false)
                    return (words.joined(separator: "-"), node, nil)
                },
                folder: { "debian-" + $0 },
                translate: { document, name, specification in
                    guard let package = document[key: "package"] else { return }
                    var translation = CargoTranslation(name: name, cargo: package, result: specification)
                    translation.translate(package[key: "metadata"]?[key: "deb"], date: date)
                    specification = translation.result
                }), output: output, in: directory)
    }
}

/// One manifest on its way.
struct CargoTranslation {
    let name: String
    let cargo: YAMLNode
    var result: ForeignSpecification
    var payloads: [SpecEntry] = []
    var conffiles: Set<String> = []
    /// Pages that are compressed.
    var manualPages: [SpecValue] = []
    private var isDated = false

    init(name: String, cargo: YAMLNode, result: ForeignSpecification) {
        self.name = name
        self.cargo = cargo
        self.result = result
    }

    private static let relations = [
        "pre-depends", "recommends", "suggests", "enhances", "conflicts", "breaks", "replaces", "provides",
    ]

    mutating func translate(_ deb: YAMLNode?, date: Int64) {
        let deb = deb ?? YAMLNode(content: .mapping([]), range: cargo.range)
        result.entries.append(SpecEntry("package", .text(name)))
        let summary = inherited("description") ?? name
        let line = summary.split(separator: "\n").first.map(String.init) ?? name
        result.entries.append(SpecEntry("summary", .text(trimmedSummary(line))))
        describe(deb)
        result.entries.append(SpecEntry("architectures", .list([.text("amd64"), .text("arm64")])))
        version(deb)
        relate(deb)
        addFields()
        if let files = deb[key: "conf-files"] { conffiles = Set(result.texts(files, "conf-files").map(Self.installed)) }
        for pair in result.pairs(deb, "package.metadata.deb") { key(pair, deb) }
        addAssets(deb[key: "assets"])
        if !conffiles.isEmpty {
            result.entries.append(SpecEntry("conffiles", .list(conffiles.sorted().map { .text($0) })))
        }
        if !manualPages.isEmpty { result.entries.append(SpecEntry("manual-pages", .list(manualPages))) }
        addCopyright(deb)
        if !isDated { result.entries.append(SpecEntry("source-date-epoch", .number(date), remark: "or a changelog")) }
        if !payloads.isEmpty { result.workspace.append(SpecEntry("payloads", .mapping(payloads))) }
    }

    /// A sentence as the phrase that a summary is.
    private func trimmedSummary(_ text: String) -> String {
        let phrase = text.hasSuffix(".") && !text.hasSuffix("..") ? String(text.dropLast()) : text
        return DisplayText.shortened(phrase, to: 80)
    }

    /// A key of `[package]`, which may be that of the Cargo workspace.
    mutating func inherited(_ key: String) -> String? {
        guard let value = cargo[key: key] else { return nil }
        if value[key: "workspace"] != nil {
            result.warn(value, "'\(key)' is that of the Cargo workspace", help: "write it into the specification")
            return nil
        }
        return result.text(value, key)
    }

    static func installed(_ path: String) -> String { path.hasPrefix("/") ? path : "/" + path }

    // MARK: - control data

    private mutating func describe(_ deb: YAMLNode) {
        let text = deb[key: "extended-description"].flatMap { result.text($0, "extended-description") }
        if text == nil, let file = deb[key: "extended-description-file"],
            let path = result.text(file, "extended-description-file")
        {
            let source = result.source(path, at: file, in: name)
            result.entries.append(SpecEntry("description", .mapping([SpecEntry("file", .text(source))])))
        }
        if let text, !text.allSatisfy(\.isWhitespace) { result.entries.append(SpecEntry("description", .lines(text))) }
    }

    private mutating func version(_ deb: YAMLNode) {
        let version = inherited("version") ?? "0.0.0"
        result.workspace = [SpecEntry("version", .text(version)), SpecEntry("output", .text("out"))]
        let revision = deb[key: "revision"].flatMap { result.text($0, "revision") } ?? "1"
        if !revision.isEmpty { result.entries.append(SpecEntry("revision", .text(revision))) }
        for key in ["section", "priority"] {
            guard let value = deb[key: key], let text = result.text(value, key) else { continue }
            result.entries.append(SpecEntry(key, .text(text)))
        }
        var maintainer = deb[key: "maintainer"].flatMap { result.text($0, "maintainer") }
        if maintainer == nil, let authors = cargo[key: "authors"], case .sequence(let items) = authors.content {
            maintainer = items.first?.scalarText
        }
        if let maintainer {
            result.entries.append(SpecEntry("maintainer", .text(maintainer)))
        } else {
            result.warn(
                deb, "neither 'maintainer' nor 'authors' says who maintains the package",
                help: "add 'maintainer: Name <address>' to package.yaml")
        }
        for key in ["homepage", "documentation", "repository"] {
            guard let text = inherited(key) else { continue }
            result.entries.append(SpecEntry("homepage", .text(text)))
            break
        }
    }

    private mutating func addFields() {
        guard let repository = cargo[key: "repository"]?.scalarText else { return }
        // cargo-deb does the same.
        let key = repository.hasSuffix(".git") || repository.contains("github.com") ? "Vcs-Git" : "Vcs-Browser"
        result.entries.append(SpecEntry("fields", .mapping([SpecEntry(key, .text(repository))])))
    }

    private mutating func items(_ node: YAMLNode, _ key: String) -> [String] {
        result.texts(node, key).flatMap { $0.split(separator: ",") }.compactMap { item in
            let words = item.split { $0 == " " || $0 == "\n" || $0 == "\t" }
            return words.isEmpty ? nil : words.joined(separator: " ")
        }
    }

    private mutating func relate(_ deb: YAMLNode) {
        let depends = deb[key: "depends"].map { items($0, "depends") } ?? ["$auto"]
        let own = depends.filter { $0 != "$auto" }
        if !own.isEmpty { result.entries.append(SpecEntry("depends", .list(own.map { .text($0) }))) }
        if !depends.contains("$auto") { result.entries.append(SpecEntry("shlib-depends", .flag(false))) }
        for key in Self.relations {
            guard let node = deb[key: key] else { continue }
            let list = items(node, key)
            if list.contains("$auto") { result.warn(node, "'$auto' is for 'depends' alone", help: "it is left out") }
            let rest = list.filter { $0 != "$auto" }
            if !rest.isEmpty { result.entries.append(SpecEntry(key, .list(rest.map { .text($0) }))) }
        }
    }

    // MARK: - keys

    private mutating func key(_ pair: YAMLNode.Pair, _ deb: YAMLNode) {
        let (key, value) = (pair.key.scalarText ?? "", pair.value)
        switch key {
        case "name", "extended-description", "extended-description-file", "revision", "section", "priority",
            "maintainer", "depends", "conf-files", "assets", "copyright", "license-file":
            break
        case _ where Self.relations.contains(key): break
        case "changelog": addChangelog(value)
        case "maintainer-scripts": addScripts(value)
        case "systemd-units":
            if case .sequence(let items) = value.content {
                for item in items { addUnits(item, deb) }
            } else {
                addUnits(value, deb)
            }
        case "triggers-file":
            guard let path = result.text(value, key), let bytes = result.bytes(path, at: value) else { return }
            do throws(FormatError) {
                let triggers = try Trigger.parse(String(decoding: bytes, as: UTF8.self))
                if triggers.isEmpty { result.warn(value, "'\(path)' has no triggers", help: "see deb-triggers(5)") }
                result.entries.append(SpecEntry("triggers", .list(triggers.map { .text($0.description) })))
            } catch { result.fail(value, "'\(DisplayText.inline(path))': \(error)", help: "see deb-triggers(5)") }
        case "features", "default-features", "profile":
            result.report(
                pair.key, key, "packages are made of what was built: pass it to 'cargo build --release' before")
        case "variants":
            result.report(
                pair.key, key, "each variant is a package folder of its own, with 'include' for what they share")
        case "separate-debug-symbols", "dbgsym": addSymbols(pair, isOwnPackage: key == "dbgsym")
        case "compress-debug-symbols":
            if value.scalarText != "true" { result.note(pair.key, "symbols for debuggers are always compressed") }
        case "preserve-symlinks": result.report(pair.key, key, "declare links under 'contents' as 'symlink'")
        case "build-depends": result.report(pair.key, key, "a binary package has none")
        case "merge-assets": result.report(pair.key, key, "write its items under 'contents'")
        default: result.report(pair.key, key, "it is not a key of cargo-deb's that is known here")
        }
    }

    private mutating func addSymbols(_ pair: YAMLNode.Pair, isOwnPackage: Bool) {
        guard pair.value.scalarText == "true" else { return }
        if !isOwnPackage {
            result.note(pair.key, "symbols for debuggers are not put into the package, but into \(name)-dbgsym")
        }
        if !result.entries.contains(where: { $0.key == "strip" }) {
            result.entries.append(SpecEntry("strip", .flag(true)))
        }
    }

    private mutating func addChangelog(_ value: YAMLNode) {
        guard let path = result.text(value, "changelog") else { return }
        guard result.status(path, at: value) != nil else {
            result.warn(value, "there is no file '\(DisplayText.inline(path))'", help: "write one with dch(1)")
            return
        }
        guard let bytes = result.bytes(path, at: value, limit: SourceFiles.textLimit) else { return }
        var newest: ChangelogEntry?
        do throws(FormatError) {
            newest = try Changelog.parse(String(decoding: bytes, as: UTF8.self)).first
        } catch {
            // Most changelogs of crates are in another format, which the warning below is about.
        }
        let file = result.source(path, at: value, in: name)
        if newest?.package == name {
            isDated = true
            result.entries.append(SpecEntry("changelog", .text(file)))
        } else {
            result.warn(
                value, "'\(DisplayText.inline(path))' is not a Debian changelog of '\(name)'",
                help: "it becomes the upstream changelog; write a Debian changelog, dch(1), and name it as 'changelog'")
            result.entries.append(SpecEntry("upstream-changelog", .text(file)))
        }
    }

    private mutating func addScripts(_ value: YAMLNode) {
        guard let folder = result.text(value, "maintainer-scripts") else { return }
        var scripts: [SpecEntry] = []
        for script in MaintainerScriptName.allCases {
            for file in ["\(name).\(script.rawValue)", script.rawValue] {
                let path = Self.joined(folder, file)
                guard result.status(path, at: value)?.kind == .file else { continue }
                scripts.append(SpecEntry(script.rawValue, .text(result.source(path, at: value, in: name))))
                break
            }
        }
        for file in ["templates", "\(name).templates"] {
            let path = Self.joined(folder, file)
            guard result.status(path, at: value)?.kind == .file else { continue }
            result.entries.append(SpecEntry("templates", .text(result.source(path, at: value, in: name))))
            break
        }
        if scripts.isEmpty {
            result.note(value, "there are no scripts in '\(DisplayText.inline(folder))'")
        } else {
            result.entries.append(SpecEntry("scripts", .mapping(scripts)))
        }
    }

    private static func joined(_ folder: String, _ name: String) -> String {
        let parts = LexicalPath.components(folder).filter { $0 != "." }.map(String.init) + [name]
        return parts.joined(separator: "/")
    }

    // MARK: - copyright

    /// cargo-deb makes the file of the licence and who has the copyright.
    private mutating func addCopyright(_ deb: YAMLNode) {
        var file = cargo[key: "license-file"]?.scalarText
        if let node = deb[key: "license-file"] {
            if case .sequence(let parts) = node.content {
                file = parts.first?.scalarText
                if parts.count > 1, parts[1].scalarText != "0" {
                    result.warn(
                        node, "lines at the beginning of the licence are not left out",
                        help: "give a file without them")
                }
            } else {
                file = result.text(node, "license-file")
            }
        }
        var holder = deb[key: "copyright"]?.scalarText
        if holder == nil, let authors = cargo[key: "authors"], case .sequence(let items) = authors.content {
            holder = items.compactMap(\.scalarText).joined(separator: ", ")
        }
        let written = inherited("license")
        if let written, let holder,
            let keys = result.licenseKeys(written, holders: [holder], file: file, at: deb, in: name)
        {
            result.entries += keys
            return
        }
        let license = written ?? "see below"
        var text = """
            Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
            Upstream-Name: \(name)

            Files: *
            Copyright: \(holder ?? "the authors of \(name)")
            License: \(license)

            """
        if let file {
            let lines = String(decoding: result.bytes(file, at: deb) ?? [], as: UTF8.self)
                .split(separator: "\n", omittingEmptySubsequences: false)
            for line in lines { text += line.allSatisfy(\.isWhitespace) ? " .\n" : " \(line)\n" }
        }
        result.files.append(("copyright", Array(text.utf8), 0o644))
        result.entries.append(SpecEntry("copyright", .text("copyright")))
    }

    // MARK: - units

    private static let unitTypes = [".service", ".socket", ".timer", ".path", ".mount", ".target"]

    private mutating func addUnits(_ node: YAMLNode, _ deb: YAMLNode) {
        var folder = deb[key: "maintainer-scripts"]?.scalarText ?? "."
        var wanted: String?
        var flags: [String: Bool] = [:]
        for pair in result.pairs(node, "systemd-units") {
            let key = pair.key.scalarText ?? ""
            switch key {
            case "unit-scripts": folder = result.text(pair.value, key) ?? folder
            case "unit-name": wanted = result.text(pair.value, key)
            case "enable", "start", "restart-after-upgrade", "stop-on-upgrade":
                flags[key] = pair.value.scalarText != "false"
            default:
                result.report(pair.key, "systemd-units.\(key)", "it is not a key of cargo-deb's that is known here")
            }
        }
        let names = result.names(in: folder, at: node)
        var units: [SpecValue] = []
        for file in names where Self.unitTypes.contains(where: { file.hasSuffix($0) }) {
            // debhelper's names: PACKAGE.UNIT.service is installed as UNIT.service.
            var unit = file
            let stem = file.split(separator: ".").dropLast().joined(separator: ".")
            if stem.hasPrefix(name + "."), stem != name { unit = String(file.dropFirst(name.count + 1)) }
            let own = unit.split(separator: ".").dropLast().joined(separator: ".")
            guard wanted == nil || wanted == own || (stem == name && wanted == nil) else { continue }
            var source = result.source(Self.joined(folder, file), at: node, in: name)
            if unit != file, let bytes = result.bytes(Self.joined(folder, file), at: node) {
                result.files.append(("units/" + unit, bytes, 0o644))
                source = "units/" + unit
            }
            var entries = [SpecEntry("file", .text(source))]
            if flags["enable"] == false { entries.append(SpecEntry("enable", .flag(false))) }
            if flags["start"] == false { entries.append(SpecEntry("start", .flag(false))) }
            if flags["restart-after-upgrade"] == false {
                let upgrade = flags["stop-on-upgrade"] == false ? "leave" : "stop-start"
                entries.append(SpecEntry("on-upgrade", .text(upgrade)))
            }
            units.append(.mapping(entries))
        }
        if units.isEmpty {
            result.warn(
                node, "there are no units in '\(DisplayText.inline(folder))'",
                help: "list them under 'units' in package.yaml")
        } else {
            result.entries.append(SpecEntry("units", .list(units)))
        }
    }
}
