import MeshContract

/// What is read of a single process, since it costs too much for all.
enum ProcessDetails {
    /// Control group of systemd: the path of version 2, or of the hierarchy `name=systemd` of version 1 (cgroups(7)).
    static func controlGroup(_ folder: String) throws(ProbeError) -> String? {
        guard let bytes = try SystemFile.read(folder + "/cgroup") else { return nil }
        return controlGroup(ofText: bytes)
    }

    static func controlGroup(ofText bytes: [UInt8]) -> String? {
        var first: String?
        var named: String?
        for line in Bytes.lines(bytes) {
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let path = Bytes.text(parts[2])
            if parts[1].isEmpty || Bytes.text(parts[1]) == "name=systemd" {
                // A container may have either of the two; the other one says '/' then.
                if unit(ofControlGroup: path) != nil { return path }
                if named == nil { named = path }
            }
            if first == nil { first = path }
        }
        return named ?? first
    }

    /// The unit that a control group belongs to: its last part that is named as one.
    static func unit(ofControlGroup path: String) -> String? {
        let suffixes = [".service", ".scope", ".socket", ".mount", ".swap"]
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        return parts.last { part in suffixes.contains { part.endsBytewise($0) } }
    }

    /// Limits by the names of setrlimit(2) in lower case without `RLIMIT_`: each with `soft` and `hard`, null where
    /// there is none.
    static func limits(_ folder: String) throws(ProbeError) -> Value {
        guard let bytes = try SystemFile.read(folder + "/limits") else { return .null }
        return limits(ofText: bytes)
    }

    private static let limitNames = [
        "Max cpu time": "cpu", "Max file size": "fsize", "Max data size": "data", "Max stack size": "stack",
        "Max core file size": "core", "Max resident set": "rss", "Max processes": "nproc",
        "Max open files": "nofile", "Max locked memory": "memlock", "Max address space": "as",
        "Max file locks": "locks", "Max pending signals": "sigpending", "Max msgqueue size": "msgqueue",
        "Max nice priority": "nice", "Max realtime priority": "rtprio", "Max realtime timeout": "rttime",
    ]

    static func limits(ofText bytes: [UInt8]) -> Value {
        var limits: [String: Value] = [:]
        for line in Bytes.lines(bytes) where line.count > 26 {
            let name = Bytes.text(Bytes.trimmed(Array(line[..<26])))
            let words = Bytes.words(line[26...])
            guard let key = limitNames[name], words.count >= 2 else { continue }
            func number(_ word: ArraySlice<UInt8>) -> Value { Bytes.decimal(word).map { .integer($0) } ?? .null }
            limits[key] = .map(["soft": number(words[0]), "hard": number(words[1])])
        }
        return .map(limits)
    }

    /// The environment; values of names that look secret are masked.
    static func environment(_ folder: String) throws(ProbeError) -> Value {
        guard let bytes = try SystemFile.read(folder + "/environ", limit: 4 << 20) else { return .null }
        var values: [String: Value] = [:]
        for entry in bytes.split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Bytes.text(entry[..<equals])
            values[name] = .text(Secrets.isSecretName(name) ? Secrets.mask : Bytes.text(entry[(equals + 1)...]))
        }
        return .map(values)
    }
}

/// What may not leave the machine in a report.
enum Secrets {
    /// What stands in place of a secret.
    static let mask = "(secret)"
    private static let words = ["SECRET", "PASSWORD", "PASSWD", "TOKEN", "PRIVATE", "CREDENTIAL", "API_KEY", "APIKEY"]

    /// Whether a variable of this name should not be shown.
    static func isSecretName(_ name: String) -> Bool {
        let upper = String(
            decoding: name.utf8.map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
        return words.contains { upper.containsBytewise($0) }
    }

    /// A text without the bodies of PEM blocks that are not public: everything from a line that begins a private key to
    /// the line that ends it.
    static func masked(_ text: String) -> String {
        guard text.containsBytewise("PRIVATE KEY") else { return text }
        var isInside = false
        var lines: [String] = []
        for line in text.utf8.split(separator: Bytes.newline, omittingEmptySubsequences: false) {
            let line = String(decoding: line, as: UTF8.self)
            if line.containsBytewise("-----BEGIN"), line.containsBytewise("PRIVATE KEY") {
                isInside = true
                lines.append(mask)
            }
            if !isInside { lines.append(line) }
            if line.containsBytewise("-----END") { isInside = false }
        }
        return lines.joined(separator: "\n")
    }
}
