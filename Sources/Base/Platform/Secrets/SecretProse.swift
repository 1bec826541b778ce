/// What stands where a secret could, and is none: sentences, truth values, paths, and names of what holds it.
enum SecretProse {
    /// Whether a text in place of a value says something about the secret: `expired`, `No such file or directory`.
    static func begins(_ text: ArraySlice<UInt8>) -> Bool {
        let first = text.prefix(32).prefix { !Ascii.isBlank($0) }
        let word = stripped(first)
        guard !word.isEmpty, isPlainWord(first) else { return false }
        let lowered = Ascii.text(word.map(Ascii.lowercased))
        if states.contains(lowered) || types.contains(lowered) { return true }
        guard openers.contains(lowered), first.count == word.count else { return false }
        // More plain words have to follow.
        let rest = text[first.endIndex...].prefix(32)
        guard let blank = rest.first, Ascii.isHorizontalBlank(blank) else { return false }
        return isPlainWord(rest.dropFirst().prefix { !Ascii.isBlank($0) })
    }

    /// Whether the word behind an option belongs to a sentence or a synopsis.
    static func followsOption(_ text: ArraySlice<UInt8>) -> Bool {
        let first = text.prefix(32).prefix { !Ascii.isBlank($0) }
        let word = stripped(first)
        if word.count >= 3, word.allSatisfy({ $0 == UInt8(ascii: "_") || (Ascii.isLetter($0) && !Ascii.isLower($0)) }) {
            return true
        }
        return begins(text) || (isPlainWord(first) && connectives.contains(Ascii.text(word.map(Ascii.lowercased))))
    }

    /// Whether a whole value is no secret.
    static func isHarmless(_ value: ArraySlice<UInt8>) -> Bool {
        begins(value) || isPath(value) || isReference(value) || isExpression(value)
            || ["-", "~", "/", "0", "1", "{}", "[]", "n/a", "[redacted]"].contains(
                Ascii.text(value.prefix(12).map(Ascii.lowercased)))
    }

    /// What a program works out, such as `os.environ['DB']` and `process.env.TOKEN`.
    private static func isExpression(_ value: ArraySlice<UInt8>) -> Bool {
        if ["process.env.", "os.environ", "os.Getenv(", "getenv(", "env(", "System.getenv("].contains(where: {
            value.starts(with: $0.utf8)
        }) {
            return true
        }
        let chain = value.prefix(64).prefix { Ascii.isLetter($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }
        guard chain.contains(UInt8(ascii: ".")), let next = value[chain.endIndex...].first else { return false }
        return next == UInt8(ascii: "(") || next == UInt8(ascii: "[")
    }

    /// Letters, as in a sentence, with an apostrophe or hyphen within and a punctuation mark behind.
    static func isPlainWord(_ bytes: ArraySlice<UInt8>) -> Bool {
        let word = stripped(bytes)
        guard (1...24).contains(word.count), bytes.count - word.count <= 2 else { return false }
        let capitals = word.dropFirst().count { Ascii.isLetter($0) && !Ascii.isLower($0) }
        return (capitals == 0 || capitals == word.count - 1)
            && word.allSatisfy { Ascii.isLetter($0) || $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "-") }
    }

    private static func stripped(_ word: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var word = word.drop { $0 == UInt8(ascii: "(") }
        while let last = word.last, ".,;:!?)]}\"'".utf8.contains(last) { word = word.dropLast() }
        return word
    }

    /// A file's name with its folder, of which the first part is one of a system's.
    private static func isPath(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.count <= 512, value.allSatisfy({ Ascii.isToken($0) || "~@:%{}$*\\".utf8.contains($0) }) else {
            return false
        }
        if ["./", "../", "~/"].contains(where: { value.starts(with: $0.utf8) }) { return value.count > 3 }
        if value.starts(with: "file:".utf8) { return true }
        let isFile =
            value.lastIndex(of: UInt8(ascii: ".")).map { suffixes.contains(Ascii.text(value[($0 + 1)...])) } ?? false
        guard value.first == UInt8(ascii: "/") else { return isFile }
        let root = value.dropFirst().prefix { $0 != UInt8(ascii: "/") }
        return roots.contains(Ascii.text(root)) || isFile
    }

    /// Whether the whole value names a variable or is a mark in place of one.
    static func isReference(_ value: ArraySlice<UInt8>) -> Bool {
        guard let first = value.first, let last = value.last else { return false }
        if value.count >= 3, value.allSatisfy({ $0 == first }), "*.xX#•-".utf8.contains(first) { return true }
        switch first {
        case UInt8(ascii: "$"): return variableLength(value) == value.count
        case UInt8(ascii: "{"): return value.starts(with: "{{".utf8) && last == UInt8(ascii: "}")
        case UInt8(ascii: "<"):
            return last == UInt8(ascii: ">")
                && value.dropFirst().dropLast().allSatisfy { Ascii.isToken($0) || $0 == Ascii.space }
        case UInt8(ascii: "%"): return value.count <= 3 || last == UInt8(ascii: "%")
        case UInt8(ascii: "["): return value.elementsEqual(SecretMask.value.utf8)
        default: return false
        }
    }

    /// The length of `$NAME`, `${NAME}` or `$(COMMAND`; 0 for something else, such as a default within.
    static func variableLength(_ text: ArraySlice<UInt8>) -> Int {
        let rest = text.dropFirst()
        switch rest.first {
        case UInt8(ascii: "{"):
            // Of `${NAME:-default}` the default may be the secret; expressions such as `${{ secrets.X }}` have none.
            let inner = rest.prefix { $0 != UInt8(ascii: "}") }
            guard inner.endIndex < rest.endIndex, !inner.contains(UInt8(ascii: "-")) || inner.starts(with: "{{".utf8)
            else {
                return 0
            }
            let braces = rest[inner.endIndex...].prefix { $0 == UInt8(ascii: "}") }.count
            return 1 + inner.count + min(braces, 2)
        case UInt8(ascii: "("):
            return 2
        default:
            let name = rest.prefix { $0 == UInt8(ascii: "_") || Ascii.isAlphanumeric($0) }
            let isName =
                name.count >= 3 && name.allSatisfy { !Ascii.isLower($0) || !Ascii.isLetter($0) }
                && !(name.first.map(Ascii.isDigit) ?? true)
            return isName && (name.contains(UInt8(ascii: "_")) || !name.contains(where: Ascii.isDigit))
                ? name.count + 1 : 0
        }
    }

    /// Words that say how it is with a secret.
    private static let states: Set<String> = [
        "true", "false", "yes", "no", "on", "off", "null", "nil", "none", "undefined", "unset", "set", "unknown", "not",
        "missing", "absent", "present", "empty", "blank", "invalid", "valid", "expired", "expires", "expiring",
        "revoked", "rejected", "accepted", "refused", "denied", "wrong", "bad", "incorrect", "mismatch", "mismatched",
        "matches", "failed", "failure", "fails", "fail", "error", "errors", "cannot", "can't", "could", "couldn't",
        "unable", "required", "requires", "must", "should", "may", "optional", "enabled", "disabled", "ok", "okay",
        "pending", "found", "created", "updated", "deleted", "rotated", "changed", "unchanged", "configured", "loaded",
        "loading", "reading", "written", "issued", "renewed", "renewing", "verified", "verifying", "unverified",
        "authenticated", "authorized", "unauthenticated", "unauthorized", "forbidden", "permitted", "supported",
        "unsupported", "allowed", "available", "unavailable", "exists", "locked", "unlocked", "timeout", "malformed",
        "unexpected", "unexpectedly", "unreadable", "readable", "hidden", "masked", "redacted", "encrypted",
        "deprecated", "ignored", "skipped", "too", "nothing", "never", "does", "doesn't", "didn't", "did", "there",
        "only", "already", "please", "expected", "got", "received", "unparsable", "succeeded", "started", "stopped",
        "deactivated", "active", "inactive", "ready", "passed", "files", "compat", "nis", "sss", "success",
        "successful", "successfully", "unmounted",
        "mounted", "synced", "stale",
    ]
    /// Words that say of which type it is.
    static let types: Set<String> = [
        "string", "str", "text", "bool", "boolean", "int", "integer", "number", "object", "bytes", "binary", "any",
        "securestring", "opaque", "char", "varchar",
    ]
    /// Words that begin a sentence where another plain word follows.
    private static let openers: Set<String> = [
        "permission", "command", "option", "connection", "operation", "file", "key", "process", "access", "argument",
        "device", "resource",
        "network", "host", "protocol", "service", "request", "response", "signature", "lookup", "login",
        "authentication", "authorization", "server", "client", "user", "token", "secret", "password", "credentials",
        "credential", "certificate", "value", "field", "name", "read", "write", "open", "parse", "use", "using", "will",
        "has", "have", "had", "is", "was", "are", "be", "been", "needs", "need", "it", "this", "that", "the",
        "we", "you", "your", "its", "their", "each", "every", "of", "for", "from", "in",
        "at", "as", "if", "when", "while", "to", "with", "without", "and", "or", "see", "input", "output", "no-one",
        "unit", "job", "broken", "stale", "temporary", "transport", "remote", "local", "system", "session",
        "socket", "directory", "path", "mount", "node", "pod", "cluster", "issuer", "illegal", "unrecognized",
        "unresolved", "entry", "starting", "waiting", "reload", "reloaded", "reloading", "interrupted", "try",
        "trying", "how", "what", "who", "why", "which", "where", "can", "cleared", "reset", "protected", "stored",
        "kept", "shown", "given", "made", "length", "size", "type", "version", "line", "column", "byte", "bytes",
        "leave", "choose", "enter",
    ]
    /// Words that follow an option in a sentence.
    private static let connectives: Set<String> = [
        "to", "is", "and", "or", "for", "in", "on", "with", "as", "from", "if", "when", "was", "has", "option",
        "options", "flag", "argument", "which", "that", "are", "instead", "needs", "takes", "reads", "asks", "were",
        "can", "at", "but", "by", "would", "will",
    ]
    /// Folders of a system's root.
    private static let roots: Set<String> = [
        "etc", "var", "run", "usr", "home", "root", "opt", "srv", "tmp", "dev", "proc", "sys", "mnt", "media", "lib",
        "data", "secrets", "certs", "config", "app", "vault", "bin", "sbin", "boot", "Users", "Volumes",
    ]
    /// Suffixes of files that hold secrets or say where they are.
    private static let suffixes: Set<String> = [
        "pem", "key", "crt", "cer", "json", "yaml", "yml", "conf", "env", "jks", "p12", "pfx", "kdbx", "txt", "jwt",
        "token", "toml", "ini", "cfg", "properties", "asc", "gpg", "age",
    ]
}
