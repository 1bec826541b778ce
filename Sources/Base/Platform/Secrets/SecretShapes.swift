/// Words that are secret by their form alone.
enum SecretShapes {
    /// How a service marks its tokens.
    private struct Mark {
        let prefix: [UInt8]
        /// Bytes behind the prefix.
        let lengths: ClosedRange<Int>
        /// Bytes that may stand there beside letters and digits.
        let joints: [UInt8]
        /// Whether letters are capitals.
        let isUpper: Bool

        init(_ prefix: String, _ minimum: Int, _ maximum: Int = 4096, joints: String = "", isUpper: Bool = false) {
            self.prefix = Array(prefix.utf8)
            lengths = minimum...maximum
            self.joints = Array(joints.utf8)
            self.isUpper = isUpper
        }
    }

    private static let marks: [UInt8: [Mark]] = Dictionary(
        grouping: [
            // Access keys of AWS, 20 characters; temporary ones begin with ASIA.
            Mark("AKIA", 12, 20, isUpper: true), Mark("ASIA", 12, 20, isUpper: true),
            // Google: API keys, access and refresh tokens, client secrets.
            Mark("AIza", 30, 44, joints: "_-"), Mark("ya29.", 16, joints: "_-."), Mark("GOCSPX-", 20, joints: "_-"),
            // GitHub.
            Mark("ghp_", 20), Mark("gho_", 20), Mark("ghu_", 20), Mark("ghs_", 20), Mark("ghr_", 20),
            Mark("github_pat_", 20, joints: "_"),
            // GitLab.
            Mark("glpat-", 16, joints: "_-."), Mark("gldt-", 16, joints: "_-"), Mark("glrt-", 16, joints: "_-."),
            Mark("glcbt-", 16, joints: "_-"), Mark("glptt-", 16, joints: "_-"), Mark("glsoat-", 16, joints: "_-"),
            Mark("glagent-", 16, joints: "_-"), Mark("gloas-", 16, joints: "_-"),
            // Slack.
            Mark("xoxa-", 10, joints: "-"), Mark("xoxb-", 10, joints: "-"), Mark("xoxe-", 10, joints: "-"),
            Mark("xoxe.", 10, joints: "-."), Mark("xoxo-", 10, joints: "-"), Mark("xoxp-", 10, joints: "-"),
            Mark("xoxr-", 10, joints: "-"), Mark("xoxs-", 10, joints: "-"), Mark("xapp-", 10, joints: "-"),
            // Stripe: secret and restricted keys, secrets of webhooks. `pk_` is public.
            Mark("sk_live_", 10), Mark("sk_test_", 10), Mark("rk_live_", 10), Mark("rk_test_", 10), Mark("whsec_", 16),
            // Registries.
            Mark("npm_", 30), Mark("pypi-", 40, joints: "_-"), Mark("dckr_pat_", 16, joints: "_-"),
            Mark("rubygems_", 32), Mark("oy2", 43, 43),
            // Clouds and services.
            Mark("dop_v1_", 40), Mark("doo_v1_", 40), Mark("hf_", 24), Mark("hvs.", 20, joints: "_-"),
            Mark("hvb.", 20, joints: "_-"), Mark("hvr.", 20, joints: "_-"), Mark("glsa_", 24, joints: "_"),
            Mark("sk-", 20, joints: "_-"), Mark("SG.", 32, joints: "_-."), Mark("shpat_", 24), Mark("shpss_", 24),
            Mark("sq0csp-", 20, joints: "_-"), Mark("sq0atp-", 20, joints: "_-"), Mark("lin_api_", 24),
            Mark("NRAK-", 20), Mark("ATATT3x", 20, joints: "_-="), Mark("tskey-", 16, joints: "-"),
            Mark("dapi", 32, 34), Mark("PMAK-", 24, joints: "-"), Mark("figd_", 24, joints: "_-"),
            Mark("AGE-SECRET-KEY-1", 40, isUpper: true), Mark("EAACEdEose0cBA", 8), Mark("key-", 32, 32),
            Mark("secret_", 40, 50), Mark("vercel_", 24), Mark("sntrys_", 32, joints: "_"),
            Mark("pul-", 40, 40), Mark("rnd_", 24), Mark("sbp_", 40), Mark("ops_eyJ", 40, joints: "_-"),
        ]
    ) { $0.prefix[0] }

    /// A run this long with both cases and digits, as a line of PEM has them: no path, name or checksum looks like it.
    private static let longRun = 64
    private static let longestPiece = 24

    /// Whether a word of letters, digits and `+/-_.` is a secret.
    static func isSecret(_ word: ArraySlice<UInt8>) -> Bool {
        var word = word
        // The end of a sentence.
        while word.last == UInt8(ascii: ".") { word = word.dropLast() }
        guard word.count >= 15 else { return false }
        if isMarked(word) || isWebToken(word) || isJoinToken(word) { return true }
        return EncodedText.isPrivateKey(word) || isBareKey(word)
    }

    /// Whether the word, or a part of it between slashes, has the mark of a service.
    private static func isMarked(_ word: ArraySlice<UInt8>) -> Bool {
        var start = word.startIndex
        while true {
            let end = word[start...].firstIndex(of: UInt8(ascii: "/")) ?? word.endIndex
            if isMarkedPart(word[start..<end]) { return true }
            if end == word.endIndex { break }
            start = end + 1
        }
        // A refresh token of Google's.
        return word.starts(with: Array("1//0".utf8)) && word.count >= 30
    }

    private static func isMarkedPart(_ part: ArraySlice<UInt8>) -> Bool {
        guard part.count >= 14, let first = part.first, let candidates = marks[first] else { return false }
        return candidates.contains { mark in
            guard part.starts(with: mark.prefix), mark.lengths.contains(part.count - mark.prefix.count) else {
                return false
            }
            let rest = part.dropFirst(mark.prefix.count)
            return rest.allSatisfy { byte in
                if Ascii.isAlphanumeric(byte) { return !(mark.isUpper && Ascii.isLower(byte)) }
                return mark.joints.contains(byte)
            } && (mark.isUpper || rest.contains { Ascii.isDigit($0) || !Ascii.isLower($0) && Ascii.isLetter($0) })
        }
    }

    /// Parts of base64url between dots, the first of which is a JSON object: `{"` is `eyJ`.
    private static func isWebToken(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count >= 20 else { return false }
        let parts = word.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count >= 2 && parts.contains { $0.count >= 8 && $0.starts(with: Array("eyJ".utf8)) }
    }

    /// What a node joins a cluster with (kubeadm): six characters, a dot, and sixteen.
    private static func isJoinToken(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count == 23, word[word.startIndex + 6] == UInt8(ascii: ".") else { return false }
        let (id, secret) = (word.prefix(6), word.suffix(16))
        let isLowerOrDigit = { (byte: UInt8) in Ascii.isLower(byte) || Ascii.isDigit(byte) }
        return id.allSatisfy(isLowerOrDigit) && secret.allSatisfy(isLowerOrDigit)
            && secret.count { Ascii.isDigit($0) } >= 3
    }

    private static func isBareKey(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.count >= longRun else { return false }
        // What a public key of ssh begins with, and integrity of a resource.
        for front in ["AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh", "AAAAGnNrLX", "sha512-", "sha384-"]
        where word.starts(with: Array(front.utf8)) { return false }
        if EncodedText.isCertificate(word) { return false }
        // A path or a dotted name consists of short pieces, and words have few capitals and digits.
        return word.split { "/.-_".utf8.contains($0) }.contains { piece in
            guard piece.count >= longestPiece else { return false }
            let digits = piece.count { Ascii.isDigit($0) }
            let lower = piece.count { Ascii.isLower($0) }
            return digits >= 2 && lower >= 4 && piece.count - digits - lower >= 4
        }
    }

    /// Whether a value looks like one that a machine made.
    static func looksRandom(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.count >= 16, value.allSatisfy({ Ascii.isGraphic($0) && $0 != UInt8(ascii: ".") }) else {
            return false
        }
        let digits = value.count { Ascii.isDigit($0) }
        let letters = value.count { Ascii.isLetter($0) }
        return digits >= 3 && letters >= 3 && digits + letters >= value.count - 4
    }

    /// Whether a word near an access key of AWS may be its secret: 40 characters of base64.
    static func isAccessSecret(_ word: ArraySlice<UInt8>) -> Bool {
        word.count == 40 && !word.contains { "-_.".utf8.contains($0) } && word.contains(where: Ascii.isLower)
            && word.contains { Ascii.isLetter($0) && !Ascii.isLower($0) }
    }

    /// The length of a hash as crypt(5) writes it, `$6$SALT$HASH`, or 0.
    static func hashLength(_ bytes: ArraySlice<UInt8>) -> Int {
        guard bytes.first == UInt8(ascii: "$") else { return 0 }
        let id = bytes.dropFirst().prefix(16).prefix { Ascii.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        guard hashes.contains(Ascii.text(id)), bytes.dropFirst(1 + id.count).first == UInt8(ascii: "$") else {
            return 0
        }
        let length = bytes.prefix { Ascii.isToken($0) || "$=,".utf8.contains($0) }.count
        return length >= 20 ? length : 0
    }

    private static let hashes: Set<String> = [
        "1", "2", "2a", "2b", "2x", "2y", "5", "6", "7", "y", "gy", "apr1", "argon2i", "argon2d", "argon2id", "sha1",
        "scrypt", "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512", "bcrypt-sha256",
    ]
}

/// Text in base64, of which the beginning decides.
enum EncodedText {
    private static let frame = Array("-----BEGIN ".utf8)

    /// Whether a word is a PEM frame of a private key in base64, as Kubernetes has it.
    static func isPrivateKey(_ word: ArraySlice<UInt8>) -> Bool {
        guard word.starts(with: Array("LS0tLS1C".utf8)) else { return false }
        return Bytewise.find(Array("PRIVATE".utf8), in: decoded(word.prefix(64))[...]) != nil
    }

    /// Whether a word is a PEM frame of a certificate or public key in base64.
    static func isCertificate(_ word: ArraySlice<UInt8>) -> Bool {
        let text = decoded(word.prefix(64))
        return text.starts(with: frame) && Bytewise.find(Array("PRIVATE".utf8), in: text[...]) == nil
    }

    /// Whether a word is `user:password` in base64 (RFC 7617).
    static func isPair(_ word: ArraySlice<UInt8>) -> Bool {
        let text = decoded(word.prefix(256))
        guard text.count >= 3, text.contains(UInt8(ascii: ":")) else { return false }
        return text.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    /// The bytes that base64 or base64url stands for; none where it is something else.
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var bits = 0
        var count = 0
        for byte in text {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            case UInt8(ascii: "="): return result
            default: return []
            }
            bits = (bits << 6 | Int(value)) & 0xffff
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return result
    }
}
