import Platform

/// What administrators have set for a unit in drop-ins, beside the files of its package.
struct UnitOverrides: Sendable, Hashable {
    /// Each setting with its file and line: `PrivateNetwork=yes (/etc/systemd/system/x.service.d/y.conf:2)`.
    private(set) var lines: [String] = []
    private let paths: [String]

    /// Whether a drop-in is in a place of the administrator's, of the running system's or of `systemctl set-property`
    /// (systemd.unit(5)); packages have theirs below /usr/lib.
    static func isAdministrators(_ path: String) -> Bool {
        path.startsBytewise("/etc/systemd/") || path.startsBytewise("/run/systemd/")
    }

    /// Reads drop-ins; one that has gone meanwhile or may not be read sets nothing that could be shown.
    init(_ paths: [String]) throws(ProbeError) {
        self.paths = paths
        for path in paths {
            let content: [UInt8]?
            do throws(ProbeError) {
                content = try SystemFile.read(path, limit: 1 << 16)
            } catch {
                guard error.reason == .notPermitted else { throw error }
                continue
            }
            for (number, line) in Bytes.lines(content ?? []).enumerated() {
                let text = Ascii.trimmed(line[...])
                guard let first = text.first, !"#;[".utf8.contains(first) else { continue }
                lines.append(SecretMask.maskedKeys("\(Ascii.text(text)) (\(path):\(number + 1))").shortened(to: 300))
            }
        }
    }

    /// Commands that take the drop-ins out of the way and start the unit again. They are kept under another name, since
    /// somebody has made them for a reason.
    func undo(of unit: String) -> [String] {
        guard !paths.isEmpty, let unit = ShellWord.quoted(unit) else { return [] }
        return paths.compactMap { path in
            guard let from = ShellWord.quoted(path), let to = ShellWord.quoted(path + ".off") else { return nil }
            return "mv \(from) \(to)"
        } + ["systemctl daemon-reload", "systemctl reset-failed \(unit); systemctl restart \(unit)"]
    }
}
