import Certificates
import Files
import FoundationEssentials
import MeshContract
import WorkloadCertificates

/// The configuration and certificates of a machine, checked as the programs there will read them.
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

    /// The three PEM files of a folder, and how long the certificate is valid yet, in seconds.
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
                    found: "the certificate is valid for \(left) seconds more, expected at least "
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
