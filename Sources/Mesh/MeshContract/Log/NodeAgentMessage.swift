import Platform

/// What the certificate agent says in its log, in every generation. Source files and line numbers differ: only the
/// message counts.
public enum NodeAgentMessage {
    /// The first line of the program.
    public static let starting = "Starting Node Agent"
    /// It says this before it has spoken to anybody.
    public static let started = "Node Agent starts successfully."
    /// A request goes out; the number counts the attempts after the first.
    public static func sending(retrial: Int) -> String { "Sending CSR (retrial #\(retrial)) ..." }
    /// The one line that means success.
    public static func approved(renewalIn wait: GoDuration) -> String { approvedPrefix + wait.description }
    /// What stands before the wait.
    public static let approvedPrefix = "CSR is approved successfully. Will renew cert in "
    /// The request could not be made or was answered by an error.
    public static func signingFailed(_ reason: String, retryIn wait: GoDuration) -> String {
        "CSR signing failed: \(reason). Will retry in \(wait)"
    }
    /// The reason when the answer is empty.
    public static let responseEmpty = "response empty"
    /// The reason when the answer says no.
    public static let notApproved = "request not approved"
    /// The answer has no certificate that can be read.
    public static func parsingError(retryIn wait: GoDuration) -> String {
        "Certificate parsing error. Will retry in \(wait)"
    }
    /// The lifetime of the new certificate makes no sense.
    public static func lifetimeError(_ reason: String) -> String { "Error getting TTL from approved cert: \(reason)" }
    /// The last line of an agent that gives up.
    public static func terminated(retries: Int) -> String {
        "Node agent terminated with error: node agent can't get the CSR approved from Istio CA after max number of "
            + "retries (\(retries))."
    }
    /// The reason when a certificate has not exactly one name.
    public static func subjectAlternativeNames(_ count: Int) -> String {
        "Cert have \(count) SAN fields, should be 1"
    }
}
