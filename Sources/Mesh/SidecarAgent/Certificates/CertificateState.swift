import Certificates
import Crypto
import Files
import WorkloadCertificates
import X509

/// The three files at a moment.
struct CertificateState: Sendable, Hashable {
    /// Why the files cannot be used, or that they can.
    enum Condition: Sendable, Hashable {
        /// All three can be read and the key belongs to the chain.
        case usable
        /// None of them is there.
        case absent
        /// They are of no use together, as in the moment between two renames.
        case unusable(reason: String)
    }

    /// SHA-256 of the contents of key, chain and root; nil for one that is not there or cannot be read.
    var digests: [[UInt8]?]
    /// Whether they can be used.
    var condition: Condition

    /// Reads the files.
    static func read(_ files: CertificateFiles) -> CertificateState {
        var contents: [[UInt8]?] = []
        var problem: FileError?
        for path in [files.key, files.chain, files.root] {
            do throws(FileError) {
                contents.append(try FileTree.readWhole(path, limit: CertificatePEM.fileSizeLimit))
            } catch {
                contents.append(nil)
                if problem == nil || problem?.isAbsence == true { problem = error }
            }
        }
        let digests = contents.map { $0.map { Array(SHA256.hash(data: $0)) } }
        return CertificateState(digests: digests, condition: condition(contents, problem))
    }

    private static func condition(_ contents: [[UInt8]?], _ problem: FileError?) -> Condition {
        if let problem {
            let isAbsent = problem.isAbsence && contents.allSatisfy { $0 == nil }
            return isAbsent ? .absent : .unusable(reason: problem.description)
        }
        guard let key = contents[0], let chain = contents[1], let root = contents[2] else { return .absent }
        do {
            let certificates = try WorkloadCertificates(chainPEM: chain, keyPEM: key, rootPEM: root)
            guard certificates.privateKey.publicKey == certificates.leaf.publicKey else {
                return .unusable(reason: "the private key is not that of the certificate")
            }
            return .usable
        } catch {
            return .unusable(reason: error.description)
        }
    }
}

extension FileError {
    /// Whether there is no such file.
    fileprivate var isAbsence: Bool { errno == 2 || errno == 20 }
}
