import Patterns
import Platform

/// What kind of failure a message of a program reports, whoever wrote it: the kernel's errors, those of TLS libraries and
/// the codes of gRPC, in the words of C, Go, OpenSSL, BoringSSL, Rust and systemd.
package enum FailureReason: String, Sendable, Hashable, CaseIterable {
    case readOnly = "read-only"
    case noSpace = "no-space"
    case quota
    case tooManyFiles = "too-many-files"
    case tooManyTasks = "too-many-tasks"
    case noMemory = "no-memory"
    case addressInUse = "address-in-use"
    case addressMissing = "address-missing"
    case noUser = "no-user"
    case wrongUser = "wrong-user"
    case library
    case programFormat = "program-format"
    case encryptedKey = "encrypted-key"
    case pair
    case addressDialled = "address-dialled"
    case wrongName = "wrong-name"
    case unknownAuthority = "unknown-authority"
    case expired
    case notTLS = "not-tls"
    case clientRefused = "client-refused"
    case lookup
    case refused
    case unreachable
    case timedOut = "timed-out"
    case denied
    case unimplemented
    case overloaded
    case reset
    case inputOutput = "input-output"
    case permission
    case noFile = "no-file"
    case malformed
    case killed
    case crashed
    case invalidOption = "invalid-option"
    case unavailable

    /// Whether its words are in no line that reports anything else, whatever the line's level.
    var isUnmistakable: Bool {
        switch self {
        case .readOnly, .noSpace, .quota, .tooManyFiles, .tooManyTasks, .noMemory, .addressInUse, .addressMissing,
            .noUser, .wrongUser,
            .library,
            .programFormat, .refused, .unreachable, .inputOutput, .permission, .noFile:
            true
        default: false
        }
    }

    /// What it is in words.
    package var summary: String {
        switch self {
        case .readOnly: "the file system is read-only"
        case .noSpace: "no space or no inode is left on the file system"
        case .quota: "the disk quota is used up"
        case .tooManyFiles: "too many files are open"
        case .tooManyTasks: "no more processes or threads may be started"
        case .noMemory: "memory ran out"
        case .addressInUse: "another program has the port"
        case .addressMissing: "the address is not one of this host"
        case .noUser: "the user or group does not exist"
        case .wrongUser: "it is run by another user than it wants"
        case .library: "a library is missing or too old"
        case .programFormat: "the program is not one for this processor, or is damaged"
        case .encryptedKey: "the private key needs a pass phrase"
        case .pair: "private key and certificate do not belong together"
        case .addressDialled: "the server was dialled by its address"
        case .wrongName: "the server's certificate has another name"
        case .unknownAuthority: "a certificate comes from an authority that is not trusted"
        case .expired: "a certificate has expired or is not valid yet"
        case .notTLS: "the other side does not speak TLS"
        case .clientRefused: "the server refuses the client's certificate"
        case .lookup: "a name cannot be looked up"
        case .refused: "the connection is refused"
        case .unreachable: "there is no route to the server, or a rule forbids the connection"
        case .timedOut: "there is no answer in time"
        case .denied: "the server denies the request"
        case .unimplemented: "the server does not know the method"
        case .overloaded: "the server is overloaded"
        case .reset: "the connection was cut"
        case .inputOutput: "the disk does not work"
        case .permission: "a permission is missing"
        case .noFile: "a file or directory is missing"
        case .malformed: "a file has the wrong form"
        case .killed: "it was killed"
        case .crashed: "it crashed"
        case .invalidOption: "an option or setting is wrong"
        case .unavailable: "the server is not available"
        }
    }

    /// The words by which each is known. The order decides: an error of the system that is named in a message says more
    /// than the message around it.
    private static let words: [(FailureReason, String)] = [
        (.readOnly, #"read-?only file ?system|\bEROFS\b|os error 30\b"#),
        (.noSpace, #"no space left on device|\bENOSPC\b|os error 28\b"#),
        (.quota, #"quota exceeded|\bEDQUOT\b|os error 122\b"#),
        (.tooManyFiles, #"too many open files|shared object file: error 24\b|\bEMFILE\b|\bENFILE\b|os error 24\b"#),
        (
            .tooManyTasks,
            #"(fork|thread|clone|process|spawning)\b.*(resource temporarily unavailable|os error 11\b)|cannot fork|failed to (fork|spawn process)|pthread_create|unable to create (new )?(native )?thread"#
        ),
        (.noMemory, #"cannot allocate memory|out of memory|\bENOMEM\b|oom.kill|bad_alloc"#),
        (.addressInUse, #"address (is )?already in use|address in use|\bEADDRINUSE\b|os error 98\b"#),
        (.addressMissing, #"cannot assign requested address|\bEADDRNOTAVAIL\b"#),
        (
            .noUser,
            #"failed to determine (user|group|supplementary)|status=21[67]/|unknown user|no such user|there is no user"#
        ),
        (.wrongUser, #"must be run (by|as)|must be root|(run|running) (this|it)? ?as root"#),
        (
            .library,
            #"GLIBC(XX)?_[0-9.]+'? not found|error while loading shared libraries|cannot open shared object|symbol lookup error"#
        ),
        (.programFormat, #"exec format error|\bENOEXEC\b"#),
        (.encryptedKey, #"key .*is encrypted|bad decrypt|bad password read|encrypted private key|pass ?phrase"#),
        (.pair, #"private key does not match|key values mismatch|KEY_VALUES_MISMATCH|do not belong together"#),
        (.addressDialled, #"doesn't contain any IP SANs"#),
        (.wrongName, #"certificate is (not )?valid for|hostname mismatch|certificate is not valid for the address"#),
        (
            .unknownAuthority,
            #"signed by unknown authority|unable to get (local )?issuer|self.signed certificate|certificate.verify.failed"#
        ),
        (
            .expired,
            #"certificate has expired|not yet valid|certificate.expired|certificate is expired|certificate .*expired"#
        ),
        (
            .notTLS,
            #"wrong.version.number|first record does not look like a TLS|HTTP.REQUEST\b|plain.?text|not an? (TLS|SSL)"#
        ),
        (
            .clientRefused,
            #"bad.certificate|unknown.ca\b|unknown.certificate.authority|certificate.unknown|certificate.required|unsupported.certificate|decrypt.error|handshake.failure|unauthenticated|authenticate failure|access.denied\b"#
        ),
        (
            .lookup,
            #"dial tcp: lookup|no such host|name or service not known|name resolution|malformed IP address|nodename nor servname|unknown host|no address associated"#
        ),
        (.refused, #"connection refused|\bECONNREFUSED\b|os error 111\b"#),
        // A route or rule that forbids it has the words of a file that may not be opened.
        (
            .unreachable,
            #"connect: (permission denied|operation not permitted)|no route to host|(network|host) is (unreachable|down)|\bE(HOST|NET)UNREACH\b"#
        ),
        (.timedOut, #"deadline ?exceeded|timed out|i/o timeout|time-?out\b|\bETIMEDOUT\b"#),
        (.denied, #"permissiondenied|code = permission.denied|not authorized|unauthorized"#),
        (.unimplemented, #"\bunimplemented\b|unknown (service|method)"#),
        (.overloaded, #"resource.?exhausted|too many requests"#),
        (
            .reset,
            #"connection (was )?reset|\bECONNRESET\b|broken pipe|transport is closing|closed (by|the connection)|\bEOF\b"#
        ),
        (.inputOutput, #"input/output error|\bEIO\b|structure needs cleaning"#),
        (
            .permission,
            #"permission denied|operation not permitted|\bEACCES\b|\bEPERM\b|cannot append to|is not a program that .* can run"#
        ),
        (.noFile, #"no such file or directory|\bENOENT\b|status=203/|cannot find|unable to locate executable"#),
        (
            .malformed,
            #"invalid PEM|PEM block|not base64|cannot be decoded|failed to parse|unable to parse|parse error|syntax error|malformed|is the file cut off"#
        ),
        (.killed, #"code=killed|\bSIGKILL\b|was killed|signal 9\b|killed by"#),
        (
            .crashed,
            #"core.?dump|segmentation fault|\bSIG(SEGV|ABRT|ILL|TRAP|BUS)\b|panic:|fatal error:|status=(4|5|6|7|8|11)/"#
        ),
        (
            .invalidOption,
            #"unknown (option|flag|argument)|flag provided but not defined|unexpected argument|invalid (option|value)"#
        ),
        (.unavailable, #"\bunavailable\b"#),
    ]

    /// Compiled when first needed. An expression of the table that does not compile is left out, which its test notices.
    private static let patterns: [(FailureReason, Pattern)] = words.compactMap { reason, source in
        do throws(PatternSyntaxError) { return (reason, try Pattern("(?i)" + source)) } catch { return nil }
    }

    /// How many of the table's expressions are in use; all of them.
    static var usable: (patterns: Int, words: Int) { (patterns.count, words.count) }

    /// The kind of a message; nil when none of the words is in it.
    package init?(of message: String) {
        // A line may be endless, and the words stand in what people read of it.
        let text = message.shortened(to: 4096)
        for (reason, pattern) in Self.patterns {
            do throws(PatternLimitError) {
                if try pattern.firstMatch(in: text) != nil {
                    self = reason
                    return
                }
            } catch { continue }
        }
        return nil
    }
}
