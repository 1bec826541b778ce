import Platform

/// What clients think of the keys that a repository is signed with, today and later.
///
/// The clients are apt of Debian 11 to 13 and of Ubuntu 20.04 to 26.04. The older ones verify with gpgv(1), Debian 13 and
/// Ubuntu 26.04 with sqv(1) and the policy that apt ships (`/usr/share/apt/default-sequoia.config`).
public enum KeyPolicy {
    /// Something that a client does not like about a key.
    public struct Finding: Sendable, Hashable {
        /// The key's fingerprint.
        public var fingerprint: String
        /// A stable code such as `rsa-2048`.
        public var code: String
        /// Whether clients refuse it now.
        public var isError: Bool
        /// What is wrong, and with which clients.
        public var message: String
        /// The date (UTC) from which clients refuse it; nil for now.
        public var from: String?
        /// What to do.
        public var help: String
    }

    private static let everyClient = "every client"
    private static let verifyingWithSequoia = "Debian 13 and Ubuntu 26.04"
    private static let verifyingWithOldGnuPG = "Debian 11 and 12 and Ubuntu 20.04 and 22.04"
    private static let strict = "Debian 13, Ubuntu 24.04 and Ubuntu 26.04"
    private static let newKey = "make a key that lasts: gpg --quick-generate-key 'NAME <ADDRESS>' ed25519 sign 3y"
    private static let warningTime: Int64 = 60 * 86400

    /// What is wrong with the keys that may sign, at a time in seconds since 1970.
    public static func findings(_ keys: [OpenPGPKey], at now: Int64) -> [Finding] {
        var findings: [Finding] = []
        for key in keys where key.canSign {
            findings += algorithmFindings(key, now) + digestFindings(key, keys, now) + endFindings(key, keys, now)
        }
        if !keys.contains(where: \.canSign), let first = keys.first {
            findings.append(
                Finding(
                    fingerprint: first.fingerprint, code: "no-signing-key", isError: true,
                    message: "no key of the keyring may sign", help: newKey))
        }
        return findings
    }

    /// The digest of a signature over `Release`, by OpenPGP's number.
    static func refuses(digest: Int) -> Bool { [1, 2, 3, 11].contains(digest) }

    static func digestName(_ number: Int) -> String {
        [1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 8: "SHA-256", 9: "SHA-384", 10: "SHA-512", 11: "SHA-224"][number]
            ?? "digest \(number)"
    }

    private static func finding(
        _ key: OpenPGPKey, _ code: String, _ what: String, refusedBy clients: String, from date: String? = nil,
        _ now: Int64, help: String = newKey
    ) -> Finding {
        let isRefused = date.map { $0 <= CivilTime(secondsSince1970: now).dateText } ?? true
        return Finding(
            fingerprint: key.fingerprint, code: code, isError: isRefused,
            message: isRefused
                ? "\(what) is refused by \(clients)" : "\(what) will be refused by \(clients) from \(date ?? "")",
            from: isRefused ? nil : date, help: help)
    }

    private static func algorithmFindings(_ key: OpenPGPKey, _ now: Int64) -> [Finding] {
        switch key.algorithm {
        case .rsa(let bits) where bits < 2048:
            [
                finding(
                    key, "rsa-short", "RSA with \(bits) bits", refusedBy: strict,
                    now)
            ]
        case .rsa(let bits) where bits < 3072:
            [
                finding(
                    key, "rsa-2048", "RSA with \(bits) bits", refusedBy: verifyingWithSequoia, from: "2030-02-01", now)
            ]
        case .dsa(let bits):
            [finding(key, "dsa", "DSA with \(bits) bits", refusedBy: strict, now)]
        case .curve(let name) where name.hasPrefix("brainpool"):
            [finding(key, "brainpool", name, refusedBy: verifyingWithSequoia, from: "2028-02-01", now)]
        case .curve("ed448"):
            [finding(key, "ed448", "ed448", refusedBy: verifyingWithOldGnuPG, now)]
        default:
            key.fingerprint.utf8.count == 64
                ? [
                    finding(
                        key, "version-6", "a key of version 6", refusedBy: "\(verifyingWithOldGnuPG) and 24.04", now)
                ] : []
        }
    }

    private static func digestFindings(_ key: OpenPGPKey, _ keys: [OpenPGPKey], _ now: Int64) -> [Finding] {
        // A subkey hangs on the signatures of its primary key too.
        let digests = [key.bindingDigest, keys.first { $0.fingerprint == key.primary }?.bindingDigest].compactMap { $0 }
        guard let weak = digests.first(where: { refuses(digest: $0) }) else { return [] }
        return [
            finding(
                key, "binding-digest", "a key that is bound to its user by a signature with \(digestName(weak))",
                refusedBy: verifyingWithSequoia, from: weak == 2 || weak == 11 ? "2026-02-01" : nil, now,
                help:
                    "renew the signature: gpg --cert-digest-algo SHA512 --quick-set-expire \(key.primary) 3y, and publish "
                    + "the new keyring")
        ]
    }

    private static func endFindings(_ key: OpenPGPKey, _ keys: [OpenPGPKey], _ now: Int64) -> [Finding] {
        guard let end = key.end(in: keys) else { return [] }
        let date = CivilTime(secondsSince1970: end).dateText
        let help =
            "gpg --quick-set-expire \(key.primary) 3y, and publish the new keyring to clients before the key ends"
        if end <= now {
            return [
                Finding(
                    fingerprint: key.fingerprint, code: "expired", isError: true,
                    message: "the key expired on \(date); \(everyClient) refuses what it signs", help: help)
            ]
        }
        guard end - now < warningTime else { return [] }
        return [
            Finding(
                fingerprint: key.fingerprint, code: "expires-soon", isError: false,
                message: "the key will expire on \(date), and \(everyClient) then refuses what it signs", from: date,
                help: help)
        ]
    }
}

extension OpenPGPKey.Algorithm: CustomStringConvertible {
    /// Such as `rsa4096` or `ed25519`.
    public var description: String {
        switch self {
        case .rsa(let bits): "rsa\(bits)"
        case .dsa(let bits): "dsa\(bits)"
        case .curve(let name): name
        case .other(let number): "algorithm \(number)"
        }
    }
}
