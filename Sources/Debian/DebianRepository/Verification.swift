import Archive
import DebianFormat
import Files
import Platform
import Processes

/// Something that is wrong with a repository, or soon will be.
public struct RepositoryFinding: Sendable, Hashable {
    /// A stable code.
    public var code: String
    /// Whether clients fail because of it.
    public var isError: Bool
    /// The file, suite or key.
    public var subject: String
    /// The sentence.
    public var message: String
    /// What to do about it.
    public var help: String?

    /// Creates a finding.
    public init(code: String, isError: Bool, subject: String, message: String, help: String?) {
        self.code = code
        self.isError = isError
        self.subject = subject
        self.message = message
        self.help = help
    }
}

/// Looks at a repository as clients do, and at what they do not see.
public struct RepositoryVerification {
    private let repository: Repository
    private let readsPool: Bool
    private var findings: [RepositoryFinding] = []
    private var seen: Set<String> = []
    /// A signature that ends sooner is worth a warning.
    private static let warningPart: Int64 = 5

    /// - Parameter readsPool: whether the checksum of every package is computed, or only sizes are compared.
    public init(_ repository: Repository, readsPool: Bool) {
        self.repository = repository
        self.readsPool = readsPool
    }

    /// All findings, errors among them.
    public mutating func run() async throws(RepositoryError) -> [RepositoryFinding] {
        for finding in KeyPolicy.findings(repository.keyring.keys, at: repository.now) {
            findings.append(
                RepositoryFinding(
                    code: finding.code, isError: finding.isError, subject: finding.fingerprint,
                    message: finding.message,
                    help: finding.help))
        }
        for suite in repository.settings.suites { try await check(suite) }
        try checkStrangers()
        return findings
    }

    private mutating func error(_ code: String, _ subject: String, _ message: String, help: String? = nil) {
        findings.append(RepositoryFinding(code: code, isError: true, subject: subject, message: message, help: help))
    }

    private mutating func warning(_ code: String, _ subject: String, _ message: String, help: String? = nil) {
        findings.append(RepositoryFinding(code: code, isError: false, subject: subject, message: message, help: help))
    }

    private func bytes(_ path: String) throws(RepositoryError) -> [UInt8]? {
        try RepositoryError.wrapping {
            let path = repository.root + "/" + path
            guard try FileStatus.ofIfExists(path, followLinks: true) != nil else { return nil }
            return try FileTree.readWhole(path, limit: 64 << 20)
        }
    }

    // MARK: - a suite

    private mutating func check(_ suite: RepositorySettings.Suite) async throws(RepositoryError) {
        let folder = "dists/" + suite.name
        guard let message = try bytes(folder + "/InRelease") else {
            return error(
                "not-published", folder, "there is no InRelease", help: "'debbuild repo add' publishes the suite")
        }
        guard let text = ClearSignedText.text(of: String(decoding: message, as: UTF8.self)) else {
            return error(
                "unsigned", folder + "/InRelease", "it is not signed in the clear, or has text around the signed one")
        }
        try await checkSignatures(message, text, folder)
        let release: ReleaseFile
        do throws(RepositoryError) { release = try ReleaseFile(parsing: text, name: folder + "/InRelease") } catch {
            return self.error(error.code, folder + "/InRelease", error.message)
        }
        checkTimes(release, folder)
        let state = Repository.State(suite: suite, release: release, folder: folder)
        for path in release.files.keys.sorted() {
            guard let sums = release.files[path] else { continue }
            try checkIndex(path, sums, state)
        }
        for component in repository.settings.components(of: suite) {
            for architecture in repository.settings.architectures(of: suite) {
                let index = Repository.packagesPath(component, architecture.description)
                if release.files[index + ".xz"] == nil {
                    error(
                        "index-missing", "\(folder)/\(index)", "the settings have it, and the suite has not",
                        help: "'debbuild repo publish' writes it")
                }
            }
        }
        for (component, architecture) in Repository.indexes(of: state) {
            try checkPackages(component, architecture, state)
        }
    }

    private mutating func checkSignatures(_ message: [UInt8], _ text: String, _ folder: String)
        async throws(RepositoryError)
    {
        let check = SignatureCheck(keyring: repository.keyring)
        let scratch = try ScratchFolder()
        func judge(_ subject: String, _ body: () async throws(RepositoryError) -> [VerifiedSignature])
            async -> [(code: String, message: String, help: String?)]
        {
            do throws(RepositoryError) {
                let signatures = try await body()
                if signatures.isEmpty {
                    return [
                        ("wrong-key", "it is signed by no key of the keyring", "'debbuild repo resign' signs it anew")
                    ]
                }
                if !signatures.contains(where: \.isGood) {
                    return [("key-expired", "it is signed by keys that have expired or were revoked", nil)]
                }
                return signatures.filter { KeyPolicy.refuses(digest: $0.digest) }.map {
                    (
                        "signature-digest",
                        "it is signed with \(KeyPolicy.digestName($0.digest)), which clients refuse", nil
                    )
                }
            } catch {
                return [(error.code, error.message, error.help)]
            }
        }
        for fault in await judge(
            folder,
            { () async throws(RepositoryError) in
                try await check.check(inRelease: message, in: scratch)
            })
        { error(fault.code, folder + "/InRelease", fault.message, help: fault.help) }
        guard let release = try bytes(folder + "/Release") else {
            return error(
                "release-missing", folder + "/Release", "it is missing", help: "'debbuild repo resign' writes it")
        }
        if release != Array(text.utf8) {
            error(
                "release-differs", folder + "/Release", "it says something else than InRelease",
                help: "'debbuild repo resign' writes both anew")
        }
        guard let detached = try bytes(folder + "/Release.gpg") else { return }
        for fault in await judge(
            folder,
            { () async throws(RepositoryError) in
                try await check.check(detached: detached, of: release, in: scratch)
            })
        { error(fault.code, folder + "/Release.gpg", fault.message, help: fault.help) }
        guard ExecutablePath.find("sqv") != nil else { return }
        let root = repository.root + "/" + folder
        let result = try await ExternalProgram.run(
            "sqv", ["--keyring", scratch.path + "/keyring.pgp", root + "/Release.gpg", root + "/Release"],
            limit: .seconds(60))
        if !result.status.isSuccess {
            error(
                "sqv", folder + "/Release.gpg",
                "sqv(1), which apt of Debian 13 uses, refuses it" + ExternalProgram.lastLine(result))
        }
    }

    private mutating func checkTimes(_ release: ReleaseFile, _ folder: String) {
        let now = repository.now
        let subject = folder + "/InRelease"
        if let date = release.date, date > now {
            error("date-in-future", subject, "its date is \(MailDate.text(date)), and now it is \(MailDate.text(now))")
        }
        let help = "'debbuild repo resign' renews it; run it by a timer"
        guard let end = release.validUntil else {
            return warning("no-valid-until", subject, "an old state can be served to clients for ever", help: help)
        }
        let length = end - (release.date ?? now)
        if end <= now {
            error("expired", subject, "clients have refused it since \(MailDate.text(end))", help: help)
        } else if end - now < length / Self.warningPart {
            warning("expires-soon", subject, "clients will refuse it from \(MailDate.text(end))", help: help)
        }
    }

    private mutating func checkIndex(_ path: String, _ sums: FileSums, _ state: Repository.State)
        throws(RepositoryError)
    {
        let isCompressed = path.hasSuffix(".xz") || path.hasSuffix(".gz")
        let paths = [path] + (isCompressed ? ByHash.Kind.allCases.map { ByHash.path(of: path, sums, $0) } : [])
        for (number, name) in paths.enumerated() {
            let subject = state.folder + "/" + name
            let found = try RepositoryError.wrapping { () -> FileSums? in
                let file = repository.root + "/" + subject
                guard try FileStatus.ofIfExists(file, followLinks: true) != nil else { return nil }
                return try SummingSink.sums(of: file)
            }
            guard let found else {
                // The plain form is only listed, for clients to compare what they have unpacked.
                if isCompressed {
                    error(
                        number == 0 ? "index-missing" : "by-hash-missing", subject,
                        "Release lists it, and it is missing",
                        help: "'debbuild repo publish' writes it anew, or copy it from where it is")
                }
                continue
            }
            if found != sums {
                error(
                    "index-differs", subject, "its contents are not what Release says", help: "'debbuild repo publish'")
            }
        }
    }

    // MARK: - packages

    private mutating func checkPackages(
        _ component: String, _ architecture: String, _ state: Repository.State
    ) throws(RepositoryError) {
        let index = Repository.packagesPath(component, architecture)
        do throws(RepositoryError) {
            guard let reader = try repository.reader(index, in: state) else { return }
            while let entry = try reader.next() {
                guard seen.insert(entry.path + " " + entry.sha256).inserted else { continue }
                try checkPackage(entry)
            }
        } catch {
            self.error(error.code, "\(state.folder)/\(index)", error.message)
        }
    }

    private mutating func checkPackage(_ entry: IndexEntry) throws(RepositoryError) {
        let file = repository.root + "/" + entry.path
        guard let status = try RepositoryError.wrapping({ try FileStatus.ofIfExists(file, followLinks: false) }) else {
            return error(
                "package-missing", entry.path, "an index lists it, and it is missing", help: "copy it here again")
        }
        guard status.kind == .file else {
            return error(
                "link-in-repository", entry.path, "it is not a regular file", help: "put the file itself there")
        }
        let isSame = try RepositoryError.wrapping {
            guard status.size == entry.size else { return false }
            return try !readsPool || SummingSink.sums(of: file).sha256 == entry.sha256
        }
        if !isSame {
            error("package-differs", entry.path, "its contents are not what the index says", help: "copy it here again")
        }
    }

    /// Suites that are there and that the settings do not have.
    private mutating func checkStrangers() throws(RepositoryError) {
        let folder = repository.root + "/dists"
        let names = try RepositoryError.wrapping {
            try FileStatus.ofIfExists(folder, followLinks: true) == nil ? [] : try FileTree.children(of: folder)
        }
        for name in names where repository.settings.suite(name) == nil {
            let isSigned = try bytes("dists/\(name)/InRelease") != nil
            if isSigned {
                warning(
                    "suite-unknown", "dists/" + name,
                    "\(RepositorySettings.fileName) does not have this suite, so nothing renews it")
            } else {
                error("unsigned", "dists/" + name, "it has no InRelease", help: "remove it, or add it to 'suites'")
            }
        }
    }
}
