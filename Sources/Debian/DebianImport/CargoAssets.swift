import DebianArchive
import DebianBuild
import Documents
import Files
import Platform

/// Files of cargo-deb's packages, and the copyright file that it makes.
extension CargoTranslation {
    mutating func addAssets(_ assets: YAMLNode?) {
        guard let assets else { return addBinaries() }
        guard case .sequence(let items) = assets.content else {
            result.fail(assets, "expected a list for 'assets', found \(assets.kindName)")
            return
        }
        for item in items {
            switch item.content {
            case .scalar(let text, _) where text == "$auto": addBinaries()
            case .sequence(let parts) where parts.count == 3:
                let texts = parts.compactMap(\.scalarText)
                if texts.count == 3 { asset(texts[0], texts[1], texts[2], item) }
            case .mapping:
                asset(
                    item[key: "source"]?.scalarText ?? "", item[key: "dest"]?.scalarText ?? "",
                    item[key: "mode"]?.scalarText ?? "644", item)
            default: result.fail(item, "an asset is not [source, destination, mode]")
            }
        }
    }

    /// What cargo-deb packages when nothing is said: the programs, and the read-me file.
    private mutating func addBinaries() {
        var programs: [String] = []
        if let program = cargo[key: "default-run"]?.scalarText { programs = [program] }
        if programs.isEmpty, let own = cargo[key: "name"]?.scalarText { programs = [own] }
        for program in programs { asset("target/release/" + program, "usr/bin/", "755", cargo) }
        if let readme = cargo[key: "readme"]?.scalarText, readme != "false", readme != "true" {
            asset(readme, "usr/share/doc/\(name)/", "644", cargo)
        }
    }

    private mutating func asset(_ source: String, _ destination: String, _ mode: String, _ node: YAMLNode) {
        guard let bits = result.mode(mode, at: node) else { return }
        let written = ModeText.octal(bits)
        let to = Self.installed(destination)
        if source.hasPrefix("target/"), !source.contains("*") {
            let program = LexicalPath.split(source).name
            if !payloads.contains(where: { $0.key == program }) {
                let path = ForeignSpecification.relative(result.base + "/" + source, from: result.target)
                payloads.append(SpecEntry(program, .mapping([SpecEntry("path", .text(path))])))
            }
            var entries = [SpecEntry("payload", .text(program)), SpecEntry("to", .text(to))]
            if bits != 0o755 { entries.append(SpecEntry("mode", .text(written))) }
            result.contents.append(.mapping(entries))
            return
        }
        var pairs = [(source, to)]
        if let found = result.matches(source, at: node) {
            let folder = to.hasSuffix("/") ? to : to + "/"
            pairs = found.map { ($0, folder + Self.installedName(of: $0, by: source)) }
            // A pattern keeps the folders behind its first wildcard, as cargo-deb does if the last component has one.
            let isKept =
                Self.hasWildcard(LexicalPath.split(source).name) && SourcePattern(source).name == nil
                && !pairs.contains { conffiles.contains($0.1) || manualPage($0.0, at: $0.1) }
            if isKept { pairs = [(source, folder)] }
        }
        for (from, to) in pairs {
            if manualPage(from, at: to) {
                manualPages.append(.text(SourcePattern.quoted(result.source(from, at: node, in: name))))
                continue
            }
            let isPattern = SourcePattern(from).name == nil && from.utf8.elementsEqual(source.utf8)
            let path = to.hasSuffix("/") ? to + LexicalPath.split(from).name : to
            let isConffile = conffiles.remove(path) != nil
            let file = result.source(from, at: node, in: name)
            var entries = [
                SpecEntry(isConffile ? "conffile" : "file", .text(isPattern ? file : SourcePattern.quoted(file))),
                SpecEntry("to", .text(to)),
            ]
            if bits != 0o644 { entries.append(SpecEntry("mode", .text(written))) }
            result.contents.append(.mapping(entries))
        }
    }

    private static func hasWildcard(_ component: some StringProtocol) -> Bool {
        component.utf8.contains { "*?[".utf8.contains($0) }
    }

    /// What cargo-deb puts behind the destination for a file that a pattern matches: the path from the first component
    /// with a wildcard on if the last one has one too, and the name otherwise.
    private static func installedName(of path: String, by pattern: String) -> String {
        let parts = LexicalPath.components(pattern)
        let components = LexicalPath.components(path)
        var skipped = max(0, parts.count - 1)
        if let last = parts.last, hasWildcard(last) {
            skipped = parts.dropLast().firstIndex { hasWildcard($0) } ?? skipped
        }
        return components.dropFirst(min(skipped, components.count - 1)).joined(separator: "/")
    }

    /// Whether a file becomes a manual page, which cargo-deb compresses, at the place where it is.
    private func manualPage(_ source: String, at path: String) -> Bool {
        let name = LexicalPath.split(path.hasSuffix("/") ? path + LexicalPath.split(source).name : path).name
        guard name.utf8.elementsEqual(LexicalPath.split(source).name.utf8), let place = ManualPage.path(of: source)
        else {
            return false
        }
        return place.hasSameBytes(as: (path.hasSuffix("/") ? path + name : path) + ".gz")
    }
}
