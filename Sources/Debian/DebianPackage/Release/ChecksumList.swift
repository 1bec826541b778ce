import Files

/// `SHA256SUMS` beside the packages, in the format of sha256sum(1).
public enum ChecksumList {
    /// The file's name.
    public static let fileName = "SHA256SUMS"

    /// Puts the checksums of these packages in, keeping the lines of other files that are still there.
    public static func update(in directory: String, with outcomes: [BuildOutcome]) throws(FileError) {
        let path = directory + "/" + fileName
        var sums: [String: String] = [:]
        var present = ""
        if try FileStatus.ofIfExists(path, followLinks: false) != nil {
            present = String(decoding: try FileTree.readWhole(path, limit: 4 << 20), as: UTF8.self)
        }
        for line in present.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].utf8.count == 64 else { continue }
            let name = String(words[1].drop { $0 == " " || $0 == "*" })
            guard !name.contains("/"), try FileStatus.ofIfExists(directory + "/" + name, followLinks: false) != nil
            else { continue }
            sums[name] = String(words[0])
        }
        for outcome in outcomes { sums[outcome.plan.fileName] = outcome.checksums.sha256 }
        let text = sums.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { "\($0.value)  \($0.key)\n" }.joined()
        if text == present { return }
        let file = try AtomicFile(target: path)
        try file.write(text: text)
        try file.commit(.contents)
    }
}
