import Archive
import DebianFormat
import DebianManifest
import Documents
import Files
import Platform

/// A folder with `workspace.yaml` and package folders, loaded as far as it does not depend on a package.
public struct Workspace: Sendable {
    /// The folder, absolute.
    public let directory: String
    /// What `workspace.yaml` declares.
    public let spec: WorkspaceSpec
    /// `defaults`, merged below every package.
    let defaults: YAMLNode?
    /// `${env:NAME}` in specifications.
    let environment: [String: String]

    /// The name of the file that makes a folder a workspace.
    public static let fileName = "workspace.yaml"
    /// The name of the file that makes a folder a package.
    public static let packageFileName = "package.yaml"
    private static let fileLimit = 8 << 20
    /// NAME_MAX of limits.h(0p) on Linux.
    static let fileNameLimit = 255

    /// The workspace in a folder, in its `Packaging` folder, or in a folder above.
    public static func find(from start: String) -> String? {
        var folder = start
        while true {
            for candidate in [folder, folder + "/Packaging"] {
                // A folder that may not be looked into has no workspace for this user.
                if (try? FileStatus.ofIfExists(candidate + "/" + fileName, followLinks: true)) != nil {
                    return LexicalPath.normalised(candidate)
                }
            }
            guard let slash = folder.unicodeScalars.lastIndex(of: "/"), folder != "/" else { return nil }
            folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
        }
    }

    /// Loads `workspace.yaml` of a folder; nil when the diagnostics hold an error.
    public static func load(
        directory: String, environment: [String: String], diagnostics: inout Diagnostics
    ) -> Workspace? {
        let path = directory + "/" + fileName
        guard let node = read(path, SpecShapes.workspace.schema, diagnostics: &diagnostics) else { return nil }
        let defaults = node[key: "defaults"]
        // The defaults speak of ${package} and ${arch}, which have no value yet.
        var scope = VariableScope(environment: environment)
        scope.define(node[key: "variables"], diagnostics: &diagnostics)
        guard
            let expanded = VariableExpansion.expand(
                node.removing(keys: ["defaults", "variables"]), scope: scope, diagnostics: &diagnostics),
            let spec = SpecShapes.workspace.decode(
                expanded.adding(node[pair: "variables"]).adding(node[pair: "defaults"]), &diagnostics)
        else { return nil }
        return Workspace(directory: directory, spec: spec, defaults: defaults, environment: environment)
    }

    /// The names of all package folders: those that the file lists, or all that are there.
    public func packageNames(diagnostics: inout Diagnostics) -> [String] {
        if !spec.packages.isEmpty { return spec.packages.map(\.value) }
        do {
            return try FileTree.children(of: directory).filter { name in
                try FileStatus.ofIfExists(directory + "/\(name)/" + Self.packageFileName, followLinks: true) != nil
            }
        } catch {
            diagnostics.error("source-unreadable", "\(error)", at: nil)
            return []
        }
    }

    /// `package.yaml` of a folder with the workspace's defaults below it, for ``packageSpec(_:named:architecture:distribution:version:diagnostics:)``.
    func packageDocument(in folder: String, diagnostics: inout Diagnostics) -> YAMLNode? {
        guard
            let node = Self.read(
                folder + "/" + Self.packageFileName, SpecShapes.package.schema, diagnostics: &diagnostics)
        else { return nil }
        return defaults.map { NodeMerge.overlay($0, node, lists: .replace) } ?? node
    }

    /// The specification of one package for one architecture: overrides and variables depend on it.
    ///
    /// - Parameter version: overrides the version of the workspace and the package.
    func packageSpec(
        _ document: YAMLNode, named name: String, architecture: Architecture?, distribution: String?,
        version: String?, diagnostics: inout Diagnostics
    ) -> (spec: PackageSpec, version: DebianVersion)? {
        let node = applyingOverrides(
            of: document, architecture: architecture, distribution: distribution ?? spec.distribution?.value,
            diagnostics: &diagnostics)

        var scope = VariableScope(environment: environment)
        for (name, value) in spec.variables { scope.define(name.value, value.value, range: value.range) }
        scope.define(node[key: "variables"], diagnostics: &diagnostics)
        var builtIn = [
            "package": node[key: "package"]?.scalarText ?? name,
            "distribution": distribution ?? spec.distribution?.value ?? "",
        ]
        if let architecture {
            builtIn["arch"] = architecture.description
            builtIn["multiarch"] = architecture.multiarch
        }
        for (name, value) in builtIn { scope.define(name, value, range: nil) }
        let effective = effectiveVersion(of: node, override: version, scope: scope, diagnostics: &diagnostics)
        if let effective, let range = node[key: "version"]?.range ?? self.spec.version.range {
            let variant =
                node[key: "architecture-variant"]?.scalarText.flatMap { $0.isEmpty ? nil : $0 } ?? architecture?
                .description ?? "all"
            let file = "\(builtIn["package"] ?? name)_\(effective.withoutEpoch)_\(variant)"
            let length = file.utf8.count + PackageScenario.fileSuffix.utf8.count
            guard length <= Self.fileNameLimit else {
                diagnostics.error(
                    "version",
                    "with this version of \(effective.description.utf8.count) bytes the names of the package's files have "
                        + "\(length) (must be <=\(Self.fileNameLimit))", at: range, help: "shorten the version")
                return nil
            }
        }
        // What else is wrong is reported anyway.
        scope.define("version", effective?.description ?? "0", range: nil)
        scope.define("upstream-version", effective?.upstream ?? "0", range: nil)
        guard
            let expanded = VariableExpansion.expand(
                node.removing(keys: ["variables"]), scope: scope, diagnostics: &diagnostics)
        else { return nil }
        guard let spec = SpecShapes.package.decode(expanded, &diagnostics), let effective else { return nil }
        return (spec, effective)
    }

    /// The version that a package gets, from its own `version`, the workspace's, or one from outside. Everything else may
    /// name it as a variable, so it is found before the rest is read.
    private func effectiveVersion(
        of node: YAMLNode, override: String?, scope: VariableScope, diagnostics: inout Diagnostics
    ) -> DebianVersion? {
        guard case .mapping(let pairs) = node.content else { return nil }
        let others = Set(pairs.compactMap(\.key.scalarText)).subtracting([
            "version", "epoch", "revision", "version-scheme",
        ])
        // What is wrong with the keys themselves is reported when the package is decoded.
        var ignored = Diagnostics()
        guard let expanded = VariableExpansion.expand(node.removing(keys: others), scope: scope, diagnostics: &ignored),
            let keys = SpecShapes.version.decode(expanded, &ignored)
        else { return nil }
        let declared = keys.version ?? spec.version
        do throws(FormatError) {
            let own = try keys.scheme.version(of: declared.value)
            if keys.epoch != nil, own.hasEpoch {
                diagnostics.error(
                    "version-epoch", "version '\(declared.value)' has an epoch, and 'epoch' gives one",
                    at: declared.range,
                    help: "drop one of them")
                return nil
            }
            if let revision = keys.revision, own.revision != nil {
                diagnostics.error(
                    "version-revision", "version '\(declared.value)' has a revision, and 'revision' gives one",
                    at: revision.range, help: "drop one of them")
                return nil
            }
            let epoch = keys.epoch.map(UInt32.init) ?? (own.hasEpoch ? own.epoch : nil)
            let version = try override.map { text throws(FormatError) in try keys.scheme.version(of: text) } ?? own
            do throws(FormatError) {
                return try version.completed(epoch: epoch, revision: keys.revision?.value)
            } catch {
                diagnostics.error("version", "\(error)", at: keys.revision?.range ?? declared.range)
                return nil
            }
        } catch {
            diagnostics.error(
                "version", "\(error)",
                at: override == nil ? declared.range?.narrowed(toByte: error.offset, of: declared.value) : nil,
                help: "see 'debbuild version map' and deb-version(7)")
            return nil
        }
    }

    /// The folder of a package, absolute; a diagnostic when there is none.
    public func folder(of name: String, diagnostics: inout Diagnostics) -> String? {
        let range = spec.packages.first { $0.value == name }?.range
        guard let folder = LexicalPath.normalised(directory + "/" + name),
            LexicalPath.isInside(folder, folder: directory), folder != directory
        else {
            diagnostics.error("package-folder", "package folder '\(name)' is outside the workspace", at: range)
            return nil
        }
        let isThere: Bool
        do throws(FileError) {
            isThere = try FileStatus.ofIfExists(folder + "/" + Self.packageFileName, followLinks: true) != nil
        } catch {
            diagnostics.error("source-unreadable", "\(error)", at: range)
            return nil
        }
        if !isThere {
            var ignored = Diagnostics()
            let known = spec.packages.isEmpty ? packageNames(diagnostics: &ignored) : spec.packages.map(\.value)
            diagnostics.error(
                "package-unknown", "there is no package '\(name)' in '\(directory)'", at: range,
                help: SpellingSuggestion.of(name, among: known.filter { $0 != name }).map { "did you mean '\($0)'?" }
                    ?? "a package is a folder with '\(Self.packageFileName)'; 'debbuild init \(name)' makes one")
            return nil
        }
        return folder
    }

    /// A path of `workspace.yaml` as an absolute one.
    /// The architecture that a key of the workspace names, or nil after a diagnostic.
    static func architecture(_ key: Located<String>, diagnostics: inout Diagnostics) -> Architecture? {
        do throws(FormatError) { return try Architecture(key.value) } catch {
            diagnostics.error(
                "architecture", "\(error)", at: key.range,
                help: Architecture.suggestion(for: key.value).map { "did you mean '\($0)'?" })
            return nil
        }
    }

    func absolute(_ path: String) -> String {
        LexicalPath.normalised(LexicalPath.isAbsolute(path) ? path : directory + "/" + path) ?? path
    }

    // MARK: - overrides

    private func applyingOverrides(
        of node: YAMLNode, architecture: Architecture?, distribution: String?, diagnostics: inout Diagnostics
    ) -> YAMLNode {
        guard let overrides = node[key: "overrides"] else { return node }
        var result = node.removing(keys: ["overrides"])
        guard case .sequence(let items) = overrides.content else {
            diagnostics.error(
                "type", "'overrides' is not a list", at: overrides.range,
                help: "write '- architecture: arm64' with what differs below it")
            return result
        }
        for item in items {
            guard case .mapping = item.content else {
                diagnostics.error("type", "an override is not a mapping", at: item.range)
                continue
            }
            var applies = true
            var hasSelector = false
            if let selector = item[key: "architecture"] {
                hasSelector = true
                if let text = selector.scalarText, (try? Architecture(text)) != nil {
                    applies = applies && text == architecture?.description
                } else {
                    diagnostics.error(
                        "architecture", "'\(selector.scalarText ?? "")' is not an architecture", at: selector.range,
                        help: Architecture.suggestion(for: selector.scalarText ?? "")
                            .map { "did you mean '\($0)'?" })
                    applies = false
                }
            }
            if let selector = item[key: "distribution"] {
                hasSelector = true
                applies = applies && selector.scalarText == distribution
            }
            if !hasSelector {
                diagnostics.error(
                    "override-selector", "an override says neither 'architecture' nor 'distribution'", at: item.range,
                    help: "add one of them, or move the values up into the package")
                continue
            }
            let values = item.removing(keys: ["architecture", "distribution"])
            if applies {
                result = NodeMerge.overlay(result, values, lists: .append)
            } else {
                // Checked anyway: a mistake for another architecture shall not wait until that is built. Variables
                // have no value here, so scalars that mention one are left out.
                _ = SpecShapes.override.decode(values.removingVariables(), &diagnostics)
            }
        }
        return result
    }

    // MARK: - files

    private static func read(
        _ path: String, _ schema: SchemaNode, diagnostics: inout Diagnostics
    ) -> YAMLNode? {
        IncludeResolver(
            schema: schema,
            readFile: { path in try FileTree.readWhole(path, limit: fileLimit) },
            shown: { LexicalPath.shortened($0, in: FileTree.currentDirectory) },
            nearest: { NearestPath.existing(for: $0) }
        )
        .load(path, diagnostics: &diagnostics)
    }
}
