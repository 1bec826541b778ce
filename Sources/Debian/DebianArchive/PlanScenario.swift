import Archive
import DebianManifest
import Platform

extension PackageScenario {
    /// The scenario of a package with these entries.
    ///
    /// - Parameter checksums: SHA-256 in hexadecimal by the position of the entry; nil puts zeros in their place, which
    ///   makes a text of the same length.
    package func text(of entries: [PlannedEntry], checksums: [String?]? = nil) -> String {
        let unknown = String(repeating: "0", count: 64)
        func checksum(_ position: Int) -> String? { checksums.map { $0[position] } ?? unknown }
        let hasLinks = entries.contains { if case .hardLink = $0.entry.kind { true } else { false } }
        let places = Dictionary(
            (hasLinks ? entries : []).enumerated().map { (ByteKey($0.element.entry.path), $0.offset) },
            uniquingKeysWith: { first, _ in first })
        var complete = self
        complete.manifest.entries = entries.enumerated().compactMap { position, planned in
            let path = planned.installedPath
            if path == "/" { return nil }
            let entry = planned.entry
            // The text cannot have its own checksum in it, and dpkg has one of it; a conffile may be edited.
            let isOpen = path == installedPath || planned.isConffile
            let kind: PackageManifest.Entry.Kind
            switch entry.kind {
            case .file: kind = .file(sha256: isOpen ? nil : checksum(position))
            case .hardLink(let target): kind = .file(sha256: isOpen ? nil : places[ByteKey(target)].flatMap(checksum))
            case .directory: kind = .directory
            case .symbolicLink(let target): kind = .link(target: target)
            case .other: return nil
            }
            return PackageManifest.Entry(
                path: path, kind: kind, mode: entry.permissions, owner: entry.owner.name, group: entry.group.name,
                isConffile: planned.isConffile, capabilities: planned.capabilities)
        }
        return complete.yaml
    }
}

extension BuildPlan {
    /// The position of the entry that holds the scenario; nil when the package does not bring it, or brings a file of its own in
    /// its place, as one that was imported does.
    package var scenarioPosition: Int? {
        guard let path = scenario?.installedPath,
            let position = entries.firstIndex(where: { $0.installedPath == path }),
            case .bytes = entries[position].source
        else { return nil }
        return position
    }

    /// The name of the file beside the package that holds the scenario.
    public var scenarioFileName: String { fileName.dropLast(".deb".count) + PackageScenario.fileSuffix }
}
