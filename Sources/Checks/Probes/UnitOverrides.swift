import Platform

/// What administrators have set for a unit beside the files of its package: drop-ins, or a whole file in its place.
struct UnitOverrides: Sendable, Hashable {
    /// Each setting with its file and line: `PrivateNetwork=yes (/etc/systemd/system/x.service.d/y.conf:2)`.
    private(set) var lines: [String] = []
    private var paths: [String] = []

    /// Whether a file is in a place of the administrator's, of the running system's or of `systemctl set-property`
    /// (systemd.unit(5)); packages have theirs below /usr/lib.
    static func isAdministrators(_ path: String) -> Bool {
        path.startsBytewise("/etc/systemd/") || path.startsBytewise("/run/systemd/")
    }

    /// Reads what administrators have set.
    ///
    /// - Parameters:
    ///   - fragment: the unit's own file.
    ///   - dropIns: the drop-ins of it, those of packages among them.
    ///   - contents: the bytes of a file; nil for one that is not there or may not be read.
    init(
        fragment: String?, dropIns: [String], contents: (String) throws(ProbeError) -> [UInt8]?
    ) throws(ProbeError) {
        if let fragment, Self.isAdministrators(fragment),
            let name = fragment.utf8.split(separator: UInt8(ascii: "/")).last
        {
            for folder in ["/usr/lib/systemd/system/", "/lib/systemd/system/"] {
                let packaged = folder + Ascii.text(name)
                guard try contents(packaged) != nil else { continue }
                lines.append("\(fragment) is used in place of \(packaged)")
                paths.append(fragment)
                break
            }
        }
        for path in dropIns where Self.isAdministrators(path) {
            paths.append(path)
            for (number, line) in Bytes.lines(try contents(path) ?? []).enumerated() {
                let text = Ascii.trimmed(line[...])
                guard let first = text.first, !"#;[".utf8.contains(first) else { continue }
                lines.append("\(Ascii.text(text)) (\(path):\(number + 1))".shortened(to: 300))
            }
        }
    }

    /// Commands that rename the files and restart the unit. Nothing is deleted: somebody made these files for a reason.
    func undo(of unit: String) -> [String] {
        guard !paths.isEmpty, let unit = ShellWord.quoted(unit) else { return [] }
        return paths.compactMap { path in
            guard let from = ShellWord.quoted(path), let to = ShellWord.quoted(path + ".off") else { return nil }
            return "mv \(from) \(to)"
        } + ["systemctl daemon-reload", "systemctl reset-failed \(unit); systemctl restart \(unit)"]
    }
}
