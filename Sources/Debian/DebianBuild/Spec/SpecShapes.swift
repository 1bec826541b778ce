import Archive
import DebianFormat
import DebianManifest
import Documents
import Platform

/// The declarations from which both the decoder and the JSON Schema of `package.yaml` and `workspace.yaml` are made.
enum SpecShapes {
    // MARK: - package.yaml

    /// `package.yaml` of a package folder, merged with the workspace's defaults.
    static let package: Shape<PackageSpec> = .object(
        "Package", "A Debian binary package.", fields,
        besides: [
            // Taken out of the tree before it is decoded, and known here so that the schema has them.
            FieldSchema("include", .list(.string(format: "file")), "Files laid below this one, relative to it."),
            FieldSchema("variables", .map(.string(format: nil)), "Variables for the fields of this package."),
            FieldSchema(
                "overrides", .list(override.schema),
                "What is laid over the package for an 'architecture', a 'distribution', or both; lists are appended."),
        ])

    /// An item of `overrides` before it is merged, for checking items that do not apply.
    static let override: Shape<Void> = .fragment(
        "Override", "What differs for an architecture or a distribution.", of: fields,
        besides: [
            FieldSchema("architecture", .string(format: "architecture"), "Applies when this is built for."),
            FieldSchema("distribution", .string(format: "distribution"), "Applies when this is the target."),
        ])

    private static let fields: Field<PackageSpec> = group(as: PackageSpec.init) {
        required("package", packageName, "The package's name (Policy 5.6.7).", example: "hello")
        required("summary", text, "One line, 80 characters at the most.")
        optional(
            "description", .oneOf([Shape.located(.string).map { .text($0) }, descriptionFile]),
            "The extended description, plain paragraphs; '{file: README.txt}' takes it from a file.")
        optional(
            "fold-description", .boolean, default: true,
            "Whether its paragraphs are folded at 78 columns; otherwise its lines stay as they are.")
        required(
            "architectures", .list(of: architecture),
            "What the package can be built for; 'all' where it has no machine code.", example: "[amd64, arm64]",
            isInherited: true)
        optional(
            "architecture-variant", .located(.string),
            "A variant of the architecture that the package needs, as Ubuntu's dpkg has them; it is also in the file's name.",
            example: "amd64v3")
        versioning
        optional("section", .located(section), "The section (Policy 2.4).", example: "net")
        optional("priority", .located(.enumeration(Priority.self)), "The priority (Policy 2.5).")
        optional(
            "maintainer", maintainer, "Name and address of the maintainer.",
            example: "A Team <team@example.org>")
        optional("homepage", .located(webAddress), "The project's page.")
        optional("source", text, "The source package, if named otherwise.")
        optional("multi-arch", .located(.enumeration(MultiArch.self)), "Multi-Arch (deb-control(5)).")
        optional("essential", .boolean, default: false, "Whether the system cannot do without the package.")
        optional("fields", .entries(of: .located(.string)), default: [], "Further control fields by name.")
        optional(
            "raw-fields", .entries(of: .located(.string)), default: [],
            "Control fields taken as they are, in place of what the other keys give; an empty one is left out.",
            example: "{Installed-Size: \"120\"}")
        optional(
            "compression", compression, "xz, zstd, gzip or none, with a level after a colon.", example: "xz:6")
        relations
        optional(
            "shlib-depends", .boolean, default: true,
            "Whether the shared libraries that machine code needs become 'Depends', as with dpkg-shlibdeps(1).",
            former: "automatic-depends")
        optional(
            "shlibs", .entries(of: relation), default: [],
            "Sonames and the relations that stand for them, where no installed package says so.",
            example: "{libfoo.so.1: \"libfoo1 (>= 1.2)\"}", former: "libraries")
        optional(
            "public-libraries", .boolean, default: true,
            "Whether shared libraries in the linker's folders get an ldconfig trigger and a 'shlibs' file, as with "
                + "dh_makeshlibs(1).")
        optional(
            "symbols", text, "A deb-symbols(5) file, as dpkg-gensymbols(1) writes it: since when each symbol is there.")
        optional(
            "strip", .boolean, default: false,
            "Whether programs and libraries lose their symbols, as with dh_strip(1); an item of 'contents' may differ.")
        optional(
            "dbgsym", .boolean, default: true,
            "Whether the symbols that they lose become the package NAME-dbgsym.")
        optional("contents", .list(of: content), default: [], "What is in the package.")
        optional("units", .list(of: unit), default: [], "systemd units.")
        optional(
            "user-units", .list(of: userUnit), default: [],
            "systemd units of users' own managers, as with dh_installsystemduser(1).")
        optional(
            "unit-directory", .enumeration(UnitDirectory.self), default: .lib,
            "Where units are installed; below /usr for systems with a merged /usr.")
        optional(
            "users", .list(of: user), default: [],
            "System users that exist before the package is unpacked, so that files can belong to them.")
        optional("groups", .list(of: userGroup), default: [], "System groups, likewise.")
        optional("sysusers", text, "A sysusers.d(5) file, installed under the package's name.")
        optional("tmpfiles", text, "A tmpfiles.d(5) file, installed under the package's name.")
        optional("logrotate", text, "A logrotate(8) file, installed as a conffile.")
        optional("scripts", scripts, default: [:], "Maintainer scripts (Policy 6).")
        optional(
            "maintscript", .list(of: maintenanceAction), default: [],
            "What upgrades do to paths of earlier versions: rm_conffile, mv_conffile, symlink_to_dir and dir_to_symlink, "
                + "as in debian/PACKAGE.maintscript (dpkg-maintscript-helper(1)).",
            example: "[rm_conffile /etc/hello/old.conf 1.2~]")
        optional(
            "templates", text,
            "Templates of the questions that 'config' asks (debconf-devel(7)); debconf becomes a dependency, and a purge "
                + "removes the answers.")
        optional("alternatives", .list(of: alternative), default: [], "Choices for update-alternatives(1).")
        optional(
            "triggers", .list(of: trigger), default: [], "deb-triggers(5) lines.",
            example: "[interest-noawait /usr/share/x]")
        optional(
            "conffiles", .list(of: text), default: [],
            "Paths in the package that are conffiles, beside the 'conffile:' items.")
        optional(
            "obsolete-conffiles", .list(of: text), default: [],
            "Conffiles of earlier versions that dpkg removes on upgrade (deb-conffiles(5)).")
        optional(
            "control-files", .list(of: controlFile), default: [],
            "Members of the control archive taken as they are, in place of what the other keys give.")
        optional(
            "changelog", .oneOf([text.map { .file($0) }, gitChangelog]),
            "A Debian changelog, or one in YAML that ends in .yaml; '{git: tags}' makes it of the repository. Its newest "
                + "date is the default SOURCE_DATE_EPOCH. One that ends in .gz stays as it is.")
        optional(
            "source-date-epoch", .integer(0...253_402_300_799),
            "Seconds since 1970 that no time in the package exceeds, instead of the changelog's newest date.")
        optional(
            "upstream-changelog", text,
            "The changelog of the upstream project, installed compressed (Policy 12.7); for packages with a revision.")
        optional("copyright", text, "The copyright file (Policy 12.5).")
        licensing
        optional("lintian-overrides", text, "Overrides for lintian, each with its reason.")
        optional(
            "lint-overrides", .entries(of: text), default: [],
            "Codes of lint findings to accept, each with a reason; other lint errors stop the build.",
            example: "{DB0514: the library is for this package alone}")
        optional(
            "manual-pages", .list(of: text), default: [],
            "Manual pages, installed compressed; a pattern such as 'man/*.1' stands for several.")
        optional(
            "ship-checks", .boolean, default: false,
            "Whether the package brings the checks that meshcheck(1) makes of it, in /usr/share/meshcheck/packages.d; they "
                + "are always written beside it.")
    }

    private static let versioning: Field<VersionSpec> = group(as: VersionSpec.init) {
        optional("version", text, "A version of its own instead of the workspace's.")
        optional(
            "epoch", .integer(0...0x7fff_ffff), "The epoch of the version, 'version:' or '--version' (deb-version(7)).")
        optional("revision", text, "The Debian revision of the version; the changelog is then that of a revision.")
        optional(
            "version-scheme", .enumeration(VersionScheme.self), default: .semver,
            "semver: 1.0-rc.1 becomes 1.0~rc.1, before 1.0; debian: versions are taken as they are.")
    }

    /// The keys of `package.yaml` that decide the version, which other values may name as a variable.
    static let version: Shape<VersionSpec> = .object("Version", "What decides the version.", versioning)

    private static let relations: Field<[RelationField.Kind: [Located<String>]]> = {
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
        return .list(
            keys.map { key, kind, doc in
                optional(key, .list(of: text), default: [], doc + " Each item is a relation (Policy 7.1).")
                    .map { (kind, $0) }
            }, as: { Dictionary($0) { first, _ in first } })
    }()

    private static let unit: Shape<UnitSpec> = .object(
        "Unit", "A systemd unit and what the package does with it.", as: UnitSpec.init
    ) {
        required("file", text, "The unit file.")
        optional("enable", .boolean, default: true, "Enable it on first installation (default true).")
        optional("start", .boolean, default: true, "Start it on first installation (default true).")
        optional(
            "on-upgrade", .enumeration(UnitPolicy.Upgrade.self), default: .restart,
            "restart: after the new version is configured, if it ran; stop-start: stopped by the old version, "
                + "started by the new one if it ran; leave: not touched.")
        optional("stop-on-remove", .boolean, default: true, "Stop it on removal (default true).")
        optional(
            "ports", .list(of: port), default: [],
            "Ports that it listens on while it runs, for its checks; TCP unless '/udp' stands behind the number.",
            example: "[8080, 53/udp]")
    }

    private static let userUnit: Shape<UserUnitSpec> = .object(
        "UserUnit", "A systemd unit of users' own managers; it starts with their next session.",
        as: UserUnitSpec.init
    ) {
        required("file", text, "The unit file.")
        optional(
            "enable", .boolean, default: true,
            "Enable it for all users on first installation (default true).")
    }

    private static let user: Shape<UserSpec> = .object("User", "A system user.", as: UserSpec.init) {
        required("name", text, "The name.")
        optional("group", text, "The main group (default: one of the user's name, made with it).")
        optional("groups", .list(of: text), default: [], "Further groups.")
        optional("home", text, "The home directory, which is not made (default /nonexistent).")
        optional("shell", text, "The login shell (default /usr/sbin/nologin).")
        optional("comment", text, "The comment in passwd(5).")
        optional("id", .integer(1...65_533), "A fixed number; any free one by default.")
        optional("package", packageNameText, "The package that makes the user; it becomes a 'Pre-Depends'.")
    }

    private static let userGroup: Shape<GroupSpec> = .object("Group", "A system group.", as: GroupSpec.init) {
        required("name", text, "The name.")
        optional("id", .integer(1...65_533), "A fixed number; any free one by default.")
        optional("package", packageNameText, "The package that makes the group; it becomes a 'Pre-Depends'.")
    }

    private static let scripts: Shape<[MaintainerScriptName: Located<String>]> = .object(
        "Scripts", "Maintainer scripts; '#DEBHELPER#' marks where generated lines go.",
        .list(
            MaintainerScriptName.allCases.map { name in
                optional(name.rawValue, text, "The \(name.rawValue) script.").map { file in file.map { (name, $0) } }
            }, as: { Dictionary($0.compactMap { $0 }) { first, _ in first } }))

    private static let controlFile: Shape<ControlFileSpec> = .object(
        "ControlFile", "A member of the control archive, named as its file.", as: ControlFileSpec.init
    ) {
        required("file", text, "A file of the package folder.")
        optional("mode", .octalMode, "Permission bits in octal (default 0755 for maintainer scripts, else 0644).")
    }

    private static let alternative: Shape<AlternativeSpec> = .object(
        "Alternative", "A choice for update-alternatives(1).", as: AlternativeSpec.init
    ) {
        required("name", text, "The group's name.")
        required("link", text, "The generic path.")
        required("path", text, "The file that this package offers.")
        required("priority", .integer(-1_000_000...1_000_000), "The higher one wins.")
        optional(
            "followers", .list(of: follower), default: [],
            "Links that change together with this one, such as those of manual pages (--slave).")
    }

    private static let follower: Shape<AlternativeSpec.Follower> = .object(
        "Follower", "A link that changes together with an alternative.", as: AlternativeSpec.Follower.init
    ) {
        required("name", text, "The link's name.")
        required("link", text, "The generic path.")
        required("path", text, "The file that this package offers.")
    }

    // MARK: - workspace.yaml

    /// `workspace.yaml`. `defaults` is merged below each package before decoding and has the shape of an override.
    static let workspace: Shape<WorkspaceSpec> = .object(
        "Workspace", "Shared version, defaults and payloads of several packages.",
        group(as: WorkspaceSpec.init) {
            required("version", text, "The version of every package without one of its own.")
            optional("packages", .list(of: text), default: [], "Package folders; all that are there by default.")
            optional("output", text, "Where packages are written.")
            optional(
                "sources", text,
                "The folder that the sources of packages may come from (default: the workspace's own).", example: "..")
            optional(
                "distribution", text, "The distribution that overrides are selected for.", example: "bookworm")
            optional("swift-package", text, "The Swift package whose products are payload (default '..').")
            optional("swift-sdks", .entries(of: text), default: [], "Swift SDK names by architecture.")
            optional(
                "swift-options", .list(of: text), default: [],
                "Further arguments of 'swift build' for these products, which runs in the Swift package's folder.",
                example: "[-Xswiftc, -Osize]")
            optional(
                "binutils", .entries(of: text), default: [],
                "What stands before 'strip' and 'objcopy' in the names of these programs, by architecture (default: nothing "
                    + "for this machine's, 'aarch64-linux-gnu-' and the like for others).", example: "{arm64: llvm-}")
            optional("variables", .entries(of: .located(.string)), default: [], "Variables for every field.")
            optional("payloads", .entries(of: payload), default: [], "Payloads by name.")
        },
        besides: [FieldSchema("defaults", override.schema, "Values for every package that does not set them.")])

    private static let payload: Shape<PayloadSpec> = .object(
        "Payload", "Where a payload comes from.", as: PayloadSpec.init
    ) {
        source
        optional(
            "architectures", .entries(of: .object("PayloadSource", "One source.", source)), default: [],
            "Sources by architecture.")
    }

    private static let source: Field<PayloadSourceSpec> = group(as: PayloadSourceSpec.init) {
        optional("path", text, "A file on this machine.")
        optional("product", text, "An executable product of the Swift package.")
        optional("archive", text, "An archive on this machine: zip, wheel, tar, deb.")
        optional("url", text, "An http, https or file URL, fetched with curl and kept by checksum.")
        optional("member", text, "The exact path of a member of the archive or download.")
        optional("sha256", .located(sha256), "SHA-256 of the file, archive or download.")
        place()
    }

    // MARK: - scalars

    static let text: Shape<Located<String>> = .located(.nonEmptyString)

    /// A relation that stays as it is written, once it is one.
    private static let relation = parsed("relation") { text throws(FormatError) in
        _ = try RelationField(parsing: text, field: .depends)
        return text
    }

    private static let packageName = parsed("package name") { text throws(FormatError) in try PackageName(text) }

    private static let packageNameText = parsed("package name") { text throws(FormatError) in
        try PackageName(text).description
    }

    static let maintainer = parsed("maintainer") { text throws(FormatError) in try Maintainer(text) }

    static let distribution = parsed("distribution") { text throws(FormatError) in
        let isPlain = text.utf8.allSatisfy { Ascii.isAlphanumeric($0) || "+-.".utf8.contains($0) }
        guard !text.isEmpty, isPlain else {
            throw FormatError(
                subject: "distribution", found: text, expected: "letters, digits, '+', '-' and '.'", offset: 0,
                source: "deb-changelog(5)")
        }
        return text
    }

    private static let port = parsed("port") { text throws(FormatError) in try UnitPort(text) }

    static let capabilities = parsed("list of capabilities") { text throws(FormatError) in
        try FileCapabilities(parsing: text)
    }

    private static let maintenanceAction = parsed("maintscript line") { text throws(FormatError) in
        try MaintenanceAction(text)
    }

    private static let trigger = parsed("trigger") { text throws(FormatError) in try Trigger(text) }

    private static let architecture = parsed(
        "architecture",
        help: { text in Architecture.suggestion(for: text).map { "did you mean '\($0)'?" } }
    ) { text throws(FormatError) in try Architecture(text) }

    private static let compression: Shape<Located<Compression>> = .located(
        .parsed("compression") { text in
            do throws(CompressionError) {
                return .success(try Compression(parsing: text))
            } catch {
                return .failure(ShapeFault(message: error.description))
            }
        })

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
                    ShapeFault(message: "'\(text)' is not a web address", help: "begin it with https://"))
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
                        message: "'\(text)' is not a SHA-256: expected 64 lower-case hexadecimal digits",
                        help: "sha256sum(1) prints it"))
            }
            return .success(text)
        }
    }

    static func parsed<Value: Sendable>(
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

/// What is generated from the declarations of the specification.
public enum SpecDocuments {
    /// JSON Schema of `package.yaml`.
    public static var packageSchema: JSONValue {
        SpecShapes.package.jsonSchema(id: "urn:debbuild:package", title: "debbuild package.yaml")
    }

    /// JSON Schema of `workspace.yaml`.
    public static var workspaceSchema: JSONValue {
        SpecShapes.workspace.jsonSchema(id: "urn:debbuild:workspace", title: "debbuild workspace.yaml")
    }

    /// Every key of `package.yaml` in Markdown.
    public static var packageReference: String {
        SpecShapes.package.markdownReference(title: "package.yaml")
    }

    /// Every key of `workspace.yaml` in Markdown.
    public static var workspaceReference: String {
        SpecShapes.workspace.markdownReference(title: "workspace.yaml")
    }
}
