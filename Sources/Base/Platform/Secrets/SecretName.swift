/// Names whose values are secret, whatever their style: `DB_PASSWORD`, `clientSecret`, `X-Api-Key`, `spring.mail.password`.
enum SecretName {
    /// What a name says of its value.
    enum Kind {
        case other
        /// The value is secret.
        case secret
        /// It may be: the name is about a secret, and a value that looks random is one.
        case related
        /// A scheme with credentials.
        case authorization
        /// Pairs of a name and a secret, with attributes.
        case cookie
        /// `user:password` in base64, as in Docker's configuration.
        case encodedPair
        /// The name of something whose value follows (`name: DB_PASSWORD`, `value: …`).
        case nameOfValue
        /// The value of what was named.
        case valueOfName
    }

    /// Longer names are judged by their end.
    private static let limit = 64

    static func kind(_ name: String) -> Kind { kind(Array(name.utf8)[...]) }

    static func kind(_ name: ArraySlice<UInt8>) -> Kind {
        let name = name.suffix(limit)
        guard mayMatter(name) else { return .other }
        var words = self.words(of: name)
        guard let last = words.last else { return .other }
        switch last {
        case "authorization": return .authorization
        case "cookie", "cookie2": return .cookie
        case "auth" where words.count == 1: return .encodedPair
        case "name" where words.count == 1, "key" where words.count == 1: return .nameOfValue
        case "value" where words.count == 1: return .valueOfName
        case "signature", "sig": return .related
        default: break
        }
        let isAbout = words.contains { isPasswordWord($0) || isSecretWord($0) } || hasSecretKey(words)
        guard isAbout else { return .other }
        if harmlessEnds.contains(last) { return .other }
        // `passwordSecret: db-login` is where a Kubernetes Secret is named that has it.
        if last == "secret", words.dropLast().last.map(isPasswordWord) ?? false { return .related }
        if words.contains(where: isPasswordWord) { return .secret }
        while let end = words.last, words.count > 1, qualifiers.contains(end) { words.removeLast() }
        if let end = words.last, isSecretWord(end) { return .secret }
        if hasSecretKey(words.suffix(2)) { return .secret }
        // An access key's id is half of it.
        if words.last == "id", hasSecretKey(words.dropLast().suffix(2)) || words.dropLast().last == "secret" {
            return .secret
        }
        return .related
    }

    /// Whether a name says that it is nobody else's.
    static func isPrivate(_ name: String) -> Bool {
        let words = self.words(of: Array(name.utf8).suffix(limit))
        return words.contains("private") && !(words.last.map(harmlessEnds.contains) ?? false)
    }

    /// Whether a name has anything of a secret's in it: most have not.
    private static func mayMatter(_ name: ArraySlice<UInt8>) -> Bool {
        var pair: (UInt8, UInt8) = (0, 0)
        for byte in name {
            let letter = Ascii.lowercased(byte)
            switch (pair.0, pair.1, letter) {
            // pass, pwd and psk; secret; token; key; credential; auth; cookie; signature; passcode; value and name.
            case (0x70, 0x61, 0x73), (_, 0x70, 0x77), (_, 0x70, 0x73), (0x65, 0x63, 0x72), (0x6f, 0x6b, 0x65),
                (_, 0x65, 0x79), (0x72, 0x65, 0x64), (0x75, 0x74, 0x68), (0x6f, 0x6b, 0x69), (_, 0x69, 0x67),
                (0x61, 0x6c, 0x75), (0x61, 0x6d, 0x65), (0x6f, 0x74, 0x70), (0x64, 0x6f, 0x63):
                return true
            default: pair = (pair.1, letter)
            }
        }
        return false
    }

    /// The words of a name in lower case, without numbers at their ends.
    private static func words(of name: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        func isUpper(_ byte: UInt8) -> Bool { Ascii.isLetter(byte) && !Ascii.isLower(byte) }
        func finish() {
            while let last = word.last, Ascii.isDigit(last) { word.removeLast() }
            if !word.isEmpty { words.append(Ascii.text(word)) }
            word = []
        }
        for index in name.indices {
            let byte = name[index]
            guard Ascii.isAlphanumeric(byte) else {
                finish()
                continue
            }
            if isUpper(byte), index > name.startIndex {
                let before = name[index - 1]
                let isFollowedByLower = index + 1 < name.endIndex && Ascii.isLower(name[index + 1])
                // `accessToken`, and the last letter of `APIKey`'s first word begins the second.
                if Ascii.isLower(before) || Ascii.isDigit(before) || (isUpper(before) && isFollowedByLower) { finish() }
            }
            word.append(Ascii.lowercased(byte))
        }
        finish()
        return words
    }

    private static func isPasswordWord(_ word: String) -> Bool {
        // `NOPASSWD: ALL` of sudoers(5).
        word != "nopasswd"
            && ["password", "passwd", "passphrase", "passwort"].contains {
                word.utf8.count >= $0.utf8.count && word.hasSuffix($0)
            }
    }

    private static func isSecretWord(_ word: String) -> Bool {
        if secretWords.contains(word) || word.hasSuffix("secret") { return true }
        // `authtoken`, not `notoken`.
        return word.hasSuffix("token") && word != "notoken"
    }

    /// `apiKey`, `client_key_data`: keys of people and programs, not those of tables, keyboards and hosts.
    private static func hasSecretKey(_ words: some Collection<String>) -> Bool {
        var previous = ""
        for word in words {
            if word == "key", keyOwners.contains(previous) { return true }
            if word.hasSuffix("key"), keyOwners.contains(String(word.dropLast(3))) { return true }
            previous = word
        }
        return false
    }

    private static let secretWords: Set<String> = [
        "secret", "token", "credential", "credentials", "creds", "pwd", "pw", "pass", "psk", "passcode", "bindpw",
        "rootpw", "userpw", "requirepass", "masterauth", "otp", "dockerconfigjson", "dockercfg", "pgpass", "userpass",
        "keypass", "storepass", "dbpass", "sshpass", "smtppass", "mysqlpwd",
    ]
    private static let keyOwners: Set<String> = [
        "api", "access", "private", "secret", "encryption", "encrypt", "decryption", "signing", "sign", "master",
        "session", "shared", "preshared", "account", "auth", "client", "app", "crypto", "cipher", "hmac", "aes", "ssh",
        "storage", "subscription", "deploy", "consumer", "webhook", "jwt", "cookie", "unseal", "recovery", "license",
        "integration", "functions", "wg",
    ]
    /// Ends of names that say which of several secrets it is, or in which form.
    private static let qualifiers: Set<String> = [
        "value", "data", "hash", "base64", "b64", "plain", "plaintext", "text", "raw", "prod", "production", "dev",
        "test", "staging", "old", "new", "current", "prev", "previous", "primary", "secondary", "default", "env",
        "base", "str", "string", "enc", "encoded", "hex", "main", "backup", "rw", "ro",
    ]
    /// Ends of names whose values are about a secret and not it.
    private static let harmlessEnds: Set<String> = [
        "name", "names", "file", "files", "path", "paths", "dir", "directory", "folder", "ref", "refs", "type", "kind",
        "class", "length", "len", "count", "size", "min", "max", "policy", "expiry", "expires", "expiration", "expired",
        "ttl", "lifetime", "age", "timeout", "interval", "enabled", "disabled", "required", "optional", "allowed",
        "status", "state", "format", "mode", "mount", "url", "uri", "endpoint", "method", "algorithm", "encoder",
        "manager", "store", "provider", "helper", "prompt", "attempts", "retries", "field", "change", "changed", "rule",
        "rules", "check", "label", "strength", "history", "inactive", "warn", "warning", "days", "authentication",
        "encryption",
        "reset", "stdin", "version", "issuer", "audience", "rotation", "location", "source", "service", "socket",
        "target",
        "timer", "slice", "scope", "device", "automount", "conf", "config", "cfg", "yaml", "yml", "json", "log",
        "agent", "server", "host", "port", "user", "username", "owner", "group", "limit", "bucket", "review", "request",
        "error", "errors", "exists", "present", "valid", "usage", "ids", "fingerprint", "thumbprint", "sha", "digest",
        "title", "description", "txt", "go", "py", "rb", "js", "ts", "java", "c", "h", "rs", "swift", "sh", "md", "db",
        "html", "lock", "pid",
    ]
}
