import DebianRepository
import Foundation
import TestSupport
import XCTest

/// Keys and the programs that sign.
final class KeyTests: XCTestCase {
    private static let settings = "suites: [stable]\narchitectures: [amd64]\n"

    /// A home of gpg's own, whose agent ends with the test.
    private func home(_ folder: TemporaryDirectory) throws -> String {
        let path = try folder.directory("keys")
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        addTeardownBlock { _ = try TestSupport.run("gpgconf", ["--kill", "all"], environment: ["GNUPGHOME": path]) }
        return path
    }

    func testKeysThatCannotSignAreNamedWithARemedy() throws {
        let fixture = try RepositoryFixture()
        let home = try home(fixture.folder)
        let file = try fixture.package("hello")
        func failure(_ key: String, _ code: String, more: String = "") throws -> String {
            try fixture.configure(Self.settings + more, signing: "keys: [\(key)]\n")
            let result = try fixture.repo("add", fixture.root, file, environment: ["GNUPGHOME": home])
            XCTAssertEqual(result.status, 2, result.errors)
            XCTAssertTrue(result.errors.contains("[\(code)]") && result.errors.contains("= help: "), result.errors)
            XCTAssertFalse(fixture.exists("dists/stable/InRelease"))
            return result.errors
        }
        _ = try failure(String(repeating: "A", count: 40), "secret-key-missing")
        // The public key alone.
        let exported = try TestSupport.run(
            "gpg", ["--export", fixture.keys.main], environment: fixture.keys.environment)
        try TestSupport.run(
            "gpg", ["--batch", "--import"], environment: ["GNUPGHOME": home], input: exported.standardOutput
        ).check()
        _ = try failure(fixture.keys.main, "secret-key-missing")
        let old = try TestKeys.generate(
            "Old", in: home, expires: "2020-02-01", options: ["--faked-system-time", "20200101T000000"])
        XCTAssertTrue(try failure(old, "key-expired").contains("--quick-set-expire"))
        let locked = try TestKeys.generate("Locked", in: home, passphrase: "secret")
        try TestSupport.run("gpgconf", ["--kill", "gpg-agent"], environment: ["GNUPGHOME": home]).check()
        XCTAssertTrue(try failure(locked, "passphrase").contains("passphrase-file"))
        try fixture.folder.file("apt/wrong", "wrong\n")
        _ = try failure(locked, "passphrase", more: "passphrase-file: wrong\n")
        try fixture.folder.file("secret", "secret\n")
        try fixture.configure(
            Self.settings + "passphrase-file: \(fixture.folder.path)/secret\n", signing: "keys: [\(locked)]\n")
        try fixture.repo("add", fixture.root, file, environment: ["GNUPGHOME": home]).check()
    }

    func testThePolicyKnowsWhatClientsRefuse() throws {
        let fixture = try RepositoryFixture()
        let home = try home(fixture.folder)
        for (name, algorithm, options, code, isError) in [
            ("Good", "rsa3072", [], nil, false), ("Weak", "rsa2048", [], "rsa-2048", false),
            ("Short", "rsa1024", [], "rsa-short", true), ("Dsa", "dsa2048", [], "dsa", true),
            ("Brain", "brainpoolP256r1", [], "brainpool", false), ("Nist", "nistp256", [], nil, false),
            ("Sha", "ed25519", ["--cert-digest-algo", "SHA1"], "binding-digest", true),
        ] as [(String, String, [String], String?, Bool)] {
            let key = try TestKeys.generate(name, in: home, algorithm: algorithm, options: options)
            for armor in [[], ["--armor"]] {
                let bytes = try TestSupport.run("gpg", armor + ["--export", key], environment: ["GNUPGHOME": home])
                    .standardOutput
                let path = try fixture.folder.file("key", bytes: bytes)
                let result = try fixture.repo("key", "check", path)
                XCTAssertEqual(result.status, isError ? 1 : 0, name + result.output + result.errors)
                XCTAssertTrue(result.output.hasPrefix("key \(key) \(algorithm)\n"), result.output)
                XCTAssertTrue(
                    result.output.contains(code.map { "[\($0)]" } ?? "every client takes them"), result.output)
            }
        }
        let soon = try TestKeys.generate("Soon", in: home, expires: "10d")
        let bytes = try TestSupport.run("gpg", ["--export", soon], environment: ["GNUPGHOME": home]).standardOutput
        let result = try fixture.repo("key", "check", fixture.folder.file("key", bytes: bytes))
        XCTAssertTrue(result.output.contains("[expires-soon]"), result.output)
        let none = try fixture.repo("key", "check", fixture.folder.file("key", "nothing"))
        XCTAssertEqual(none.status, 2)
        XCTAssertTrue(none.errors.contains("[keyring]"), none.errors)
    }

    func testMutatedKeyringsAreReadOrRefused() throws {
        let keys = try TestKeys.shared.get()
        let bytes = try TestSupport.run("gpg", ["--export"], environment: keys.environment).standardOutput
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            var mutant = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                mutant[Int.random(in: 0..<mutant.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            mutant.removeLast(Int.random(in: 0..<mutant.count, using: &generator))
            do { _ = try OpenPGPKeyring.keys(in: mutant) } catch { XCTAssertEqual(error.code, "keyring") }
        }
    }

    func testARotationFailsNoClient() throws {
        let fixture = try RepositoryFixture(Self.settings)
        let (old, new) = (fixture.keys.main, fixture.keys.next)
        func keyring(_ keys: String...) throws -> [UInt8] {
            try TestSupport.run("gpg", ["--export"] + keys, environment: fixture.keys.environment).standardOutput
        }
        let clients = [
            try AptClient("file:" + fixture.root, keyring: keyring(old)),
            try AptClient("file:" + fixture.root, keyring: keyring(old, new)),
        ]
        try fixture.repo("add", fixture.root, fixture.package("hello")).check()
        for client in clients { try client.update().check() }
        // The former key cannot simply be exchanged: nobody would have vouched for the new one.
        try fixture.configure(Self.settings, signing: "keys: [\(new)]\n")
        let sudden = try fixture.repo("resign", fixture.root)
        XCTAssertEqual(sudden.status, 2)
        XCTAssertTrue(sudden.errors.contains("[state-unsigned]"), sudden.errors)
        try fixture.configure(Self.settings, signing: "keys: [\(old), \(new)]\n")
        try fixture.repo("resign", fixture.root).check()
        for client in clients + [try AptClient("file:" + fixture.root, keyring: keyring(new))] {
            try client.update().check()
        }
        try fixture.configure(Self.settings, signing: "keys: [\(new)]\n")
        try fixture.repo("resign", fixture.root).check()
        try clients[1].update().check()
        XCTAssertNotEqual(try clients[0].update().status, 0)
    }

    func testAnotherProgramSigns() throws {
        let fixture = try RepositoryFixture(Self.settings)
        let file = try fixture.package("hello")
        let public1 = try TestSupport.run(
            "gpg", ["--export", fixture.keys.main], environment: fixture.keys.environment
        ).standardOutput
        try fixture.folder.file("apt/keys.pgp", bytes: public1)
        func sign(_ text: String, _ arguments: String) throws -> RunResult {
            try fixture.folder.file("apt/sign", "#!/bin/sh\n" + text, mode: 0o755)
            try fixture.configure(Self.settings, signing: "sign: [./sign, \(arguments)]\nkeyring: keys.pgp\n")
            return try fixture.repo("add", fixture.root, file)
        }
        let gpg = "gpg --batch --yes --armor --digest-algo SHA512 --local-user"
        for (text, code) in [
            ("exit 3\n", "sign-failed"), ("cp \"$1\" \"$2\"\n", "signature-text"), ("exit 0\n", "file"),
            ("\(gpg) \(fixture.keys.next) --clearsign --output \"$2\" \"$1\"\n", "signature-unknown"),
            ("echo more >>\"$1\"; \(gpg) \(fixture.keys.main) --clearsign --output \"$2\" \"$1\"\n", "signature-text"),
        ] {
            let result = try sign(text, "'{input}', '{output}'")
            XCTAssertTrue(result.errors.contains("[\(code)]"), text + result.errors)
            XCTAssertFalse(fixture.exists("dists/stable/InRelease"))
        }
        try sign("\(gpg) \(fixture.keys.main) --clearsign --output \"$2\" \"$1\"\n", "'{input}', '{output}'").check()
        XCTAssertFalse(fixture.exists("dists/stable/Release.gpg"))
        try AptClient("file:" + fixture.root, keyring: public1).update().check()
        try fixture.assertSound()
        _ = try sign("\(gpg) \(fixture.keys.main) \"--$3\" --output \"$2\" \"$1\"\n", "'{input}', '{output}', '{mode}'")
            .check()
        try fixture.repo("resign", fixture.root).check()
        XCTAssertTrue(fixture.exists("dists/stable/Release.gpg"))
        try fixture.assertSound()
    }

    func testSequoiaSigns() throws {
        try requireProgram("sq")
        let fixture = try RepositoryFixture(Self.settings)
        let help = try TestSupport.run("sq", ["sign", "--help"]).output
        guard help.contains("--cleartext-signature") else { throw XCTSkip("another version of sq's options") }
        let key = fixture.folder.path + "/key.pgp"
        try TestSupport.run("sq", ["key", "generate", "--userid", "S <s@example.org>", "--can-sign", "--export", key])
            .check()
        let certificate = try TestSupport.run("sq", ["key", "extract-cert", key]).standardOutput
        try fixture.folder.file("apt/keys.pgp", bytes: certificate)
        try fixture.configure(
            Self.settings,
            signing:
                "sign: [sq, sign, --cleartext-signature, --signer-key, \(key), --output, '{output}', '{input}']\nkeyring: keys.pgp\n"
        )
        try fixture.repo("add", fixture.root, fixture.package("hello")).check()
        let binary = try TestSupport.run(
            "gpg", ["--dearmor"], environment: fixture.keys.environment, input: certificate
        ).standardOutput
        try AptClient("file:" + fixture.root, keyring: binary).update().check()
        try fixture.assertSound()
    }
}
