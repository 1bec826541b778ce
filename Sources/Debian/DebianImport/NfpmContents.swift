import DebianArchive
import DebianBuild
import Documents
import Files
import Platform

/// Items of nfpm's `contents`.
extension NfpmTranslation {
    mutating func content(_ node: YAMLNode) {
        var source = ""
        var destination = ""
        var type = ""
        var information: [SpecEntry] = []
        var hasMode = false
        for pair in result.pairs(node, "contents") {
            let key = pair.key.scalarText ?? ""
            switch key {
            case "src": source = result.text(pair.value, key) ?? ""
            case "dst": destination = result.text(pair.value, key) ?? ""
            case "type": type = result.text(pair.value, key) ?? ""
            case "packager":
                if let packager = pair.value.scalarText, packager != "deb", !packager.isEmpty {
                    result.note(node, "this item is for \(packager) and is left out")
                    return
                }
            case "expand": break
            case "file_info":
                for item in result.pairs(pair.value, key) {
                    let name = item.key.scalarText ?? ""
                    guard let text = result.text(item.value, name) else { continue }
                    switch name {
                    case "mode":
                        guard let mode = result.mode(text, at: item.value) else { continue }
                        hasMode = true
                        information.append(SpecEntry("mode", .text(ModeText.octal(mode))))
                    case "owner", "group": information.append(SpecEntry(name, .text(text)))
                    default:
                        result.report(
                            item.key, "file_info.\(name)",
                            "times are those of the files, and never after the changelog's")
                    }
                }
                // A group that is not said is the owner's here, and root's there.
                let keys = information.map(\.key)
                if keys.contains("owner"), !keys.contains("group") {
                    information.append(SpecEntry("group", .text("root")))
                }
            default: result.report(pair.key, "contents.\(key)", "it is not a key of nfpm's that is known here")
            }
        }
        add(type, source, destination, information, hasMode: hasMode, node)
    }

    private mutating func add(
        _ type: String, _ source: String, _ destination: String, _ information: [SpecEntry], hasMode: Bool,
        _ node: YAMLNode
    ) {
        switch type {
        case "symlink":
            result.contents.append(
                .mapping([SpecEntry("symlink", template(destination)), SpecEntry("target", template(source))]))
            if !information.isEmpty {
                result.warn(node, "a link has no owner or mode of its own here", help: "it belongs to root")
            }
        case "dir": result.contents.append(.mapping([SpecEntry("directory", template(destination))] + information))
        case "ghost", "doc", "license", "licence", "readme":
            result.warn(
                node, "'\(type)' is a type of RPM's, which nfpm leaves out of a .deb",
                help: "drop it, or give it as a file")
        case "tree":
            // The modes of folders are those of their place, so a mode is for files alone.
            let tree = result.source(source, at: node, in: name)
            result.contents.append(
                .mapping([SpecEntry("tree", template(tree)), SpecEntry("to", template(destination))] + information))
        case "", "file", "config", "config|noreplace", "config|missingok":
            if type == "config|missingok" {
                result.warn(node, "dpkg knows no conffile that may be missing", help: "it becomes an ordinary conffile")
            }
            addFiles(source, destination, information, isConffile: type.hasPrefix("config"), hasMode: hasMode, node)
        default: result.fail(node, "'\(DisplayText.inline(type))' is not a type of nfpm's contents")
        }
    }

    private mutating func addFiles(
        _ source: String, _ destination: String, _ information: [SpecEntry], isConffile: Bool, hasMode: Bool,
        _ node: YAMLNode
    ) {
        if hasPatterns, let choices = ForeignSpecification.choices(of: source) {
            for choice in choices {
                addFiles(choice, destination, information, isConffile: isConffile, hasMode: hasMode, node)
            }
            return
        }
        var pairs = [(source, destination)]
        let pattern = LexicalPath.components(source).filter { $0 != "." }.joined(separator: "/")
        if hasPatterns, let found = result.matches(pattern, at: node, takesFolders: true) {
            let folder = destination.hasSuffix("/") ? destination : destination + "/"
            var modes = Set(found.map { result.status($0, at: node).map { $0.permissions & ~umask } ?? 0o644 })
            if hasMode { modes = [0o644] }
            // A pattern has one mode for all files, and keeps the folders behind its first wildcard, which nfpm does not.
            let isFlat =
                SourcePattern(pattern).depth == 1
                && found.allSatisfy { LexicalPath.components($0).count == LexicalPath.components(pattern).count }
            if isFlat, modes.count <= 1, !pattern.contains("$") {
                var entries = [
                    SpecEntry(isConffile ? "conffile" : "file", .text(result.source(pattern, at: node, in: name))),
                    SpecEntry("to", template(folder)),
                ]
                if let mode = modes.first, mode != 0o644 {
                    entries.append(SpecEntry("mode", .text(ModeText.octal(mode))))
                }
                result.contents.append(.mapping(entries + information))
                return
            }
            pairs = found.map { ($0, folder + LexicalPath.split($0).name) }
        } else if result.status(source, at: node)?.kind == .directory {
            let tree = result.source(source, at: node, in: name)
            var entries = [SpecEntry("tree", template(tree)), SpecEntry("to", template(destination))] + information
            if isConffile {
                entries.append(
                    SpecEntry(
                        "rules",
                        .list([.mapping([SpecEntry("match", .text("**")), SpecEntry("conffile", .flag(true))])])))
            }
            result.contents.append(.mapping(entries))
            return
        }
        for (from, to) in pairs {
            var entries = [
                SpecEntry(
                    isConffile ? "conffile" : "file",
                    template(SourcePattern.quoted(result.source(from, at: node, in: name)))),
                SpecEntry("to", template(to)),
            ]
            // nfpm takes the mode that the file has.
            if !hasMode, let status = result.status(from, at: node) {
                let mode = status.permissions & ~umask
                if mode != 0o644 { entries.append(SpecEntry("mode", .text(ModeText.octal(mode)))) }
            }
            result.contents.append(.mapping(entries + information))
        }
    }
}
