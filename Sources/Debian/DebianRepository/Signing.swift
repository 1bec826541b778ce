import DebianArchive
import Files
import Platform
import Processes

/// A folder for files that other programs read and write; gone with the object.
final class ScratchFolder {
    let path: String

    init() throws(RepositoryError) {
        let parent = DebReader.temporaryFolder
        var attempt = 0
        while true {
            let path = parent + "/debbuild-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            do throws(FileError) {
                try FileTree.createDirectory(path, permissions: 0o700)
                self.path = path
                return
            } catch {
                attempt += 1
                if attempt > 3 { throw RepositoryError(error) }
            }
        }
    }

    deinit { FileTree.removeRecursively(path) }

    func write(_ name: String, _ bytes: [UInt8]) throws(RepositoryError) -> String {
        let path = path + "/" + name
        try RepositoryError.wrapping {
            let file = try NewFile(path: path)
            try file.write(bytes)
            try file.finish()
        }
        return path
    }
}

/// A suite's state with its signatures.
struct SignedRelease {
    var release: [UInt8]
    var inRelease: [UInt8]
    /// The detached signature; nil when the program cannot make one.
    var detached: [UInt8]?
}

/// Has the state signed by another program, and checks the signatures as a client will before anyone sees them.
struct ReleaseSigner {
    let settings: RepositorySettings
    let keyring: Keyring
    private static let timeLimit = Duration.seconds(300)
    private static let sizeLimit = 64 << 20

    func sign(_ text: String, suite: String) async throws(RepositoryError) -> SignedRelease {
        let scratch = try ScratchFolder()
        let input = try scratch.write("Release", Array(text.utf8))
        let clear = try await make("clearsign", input, scratch.path + "/InRelease")
        let detached = canDetach ? try await make("detach-sign", input, scratch.path + "/Release.gpg") : nil
        let signed = SignedRelease(release: Array(text.utf8), inRelease: clear, detached: detached)
        guard ClearSignedText.text(of: String(decoding: clear, as: UTF8.self)) == text else {
            throw RepositoryError(
                .input, "signature-text", "what was signed for suite '\(suite)' is not what was given to be signed",
                help: "'sign' has to sign in the clear, as 'gpg --clearsign' does")
        }
        let signatures = try await SignatureCheck(keyring: keyring).check(
            inRelease: clear, in: scratch)
        for wanted in wantedKeys where !signatures.contains(where: { $0.belongs(to: wanted) }) {
            throw RepositoryError(.input, "signature-missing", "the key \(wanted) has not signed suite '\(suite)'")
        }
        if wantedKeys.isEmpty, !signatures.contains(where: { $0.isGood }) {
            throw RepositoryError(
                .input, "signature-unknown", "suite '\(suite)' is signed by no key that clients have",
                help: "add the public key to 'keyring'")
        }
        if let weak = signatures.first(where: { $0.isGood && KeyPolicy.refuses(digest: $0.digest) }) {
            throw RepositoryError(
                .input, "signature-digest",
                "the signature of \(weak.primary) is made with \(KeyPolicy.digestName(weak.digest)), which clients refuse",
                help: "sign with SHA-512: 'digest-algo SHA512' in gpg.conf")
        }
        return signed
    }

    private var wantedKeys: [String] {
        if case .gpg(let keys, _) = settings.signer { keys } else { [] }
    }

    private var canDetach: Bool {
        if case .command(let words) = settings.signer { words.contains { $0.contains("{mode}") } } else { true }
    }

    private func make(
        _ mode: String, _ input: String, _ output: String
    ) async throws(RepositoryError) -> [UInt8] {
        switch settings.signer {
        case .gpg(let keys, let passphraseFile):
            var words = ["--batch", "--no-tty", "--yes", "--status-fd", "2", "--digest-algo", "SHA512"]
            if let passphraseFile {
                words += ["--pinentry-mode", "loopback", "--passphrase-file", settings.path(passphraseFile)]
            } else {
                words += ["--pinentry-mode", "error"]
            }
            for key in keys { words += ["--local-user", key] }
            words += mode == "clearsign" ? ["--clearsign"] : ["--armor", "--detach-sign"]
            let result = try await ExternalProgram.run(
                "gpg", words + ["--output", output, input], limit: Self.timeLimit)
            guard result.status.isSuccess else { throw GnuPGStatus(result.standardError).error(result, keys: keys) }
        case .command(let words):
            guard let name = words.first else { return [] }
            let replaced = words.dropFirst().map { word in
                word.replacing("{input}", with: input).replacing("{output}", with: output).replacing(
                    "{mode}", with: mode)
            }
            let program = name.contains("/") ? settings.path(name) : name
            let result = try await ExternalProgram.run(program, replaced, limit: Self.timeLimit)
            guard result.status.isSuccess else {
                throw RepositoryError(
                    .input, "sign-failed", "'\(name)' ended with \(result.status)" + ExternalProgram.lastLine(result),
                    help: "nothing was published")
            }
        }
        return try RepositoryError.wrapping { try FileTree.readWhole(output, limit: Self.sizeLimit) }
    }
}

/// What gpg(1) writes to `--status-fd` (GnuPG's doc/DETAILS).
private struct GnuPGStatus {
    private var lines: [[Substring]] = []

    init(_ bytes: [UInt8]) {
        lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.first == "[GNUPG:]" ? Array(words.dropFirst()) : nil
        }
    }

    func error(_ result: ProcessOutput, keys: [String]) -> RepositoryError {
        let shown = keys.joined(separator: ", ")
        // The low 16 bits are libgpg-error's code.
        let code = lines.last { $0.first == "FAILURE" }?.last.flatMap { UInt32($0) }.map { $0 & 0xffff }
        let key =
            lines.first { $0.first == "INV_SGNR" }?.last.map(String.init)
            ?? (keys.count == 1 ? keys[0] : nil)
        switch code {
        // GPG_ERR_NO_SECKEY, GPG_ERR_NO_PUBKEY, GPG_ERR_NOT_FOUND
        case 17, 9, 27:
            return RepositoryError(
                .input, "secret-key-missing", "gpg has no secret key \(key ?? shown)",
                help: "import it (gpg --import FILE), point GNUPGHOME to where it is, or correct 'keys'")
        // GPG_ERR_UNUSABLE_SECKEY, GPG_ERR_KEY_EXPIRED, GPG_ERR_CERT_REVOKED
        case 54, 153, 94:
            return RepositoryError(
                .input, "key-expired", "the key \(key ?? shown) has expired or was revoked",
                help:
                    "gpg --quick-set-expire \(key ?? "FINGERPRINT") 3y, and publish the new keyring; or sign with another key"
            )
        // GPG_ERR_BAD_PASSPHRASE
        case 11:
            return RepositoryError(
                .input, "passphrase", "'passphrase-file' does not have the passphrase of \(key ?? shown)",
                help: "it is the file's first line")
        // GPG_ERR_NO_PIN_ENTRY, GPG_ERR_CANCELED, GPG_ERR_MISSING_KEY
        case 85, 99, 177:
            return RepositoryError(
                .input, "passphrase", "gpg would ask for the passphrase of \(key ?? shown)",
                help: "name a file that has it with 'passphrase-file', or unlock the key in gpg-agent first")
        default:
            return RepositoryError(
                .input, "sign-failed", "gpg ended with \(result.status)" + ExternalProgram.lastLine(result),
                help: "nothing was published")
        }
    }
}

/// Runs another program to its end.
enum ExternalProgram {
    static func run(
        _ name: String, _ arguments: [String], limit: Duration, directory: String? = nil
    ) async throws(RepositoryError) -> ProcessOutput {
        guard let path = ExecutablePath.find(name) else {
            throw RepositoryError(
                .input, "program-missing", "there is no program '\(name)'",
                help: ["gpg", "gpgv"].contains(name) ? "apt install \(name)" : nil)
        }
        var options = SpawnOptions(executable: path, arguments: arguments)
        options.workingDirectory = directory
        let result: ProcessOutput
        do throws(ProcessError) {
            result = try await ChildProcess.run(options, limits: RunLimits(time: limit), group: .inherit)
        } catch {
            throw RepositoryError(.input, "program", error.description)
        }
        guard result.reason == .ended else {
            throw RepositoryError(
                .machine, "program", "'\(name)' was ended after \(DurationText.short(result.duration))")
        }
        return result
    }

    /// `: ` and the last line that it wrote to standard error.
    static func lastLine(_ result: ProcessOutput) -> String {
        let lines = String(decoding: result.standardError, as: UTF8.self).split(separator: "\n").filter {
            !$0.hasPrefix("[GNUPG:]")
        }
        return lines.last.map { ": " + DisplayText.shortened(DisplayText.inline(String($0))) } ?? ""
    }
}
