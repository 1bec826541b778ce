import DebianFormat
import Documents
import Files
import Platform

/// What `repository.yaml` says: which suites there are, who signs them, and how long things are kept.
public struct RepositorySettings: Sendable {
    /// The name of the file.
    public static let fileName = "repository.yaml"

    /// A suite: what a client names in `Suites:`.
    public struct Suite: Sendable {
        /// The folder below `dists`.
        public var name: String
        /// The codename; the name if none is given.
        public var codename: String?
        /// Its components; nil for the repository's.
        public var components: [String]?
        /// Its architectures; nil for the repository's.
        public var architectures: [Architecture]?
        /// What `Description` says.
        public var summary: String?
        /// Whether packages are only installed from it on demand.
        public var isNotAutomatic: Bool
        /// Whether what is installed from such a suite is upgraded from it.
        public var upgradesAutomatically: Bool
        /// What is removed from it; nil for the repository's.
        public var retention: Retention?
        /// Seconds that a signature is valid for; nil for the repository's.
        public var validity: Int64?
    }

    /// Which packages `publish` removes.
    public struct Retention: Sendable, Hashable {
        /// How many versions of each package and architecture are kept; nil for all.
        public var versions: Int?
        /// Seconds for which a version is kept that is not the newest; nil for ever.
        public var age: Int64?
    }

    /// A package that reaches only some machines at first.
    public struct Phase: Sendable, Hashable {
        /// The package's name.
        public var package: String
        /// The version; nil for each.
        public var version: String?
        /// Percent of machines.
        public var percentage: Int
    }

    /// Who signs.
    public enum Signer: Sendable, Hashable {
        /// gpg(1), with the secret keys that it has, by fingerprint.
        case gpg(keys: [String], passphraseFile: String?)
        /// A program, with `{input}`, `{output}` and perhaps `{mode}` in its arguments.
        case command([String])
    }

    /// `Origin` of every suite.
    public var origin: String
    /// `Label` of every suite.
    public var label: String
    /// Where clients find the repository, for the file of sources.
    public var url: String?
    /// The suites; the first is where packages go to if there is no other.
    public var suites: [Suite]
    /// The components of suites that have none of their own.
    public var components: [String]
    /// The architectures of suites that have none of their own.
    public var architectures: [Architecture]
    /// Who signs.
    public var signer: Signer
    /// The file with the public keys; nil for those that gpg has.
    public var keyring: String?
    /// Seconds that a signature is valid for.
    public var validity: Int64
    /// Seconds for which what was replaced or removed can still be downloaded.
    public var grace: Int64
    /// Which packages `publish` removes.
    public var retention: Retention
    /// Packages that reach only some machines at first.
    public var phases: [Phase]
    /// Where snapshots can be found, with `@SNAPSHOTID@`.
    public var snapshots: String?
    /// Whether there are lists of the packages' files.
    public var hasContents: Bool
    /// The program that copies files to where they are served from.
    public var upload: [String]
    /// The folder of the file, which paths in it are relative to.
    public var folder = "."

    /// The suite with this name.
    public func suite(_ name: String) -> Suite? { suites.first { $0.name == name } }

    func components(of suite: Suite) -> [String] { suite.components ?? components }
    func architectures(of suite: Suite) -> [Architecture] { suite.architectures ?? architectures }
    func retention(of suite: Suite) -> Retention { suite.retention ?? retention }
    func validity(of suite: Suite) -> Int64 { suite.validity ?? validity }

    /// A path of the file, as this process has it.
    func path(_ text: String) -> String { text.hasPrefix("/") ? text : folder + "/" + text }

    /// Loads the file; nil when the diagnostics hold an error.
    public static func load(_ path: String, diagnostics: inout Diagnostics) -> RepositorySettings? {
        let source: SourceText
        do throws(FileError) {
            source = SourceText(
                path: LexicalPath.shortened(path, in: FileTree.currentDirectory),
                bytes: try FileTree.readWhole(path, limit: 1 << 20))
        } catch {
            diagnostics.error(
                "repository-settings", "\(error)", at: nil,
                help: error.errno == FileError.missing
                    ? "write it (see docs/repository.md), or name another with --config" : nil)
            return nil
        }
        guard let node = YAMLLoader.load(source, diagnostics: &diagnostics),
            var settings = shape.decode(node, &diagnostics)
        else { return nil }
        settings.folder = LexicalPath.split(path).folder
        return settings
    }

    /// JSON Schema of `repository.yaml`.
    public static var schema: JSONValue {
        shape.jsonSchema(id: "urn:debbuild:repository", title: "debbuild repository.yaml")
    }

    /// Every key of `repository.yaml` in Markdown.
    public static var reference: String { shape.markdownReference(title: "repository.yaml") }
}

extension RepositorySettings {
    private static let dayLength: Int64 = 86400

    private static let shape: Shape<RepositorySettings> = .object(
        "Repository", "A signed apt repository.",
        as: { names, suites, parts, signing, times, phases, snapshots, contents, upload in
            RepositorySettings(
                origin: names.0, label: names.1 ?? names.0, url: names.2, suites: suites, components: parts.0,
                architectures: parts.1, signer: signing.0, keyring: signing.1, validity: times.0, grace: times.1,
                retention: times.2, phases: phases, snapshots: snapshots, hasContents: contents, upload: upload)
        },
        validate: { settings, node, diagnostics in validate(settings, node, &diagnostics) }
    ) {
        group(as: { ($0, $1, $2) }) {
            required("origin", line, "Who publishes the packages, as clients see it.", example: "Example")
            optional("label", line, "What the packages are called (default: the origin).")
            optional(
                "url", webAddress, "Where clients find the repository; for the generated file of sources.",
                example: "https://apt.example.org")
        }
        required(
            "suites", .list(of: .oneOf([suiteName.map { Suite(named: $0) }, suite])),
            "The suites, by name or as mappings.", example: "[stable, testing]")
        group(as: { ($0, $1) }) {
            optional("components", .list(of: word("component")), default: ["main"], "The components of every suite.")
            required(
                "architectures", .list(of: architecture), "The architectures of every suite.", example: "[amd64, arm64]"
            )
        }
        group(as: { ($0, $1) }) {
            signing
            optional(
                "keyring", line,
                "The file with the public keys that clients trust (default: those of 'keys', as gpg has them).",
                example: "example-archive-keyring.pgp")
        }
        group(as: { ($0, $1, $2) }) {
            optional(
                "valid-for", duration, default: 14 * dayLength,
                "How long clients take the signed state for current; 'debbuild repo resign' renews it (default: 14d).",
                example: "7d")
            optional(
                "grace", duration, default: 7 * dayLength,
                "How long packages and indexes can still be downloaded after they were removed or replaced (default: 7d)."
            )
            optional(
                "retention", retention, default: Retention(versions: nil, age: nil),
                "Which packages 'debbuild repo publish' removes (default: none).", example: "{versions: 3}")
        }
        optional(
            "phased-updates", .list(of: phase), default: [], "Packages that reach only a part of the machines at first."
        )
        optional(
            "snapshots", snapshotAddress,
            "Where clients find snapshots, for 'apt --snapshot'; '@SNAPSHOTID@' stands for the snapshot.",
            example: "https://apt.example.org/snapshots/@SNAPSHOTID@/")
        optional("contents", .boolean, default: true, "Whether to write the lists of files that apt-file reads.")
        optional(
            "upload", .list(of: line), default: [],
            "The program and arguments that copy files to where they are served from; '{list}' stands for a file with "
                + "paths below '{directory}', or '{file}' for each of the paths.",
            example: "[rsync, --files-from={list}, \"{directory}/\", \"web:/srv/apt/\"]")
    }

    private static let signing: Field<Signer> = group(as: { keys, passphrase, command in
        command.isEmpty ? .gpg(keys: keys, passphraseFile: passphrase) : .command(command)
    }) {
        optional(
            "keys", .list(of: fingerprint), default: [],
            "Fingerprints of the keys that gpg signs with; several while one replaces another.")
        optional("passphrase-file", line, "A file with the passphrase of the keys.")
        optional(
            "sign", .list(of: line), default: [],
            "Another program that signs '{input}' in the clear into '{output}'; with '{mode}' in an argument it is run for "
                + "'clearsign' and 'detach-sign'.", example: "[./sign, \"{input}\", \"{output}\"]")
    }

    private static let suite: Shape<Suite> = .object(
        "Suite", "A suite that differs from the others.", as: Suite.init
    ) {
        required("name", suiteName, "The folder below 'dists', which clients name in 'Suites:'.")
        optional("codename", suiteName, "The codename (default: the name).")
        optional("components", .list(of: word("component")), "Its components.")
        optional("architectures", .list(of: architecture), "Its architectures.")
        optional("description", line, "What it is, in one line.")
        optional("not-automatic", .boolean, default: false, "Whether clients install from it only on demand.")
        optional(
            "but-automatic-upgrades", .boolean, default: false,
            "Whether clients upgrade what they have installed from it; for a suite that is 'not-automatic'.")
        optional("retention", retention, "Which of its packages are removed.")
        optional("valid-for", duration, "How long clients take its signed state for current.")
    }

    private static let retention: Shape<Retention> = .object(
        "Retention", "Which packages are removed; the newest version always stays.", as: Retention.init
    ) {
        optional("versions", .integer(1...10000), "How many versions of each package are kept (default: all).")
        optional("age", duration, "How long versions are kept that are not the newest (default: for ever).")
    }

    private static let phase: Shape<Phase> = .object(
        "Phase", "A package that reaches only a part of the machines.", as: Phase.init
    ) {
        required(
            "package",
            .parsed("package name") { text in result { () throws(FormatError) in try PackageName(text).description } },
            "The package's name.")
        optional(
            "version",
            .parsed("version") { text in result { () throws(FormatError) in try DebianVersion(text).description } },
            "The version (default: each).")
        required("percentage", .integer(0...100), "Percent of the machines.")
    }

    private static func validate(_ settings: RepositorySettings, _ node: YAMLNode, _ diagnostics: inout Diagnostics) {
        func error(_ code: String, _ message: String, _ key: String, help: String? = nil) {
            diagnostics.error(code, message, at: node[key: key]?.range ?? node.range, help: help)
        }
        for (key, list) in [
            ("suites", settings.suites.map(\.name)), ("components", settings.components),
            ("architectures", settings.architectures.map(\.description)),
        ] {
            if list.isEmpty { error("empty", "'\(key)' is empty", key) }
            if Set(list).count != list.count { error("duplicate", "'\(key)' has an item twice", key) }
        }
        for suite in settings.suites where suite.upgradesAutomatically && !suite.isNotAutomatic {
            error(
                "but-automatic-upgrades", "suite '\(suite.name)' has 'but-automatic-upgrades' without 'not-automatic'",
                "suites")
        }
        switch settings.signer {
        case .gpg(let keys, _) where keys.isEmpty:
            diagnostics.error(
                "missing-key", "neither 'keys' nor 'sign' says who signs", at: node.range,
                help: "keys: [FINGERPRINT], of 'gpg --list-secret-keys'; an unsigned repository is not written")
        case .gpg: break
        case .command(let words):
            if node[key: "keys"] != nil { error("sign", "'keys' and 'sign' cannot be used together", "sign") }
            for mark in ["{input}", "{output}"] where !words.contains(where: { $0.contains(mark) }) {
                error("sign", "no argument of 'sign' has '\(mark)'", "sign")
            }
            if settings.keyring == nil {
                error("sign", "'sign' needs 'keyring', the public keys that signatures are checked with", "sign")
            }
        }
        if !settings.upload.isEmpty,
            !settings.upload.contains(where: { $0.contains("{list}") || $0.contains("{file}") })
        {
            error("upload", "no argument of 'upload' has '{list}' or '{file}'", "upload")
        }
    }

    // MARK: - scalars

    private static func result<Value>(_ body: () throws(FormatError) -> Value) -> Result<Value, ShapeFault> {
        do throws(FormatError) { return .success(try body()) } catch {
            return .failure(ShapeFault(message: error.description, offset: error.offset))
        }
    }

    private static let architecture: Shape<Architecture> = .parsed("architecture") { text in
        result { () throws(FormatError) in
            let architecture = try Architecture(text)
            guard architecture != .all else {
                throw FormatError(
                    subject: "architecture", found: text, expected: "one that machines have", offset: 0,
                    source: "packages for 'all' are in the indexes of each architecture")
            }
            return architecture
        }
    }

    /// A name that is one folder.
    private static func word(_ name: String) -> Shape<String> {
        .parsed(name, pattern: "^[a-z0-9][a-z0-9.+_-]*$") { text in
            guard Ascii.isPlainName(text) else {
                return .failure(
                    ShapeFault(
                        message: "'\(text)' is not a \(name)", help: "use a-z, 0-9 and '.+_-', a letter or digit first")
                )
            }
            return .success(text)
        }
    }

    private static let suiteName = word("suite")

    private static let line: Shape<String> = .parsed("line") { text in
        guard !text.isEmpty, !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            return .failure(ShapeFault(message: "expected one line of text"))
        }
        return .success(text)
    }

    private static let fingerprint: Shape<String> = .parsed("fingerprint", pattern: "^(0x)?[0-9A-Fa-f ]{40,80}$") {
        text in
        let digits = text.uppercased().filter { $0 != " " }
        let hex = digits.hasPrefix("0X") ? String(digits.dropFirst(2)) : digits
        guard [40, 64].contains(hex.utf8.count), hex.utf8.allSatisfy(Ascii.isHexadecimal) else {
            return .failure(
                ShapeFault(
                    message: "'\(text)' is not a fingerprint (expected 40 or 64 hexadecimal digits)",
                    help: "'gpg --list-secret-keys --fingerprint' shows it; a short id may be another's too"))
        }
        return .success(hex)
    }

    private static let duration: Shape<Int64> = .parsed("duration") { text in
        guard let duration = DurationText.parse(text), duration.nanoseconds >= 1_000_000_000 else {
            return .failure(ShapeFault(message: "'\(text)' is not a duration", help: "write it such as 12h or 14d"))
        }
        return .success(duration.nanoseconds / 1_000_000_000)
    }

    private static let webAddress: Shape<String> = .parsed("web address") { text in
        guard ["https://", "http://", "file:///"].contains(where: { text.hasPrefix($0) }),
            !text.contains(where: \.isWhitespace)
        else { return .failure(ShapeFault(message: "'\(text)' is not a web address", help: "begin it with https://")) }
        return .success(text)
    }

    private static let snapshotAddress: Shape<String> = .parsed("web address") { text in
        guard text.hasPrefix("http"), text.contains("@SNAPSHOTID@"), !text.contains(where: \.isWhitespace) else {
            return .failure(ShapeFault(message: "'\(text)' is not a web address with '@SNAPSHOTID@' in it"))
        }
        return .success(text)
    }
}

extension RepositorySettings.Suite {
    init(named name: String) {
        self.init(name: name, isNotAutomatic: false, upgradesAutomatically: false)
    }
}

extension Ascii {
    /// Whether a text is one folder's name that needs no quoting anywhere.
    static func isPlainName(_ text: String) -> Bool {
        guard let first = text.utf8.first, isDigit(first) || isLower(first), text.utf8.count <= 100 else {
            return false
        }
        return text.utf8.allSatisfy { isDigit($0) || isLower($0) || ".+_-".utf8.contains($0) }
    }
}
