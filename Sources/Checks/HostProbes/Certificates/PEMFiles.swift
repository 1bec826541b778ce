import Files
import Certificates
import X509

/// Certificates and keys in files.
enum PEMFiles {
    /// The bytes of a file, read as the request's user.
    static func read(_ path: String, _ request: ProbeRequest) async throws(ProbeError) -> [UInt8] {
        guard let bytes = try await readIfExists(path, request) else {
            throw ProbeError(.unavailable, "read \(path)", expected: "a file", found: "none")
        }
        return bytes
    }

    /// The bytes of a file; nil when there is none.
    static func readIfExists(_ path: String, _ request: ProbeRequest) async throws(ProbeError) -> [UInt8]? {
        try await BlockingPool.files.run("read \(path)", until: request.deadline) { () throws(ProbeError) in
            try FileTree.readIfExists(path, limit: CertificatePEM.fileSizeLimit)
        }
    }

    /// The certificates in PEM, as they stand in the file.
    static func certificates(_ bytes: [UInt8], path: String) throws(ProbeError) -> [Certificate] {
        do throws(CertificateLoadError) {
            return try CertificatePEM.roots(ofPEM: bytes)
        } catch {
            throw ProbeError(
                .malformed, "read \(path)", expected: "certificates in PEM", found: "\(error)".shortened(to: 300))
        }
    }
}
