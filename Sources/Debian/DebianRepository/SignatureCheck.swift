import Files
import Platform
import Processes

/// The public keys that clients trust.
struct Keyring: Sendable {
    /// Without armor.
    var bytes: [UInt8]
    var keys: [OpenPGPKey]

    init(_ bytes: [UInt8]) throws(RepositoryError) {
        self.bytes = try OpenPGPKeyring.binary(bytes)
        keys = try OpenPGPKeyring.keys(in: self.bytes)
    }

    /// The keyring of the settings: its file, or what gpg has.
    static func load(_ settings: RepositorySettings) async throws(RepositoryError) -> Keyring {
        if let file = settings.keyring {
            return try Keyring(
                try RepositoryError.wrapping { try FileTree.readWhole(settings.path(file), limit: 16 << 20) })
        }
        guard case .gpg(let keys, _) = settings.signer else {
            throw RepositoryError(.input, "keyring", "'keyring' is missing")
        }
        let result = try await ExternalProgram.run(
            "gpg", ["--batch", "--no-tty", "--export", "--export-options", "export-minimal"] + keys, limit: .seconds(60)
        )
        guard result.status.isSuccess, !result.standardOutput.isEmpty else {
            throw RepositoryError(
                .input, "secret-key-missing", "gpg has no key \(keys.joined(separator: ", "))",
                help: "import it (gpg --import FILE), point GNUPGHOME to where it is, or correct 'keys'")
        }
        return try Keyring(result.standardOutput)
    }

    /// What `Signed-By` of a suite says: the keys of which one has to sign what comes next.
    var primaryFingerprints: [String] { keys.filter(\.isPrimary).map(\.fingerprint) }
}

/// A signature as gpgv(1) judges it.
struct VerifiedSignature: Sendable {
    var fingerprint: String
    var primary: String
    /// The digest by OpenPGP's number.
    var digest: Int
    /// Whether the key had not expired.
    var isGood: Bool

    func belongs(to fingerprint: String) -> Bool { self.fingerprint == fingerprint || primary == fingerprint }
}

/// Checks signatures with gpgv(1), as apt does on most machines.
struct SignatureCheck {
    let keyring: Keyring

    /// The valid signatures of an `InRelease`; those of expired keys among them.
    func check(inRelease: [UInt8], in scratch: ScratchFolder) async throws(RepositoryError) -> [VerifiedSignature] {
        let file = try scratch.write("checked", inRelease)
        return try await run([file], in: scratch)
    }

    /// The valid signatures in a detached one.
    func check(
        detached: [UInt8], of release: [UInt8], in scratch: ScratchFolder
    ) async throws(RepositoryError) -> [VerifiedSignature] {
        let signature = try scratch.write("checked.gpg", detached)
        return try await run([signature, try scratch.write("checked.text", release)], in: scratch)
    }

    private func run(_ files: [String], in scratch: ScratchFolder) async throws(RepositoryError) -> [VerifiedSignature]
    {
        let path = scratch.path + "/keyring.pgp"
        if try RepositoryError.wrapping({ try FileStatus.ofIfExists(path, followLinks: false) }) == nil {
            _ = try scratch.write("keyring.pgp", keyring.bytes)
        }
        let result = try await ExternalProgram.run(
            "gpgv", ["--status-fd", "1", "--keyring", path] + files, limit: .seconds(60))
        var signatures: [VerifiedSignature] = []
        var isGood = false
        for line in String(decoding: result.standardOutput, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, words[0] == "[GNUPG:]" else { continue }
            switch words[1] {
            case "NEWSIG": isGood = false
            case "GOODSIG": isGood = true
            // One bad signature, and apt refuses all.
            case "BADSIG":
                throw RepositoryError(.input, "signature-bad", "a signature does not match the text")
            case "VALIDSIG" where words.count >= 12:
                signatures.append(
                    VerifiedSignature(
                        fingerprint: String(words[2]), primary: String(words[11]), digest: Int(words[9]) ?? 0,
                        isGood: isGood))
            default: break
            }
        }
        return signatures
    }
}
