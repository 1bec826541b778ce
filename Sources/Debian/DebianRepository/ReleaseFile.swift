import DebianFormat
import Platform

/// What a suite's `Release` says: the one file that is signed, and that everything else follows from.
struct ReleaseFile: Sendable {
    /// Everything but the lists of files.
    var fields: ControlParagraph
    /// Sizes and checksums by path from the suite's folder on.
    var files: [String: FileSums]

    init(fields: ControlParagraph, files: [String: FileSums]) {
        self.fields = fields
        self.files = files
    }

    /// Reads `Release`.
    init(parsing text: String, name: String) throws(RepositoryError) {
        func fault(_ what: String) -> RepositoryError {
            RepositoryError(.input, "release-corrupt", "\(name): \(what)")
        }
        do throws(FormatError) { fields = try ControlParagraph(parsing: text) } catch {
            throw fault(error.description)
        }
        var lists: [[String: (size: Int64, sum: String)]] = []
        for field in ByHash.Kind.allCases.map(\.rawValue) {
            var list: [String: (Int64, String)] = [:]
            for line in (fields[field] ?? "").split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 3, let size = Int64(words[1]), size >= 0, Self.isSafe(words[2]),
                    words[0].utf8.count == (field == "SHA256" ? 64 : 128), words[0].utf8.allSatisfy(Ascii.isHexadecimal)
                else {
                    throw fault(
                        "'\(DisplayText.shortened(DisplayText.inline(String(line))))' is not a checksum, a size and a path"
                    )
                }
                list[String(words[2])] = (size, String(words[0]))
            }
            fields[field] = nil
            lists.append(list)
        }
        files = [:]
        for (path, item) in lists[0] {
            guard let other = lists[1][path], other.size == item.size else {
                throw fault("'\(path)' is not in both lists of checksums")
            }
            files[path] = FileSums(size: item.size, sha256: item.sum, sha512: other.sum)
        }
    }

    /// Whether a path stays in the suite's folder.
    private static func isSafe(_ path: Substring) -> Bool {
        path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && part.utf8.allSatisfy { Ascii.isGraphic($0) }
        }
    }

    /// The text that is signed.
    var text: String {
        var text = fields.description
        let paths = files.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let width = files.values.map { String($0.size).utf8.count }.max() ?? 1
        for kind in ByHash.Kind.allCases {
            text += kind.rawValue + ":\n"
            for path in paths {
                guard let sums = files[path] else { continue }
                let size = String(sums.size)
                text +=
                    " \(kind == .sha256 ? sums.sha256 : sums.sha512) "
                    + String(repeating: " ", count: width - size.utf8.count) + "\(size) \(path)\n"
            }
        }
        return text
    }

    /// `Date`, in seconds since 1970.
    var date: Int64? { time("Date") }
    /// `Valid-Until`, likewise.
    var validUntil: Int64? { time("Valid-Until") }

    private func time(_ field: String) -> Int64? {
        guard let text = fields[field] else { return nil }
        do throws(FormatError) { return try MailDate(text).timestamp } catch { return nil }
    }
}

/// The signed text of an `InRelease` (RFC 9580 section 7).
enum ClearSignedText {
    private static let begin = "-----BEGIN PGP SIGNED MESSAGE-----"
    private static let signature = "-----BEGIN PGP SIGNATURE-----"

    /// The text without its frame; nil when there is none.
    static func text(of message: String) -> String? {
        var lines = message.split(separator: "\n", omittingEmptySubsequences: false)[...]
        func trimmed(_ line: Substring) -> Substring { line.last == "\r" ? line.dropLast() : line }
        // Anything in front of or behind the frame would not be signed.
        guard lines.first.map(trimmed) == begin[...] else { return nil }
        lines = lines.dropFirst()
        while let line = lines.first, !trimmed(line).isEmpty {
            guard line.hasPrefix("Hash: ") else { return nil }
            lines = lines.dropFirst()
        }
        lines = lines.dropFirst()
        var text = ""
        for line in lines {
            if trimmed(line) == signature[...] { return text }
            if line.hasPrefix("- ") {
                text += line.dropFirst(2)
            } else if line.hasPrefix("-") {
                return nil
            } else {
                text += line
            }
            text += "\n"
        }
        return nil
    }
}
