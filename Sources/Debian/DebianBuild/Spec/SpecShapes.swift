import Archive
import DebianFormat
import Platform
import SpecLoading

/// The declarations from which both the decoder and the JSON Schema of `package.yaml` and `workspace.yaml` are made.
public enum SpecShapes {
    // MARK: - package.yaml

    /// `package.yaml` of a package folder.
    public static var package: Shape<PackageSpec> {
        .object(
            "Package", doc: "A Debian binary package.", new: PackageSpec.init,
            fields: identity + relations + files + handledBefore)
    }

    /// What may stand in the file itself: the architectures may come from `defaults`.
    static var packageFile: Shape<PackageSpec> {
        .object(
            "Package", doc: "A Debian binary package.", new: PackageSpec.init,
            fields: (identity + relations + files + handledBefore).map {
                $0.schema.key == "architectures" ? $0.madeOptional() : $0
            })
    }

    /// An item of `overrides` before it is merged: everything optional, for checking items that do not apply.
    public static var override: Shape<PackageSpec> {
        .object(
            "Override", doc: "What differs for an architecture or a distribution.", new: PackageSpec.init,
            fields: relations + files + identity.map { $0.madeOptional() } + [
                .ignored("architecture", .string(format: "architecture"), "Applies when this is built for."),
                .ignored("distribution", .string(format: "distribution"), "Applies when this is the target."),
            ])
    }

    // Taken out of the tree before it is decoded, and known here so that the schema has them.
    private static var handledBefore: [Field<PackageSpec>] {
        [
            .ignored("include", .list(.string(format: "file")), "Files laid below this one, relative to it."),
            .ignored("variables", .map(.string(format: nil)), "Variables for the fields of this package."),
            .ignored(
                "overrides", .list(override.schema),
                "What is laid over the package for an 'architecture', a 'distribution', or both; lists are appended."),
        ]
    }

    private static var identity: [Field<PackageSpec>] {
        [
            .required(
                "package", \.name, parsed("package name") { text throws(FormatError) in try PackageName(text) },
                "The package's name (Policy 5.6.7).", example: "istio-proxy"),
            .required("summary", \.summary, .located(.nonEmptyString), "One line, 80 characters at the most."),
            .optional("description", \.description, .located(.string), "The extended description, plain paragraphs."),
            .required(
                "architectures", \.architectures, .list(of: architecture),
                "What the package can be built for; 'all' where it has no machine code.", example: "[amd64, arm64]"),
            .optional("version", \.version, version, "A version of its own instead of the workspace's."),
            .optional("section", \.section, .located(section), "The section (Policy 2.4).", example: "net"),
            .optional("priority", \.priority, .located(.enumeration(Priority.self)), "The priority (Policy 2.5)."),
            .optional(
                "maintainer", \.maintainer, parsed("maintainer") { text throws(FormatError) in try Maintainer(text) },
                "Name and address of the maintainer.", example: "The Istio Authors <istio-dev@googlegroups.com>"),
            .optional("homepage", \.homepage, .located(webAddress), "The project's page."),
            .optional("source", \.source, .located(.nonEmptyString), "The source package, if named otherwise."),
            .optional(
                "multi-arch", \.multiArch, .located(.enumeration(MultiArch.self)), "Multi-Arch (deb-control(5))."),
            .optional("essential", \.isEssential, .boolean, "Whether the system cannot do without the package."),
            .optional("fields", \.extraFields, .entries(of: .located(.string)), "Further control fields by name."),
            .optional(
                "compression", \.compression, compression,
                "xz, zstd, gzip or none, with a level after a colon.", example: "xz:6"),
        ]
    }

    private static var relations: [Field<PackageSpec>] {
        let keys: [(String, RelationField.Kind, String)] = [
            ("depends", .depends, "Packages that must be there for it to work."),
            ("pre-depends", .preDepends, "Packages that must be configured before it is unpacked."),
            ("recommends", .recommends, "Packages found with it in all but unusual installations."),
            ("suggests", .suggests, "Packages that make it more useful."),
            ("enhances", .enhances, "Packages that it makes more useful."),
            ("breaks", .breaks, "Packages that do not work beside it."),
            ("conflicts", .conflicts, "Packages that cannot be installed at the same time."),
            ("replaces", .replaces, "Packages whose files it may take over."),
            ("provides", .provides, "Virtual packages that it stands for."),
            ("built-using", .builtUsing, "Source packages whose parts are in it, with exact versions."),
        ]
        return keys.map { key, kind, doc in
            .optional(
                key, \PackageSpec.relations[listFor: kind], .list(of: .located(.nonEmptyString)),
                doc + " Each item is a relation (Policy 7.1).")
        } + [
            .optional(
                "automatic-depends", \.hasAutomaticDepends, .boolean,
                "Whether the libraries that machine code needs become 'Depends' (default true)."),
            .optional(
                "libraries", \.libraries, .entries(of: path),
                "Sonames and the relations that stand for them, where no installed package says so."),
        ]
    }

    private static var files: [Field<PackageSpec>] {
        [
            .optional("contents", \.contents, .list(of: content), "What is in the package."),
            .optional("units", \.units, .list(of: unit), "systemd units, installed in /lib/systemd/system."),
            .optional("sysusers", \.sysusers, path, "A sysusers.d(5) file, installed under the package's name."),
            .optional("tmpfiles", \.tmpfiles, path, "A tmpfiles.d(5) file, installed under the package's name."),
            .optional("logrotate", \.logrotate, path, "A logrotate(8) file, installed as a conffile."),
            .optional("scripts", \.scripts, scripts, "Maintainer scripts (Policy 6)."),
            .optional("alternatives", \.alternatives, .list(of: alternative), "Choices for update-alternatives(1)."),
            .optional(
                "triggers", \.triggers, .list(of: parsed("trigger") { text throws(FormatError) in try Trigger(text) }),
                "deb-triggers(5) lines.",
                example: "[interest-noawait /usr/share/x]"),
            .optional(
                "conffiles", \.conffiles, .list(of: path),
                "Paths in the package that are conffiles, beside the 'conffile:' items."),
            .optional(
                "obsolete-conffiles", \.obsoleteConffiles, .list(of: path),
                "Conffiles of earlier versions that dpkg removes on upgrade (deb-conffiles(5))."),
            .optional(
                "changelog", \.changelog, path,
                "A Debian changelog; its newest date is the default SOURCE_DATE_EPOCH."),
            .optional("copyright", \.copyright, path, "The copyright file (Policy 12.5)."),
            .optional("lintian-overrides", \.lintianOverrides, path, "Overrides for lintian, each with its reason."),
            .optional("manual-pages", \.manualPages, .list(of: path), "Manual pages, installed compressed."),
        ]
    }

    private static var content: Shape<ContentSpec> {
        let place: [Field<ContentSpec>] = [
            .required("to", \.destination, path, "Absolute path in the package; a folder if it ends in '/'.")
        ]
        let ownership: [Field<ContentSpec>] = [
            .optional("mode", \.mode, .octalMode, "Permission bits in octal, setuid, setgid and sticky included."),
            .optional("owner", \.owner, .located(.nonEmptyString), "Owner by name (default root)."),
            .optional("group", \.group, .located(.nonEmptyString), "Group by name (default: as the owner)."),
        ]
        let selection: [Field<ContentSpec>] = [
            .optional("exclude", \.excludes, .list(of: path), "Patterns of what is left out."),
            .optional("rules", \.rules, .list(of: rule), "Modes and owners by pattern; the last match wins."),
        ]
        func item(
            _ key: String, _ name: String, _ doc: String, _ more: [Field<ContentSpec>],
            _ make: @escaping @Sendable (Located<String>) -> ContentSpec.Kind
        ) -> (String, Shape<ContentSpec>) {
            let source: Field<ContentSpec> = .required(
                key, \.kind, path.map { make($0) }, doc)
            return (
                key,
                .object(name, doc: doc, new: ContentSpec.init, fields: [source] + more).ranged { $0.range = $1 }
            )
        }
        return .keyed(by: [
            item("file", "File", "A file of the package folder.", place + ownership) { .file($0) },
            item("conffile", "Conffile", "A file that the administrator may edit.", place + ownership) {
                .conffile($0)
            },
            item("payload", "PayloadItem", "A payload of the workspace, by name.", place + ownership) { .payload($0) },
            item("tree", "Tree", "A folder with its structure.", place + ownership + selection) { .tree($0) },
            item("directory", "Directory", "A directory, by its path in the package.", ownership) { .directory($0) },
            item(
                "symlink", "Symlink", "A symbolic link, by its path in the package.",
                [.required("target", \.target, path, "What the link points to.")]
            ) { .symlink($0) },
            item(
                "archive", "ArchiveItem", "The entries of an archive of the package folder.",
                place + ownership + selection + [
                    .optional(
                        "strip-components", \.stripComponents, .integer(0...64),
                        "Leading components that entry paths lose.")
                ]
            ) { .archive($0) },
        ])
    }

    private static var rule: Shape<ContentRule> {
        .object(
            "Rule", doc: "A mode or owner for what matches a pattern.", new: ContentRule.init,
            fields: [
                .required("match", \.match, path, "A pattern; without '/' it is compared with the last component."),
                .optional("mode", \.mode, .octalMode, "Permission bits in octal."),
                .optional("owner", \.owner, .located(.nonEmptyString), "Owner by name."),
                .optional("group", \.group, .located(.nonEmptyString), "Group by name."),
                .optional("conffile", \.isConffile, .boolean, "Whether matching files are conffiles."),
            ])
    }

    private static var unit: Shape<UnitSpec> {
        .object(
            "Unit", doc: "A systemd unit and what the package does with it.", new: UnitSpec.init,
            fields: [
                .required("file", \.file, path, "The unit file."),
                .optional("enable", \.isEnabled, .boolean, "Enable it on first installation (default true)."),
                .optional("start", \.isStarted, .boolean, "Start it on first installation (default true)."),
                .optional(
                    "on-upgrade", \.onUpgrade, .enumeration(UnitPolicy.Upgrade.self),
                    "restart: after the new version is configured, if it ran; stop-start: stopped by the old version, "
                        + "started by the new one if it ran; leave: not touched."),
                .optional("stop-on-remove", \.stopsOnRemove, .boolean, "Stop it on removal (default true)."),
            ])
    }

    private static var scripts: Shape<ScriptsSpec> {
        .object(
            "Scripts", doc: "Maintainer scripts; '#DEBHELPER#' marks where generated lines go.", new: ScriptsSpec.init,
            fields: MaintainerScriptName.allCases.map { name in
                .optional(name.rawValue, \ScriptsSpec[name], path, "The \(name.rawValue) script.")
            })
    }

    private static var alternative: Shape<AlternativeSpec> {
        .object(
            "Alternative", doc: "A choice for update-alternatives(1).", new: AlternativeSpec.init,
            fields: [
                .required("name", \.name, .located(.nonEmptyString), "The group's name."),
                .required("link", \.link, path, "The generic path."),
                .required("path", \.path, path, "The file that this package offers."),
                .required("priority", \.priority, .integer(-1_000_000...1_000_000), "The higher one wins."),
            ])
    }

    // MARK: - workspace.yaml

    /// `workspace.yaml`. `defaults` is merged below each package before decoding and has the shape of an override.
    public static var workspace: Shape<WorkspaceSpec> {
        .object(
            "Workspace", doc: "Shared version, defaults and payloads of several packages.", new: WorkspaceSpec.init,
            fields: [
                .required("version", \.version, version, "The version of every package without one of its own."),
                .optional("packages", \.packages, .list(of: path), "Package folders; all that are there by default."),
                .optional("output", \.output, path, "Where packages are written."),
                .optional(
                    "sources", \.sources, path,
                    "The folder that the sources of packages may come from (default: the workspace's own).",
                    example: ".."),
                .optional(
                    "distribution", \.distribution, .located(.nonEmptyString),
                    "The distribution that overrides are selected for.", example: "bookworm"),
                .optional(
                    "swift-package", \.swiftPackage, path,
                    "The Swift package whose products are payload (default '..')."),
                .optional(
                    "swift-sdks", \.swiftSDKs, .entries(of: path), "Swift SDK names by architecture."),
                .optional("variables", \.variables, .entries(of: .located(.string)), "Variables for every field."),
                .optional("payloads", \.payloads, .entries(of: payload), "Payloads by name."),
                .ignored("defaults", override.schema, "Values for every package that does not set them."),
            ])
    }

    private static var payload: Shape<PayloadSpec> {
        let common = sourceFields.map { $0.lifted(\PayloadSpec.common) }
        return .object(
            "Payload", doc: "Where a payload comes from.", new: PayloadSpec.init,
            fields: common + [
                .optional(
                    "architectures", \.architectures,
                    .entries(
                        of: .object(
                            "PayloadSource", doc: "One source.", new: PayloadSourceSpec.init, fields: sourceFields
                        )
                        .ranged { $0.range = $1 }),
                    "Sources by architecture.")
            ])
    }

    private static var sourceFields: [Field<PayloadSourceSpec>] {
        [
            .optional("path", \.path, path, "A file on this machine."),
            .optional("product", \.product, path, "An executable product of the Swift package."),
            .optional("archive", \.archive, path, "An archive on this machine: zip, wheel, tar, deb."),
            .optional("url", \.url, path, "An http, https or file URL, fetched with curl and kept by checksum."),
            .optional("member", \.member, path, "The exact path of a member of the archive or download."),
            .optional("sha256", \.sha256, .located(sha256), "SHA-256 of the file, archive or download."),
        ]
    }

    // MARK: - leaves

    private static var path: Shape<Located<String>> { .located(.nonEmptyString) }

    private static var version: Shape<Located<DebianVersion>> {
        parsed("version") { text throws(FormatError) in try DebianVersion.mapped(from: text) }
    }

    private static var architecture: Shape<Located<Architecture>> {
        parsed(
            "architecture",
            help: { text in SpellingSuggestion.of(text, among: Architecture.common).map { "did you mean '\($0)'?" } }
        ) { text throws(FormatError) in try Architecture(text) }
    }

    private static var compression: Shape<Located<Compression>> {
        .located(
            .parsed("compression") { text in
                do throws(CompressionError) {
                    return .success(try Compression(parsing: text))
                } catch {
                    return .failure(ShapeFault(message: error.description))
                }
            })
    }

    private static var section: Shape<String> {
        .parsed("section") { text in
            let isPlain = text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: "/") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
            guard isPlain, text.split(separator: "/", omittingEmptySubsequences: false).count <= 2, !text.isEmpty else {
                return .failure(
                    ShapeFault(message: "section '\(text)' has wrong characters", help: "write one such as 'net'"))
            }
            return .success(text)
        }
    }

    private static var webAddress: Shape<String> {
        .parsed("web address") { text in
            guard text.hasPrefix("https://") || text.hasPrefix("http://"), !text.contains(where: \.isWhitespace) else {
                return .failure(
                    ShapeFault(message: "'\(text)' is no web address", help: "begin it with https://"))
            }
            return .success(text)
        }
    }

    private static var sha256: Shape<String> {
        .parsed("SHA-256") { text in
            let isHex = text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
            guard isHex, text.utf8.count == 64 else {
                return .failure(
                    ShapeFault(
                        message: "'\(text)' is no SHA-256: expected 64 lower-case hexadecimal digits",
                        help: "sha256sum(1) prints it"))
            }
            return .success(text)
        }
    }

    private static func parsed<Value: Sendable>(
        _ name: String, help: @escaping @Sendable (String) -> String? = { _ in nil },
        _ parse: @escaping @Sendable (String) throws(FormatError) -> Value
    ) -> Shape<Located<Value>> {
        .located(
            .parsed(name) { text in
                do throws(FormatError) {
                    return .success(try parse(text))
                } catch {
                    return .failure(
                        ShapeFault(message: error.description, help: help(text), offset: error.offset))
                }
            })
    }
}

extension Dictionary where Key == RelationField.Kind, Value == [Located<String>] {
    /// A list that is empty where there is none, so that a key path can write it.
    subscript(listFor kind: RelationField.Kind) -> [Located<String>] {
        get { self[kind] ?? [] }
        set { self[kind] = newValue }
    }
}
