import Certificates
import Crypto
import Files
import FoundationEssentials
import MeshContract
import Platform
import WorkloadCertificates

/// The configuration and certificates of a host, checked as the programs there will read them.
public enum ConfigurationInput {
    /// What a certificate has to live on, for the copying and the node agent's first request.
    public static let leastTimeLeft = Duration.seconds(120)

    /// cluster.env.
    public static func clusterEnvironment(_ path: String) throws(SetupProblems) -> StagedFile {
        let bytes = try read(path, remedy: "make it with: meshex cluster-env")
        let file = EnvironmentFile(bytes)
        var found = file.problems.filter { !$0.isWarning }.map(\.description)
        let settings = MeshSettings(cluster: file, sidecar: nil)
        found += settings.problems.filter { !$0.isWarning }.map(\.description)
        // Without a range all outbound traffic goes through Envoy; nobody means that who copies this file.
        if found.isEmpty, settings.serviceRanges.isEmpty {
            found.append("expected ISTIO_SERVICE_CIDR=RANGE, found none")
        }
        try refuse(path, found, remedy: "make it again with: meshex cluster-env")
        return StagedFile(name: "cluster.env", bytes: bytes)
    }

    /// kubedns.
    public static func kubeDNS(_ path: String, namespace: String) throws(SetupProblems) -> StagedFile {
        let bytes = try read(path, remedy: "make it with: meshex dnsmasq")
        let file = KubeDNSFile(bytes, namespace: namespace)
        try refuse(path, file.problems.map(\.description), remedy: "make it again with: meshex dnsmasq")
        return StagedFile(name: "kubedns", bytes: bytes)
    }

    /// The three PEM files of a folder, and for how many seconds the certificate is still valid.
    public static func certificates(
        in folder: String, at date: Date
    ) async throws(SetupProblems) -> (files: [StagedFile], secondsLeft: Int, identity: String) {
        let remedy = "copy them from the cluster again: meshex certs SERVICE_ACCOUNT NAMESPACE"
        let names = ["root-cert.pem", "cert-chain.pem", "key.pem"]
        var files: [StagedFile] = []
        var problems: [SetupProblem] = []
        for name in names {
            do throws(SetupProblems) {
                files.append(StagedFile(name: name, bytes: try read(folder + "/" + name, remedy: remedy)))
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw SetupProblems(problems) }
        let certificates: WorkloadCertificates
        do throws(CertificateLoadError) {
            // What is sent is what was checked, so the bytes and not the files are read.
            certificates = try WorkloadCertificates(
                chainPEM: files[1].bytes, keyPEM: files[2].bytes, rootPEM: files[0].bytes)
        } catch {
            throw SetupProblems([
                SetupProblem("use the certificates of \(folder)", found: error.description, remedy: remedy)
            ])
        }
        try refuse(
            folder, await certificates.faults(at: date, expecting: nil).map(\.description), remedy: remedy)
        let left = Int(certificates.notAfter.timeIntervalSince(date))
        guard .seconds(left) >= leastTimeLeft else {
            throw SetupProblems([
                SetupProblem(
                    "use the certificates of \(folder)",
                    found: "the certificate is valid for \(left) more seconds, expected at least "
                        + "\(leastTimeLeft.components.seconds)", remedy: remedy)
            ])
        }
        return (files, left, certificates.identityURIs.first ?? "")
    }

    private static func read(_ path: String, remedy: String) throws(SetupProblems) -> [UInt8] {
        do throws(FileError) {
            return try FileTree.readWhole(path, limit: CertificatePEM.fileSizeLimit)
        } catch {
            throw SetupProblems([SetupProblem("use \(path)", found: error.description, remedy: remedy)])
        }
    }

    private static func refuse(_ path: String, _ found: [String], remedy: String) throws(SetupProblems) {
        guard !found.isEmpty else { return }
        throw SetupProblems(found.map { SetupProblem("use \(path)", found: $0, remedy: remedy) })
    }
}

/// A file that a host gets, known by its checksum.
public struct StagedFile: Sendable {
    /// The name in the host's staging folder: letters, digits and `._+~-`.
    public let name: String
    /// The contents.
    public let bytes: [UInt8]
    /// SHA-256 in hexadecimal.
    public let digest: String

    /// Creates a file.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        digest = Hexadecimal.text(SHA256.hash(data: bytes))
    }

    /// Whether a name can stand in a shell's word and in a folder as it is.
    static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "."),
            name.utf8.count <= 200
        else { return false }
        return name.utf8.allSatisfy { Ascii.isAlphanumeric($0) || Array("._+~-".utf8).contains($0) }
    }
}

/// `SHA256SUMS`: the lines of sha256sum(1), checksum by name.
struct ChecksumFile {
    private(set) var sums: [String: String] = [:]
    static let fileName = "SHA256SUMS"
    static let limit = 4 << 20

    init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: 0x0a) where line.count > 66 {
            let digest = line.prefix(64)
            let isHexadecimal = digest.allSatisfy { Ascii.isDigit($0) || (0x61...0x66).contains($0) }
            let mark = Array(line.dropFirst(64).prefix(2))
            guard isHexadecimal, mark == [0x20, 0x20] || mark == [0x20, UInt8(ascii: "*")] else { continue }
            let name = line.dropFirst(66)
            sums[String(decoding: name.last == 0x0d ? name.dropLast() : name, as: UTF8.self)] =
                String(decoding: digest, as: UTF8.self)
        }
    }
}

/// Something that keeps a host from being set up, found before any host is touched.
public struct SetupProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whose fault it is.
    public enum Kind: Sendable, Hashable {
        /// A file or option is wrong.
        case input
        /// A server does not answer as it should.
        case unreachable
        /// A step took longer than allowed.
        case timedOut
        /// This host cannot do it: a missing program, no space.
        case fault
    }

    /// Whose fault it is.
    public var kind: Kind
    /// What was tried: `use certs/key.pem`.
    public var operation: String
    /// What was found.
    public var found: String
    /// What to do.
    public var remedy: String

    /// Creates a problem of the input.
    public init(_ operation: String, found: String, remedy: String) {
        self.init(.input, operation, found: found, remedy: remedy)
    }

    /// Creates a problem.
    public init(_ kind: Kind, _ operation: String, found: String, remedy: String) {
        self.kind = kind
        self.operation = operation
        self.found = found
        self.remedy = remedy
    }

    /// The sentence for people.
    public var description: String { "cannot \(operation): \(found); \(remedy)" }
}

/// All that is wrong.
public struct SetupProblems: Error, Sendable, Hashable {
    /// At least one.
    public var problems: [SetupProblem]

    /// Creates an error of one or more problems.
    public init(_ problems: [SetupProblem]) { self.problems = problems }
}
