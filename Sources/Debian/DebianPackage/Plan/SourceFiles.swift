import Files
import Documents

/// Reads what a specification names on this machine, and nothing outside the workspace.
struct SourceFiles {
    /// The package folder, absolute.
    let folder: String
    /// The folder that no path may leave, absolute.
    let workspaceRoot: String

    /// Units, scripts, changelogs and the like; a larger file is no such thing.
    static let textLimit = 4 << 20

    /// The absolute path of a source, or nil after a diagnostic.
    func resolve(_ path: Located<String>, diagnostics: inout Diagnostics) -> String? {
        guard !path.value.isEmpty, !path.value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            diagnostics.error(
                "source-path", "source path is empty or has control characters", at: path.range,
                help: "name a file below the workspace")
            return nil
        }
        let joined = path.value.hasPrefix("/") ? path.value : folder + "/" + path.value
        guard let absolute = LexicalPath.normalised(joined), isInside(absolute) else {
            diagnostics.error(
                "source-outside", "source '\(path.value)' is outside the workspace '\(workspaceRoot)'", at: path.range,
                help: "copy it into the package folder, or declare it as a payload of the workspace")
            return nil
        }
        return absolute
    }

    /// The status of a source that has to be a file, links followed as long as they stay in the workspace.
    func file(_ path: Located<String>, diagnostics: inout Diagnostics) -> (path: String, status: FileStatus)? {
        guard let absolute = resolve(path, diagnostics: &diagnostics) else { return nil }
        do {
            guard let status = try FileStatus.ofIfExists(absolute, followLinks: true) else {
                diagnostics.error(
                    "source-missing", "there is no file '\(path.value)'", at: path.range,
                    help: NearestPath.existing(for: absolute).map { "'\($0)' exists" })
                return nil
            }
            guard status.kind == .file else {
                diagnostics.error(
                    "source-not-file",
                    "'\(path.value)' is \(status.kind == .directory ? "a directory" : "not a regular file")",
                    at: path.range, help: status.kind == .directory ? "use 'tree:' for a directory with its files" : nil
                )
                return nil
            }
            // A link inside the workspace may point anywhere; what it reaches must be inside too.
            if let real = try? FileTree.realPath(absolute), !isInside(real) {
                diagnostics.error(
                    "source-outside", "'\(path.value)' is a link to '\(real)', outside the workspace", at: path.range,
                    help: "copy the file into the package folder, or declare it as a payload of the workspace")
                return nil
            }
            _ = try InputFile(path: absolute)
            return (absolute, status)
        } catch {
            diagnostics.error("source-unreadable", "\(error)", at: path.range)
            return nil
        }
    }

    /// The contents of a small text file.
    func text(_ path: Located<String>, diagnostics: inout Diagnostics) -> [UInt8]? {
        guard let (absolute, status) = file(path, diagnostics: &diagnostics) else { return nil }
        guard status.size <= Self.textLimit else {
            diagnostics.error(
                "source-too-large", "'\(path.value)' has \(status.size) bytes (must be <=\(Self.textLimit))",
                at: path.range)
            return nil
        }
        do {
            let bytes = try FileTree.readWhole(absolute, limit: Self.textLimit)
            guard String(validating: bytes, as: UTF8.self) != nil else {
                diagnostics.error("source-not-utf8", "'\(path.value)' is not UTF-8", at: path.range)
                return nil
            }
            return bytes
        } catch {
            diagnostics.error("source-unreadable", "\(error)", at: path.range)
            return nil
        }
    }

    private func isInside(_ path: String) -> Bool {
        LexicalPath.isInside(path, folder: workspaceRoot)
    }
}

/// Paths on the machine that the package is installed on.
enum InstalledPath {
    /// The normalised absolute path, or nil after a diagnostic.
    static func parse(_ path: Located<String>, diagnostics: inout Diagnostics) -> String? {
        let text = path.value
        if isPlain(text) { return text }
        var problem: (message: String, help: String)?
        if !LexicalPath.isAbsolute(text) {
            problem = ("path '\(text)' is not absolute", "write '/\(text)'")
        } else if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            problem = ("path has control characters", "dpkg's file lists hold one path a line: rename the file")
        } else if LexicalPath.components(text).contains("..") {
            problem = ("path '\(text)' has '..'", "write the path that is meant")
        } else if text.utf8.count > 4096 || LexicalPath.components(text).contains(where: { $0.utf8.count > 255 }) {
            problem = ("path has \(text.utf8.count) bytes (must be <=4096, each component <=255)", "shorten it")
        }
        if let problem {
            diagnostics.error("installed-path", problem.message, at: path.range, help: problem.help)
            return nil
        }
        return normalised(text)
    }

    /// Whether the path can stand as it is; nearly all can, and a tree may have very many.
    private static func isPlain(_ text: String) -> Bool {
        let slash = UInt8(ascii: "/")
        guard text.utf8.first == slash, text.utf8.count > 1, text.utf8.count <= 4096 else { return false }
        var length = 0
        var hasOnlyDots = true
        for byte in text.utf8.dropFirst() {
            guard byte >= 0x20, byte != 0x7f else { return false }
            if byte == slash {
                // An empty component, `.` or `..`, or one of dots that is looked at more closely.
                guard !hasOnlyDots else { return false }
                length = 0
                hasOnlyDots = true
            } else {
                length += 1
                guard length <= 255 else { return false }
                hasOnlyDots = hasOnlyDots && byte == UInt8(ascii: ".")
            }
        }
        return !hasOnlyDots
    }

    /// Without `.` components, double or trailing slashes.
    static func normalised(_ text: String) -> String {
        "/" + LexicalPath.components(text).filter { $0 != "." }.joined(separator: "/")
    }
}
