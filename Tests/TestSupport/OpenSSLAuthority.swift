import Foundation
import XCTest

/// A certificate authority that openssl(1) runs, with files in a folder of its own.
public struct OpenSSLAuthority: Sendable {
    /// The kind of a key, as openssl names it.
    public enum Key: Sendable {
        case p256
        case rsa(bits: Int)

        var arguments: [String] {
            switch self {
            case .p256: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            case .rsa(let bits): ["-newkey", "rsa:\(bits)"]
            }
        }
    }

    /// A key with its certificate.
    public struct Pair: Sendable {
        /// The key's path.
        public var key: String
        /// The certificate's path, without the chain.
        public var certificate: String
    }

    /// The folder.
    public let folder: String
    /// The authority's own key and certificate.
    public let pair: Pair

    /// Makes an authority; without an issuer its certificate is a root.
    public init(
        _ name: String, in parent: TemporaryDirectory, issuer: OpenSSLAuthority? = nil, key: Key = .p256,
        notAfter: Date = Date(timeIntervalSinceNow: 86400 * 3650)
    ) throws {
        try requireProgram("openssl")
        folder = try parent.directory("authority-\(name)")
        try parent.file("authority-\(name)/index.txt", "")
        try parent.file("authority-\(name)/index.txt.attr", "unique_subject = no\n")
        try parent.file("authority-\(name)/serial", "1000\n")
        try parent.file(
            "authority-\(name)/ca.cnf",
            """
            [ca]
            default_ca = this
            [this]
            dir = \(folder)
            database = $dir/index.txt
            serial = $dir/serial
            new_certs_dir = $dir
            certificate = $dir/authority.pem
            private_key = $dir/authority-key.pem
            default_md = sha256
            policy = any
            unique_subject = no
            [any]
            organizationName = optional
            commonName = optional

            """)
        let usage = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        if let issuer {
            let issued = try issuer.issue(
                "for-\(name)", subject: "/O=\(name)", extensions: usage, key: key, notAfter: notAfter)
            try FileManager.default.copyItem(atPath: issued.key, toPath: folder + "/authority-key.pem")
            try FileManager.default.copyItem(atPath: issued.certificate, toPath: folder + "/authority.pem")
        } else {
            let days = max(1, Int(notAfter.timeIntervalSinceNow / 86400))
            try openssl(
                ["req", "-x509", "-nodes", "-sha256", "-subj", "/O=\(name)", "-days", String(days)] + key.arguments
                    + usage.flatMap { ["-addext", $0] }
                    + ["-keyout", folder + "/authority-key.pem", "-out", folder + "/authority.pem"])
        }
        pair = Pair(key: folder + "/authority-key.pem", certificate: folder + "/authority.pem")
    }

    /// Issues a certificate on a new key.
    ///
    /// - Parameter extensions: lines of an extension file, such as `subjectAltName=URI:spiffe://…`.
    public func issue(
        _ name: String, subject: String = "/O=workload", extensions: [String], key: Key = .p256,
        notBefore: Date = Date(timeIntervalSinceNow: -60), notAfter: Date = Date(timeIntervalSinceNow: 3600)
    ) throws -> Pair {
        let base = folder + "/" + name
        try openssl(
            ["req", "-new", "-nodes", "-subj", subject] + key.arguments
                + ["-keyout", base + "-key.pem", "-out", base + ".csr"])
        try Data((extensions.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: base + ".ext"))
        let format = DateFormatter()
        format.dateFormat = "yyyyMMddHHmmss'Z'"
        format.timeZone = TimeZone(identifier: "UTC")
        format.locale = Locale(identifier: "en_US_POSIX")
        try openssl(
            [
                "ca", "-batch", "-notext", "-config", folder + "/ca.cnf", "-in", base + ".csr", "-out", base + ".pem",
                "-extfile", base + ".ext", "-startdate", format.string(from: notBefore), "-enddate",
                format.string(from: notAfter),
            ])
        return Pair(key: base + "-key.pem", certificate: base + ".pem")
    }

    /// Issues a workload's certificate.
    public func issueWorkload(
        _ name: String, uris: [String] = ["spiffe://cluster.local/ns/default/sa/vm"], key: Key = .p256,
        notBefore: Date = Date(timeIntervalSinceNow: -60), notAfter: Date = Date(timeIntervalSinceNow: 3600)
    ) throws -> Pair {
        var extensions = ["keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth,clientAuth"]
        if !uris.isEmpty { extensions.append("subjectAltName=" + uris.map { "URI:\($0)" }.joined(separator: ",")) }
        return try issue(name, extensions: extensions, key: key, notBefore: notBefore, notAfter: notAfter)
    }
}

/// Runs openssl(1) and fails when it does.
@discardableResult
public func openssl(_ arguments: [String], input: [UInt8]? = nil) throws -> RunResult {
    let result = try run("openssl", arguments, input: input)
    guard result.status == 0 else {
        throw OpenSSLFailure(arguments: arguments, status: result.status, errors: result.errors)
    }
    return result
}

/// A run of openssl(1) that failed.
public struct OpenSSLFailure: Error, CustomStringConvertible {
    /// Its arguments.
    public var arguments: [String]
    /// Its status.
    public var status: Int32
    /// What it said.
    public var errors: String
    /// The sentence for people.
    public var description: String { "openssl \(arguments.joined(separator: " ")): \(status): \(errors)" }
}

/// The bytes of a file.
public func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
