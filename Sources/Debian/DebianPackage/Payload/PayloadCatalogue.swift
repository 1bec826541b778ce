import DebianFormat
import Platform
import Documents

/// The payloads that a workspace declares, with those given on the command line in their place.
struct PayloadCatalogue {
    let workspace: Workspace
    let overrides: [PayloadOverride]

    var names: Set<String> {
        Set(workspace.spec.payloads.map(\.name.value)).union(overrides.map(\.name))
    }

    /// A name given on the command line that nothing declares is a spelling mistake.
    func checkOverrides(diagnostics: inout Diagnostics) {
        let declared = workspace.spec.payloads.map(\.name.value)
        for item in overrides where !declared.contains(item.name) {
            diagnostics.error(
                "payload-unknown", "--payload names '\(item.name)', which the workspace does not declare", at: nil,
                help: SpellingSuggestion.of(item.name, among: declared).map { "did you mean '\($0)'?" })
        }
    }

    /// The source of a payload for an architecture, or nil after a diagnostic.
    func source(
        of name: String, for architecture: Architecture, diagnostics: inout Diagnostics
    ) -> PayloadSource? {
        if let item = overrides.last(where: { $0.name == name && ($0.architecture ?? architecture) == architecture }) {
            return PayloadSource(
                name: name, architecture: architecture, location: .path(item.path), sha256: nil, range: nil)
        }
        guard let (declaredName, payload) = workspace.spec.payloads.first(where: { $0.name.value == name }) else {
            return nil
        }
        for (key, _) in payload.architectures where (try? Architecture(key.value)) == nil {
            diagnostics.error(
                "architecture", "'\(key.value)' is no architecture", at: key.range,
                help: SpellingSuggestion.of(key.value, among: Architecture.common).map { "did you mean '\($0)'?" })
            return nil
        }
        let hasCommon = locations(payload.common).isEmpty == false
        if hasCommon, !payload.architectures.isEmpty {
            diagnostics.error(
                "payload-source", "payload '\(name)' has a source for all and sources by architecture",
                at: declaredName.range, help: "move the common source below 'architectures'")
            return nil
        }
        let specific = payload.architectures.first { $0.name.value == architecture.description }?.value
        guard let source = specific ?? (hasCommon ? payload.common : nil) else {
            let known = payload.architectures.map(\.name.value).joined(separator: ", ")
            diagnostics.error(
                "payload-architecture",
                "payload '\(name)' has no source for \(architecture)" + (known.isEmpty ? "" : " (it has \(known))"),
                at: declaredName.range, help: "add one, or pass --payload \(name):\(architecture)=FILE")
            return nil
        }
        let found = locations(source)
        guard found.count == 1, let location = found.first else {
            diagnostics.error(
                "payload-source",
                found.isEmpty
                    ? "payload '\(name)' has no source" : "payload '\(name)' has \(found.count) sources for one file",
                at: source.range ?? declaredName.range, help: "give one of: path, product, archive with member, url")
            return nil
        }
        if case .archive = location, source.member == nil {
            diagnostics.error(
                "payload-member", "payload '\(name)' names an archive and no member",
                at: source.archive?.range, help: "add 'member:' with the exact path in the archive")
            return nil
        }
        if let member = source.member, source.archive == nil, source.url == nil {
            diagnostics.error(
                "payload-member", "payload '\(name)' names a member and no archive", at: member.range,
                help: "use 'archive:' in place of 'path:'")
            return nil
        }
        return PayloadSource(
            name: name, architecture: architecture, location: location, sha256: source.sha256?.value,
            range: (source.path ?? source.product ?? source.archive ?? source.url)?.range)
    }

    private func locations(_ source: PayloadSourceSpec) -> [PayloadLocation] {
        var result: [PayloadLocation] = []
        if let path = source.path { result.append(.path(workspace.absolute(path.value))) }
        if let product = source.product { result.append(.product(product.value)) }
        if let archive = source.archive {
            result.append(.archive(path: workspace.absolute(archive.value), member: source.member?.value ?? ""))
        }
        if let url = source.url { result.append(.url(url.value, member: source.member?.value)) }
        return result
    }
}
