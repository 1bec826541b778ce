import DebianFormat
import Files
import Platform

/// A workspace whose package gives clients the public keys and the source of a repository, and renews both when the package
/// is upgraded: keys that clients cannot renew are how repositories end.
public struct KeyringWorkspace: Sendable {
    /// The package's name.
    public let package: String
    private let repository: Repository
    private let maintainer: Maintainer
    private let url: String
    private let name: String

    /// - Throws: when the settings do not say where clients find the repository.
    public init(_ repository: Repository, maintainer: Maintainer) throws(RepositoryError) {
        guard let url = repository.settings.url else {
            throw RepositoryError(
                .input, "url", "'url' in \(RepositorySettings.fileName) does not say where clients find the repository",
                help: "url: https://apt.example.org")
        }
        self.repository = repository
        self.maintainer = maintainer
        self.url = url
        let words = Ascii.lowercased(repository.settings.origin).split { !Ascii.isAlphanumeric($0) }
        name = words.map { Ascii.text($0) }.joined(separator: "-")
        guard name.utf8.count >= 2 else {
            throw RepositoryError(
                .input, "origin", "no package can be named after the origin '\(repository.settings.origin)'")
        }
        package = name + "-archive-keyring"
    }

    /// Where the keys will be on clients.
    private var keyringPath: String { "/usr/share/keyrings/\(package).pgp" }

    /// The source for clients (sources.list(5)).
    public var sources: String {
        let suite = repository.settings.suites[0]
        return """
            Types: deb
            URIs: \(url)
            Suites: \(suite.name)
            Components: \(repository.settings.components(of: suite).joined(separator: " "))
            Architectures: \(repository.settings.architectures(of: suite).map(\.description).joined(separator: " "))
            Signed-By: \(keyringPath)

            """
    }

    /// Writes the workspace, or in one that is there the keys and the source alone, and returns the paths written.
    public func write(to directory: String) throws(RepositoryError) -> [String] {
        let folder = directory + "/" + package
        let workspace = directory + "/workspace.yaml"
        return try RepositoryError.wrapping {
            try FileTree.createDirectories(folder)
            var written: [String] = []
            func put(_ path: String, _ bytes: [UInt8], replaces: Bool) throws {
                if !replaces, try FileStatus.ofIfExists(path, followLinks: false) != nil { return }
                let file = try AtomicFile(target: path)
                try file.write(bytes)
                try file.commit()
                written.append(path)
            }
            try put(workspace, Array("output: out\nversion: \"\(version)\"\n".utf8), replaces: false)
            try put(folder + "/package.yaml", Array(specification.utf8), replaces: false)
            try put(folder + "/changelog", Array(changelog.utf8), replaces: false)
            try put(folder + "/\(package).pgp", repository.keyring.bytes, replaces: true)
            try put(folder + "/\(name).sources", Array(sources.utf8), replaces: true)
            return written
        }
    }

    private var version: String {
        CivilTime(secondsSince1970: repository.now).dateText.replacing("-", with: ".")
    }

    private var specification: String {
        """
        package: \(package)
        summary: keys and source of the apt repository of \(name)
        description: |
          Holds the public keys that packages of this repository are checked with,
          and the entry that lets apt find it. Upgrades of this package renew both.
        architectures: [all]
        section: misc
        priority: optional
        maintainer: \(maintainer)
        contents:
          - {file: \(package).pgp, to: "\(keyringPath)"}
          - {conffile: \(name).sources, to: "/etc/apt/sources.list.d/\(name).sources"}
        changelog: changelog
        license: CC0-1.0
        copyright-holders: "\(maintainer)"

        """
    }

    private var changelog: String {
        """
        \(package) (\(version)) unstable; urgency=medium

          * The keys that the repository is signed with.

         -- \(maintainer)  \(MailDate.text(repository.now))

        """
    }
}

extension Repository {
    /// The public keys that clients trust.
    public var publicKeys: [OpenPGPKey] { keyring.keys }
}
