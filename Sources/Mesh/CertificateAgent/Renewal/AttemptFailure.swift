import Certificates
import Files
import MeshContract
import Platform
import WorkloadCertificates

/// Why an attempt to renew failed.
public enum AttemptFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The present files cannot be read.
    case unreadable(CertificateLoadError)
    /// The present certificate cannot serve to ask for another.
    case unusable(WorkloadFault)
    /// A key or a request could not be made; the detail is the library's.
    case request(detail: String)
    /// The authority gave no answer.
    case authority(AuthorityError)
    /// The authority approved and sent no certificate.
    case responseEmpty
    /// The authority said no.
    case notApproved(remark: String)
    /// The answer cannot be decoded.
    case answerUnreadable(CertificateLoadError)
    /// The answer's certificate has no lifetime left to wait in.
    case answerLifetime(CertificateFault)
    /// So much of the lifetime is over that the renewal would be due before now.
    case renewalOverdue(by: GoDuration)
    /// The answer's certificate is not one to use.
    case answerRefused(WorkloadFault)
    /// Somebody has replaced the files while the authority was asked.
    case filesChanged(CertificateFiles)
    /// The new pair cannot be written.
    case storage(FileError)
    /// The roots cannot be read or written.
    case roots(RootFile.Failure)

    /// The reason as it stands in the log.
    public var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .unusable(.certificate(.expired(let notAfter, let now))):
            "x509: \(CertificateFault.expired(notAfter: notAfter, now: now)); the authority no longer takes it: "
                + "copy new certificates to this machine"
        case .unusable(let fault): "\(fault)"
        case .request(let detail): "the request cannot be made: \(detail)"
        case .authority(let error): "\(error)"
        case .responseEmpty: NodeAgentMessage.responseEmpty
        case .notApproved: NodeAgentMessage.notApproved
        case .answerUnreadable(let error): "\(error)"
        case .answerLifetime(let fault): "\(fault)"
        case .renewalOverdue(let wait): "the certificate should have been renewed \(wait) ago"
        case .answerRefused(let fault): "the signed certificate is refused: \(fault)"
        case .filesChanged(let files):
            "'\(files.chain)' or '\(files.key)' was replaced while the authority was asked; the new files stay"
        case .storage(let error): "the signed certificate cannot be stored: \(error)"
        case .roots(let error): "the root certificates cannot be stored: \(error)"
        }
    }

    /// Whether the fault is in the lifetime or the form of what the authority approved, which has messages of its own.
    var isInAnswer: Bool {
        switch self {
        case .answerUnreadable, .answerLifetime, .renewalOverdue: true
        default: false
        }
    }
}
