import ArgumentParser
import DebianArchive
import DebianBuild
import DebianImport
import Documents
import Files
import Glibc
import StandardStreams

/// `debbuild import FILE`.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a workspace of a package file, of nfpm.yaml or of Cargo.toml.",
        discussion: """
            The workspace of a package file builds the same package again: whatever a key of the specification can say is \
            said with it, and the rest is taken as it is. Of nfpm's configuration and of cargo-deb's, each key that has no \
            equivalent is reported with its line and what to do.

            EXAMPLES
              debbuild import hello_2.10-3_amd64.deb                a workspace in ./hello
              debbuild import hello_2.10-3_amd64.deb --output pkg   in ./pkg
              debbuild import nfpm.yaml                             of a configuration of nfpm
              debbuild import Cargo.toml                            of [package.metadata.deb], in ./debian-NAME

            Exits with 0 when the workspace makes the same package, and with 1 when it makes one that differs in what is \
            then listed. How the members are compressed, the order of fields and entries, and times of directories are not \
            compared.
            """)

    @Argument(
        help: "A .deb file, a configuration of nfpm (.yaml, .yml) or a manifest of cargo (.toml).",
        completion: .file(extensions: ["deb", "yaml", "yml", "toml"]))
    var file: String
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The folder to make, empty or not there yet (default: the package's name).", valueName: "dir"),
        completion: .directory)
    var output: String?
    @OptionGroup var reading: ReadOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let outcome = try await outcome()
        if !outcome.diagnostics.isEmpty { Failure.show(outcome.diagnostics, format.format) }
        // Nothing was written.
        if outcome.directory.isEmpty { throw ExitCode(2) }
        let shown = LexicalPath.shortened(outcome.directory, in: FileTree.currentDirectory)
        switch format.format {
        case .text:
            Terminal.write(shown + "\n")
            if let differences = outcome.differences, !differences.isEmpty {
                Terminal.writeErrorLine("debbuild: the package that it makes differs from '\(file)':")
                Terminal.writeError(differences.text(color: Terminal.usesErrorColor))
            }
            Terminal.writeErrorLine("debbuild: now 'debbuild build \(outcome.package) --workspace \(shown)'")
        case .json:
            Terminal.write(
                JSONValue.object([
                    ("directory", .string(outcome.directory)), ("package", .string(outcome.package)),
                    ("faithful", .bool(outcome.isFaithful)), ("differences", outcome.differences?.json ?? .null),
                ]).pretty + "\n")
        }
        if !outcome.isFaithful { throw ExitCode(1) }
    }

    private func outcome() async throws -> ImportOutcome {
        let directory = FileTree.currentDirectory
        let target = output.map(AbsolutePath.of)
        let name = file.lowercased()
        do throws(ImportError) {
            if name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
                return try NfpmImport(file: AbsolutePath.of(file)).run(
                    output: target, in: directory, date: Int64(time(nil)))
            }
            if name.hasSuffix(".toml") {
                return try CargoImport(file: AbsolutePath.of(file)).run(
                    output: target, in: directory, date: Int64(time(nil)))
            }
            return try await PackageFileImport(file: file, limits: reading.limits).run(output: target, in: directory)
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ error: ImportError) -> ExitCode {
        switch error {
        case .exists:
            Failure.message(
                error.description, code: "import-output", format.format, status: 2,
                help: "name another folder with --output, or remove it")
        case .unreadable(let fault):
            Failure.message(
                error.description, code: "package-file", format.format, status: 2,
                help: PackageFile.help(fault, reading))
        case .refused: Failure.message(error.description, code: "import-refused", format.format, status: 2)
        case .file(let fault):
            Failure.message(
                error.description, code: "import", format.format,
                status: [ENOENT, ENOTDIR, EISDIR, EACCES].contains(fault.errno) ? 2 : 70)
        }
    }
}
