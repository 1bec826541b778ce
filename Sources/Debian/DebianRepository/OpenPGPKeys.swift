import Crypto
import Platform

/// The public keys of a keyring, as far as clients judge them (RFC 4880, RFC 9580).
public struct OpenPGPKey: Sendable, Hashable {
    /// The public-key algorithm, as far as clients tell them apart.
    public enum Algorithm: Sendable, Hashable {
        case rsa(bits: Int)
        case dsa(bits: Int)
        /// ECDSA or EdDSA on a curve, by its usual name.
        case curve(String)
        /// One that is not known here, by its number.
        case other(Int)
    }

    /// The fingerprint in hexadecimal.
    public var fingerprint: String
    /// The primary key's fingerprint, which is its own for a primary key.
    public var primary: String
    /// The algorithm.
    public var algorithm: Algorithm
    /// Seconds since 1970.
    public var created: Int64
    /// Seconds since 1970; nil for one that does not expire.
    public var expires: Int64?
    /// The first user id.
    public var user: String?
    /// Whether its flags say that it signs data; nil when they do not say.
    public var signs: Bool?
    /// Whether it was revoked.
    public var isRevoked = false
    /// The digest of the newest signature that binds it to its user or its primary key, by OpenPGP's number.
    public var bindingDigest: Int?

    /// Whether it is a primary key.
    public var isPrimary: Bool { fingerprint == primary }
    /// Whether it may sign a repository.
    public var canSign: Bool {
        guard !isRevoked else { return false }
        switch algorithm {
        case .other: return false
        case .curve("Curve25519"): return false
        default: return signs ?? isPrimary
        }
    }

    /// When it ends: a subkey with its primary key at the latest.
    public func end(in keyring: [OpenPGPKey]) -> Int64? {
        let own = keyring.first { $0.fingerprint == primary }?.expires
        return [expires, own].compactMap { $0 }.min()
    }
}

/// Reads keyrings: what `gpg --export` writes, armored or not.
public enum OpenPGPKeyring {
    /// The keys of a keyring, primary keys in front of their subkeys.
    public static func keys(in bytes: [UInt8]) throws(RepositoryError) -> [OpenPGPKey] {
        var parser = KeyParser(bytes: try binary(bytes)[...])
        return try parser.run()
    }

    /// The keyring without armor, which gpgv(1) before 2.4 does not read.
    static func binary(_ bytes: [UInt8]) throws(RepositoryError) -> [UInt8] {
        guard let first = bytes.first, first & 0x80 == 0 else { return bytes }
        var result: [UInt8] = []
        var base64: [UInt8] = []
        var isInside = false
        var isBody = false
        for line in bytes.split(separator: Ascii.newline, omittingEmptySubsequences: false) {
            let line = Ascii.trimmed(line)
            if line.starts(with: "-----BEGIN PGP".utf8) {
                (isInside, isBody) = (true, false)
            } else if line.starts(with: "-----END PGP".utf8) {
                isInside = false
                guard let part = decode(base64) else { throw fault("its armor is damaged") }
                result += part
                base64 = []
            } else if isInside {
                if !isBody {
                    isBody = line.isEmpty
                } else if line.first != UInt8(ascii: "=") {
                    base64 += line
                }
            }
        }
        guard !result.isEmpty else { throw fault("it has no OpenPGP keys") }
        return result
    }

    fileprivate static func fault(_ what: String) -> RepositoryError {
        RepositoryError(
            .input, "keyring", "the keyring cannot be read: \(what)", help: "write it with 'gpg --export FINGERPRINT'")
    }

    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text where byte != UInt8(ascii: "=") {
            guard let value = value(byte) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

/// Packets one after the other. Every length is checked against what is there.
private struct KeyParser {
    var bytes: ArraySlice<UInt8>
    private var keys: [OpenPGPKey] = []
    /// When the newest signature about the key was made.
    private var newest: Int64 = -1
    private static let keyLimit = 1000

    init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    mutating func run() throws(RepositoryError) -> [OpenPGPKey] {
        while let (tag, body) = try packet() {
            switch tag {
            case 6, 14: try addKey(body, isPrimary: tag == 6)
            case 13:
                if let last = keys.indices.last, keys[last].user == nil, keys[last].isPrimary {
                    keys[last].user = String(decoding: body.prefix(1000), as: UTF8.self)
                }
            case 2: addSignature(body)
            default: continue
            }
        }
        guard !keys.isEmpty else { throw OpenPGPKeyring.fault("it has no OpenPGP keys") }
        return keys
    }

    private mutating func packet() throws(RepositoryError) -> (tag: Int, body: ArraySlice<UInt8>)? {
        guard let header = bytes.popFirst() else { return nil }
        guard header & 0x80 != 0 else { throw OpenPGPKeyring.fault("a packet begins with \(header)") }
        let length: Int?
        let tag: Int
        if header & 0x40 != 0 {
            tag = Int(header & 0x3f)
            length = newLength()
        } else {
            tag = Int(header >> 2 & 0x0f)
            length = header & 3 == 3 ? bytes.count : number(1 << Int(header & 3))
        }
        guard let length, length <= bytes.count else { throw OpenPGPKeyring.fault("a packet is cut off") }
        defer { bytes = bytes.dropFirst(length) }
        return (tag, bytes.prefix(length))
    }

    private mutating func newLength() -> Int? {
        guard let first = bytes.popFirst() else { return nil }
        switch first {
        case 0..<192: return Int(first)
        case 192..<224: return bytes.popFirst().map { (Int(first) - 192) << 8 + Int($0) + 192 }
        case 255: return number(4)
        default: return nil
        }
    }

    private mutating func number(_ count: Int) -> Int? { Self.number(&bytes, count) }

    private static func number(_ bytes: inout ArraySlice<UInt8>, _ count: Int) -> Int? {
        guard bytes.count >= count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func addKey(_ body: ArraySlice<UInt8>, isPrimary: Bool) throws(RepositoryError) {
        guard keys.count < Self.keyLimit else { throw OpenPGPKeyring.fault("it has more than \(Self.keyLimit) keys") }
        var rest = body
        guard let version = rest.popFirst(), let created = Self.number(&rest, 4) else {
            throw OpenPGPKeyring.fault("a key is cut off")
        }
        // Version 3 is history, and clients refuse it.
        guard version == 4 || version == 6 else {
            throw OpenPGPKeyring.fault("a key has version \(version) (must be 4 or 6)")
        }
        guard let algorithm = rest.popFirst() else { throw OpenPGPKeyring.fault("a key is cut off") }
        if version == 6 { rest = rest.dropFirst(4) }
        let length = body.count
        let fingerprint: String
        if version == 4 {
            let head: [UInt8] = [0x99, UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)]
            fingerprint = Hexadecimal.text(Insecure.SHA1.hash(data: head + body)).uppercased()
        } else {
            let head = [0x9b] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
            fingerprint = Hexadecimal.text(SHA256.hash(data: head + body)).uppercased()
        }
        let primary = isPrimary ? fingerprint : keys.last?.primary
        guard let primary else { throw OpenPGPKeyring.fault("a subkey has no primary key in front of it") }
        keys.append(
            OpenPGPKey(
                fingerprint: fingerprint, primary: primary, algorithm: Self.algorithm(Int(algorithm), &rest),
                created: Int64(created)))
        newest = -1
    }

    private static let curves: [[UInt8]: String] = [
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]: "nistp256", [0x2b, 0x81, 0x04, 0x00, 0x22]: "nistp384",
        [0x2b, 0x81, 0x04, 0x00, 0x23]: "nistp521", [0x2b, 0x81, 0x04, 0x00, 0x0a]: "secp256k1",
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01]: "ed25519", [0x2b, 0x65, 0x71]: "ed448",
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01]: "Curve25519",
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07]: "brainpoolP256r1",
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b]: "brainpoolP384r1",
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d]: "brainpoolP512r1",
    ]

    private static func algorithm(_ number: Int, _ rest: inout ArraySlice<UInt8>) -> OpenPGPKey.Algorithm {
        switch number {
        case 1, 3: return .rsa(bits: Self.number(&rest, 2) ?? 0)
        case 17: return .dsa(bits: Self.number(&rest, 2) ?? 0)
        case 18, 19, 22:
            let length = Int(rest.popFirst() ?? 0)
            return curves[Array(rest.prefix(length))].map { .curve($0) } ?? .other(number)
        case 25: return .curve("Curve25519")
        case 27: return .curve("ed25519")
        case 28: return .curve("ed448")
        default: return .other(number)
        }
    }

    /// What a self-signature of version 4 or 6 says of the key in front of it.
    private mutating func addSignature(_ body: ArraySlice<UInt8>) {
        guard let last = keys.indices.last else { return }
        var rest = body
        guard let version = rest.popFirst(), version == 4 || version == 6, let type = rest.popFirst(),
            rest.popFirst() != nil, let digest = rest.popFirst(),
            let length = Self.number(&rest, version == 4 ? 2 : 4), length <= rest.count
        else { return }
        var facts = SignatureFacts(subpackets: rest.prefix(length))
        rest = rest.dropFirst(length)
        if let length = Self.number(&rest, version == 4 ? 2 : 4), length <= rest.count {
            facts.addIssuer(rest.prefix(length))
        }
        // What others have said of the key does not bind it.
        guard let issuer = facts.issuer, keys[last].primary.hasSuffix(issuer) else { return }
        switch type {
        case 0x20, 0x28: keys[last].isRevoked = true
        case 0x10...0x13, 0x18, 0x1f:
            guard facts.created >= newest else { return }
            newest = facts.created
            if let lifetime = facts.lifetime {
                keys[last].expires = lifetime == 0 ? nil : keys[last].created + lifetime
            } else if type != 0x1f {
                keys[last].expires = nil
            }
            if let flags = facts.flags { keys[last].signs = flags & 2 != 0 }
            keys[last].bindingDigest = Int(digest)
        default: return
        }
    }
}

/// The subpackets of a signature that matter here (RFC 9580 section 5.2.3.7).
private struct SignatureFacts {
    var created: Int64 = 0
    var lifetime: Int64?
    var flags: UInt8?
    /// The end of the issuer's fingerprint.
    var issuer: String?

    init(subpackets: ArraySlice<UInt8>) {
        Self.each(subpackets) { type, value in
            switch type {
            case 2: created = Self.number(value)
            case 9: lifetime = Self.number(value)
            case 27: flags = value.first
            default: break
            }
        }
        addIssuer(subpackets)
    }

    mutating func addIssuer(_ subpackets: ArraySlice<UInt8>) {
        Self.each(subpackets) { type, value in
            if type == 33 { issuer = Hexadecimal.text(value.dropFirst()).uppercased() }
            if type == 16, issuer == nil { issuer = Hexadecimal.text(value).uppercased() }
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
        bytes.prefix(4).reduce(0) { $0 << 8 | Int64($1) }
    }

    private static func each(_ bytes: ArraySlice<UInt8>, _ body: (UInt8, ArraySlice<UInt8>) -> Void) {
        var rest = bytes
        while let first = rest.popFirst() {
            var length = Int(first)
            if first == 255 {
                guard rest.count >= 4 else { return }
                length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(4)
            } else if first >= 192 {
                guard let second = rest.popFirst() else { return }
                length = (Int(first) - 192) << 8 + Int(second) + 192
            }
            guard length >= 1, length <= rest.count, let type = rest.first else { return }
            body(type & 0x7f, rest.dropFirst().prefix(length - 1))
            rest = rest.dropFirst(length)
        }
    }
}
