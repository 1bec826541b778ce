import Certificates
import FoundationEssentials
import MeshContract
import WorkloadCertificates

/// Key, chain and root of a service account, from its secret `istio.ACCOUNT`.
public struct WorkloadSecret: Sendable {
    /// What a certificate needs to live on for being copied.
    public static let leastTimeLeft = Duration.seconds(120)
    private static let names = ["root-cert.pem", "cert-chain.pem", "key.pem"]

    /// Its name.
    public let name: String
    private let files: [String: [UInt8]]
    /// Whose it is.
    public let identity: SPIFFEIdentity
    /// Seconds for which the certificate is still valid.
    public let secondsLeft: Int

    /// Reads and checks the secret: a pair, a chain to the root, the account's own identity, time left.
    ///
    /// - Parameter prefix: what stands in front of the account's name (ISTIO_SECRET_PREFIX).
    public static func read(
        _ kubectl: Kubectl, account: String, namespace: String, prefix: String = "istio.", at date: Date
    ) async throws(ClusterProblem) -> WorkloadSecret {
        let name = prefix + account
        let attempt = "use the secret \(name) of \(namespace)"
        guard let secret = try await kubectl.object(SecretObject.self, "secret", name, in: namespace) else {
            throw ClusterProblem(
                .state, attempt, found: "there is none",
                remedy: "the certificate authority makes one for each service account: kubectl get serviceaccount "
                    + "\(account) --namespace \(namespace), and look at istio-ca's log")
        }
        let remedy =
            "delete it, and the certificate authority makes a new one: "
            + "kubectl delete secret \(name) --namespace \(namespace)"
        func refused(_ found: String) -> ClusterProblem {
            ClusterProblem(.state, attempt, found: found, remedy: remedy)
        }
        var files: [String: [UInt8]] = [:]
        for key in names {
            guard let text = secret.data?[key] else { throw refused("key '\(key)' is missing") }
            guard let bytes = Data(base64Encoded: text), !bytes.isEmpty else {
                throw refused("key '\(key)' is not base64, or empty")
            }
            files[key] = Array(bytes)
        }
        let certificates: WorkloadCertificates
        do throws(CertificateLoadError) {
            certificates = try WorkloadCertificates(
                chainPEM: files[names[1]] ?? [], keyPEM: files[names[2]] ?? [], rootPEM: files[names[0]] ?? [])
        } catch {
            throw refused(error.description)
        }
        guard let identity = certificates.identityURIs.first.flatMap({ SPIFFEIdentity($0) }) else {
            throw refused("the certificate names no identity")
        }
        let expected = SPIFFEIdentity(
            trustDomain: identity.trustDomain, namespace: namespace, serviceAccount: account)
        let faults = await certificates.faults(at: date, expecting: expected)
        if !faults.isEmpty { throw refused(faults.map(\.description).joined(separator: "; ")) }
        let left = Int(certificates.notAfter.timeIntervalSince(date))
        guard .seconds(left) >= leastTimeLeft else {
            throw refused(
                "the certificate is valid for \(left) more seconds, expected at least \(leastTimeLeft.components.seconds)"
            )
        }
        return WorkloadSecret(name: name, files: files, identity: identity, secondsLeft: left)
    }

    /// Writes the three files into a folder: together where it holds nothing else, else each by itself and the key last.
    public func write(to folder: String) throws(ClusterProblem) {
        do throws(CertificateFolder.Fault) {
            try CertificateFolder(folder).write(
                Self.names.map { name in
                    (name, files[name] ?? [], name == "key.pem" ? 0o600 : 0o644)
                })
        } catch {
            throw ClusterProblem(
                .host, "write the certificates to \(folder)", found: "\(error)",
                remedy: "name another folder with --out")
        }
    }
}
