import ArgumentParser
import DebianRepository
import Documents
import Files
import Platform
import StandardStreams

/// `debbuild repo list DIR`.
struct RepoListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the packages of every suite.",
        discussion: "Writes suite, component, architecture, name and version, one package per line.")

    @OptionGroup var repository: RepositoryOptions
    @Option(help: ArgumentHelp("The suite; repeatable (default: all).", valueName: "name")) var suite: [String] = []

    func run() async throws {
        let opened = try await repository.open()
        let isText = repository.output.format == .text
        var isFirst = true
        if !isText { Terminal.write("{\"packages\": [") }
        // Line by line: a repository may have any number of packages.
        try await RepositorySession.run(repository.output.format) { () async throws(RepositoryError) in
            try await opened.list(suites: suite) { suite, component, index, entry in
                if isText {
                    Terminal.write("\(suite) \(component) \(index) \(entry.package) \(entry.version)\n")
                    return
                }
                let object = JSONValue.object([
                    ("suite", .string(suite)), ("component", .string(component)), ("index", .string(index)),
                    ("package", .string(entry.package)), ("version", .string(entry.version)),
                    ("architecture", .string(entry.architecture)), ("path", .string(entry.path)),
                    ("size", .int(Int(entry.size))), ("sha256", .string(entry.sha256)),
                ])
                Terminal.write((isFirst ? "\n" : ",\n") + object.compact)
                isFirst = false
            }
        }
        if !isText { Terminal.write("\n]}\n") }
    }
}

/// `debbuild repo verify DIR`.
struct RepoVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check signatures, dates, indexes, packages and keys of a repository.",
        discussion: """
            Compares InRelease with Release, these with the indexes and their copies by checksum, and the indexes with the \
            files of the pool. Exits with 1 when there is an error.
            """)

    @OptionGroup var repository: RepositoryOptions
    @Flag(help: "Compare only the sizes of packages, and do not read them.") var quick = false

    func run() async throws {
        let opened = try await repository.open()
        let findings = try await RepositorySession.run(repository.output.format) {
            () async throws(RepositoryError) in
            var verification = RepositoryVerification(opened, readsPool: !quick)
            return try await verification.run()
        }
        try Findings.write(findings, repository.output.format, none: "no findings")
    }
}

/// `debbuild repo key`.
struct RepoKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Look at the keys of a repository.", subcommands: [Check.self])

    /// `debbuild repo key check DIR|FILE`.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which clients refuse a repository's keys, and from which date.",
            discussion: """
                The clients are apt of Debian 11 to 13 and of Ubuntu 20.04 to 26.04. Exits with 1 when one of them refuses a \
                key today.
                """)

        @Argument(help: "A repository's folder, or a file with public keys.") var subject: String
        @Option(help: ArgumentHelp("The settings (default: repository.yaml in the folder).", valueName: "file"))
        var config: String?
        @OptionGroup var output: FormatOptions

        func run() async throws {
            let keys = try await keys()
            let now = KernelClock.wall / 1_000_000_000
            let findings = KeyPolicy.findings(keys, at: now)
            if output.format == .text {
                for key in keys where key.canSign {
                    let end = key.end(in: keys).map { ", ends on \(CivilTime(secondsSince1970: $0).dateText)" } ?? ""
                    Terminal.write("key \(key.fingerprint) \(key.algorithm)\(end)\n")
                }
            }
            try Findings.write(
                findings.map {
                    RepositoryFinding(
                        code: $0.code, isError: $0.isError, subject: $0.fingerprint, message: $0.message, help: $0.help)
                }, output.format, none: "every client takes them")
        }

        private func keys() async throws -> [OpenPGPKey] {
            let path = AbsolutePath.of(subject)
            let own: [OpenPGPKey]? = try await RepositorySession.run(output.format) {
                () async throws(RepositoryError) in
                let bytes: [UInt8]
                do throws(FileError) {
                    guard try FileStatus.of(path, followLinks: true).kind == .file else { return nil }
                    bytes = try FileTree.readWhole(path, limit: 16 << 20)
                } catch {
                    throw RepositoryError(.input, "keyring", error.description)
                }
                return try OpenPGPKeyring.keys(in: bytes)
            }
            if let own { return own }
            return try await RepositorySession.open(directory: subject, settings: config, format: output.format)
                .publicKeys
        }
    }
}

/// What was found, for people and for programs.
enum Findings {
    static func write(_ findings: [RepositoryFinding], _ format: OutputFormat, none: String) throws {
        switch format {
        case .json:
            let items = findings.map { finding in
                JSONValue.object([
                    ("severity", .string(finding.isError ? "error" : "warning")), ("code", .string(finding.code)),
                    ("subject", .string(finding.subject)), ("message", .string(finding.message)),
                    ("help", finding.help.map { .string($0) } ?? .null),
                ])
            }
            Terminal.write(JSONValue.object([("findings", .array(items))]).pretty + "\n")
        case .text:
            for finding in findings {
                Terminal.write(
                    DisplayText.inline(
                        "\(finding.isError ? "error" : "warning"): \(finding.subject): \(finding.message) [\(finding.code)]"
                    )
                        + "\n" + (finding.help.map { "  = help: " + DisplayText.inline($0) + "\n" } ?? ""))
            }
            if findings.isEmpty { Terminal.write(none + "\n") }
        }
        if findings.contains(where: \.isError) { throw ExitCode(1) }
    }
}
