import Files

/// Certificates or a key that cannot be read.
public struct CertificateLoadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was to be read.
    public enum Subject: String, Sendable, Hashable, CaseIterable {
        case chain = "certificate chain"
        case key = "private key"
        case roots = "root certificates"
    }

    /// What is wrong with the form of a PEM file.
    public enum PEMFault: Sendable, Hashable {
        /// A BEGIN line without its END line.
        case noEnd(String)
        /// An END line that names something other than its BEGIN line.
        case labelsDiffer(begin: String, end: String)
        /// A body that is empty or no base64.
        case notBase64(String)
    }

    /// Why it cannot be read.
    public enum Problem: Sendable, Hashable {
        /// The file cannot be opened or read; EFBIG when it has more than ``CertificatePEM/fileSizeLimit`` bytes.
        case unreadable(FileError)
        /// More bytes than the limit.
        case tooLarge(bytes: Int, limit: Int)
        /// The form of the file is wrong at a line, counted from 1.
        case malformedPEM(line: Int, PEMFault)
        /// There is no block of the kinds that are needed; `found` has the labels of those that are there.
        case noBlock(expected: [String], found: [String])
        /// More blocks than are allowed.
        case tooMany(label: String, found: Int, limit: Int)
        /// A certificate, counted from 1, whose DER is wrong; the detail is the decoder's.
        case malformedCertificate(number: Int, line: Int, detail: String)
        /// A key whose DER is wrong or of a kind that is not supported; the detail is the decoder's.
        case malformedKey(line: Int, detail: String)
        /// A key that needs a pass phrase.
        case encryptedKey(line: Int)
        /// An RSA key below 2048 bits; `bits` is nil where the decoder does not tell.
        case weakKey(bits: Int?)
    }

    /// What was to be read.
    public var subject: Subject
    /// The file, where it came from one.
    public var path: String?
    /// Why it cannot be read.
    public var problem: Problem

    /// Creates an error.
    public init(subject: Subject, path: String? = nil, problem: Problem) {
        self.subject = subject
        self.path = path
        self.problem = problem
    }

    /// The sentence for people.
    public var description: String {
        if case .unreadable(let error) = problem { return "\(subject.rawValue): \(error)" }
        let place = path.map { " '\($0)'" } ?? ""
        return "\(subject.rawValue)\(place): \(reason)"
    }

    private var reason: String {
        switch problem {
        case .unreadable(let error): "\(error)"
        case .tooLarge(let bytes, let limit): "has \(bytes) bytes, expected at most \(limit)"
        case .malformedPEM(let line, .noEnd(let label)):
            "line \(line): '-----BEGIN \(label)-----' without '-----END \(label)-----': is the file cut off?"
        case .malformedPEM(let line, .labelsDiffer(let begin, let end)):
            "line \(line): expected '-----END \(begin)-----', found '-----END \(end)-----'"
        case .malformedPEM(let line, .notBase64(let label)):
            "line \(line): the body of the \(label) block is not base64 or is empty"
        case .noBlock(let expected, let found):
            "expected a PEM block \(expected.map { "'\($0)'" }.joined(separator: " or ")), found "
                + (found.isEmpty ? "no PEM block" : found.map { "'\($0)'" }.joined(separator: ", "))
        case .tooMany(let label, let found, let limit): "has \(found) \(label) blocks, expected at most \(limit)"
        case .malformedCertificate(let number, let line, let detail):
            "certificate \(number) at line \(line) cannot be decoded: \(detail)"
        case .malformedKey(let line, let detail): "the key at line \(line) cannot be decoded: \(detail)"
        case .encryptedKey(let line):
            "the key at line \(line) is encrypted, expected one without a pass phrase (openssl pkey removes it)"
        case .weakKey(let bits):
            (bits.map { "an RSA key of \($0) bits" } ?? "an RSA key of less than 2048 bits")
                + ", expected at least 2048 bits"
        }
    }
}
