import DebianRepository
import Documents
import Foundation
import Platform
import TestSupport
import XCTest

/// Keys of gpg(1) that every test may sign with; the agent ends with the process that made them.
final class TestKeys: Sendable {
    let folder: TemporaryDirectory
    /// ed25519, without a passphrase.
    let main: String
    /// Another one.
    let next: String

    var home: String { folder.path + "/gpg" }
    var environment: [String: String] { ["GNUPGHOME": home] }

    static let shared = Result { try TestKeys() }

    private init() throws {
        try requireProgram("gpg")
        try requireProgram("gpgv")
        folder = try TemporaryDirectory()
        try folder.directory("gpg")
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path + "/gpg")
        main = try Self.generate("Main", in: folder.path + "/gpg")
        next = try Self.generate("Next", in: folder.path + "/gpg")
        // The library's tests sign in this process.
        setenv("GNUPGHOME", folder.path + "/gpg", 1)
        atexit {
            guard case .success(let keys) = TestKeys.shared else { return }
            _ = try? run("gpgconf", ["--kill", "all"], environment: keys.environment)
            try? FileManager.default.removeItem(atPath: keys.folder.path)
        }
    }

    /// Makes a key and returns its fingerprint.
    static func generate(
        _ name: String, in home: String, algorithm: String = "ed25519", expires: String = "never",
        passphrase: String = "",
        options: [String] = []
    ) throws -> String {
        let address = "\(name.lowercased())@example.org"
        let environment = ["GNUPGHOME": home]
        try run(
            "gpg",
            ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase] + options
                + ["--quick-generate-key", "\(name) <\(address)>", algorithm, "sign", expires], environment: environment
        ).check()
        let list = try run(
            "gpg", ["--batch", "--with-colons", "--list-secret-keys", address], environment: environment
        ).check()
        let line = try XCTUnwrap(list.split(separator: "\n").first { $0.hasPrefix("fpr:") })
        return String(line.split(separator: ":").last ?? "")
    }
}

/// A repository in a folder of its own, and packages for it.
final class RepositoryFixture {
    let folder: TemporaryDirectory
    let keys: TestKeys
    var root: String { folder.path + "/apt" }

    init(_ settings: String = "suites: [stable]\narchitectures: [amd64, arm64]\n", signing: String? = nil) throws {
        try requireProgram("dpkg-deb")
        keys = try TestKeys.shared.get()
        folder = try TemporaryDirectory()
        try folder.directory("apt")
        try configure(settings, signing: signing)
    }

    func configure(_ settings: String, signing: String? = nil) throws {
        try folder.file(
            "apt/repository.yaml", "origin: Test\n" + (signing ?? "keys: [\(keys.main)]\n") + settings)
    }

    /// Runs `debbuild repo`.
    func repo(_ arguments: String..., environment: [String: String] = [:]) throws -> RunResult {
        try repo(arguments, environment: environment)
    }

    func repo(_ arguments: [String], environment: [String: String] = [:]) throws -> RunResult {
        try run(
            productPath("debbuild"), ["repo"] + arguments, environment: keys.environment.merging(environment) { $1 })
    }

    /// Builds a package with dpkg-deb, fast and without anything else.
    func package(
        _ name: String, _ version: String = "1.0", _ architecture: String = "amd64", text: String = "text\n",
        fields: String = "", file: String = "out"
    ) throws -> String {
        let place = "tree-\(UUID().uuidString.prefix(8))"
        try folder.file(
            place + "/DEBIAN/control",
            """
            Package: \(name)
            Version: \(version)
            Architecture: \(architecture)
            Maintainer: A Team <team@example.org>
            Section: net
            \(fields)Description: a package of the test
             It has one file.

            """)
        try folder.file(place + "/usr/share/\(name)/text", text)
        try folder.directory(file)
        let target = folder.path + "/\(file)/\(name)_\(version.replacing(":", with: "%3a"))_\(architecture).deb"
        try run(
            "dpkg-deb", ["--build", "--root-owner-group", "-Zgzip", "-z1", folder.path + "/" + place, target],
            environment: ["SOURCE_DATE_EPOCH": "1700000000"]
        ).check()
        return target
    }

    /// The repository as a value, at another time if need be.
    func open(secondsFromNow: Int64 = 0) async throws -> Repository {
        var diagnostics = Diagnostics()
        let settings = RepositorySettings.load(root + "/repository.yaml", diagnostics: &diagnostics)
        XCTAssertTrue(diagnostics.isEmpty, DiagnosticRenderer.text(diagnostics))
        return try await Repository(
            root: root, settings: XCTUnwrap(settings), now: KernelClock.wall / 1_000_000_000 + secondsFromNow,
            observer: Silence())
    }

    struct Silence: RepositoryObserver {
        func note(_ text: String) {}
    }

    func read(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    /// The names of packages in an index, by xz(1).
    func packages(_ index: String = "dists/stable/main/binary-amd64/Packages.xz") throws -> [String] {
        try run("xz", ["--decompress", "--stdout", root + "/" + index]).check().split(separator: "\n").compactMap {
            $0.hasPrefix("Package: ") ? String($0.dropFirst(9)) : nil
        }
    }

    /// The files of indexes, with their contents.
    func state() throws -> [String: [UInt8]] {
        var state: [String: [UInt8]] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: root) ?? .init() {
            let path = root + "/" + name
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
                state[name] = try contents(path)
            }
        }
        return state
    }

    /// Signatures, dates, indexes and packages.
    func assertSound(file: StaticString = #filePath, line: UInt = #line) throws {
        let result = try repo("verify", root)
        XCTAssertEqual(result.output + result.errors, "no findings\n", file: file, line: line)
        XCTAssertEqual(result.status, 0, file: file, line: line)
    }
}

/// apt(8) with a root of its own.
final class AptClient {
    let folder: TemporaryDirectory

    /// - Parameter url: where the repository is.
    init(_ url: String, keyring: [UInt8], suite: String = "stable", options: String = "") throws {
        try requireProgram("apt-get")
        folder = try TemporaryDirectory()
        for name in [
            "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg", "var/log/apt",
        ] { try folder.directory(name) }
        try folder.file("var/lib/dpkg/status", "")
        let keys = try folder.file("keyring.gpg", bytes: keyring)
        try folder.file(
            "etc/apt/sources.list.d/test.sources",
            "Types: deb\nURIs: \(url)\nSuites: \(suite)\nComponents: main\nSigned-By: \(keys)\n")
        try folder.file(
            "apt.conf",
            """
            Dir "\(folder.path)/";
            Dir::State::status "\(folder.path)/var/lib/dpkg/status";
            APT::Architecture "amd64";
            APT::Architectures {"amd64";};
            APT::Sandbox::User "root";
            Acquire::Languages "none";
            Acquire::Retries "0";
            Acquire::http::Proxy "DIRECT";
            Debug::NoLocking "true";
            \(options)
            """)
    }

    func apt(_ arguments: String...) throws -> RunResult {
        try run(
            "apt-get", ["--quiet"] + arguments, environment: ["APT_CONFIG": folder.path + "/apt.conf", "LC_ALL": "C"])
    }

    /// Updates; a failure of any source fails it.
    func update() throws -> RunResult { try apt("update", "--error-on=any") }

    /// The file of a package that was downloaded.
    func downloaded(_ name: String) throws -> [UInt8] {
        try contents(folder.path + "/var/cache/apt/archives/" + name)
    }
}

/// A web server for a folder, on loopback.
final class WebServer {
    let url: String
    private let program: BackgroundProgram

    init(_ folder: String) throws {
        let port = try Envoy.freePorts(1)[0]
        guard let python = programPath("python3") else { throw XCTSkip("python3 is not installed") }
        program = try BackgroundProgram(
            python, ["-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, String(port)])
        url = "http://127.0.0.1:\(port)"
        let answers = waitUntil {
            (try? run("curl", ["--silent", "--output", "/dev/null", self.url + "/"]).status) == 0
        }
        XCTAssertTrue(answers, program.errors)
    }

    deinit { program.end() }
}
