import Glibc

/// Looks programs up as a shell does.
public enum ExecutablePath {
    /// Where programs are looked for when the environment does not say.
    public static let standardSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The path of a program: a name with a slash as it is, any other name from the folders of a search path.
    ///
    /// - Parameter path: folders between colons; nil for the environment's PATH. Empty folders, which mean the working
    ///   directory to a shell, are passed over.
    /// - Returns: nil when no folder has a file of this name that this process may execute.
    public static func find(_ name: String, path: String? = nil) -> String? {
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        guard !name.isEmpty else { return nil }
        let folders = path ?? getenv("PATH").map { String(cString: $0) } ?? standardSearchPath
        for folder in folders.utf8.split(separator: UInt8(ascii: ":")) {
            let candidate = String(decoding: folder, as: UTF8.self) + "/" + name
            var status = stat()
            guard stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}
