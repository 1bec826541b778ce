import Archive
import DebianBuild
import DebianFormat
import Documents
import Files
import Platform

/// Turns `nfpm.yaml` (github.com/goreleaser/nfpm) into a workspace.
public struct NfpmImport {
    private let file: String

    /// - Parameter file: the configuration, absolute.
    public init(file: String) { self.file = file }

    /// Writes the workspace.
    ///
    /// - Parameters:
    ///   - output: the folder to make, absolute; nil takes one of the package's name in `directory`.
    ///   - date: the date of the files where the configuration has none, seconds since 1970.
    public func run(output: String?, in directory: String, date: Int64) throws(ImportError) -> ImportOutcome {
        try ForeignSpecification.imported(
            file,
            as: .init(
                load: { YAMLLoader.load($0, diagnostics: &$1) },
                name: { document, _ in
                    let node = document[key: "name"] ?? document
                    return (node.scalarText ?? "", node, "a workspace is of one package: write its name")
                },
                folder: { $0 },
                translate: { document, name, specification in
                    var translation = NfpmTranslation(name: name, result: specification)
                    translation.translate(document, date: date)
                    specification = translation.result
                }), output: output, in: directory)
    }
}

/// One configuration on its way.
struct NfpmTranslation {
    let name: String
    var result: ForeignSpecification
    private var fields: [SpecEntry] = []
    private var scripts: [SpecEntry] = []
    private var isDated = false
    /// Whether names of files are patterns.
    var hasPatterns = true
    var umask: UInt16 = 0o002

    init(name: String, result: ForeignSpecification) {
        self.name = name
        self.result = result
    }

    private static let relations = [
        "depends": "depends", "recommends": "recommends", "suggests": "suggests", "conflicts": "conflicts",
        "replaces": "replaces", "provides": "provides",
    ]
    private static let otherFormats: Set<String> = ["rpm", "apk", "archlinux", "ipk", "msix"]

    mutating func translate(_ node: YAMLNode, date: Int64) {
        var node = node
        if let overrides = node[key: "overrides"] {
            for pair in result.pairs(overrides, "overrides") {
                if pair.key.scalarText == "deb" {
                    // nfpm merges by key, and a list takes the place of the one below.
                    node = NodeMerge.overlay(node, pair.value, lists: .replace)
                } else {
                    result.note(pair.key, "overrides for '\(pair.key.scalarText ?? "")' mean nothing for Debian")
                }
            }
            node = node.removing(keys: ["overrides"])
        }
        if let text = node[key: "umask"]?.scalarText, let value = UInt16(text.drop { $0 == "o" }, radix: 8) {
            umask = value
        }
        hasPatterns = node[key: "disable_globbing"]?.scalarText != "true"
        result.entries.append(SpecEntry("package", .text(name)))
        describe(node)
        architecture(node)
        version(node)
        let deb = node[key: "deb"]
        for pair in result.pairs(node, "nfpm.yaml") { key(pair) }
        if let deb { for pair in result.pairs(deb, "deb") { debianKey(pair) } }
        license(node)
        if !fields.isEmpty { result.entries.append(SpecEntry("fields", .mapping(fields))) }
        if !scripts.isEmpty { result.entries.append(SpecEntry("scripts", .mapping(scripts))) }
        result.entries.append(
            SpecEntry("shlib-depends", .flag(false), remark: "nfpm takes no dependencies from programs; true does"))
        if !isDated { result.entries.append(SpecEntry("source-date-epoch", .number(date), remark: "or a changelog")) }
    }

    /// A value in which nfpm puts variables of the environment.
    func template(_ text: String) -> SpecValue {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return .text(text) }
        var output = ""
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "$" else {
                output.unicodeScalars.append(scalar)
                continue
            }
            let isBraced = rest.first == "{"
            if isBraced { rest = rest.dropFirst() }
            let variable = rest.prefix {
                $0 == "_" || ($0.isASCII && $0.properties.isAlphabetic) || ("0"..."9").contains($0)
            }
            rest = rest.dropFirst(variable.count)
            if isBraced, rest.first == "}" { rest = rest.dropFirst() }
            output += variable.isEmpty ? "$$" : "${env:\(String(Substring(variable)))}"
        }
        return .template(output)
    }

    // MARK: - identity

    private mutating func describe(_ node: YAMLNode) {
        let text = node[key: "description"].flatMap { result.text($0, "description") } ?? ""
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let summary = lines.first { !$0.isEmpty } ?? name
        result.entries.append(SpecEntry("summary", template(DisplayText.shortened(summary, to: 80))))
        let rest = summary.count > 80 ? lines : Array(lines.drop { $0.isEmpty }.dropFirst())
        let body = rest.drop { $0.isEmpty }.joined(separator: "\n")
        if !body.allSatisfy(\.isWhitespace) { result.entries.append(SpecEntry("description", .lines(body))) }
    }

    /// Names of Go (GOARCH with GOARM) that nfpm turns into Debian's.
    private static let architectures = [
        "386": "i386", "arm5": "armel", "arm6": "armhf", "arm7": "armhf", "mipsle": "mipsel", "mips64le": "mips64el",
        "ppc64le": "ppc64el", "s390": "s390x", "any": "all",
    ]

    private mutating func architecture(_ node: YAMLNode) {
        let own = node[key: "deb"]?[key: "arch"]
        guard let value = own ?? node[key: "arch"], let text = result.text(value, "arch") else {
            result.entries.append(SpecEntry("architectures", .list([.text("amd64")])))
            return
        }
        let known = own == nil ? Self.architectures[text] ?? text : text
        if text.contains("$") {
            result.warn(
                value, "the architecture is '\(DisplayText.inline(text))', which is not known here",
                help: "list what the package can be built for under 'architectures'; --arch picks one")
            result.entries.append(SpecEntry("architectures", .list([.text("amd64"), .text("arm64")])))
            return
        }
        do throws(FormatError) { _ = try Architecture(known) } catch {
            result.fail(value, "\(error)", help: Architecture.suggestion(for: text).map { "did you mean '\($0)'?" })
        }
        result.entries.append(SpecEntry("architectures", .list([.text(known)])))
    }

    private mutating func version(_ node: YAMLNode) {
        let isRaw = node[key: "version_schema"]?.scalarText == "none"
        var text = node[key: "version"].flatMap { result.text($0, "version") } ?? "0.0.0~rc0"
        if let part = node[key: "prerelease"].flatMap({ result.text($0, "prerelease") }) {
            text += (isRaw ? "~" : "-") + part
        }
        if let part = node[key: "version_metadata"].flatMap({ result.text($0, "version_metadata") }) {
            text += "+" + part
        }
        result.workspace = [SpecEntry("version", template(text)), SpecEntry("output", .text("out"))]
        if isRaw { result.entries.append(SpecEntry("version-scheme", .text("debian"))) }
        if let release = node[key: "release"].flatMap({ result.text($0, "release") }) {
            result.entries.append(SpecEntry("revision", template(release)))
        }
        guard let epoch = node[key: "epoch"], let value = result.text(epoch, "epoch") else { return }
        if let number = Int64(value), number >= 0 {
            result.entries.append(SpecEntry("epoch", .number(number)))
        } else {
            result.warn(epoch, "the epoch '\(DisplayText.inline(value))' is not a number", help: "set 'epoch' yourself")
        }
    }

    // MARK: - keys

    private mutating func key(_ pair: YAMLNode.Pair) {
        let (key, value) = (pair.key.scalarText ?? "", pair.value)
        if value.isNull { return }
        switch key {
        case "name", "arch", "version", "version_schema", "prerelease", "version_metadata", "release", "epoch",
            "description", "deb", "umask":
            break
        case "platform":
            if value.scalarText != "linux" { result.report(pair.key, key, "packages of Debian are for Linux") }
        case "section", "priority", "homepage", "maintainer":
            if let text = result.text(value, key) { result.entries.append(SpecEntry(key, template(text))) }
        case "vendor", "license":
            if let text = result.text(value, key) {
                fields.append(SpecEntry(key == "vendor" ? "Vendor" : "License", template(text)))
            }
        case _ where Self.relations[key] != nil: addList(key, value)
        case "contents": for item in items(value, key) { content(item) }
        case "scripts": for item in result.pairs(value, key) { script(item) }
        case "mtime":
            if let time = value.scalarText.flatMap(Self.time) {
                isDated = true
                result.entries.append(SpecEntry("source-date-epoch", .number(time)))
            } else {
                result.report(pair.key, key, "write the seconds since 1970 as 'source-date-epoch'")
            }
        case "changelog": changelog(value)
        case "disable_globbing": break
        case _ where Self.otherFormats.contains(key): result.note(pair.key, "'\(key)' means nothing for Debian")
        default: result.report(pair.key, key, "it is not a key of nfpm's that is known here")
        }
    }

    private mutating func items(_ node: YAMLNode, _ name: String) -> [YAMLNode] {
        if case .sequence(let items) = node.content { return items }
        result.fail(node, "expected a list for '\(name)', found \(node.kindName)")
        return []
    }

    private mutating func addList(_ key: String, _ value: YAMLNode) {
        let texts = result.texts(value, key)
        if !texts.isEmpty { result.entries.append(SpecEntry(key, .list(texts.map { template($0) }))) }
    }

    private mutating func debianKey(_ pair: YAMLNode.Pair) {
        let (key, value) = (pair.key.scalarText ?? "", pair.value)
        if value.isNull { return }
        switch key {
        case "arch": break
        case "breaks": addList("breaks", value)
        case "predepends": addList("pre-depends", value)
        case "fields":
            for field in result.pairs(value, key) {
                guard let name = field.key.scalarText, let text = result.text(field.value, name) else { continue }
                fields.append(SpecEntry(name, template(text)))
            }
        case "triggers":
            var lines: [SpecValue] = []
            for trigger in result.pairs(value, key) {
                let directive = (trigger.key.scalarText ?? "").split(separator: "_").joined(separator: "-")
                guard Trigger.directives.contains(directive) else {
                    result.report(
                        trigger.key, directive, "the directives are \(Trigger.directives.joined(separator: ", "))")
                    continue
                }
                for name in result.texts(trigger.value, directive) { lines.append(.text("\(directive) \(name)")) }
            }
            if !lines.isEmpty { result.entries.append(SpecEntry("triggers", .list(lines))) }
        case "compression":
            guard let text = result.text(value, key) else { return }
            do throws(CompressionError) {
                _ = try Compression(parsing: text)
                result.entries.append(SpecEntry("compression", .text(text)))
            } catch { result.warn(value, "compression: \(error)", help: "the default is xz:6") }
        case "scripts":
            for item in result.pairs(value, key) {
                switch item.key.scalarText ?? "" {
                case "config": addScript("config", item.value)
                case "templates":
                    if let path = result.text(item.value, "templates") {
                        let file = result.source(path, at: item.value, in: name)
                        result.entries.append(SpecEntry("templates", template(file)))
                    }
                case let other:
                    result.report(item.key, "deb.scripts.\(other)", "a binary package has no such script")
                }
            }
        case "signature":
            result.report(pair.key, "deb.signature", "sign the repository's Release file, as apt wants it")
        case "arch_variant":
            if let variant = result.text(value, key) {
                result.entries.append(SpecEntry("architecture-variant", template(variant)))
            }
        default: result.report(pair.key, "deb.\(key)", "it is not a key of nfpm's that is known here")
        }
    }

    /// chglog's format is one of those that a changelog may have.
    private mutating func changelog(_ value: YAMLNode) {
        guard let path = result.text(value, "changelog") else { return }
        guard result.status(path, at: value) != nil else {
            result.warn(
                value, "there is no file '\(DisplayText.inline(path))'",
                help: "name it as 'changelog' in package.yaml once it is there")
            return
        }
        guard let bytes = result.bytes(path, at: value, limit: SourceFiles.textLimit) else { return }
        if let fault = ChangelogDocument.fault(SourceText(path: path, bytes: bytes)) {
            result.warn(
                value, "no changelog can be made of '\(DisplayText.inline(path))': \(fault)",
                help: "repair it, and name it as 'changelog' in package.yaml")
            return
        }
        guard path.hasSuffix(".yaml") || path.hasSuffix(".yml") else {
            result.warn(
                value, "'\(DisplayText.inline(path))' does not end in .yaml",
                help: "rename it, and name it as 'changelog'")
            return
        }
        isDated = true
        result.entries.append(SpecEntry("changelog", .text(result.source(path, at: value, in: name))))
    }

    /// nfpm makes no copyright file; there is one if it is among the contents.
    private mutating func license(_ node: YAMLNode) {
        guard let value = node[key: "license"], let text = value.scalarText, !text.isEmpty, !text.contains("$") else {
            return
        }
        guard !result.contents.contains(where: shipsCopyright),
            let holder = (node[key: "vendor"] ?? node[key: "maintainer"])?.scalarText,
            !holder.contains("$"),
            let keys = result.licenseKeys(text, holders: [holder], file: licenseFile(node), at: value, in: name)
        else { return }
        result.entries += keys
        result.warn(
            value, "'\(DisplayText.inline(holder))' becomes the holder of the copyright",
            help: "check 'copyright-holders' in package.yaml, and add the years")
    }

    /// The file that is the licence in packages of RPM.
    private func licenseFile(_ node: YAMLNode) -> String? {
        guard case .sequence(let items)? = node[key: "contents"]?.content else { return nil }
        return items.first { ["license", "licence"].contains($0[key: "type"]?.scalarText) }?[key: "src"]?.scalarText
    }

    /// Whether an item of the contents is, or may have, the copyright file.
    private func shipsCopyright(_ item: SpecValue) -> Bool {
        guard case .mapping(let entries) = item else { return false }
        func text(_ key: String) -> String? {
            guard case .text(let text)? = entries.first(where: { $0.key == key })?.value else { return nil }
            return text
        }
        guard let to = text("to") else { return false }
        let (folder, file) = ("/usr/share/doc/\(name)", "copyright")
        if text("tree") != nil { return LexicalPath.isInside(folder, folder: to) }
        guard to.hasSuffix("/") else { return to == folder + "/" + file }
        let last = LexicalPath.split(text("file") ?? "").name
        return to == folder + "/" && GlobPattern("/" + last).matches(file, isDirectory: false)
    }

    private mutating func script(_ pair: YAMLNode.Pair) {
        let names = [
            "preinstall": "preinst", "postinstall": "postinst", "preremove": "prerm", "postremove": "postrm",
        ]
        let key = pair.key.scalarText ?? ""
        guard let script = names[key] else {
            result.report(pair.key, "scripts.\(key)", "dpkg has preinst, postinst, prerm and postrm")
            return
        }
        addScript(script, pair.value)
    }

    private mutating func addScript(_ script: String, _ value: YAMLNode) {
        guard let path = result.text(value, script) else { return }
        let file = result.source(path, at: value, in: name)
        scripts.append(SpecEntry(script, template(file)))
        // A script may be made later.
        if result.status(path, at: value) != nil, let bytes = result.bytes(path, at: value),
            !bytes.starts(with: "#!".utf8)
        {
            result.warn(value, "'\(path)' does not begin with '#!'", help: "begin it with '#!/bin/sh' and 'set -e'")
        }
    }

    /// RFC 3339 in UTC, or seconds.
    private static func time(_ text: String) -> Int64? {
        if let seconds = Int64(text) { return seconds >= 0 ? seconds : nil }
        return RFC3339.nanoseconds(text).map { $0 / 1_000_000_000 }
    }
}
