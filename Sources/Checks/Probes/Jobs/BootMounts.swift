import Files
import Glibc
import Platform

/// What the next boot mounts over files and directories that have to stay (fstab(5), systemd.mount(5)).
struct BootMounts {
    /// An entry of fstab or a unit.
    struct Entry: Sendable, Hashable {
        var file: String
        var number: Int
        var source: String
        var point: String
        var type: String
        var options: [String]
        var shown: String { (number > 0 ? "\(file):\(number)" : file) + ": \(source) on \(point) type \(type)" }
        var isBind: Bool { options.contains("bind") || options.contains("rbind") }
    }

    var lines: [String] = []
    var undo: [String] = []

    private static let folder = "/etc/systemd/system"

    /// Looks at the entries that nothing is mounted by now.
    ///
    /// - Parameter place: where a path of the host is for this process.
    init(paths: [String], mounts: MountTable, place: (String) -> String) throws(ProbeError) {
        let isContainer = access(place("/run/systemd/container"), F_OK) == 0
        for entry in try Self.fstab(place) + Self.units(place) {
            let isMounted = mounts.mounts.contains { $0.point.elementsEqual(entry.point.utf8) }
            guard !isMounted, entry.point.startsBytewise("/"), !entry.options.contains("noauto") else { continue }
            let device = Self.device(entry.source)
            // In a container systemd leaves out what has a device.
            if isContainer, device != nil { continue }
            if let device, access(place(device), F_OK) != 0 {
                if entry.options.contains("nofail") || entry.number == 0 { continue }
                lines.append("\(entry.shown): \(device) is not there, so the boot ends in emergency mode")
            } else {
                let hidden = paths.filter { path in
                    (path == entry.point || path.startsBytewise(entry.point + "/")) && access(place(path), F_OK) == 0
                        && !Self.isThere(path, entry, place)
                }
                guard let first = hidden.first else { continue }
                lines.append("\(entry.shown), over \(first)")
            }
            undo += Self.undo(entry)
        }
    }

    /// Whether a folder that is to be mounted has the file as well.
    private static func isThere(_ path: String, _ entry: Entry, _ place: (String) -> String) -> Bool {
        guard entry.isBind else { return false }
        return access(place(entry.source + Ascii.text(path.utf8.dropFirst(entry.point.utf8.count))), F_OK) == 0
    }

    private static func undo(_ entry: Entry) -> [String] {
        guard let file = ShellWord.quoted(entry.file) else { return [] }
        guard entry.number > 0 else {
            return ShellWord.quoted(ProcessEntry.lastPart(of: entry.file)).map { ["systemctl disable \($0)"] } ?? []
        }
        return [
            "cp --backup=numbered \(file) /root/ && sed -i '\(entry.number)s/^/# /' \(file)", "systemctl daemon-reload",
        ]
    }

    /// The path of a block device; nil for what is no device.
    private static func device(_ source: String) -> String? {
        for (name, folder) in [
            ("UUID=", "uuid"), ("LABEL=", "label"), ("PARTUUID=", "partuuid"), ("PARTLABEL=", "partlabel"),
        ]
        where source.startsBytewise(name) {
            let value = source.utf8.dropFirst(name.utf8.count).filter { $0 != UInt8(ascii: "\"") }
            return "/dev/disk/by-\(folder)/\(Ascii.text(value))"
        }
        return source.startsBytewise("/dev/") ? source : nil
    }

    private static func fstab(_ place: (String) -> String) throws(ProbeError) -> [Entry] {
        let path = "/etc/fstab"
        let bytes = try FileTree.readIfExists(place(path), limit: 1 << 20) ?? []
        return Bytes.lines(bytes).enumerated().compactMap { index, line in
            let words = Ascii.words(line[...]).map { Ascii.text(MountTable.unescaped($0)) }
            guard words.count >= 3, !words[0].startsBytewise("#"), words[2] != "swap" else { return nil }
            let options =
                words.count > 3 ? words[3].utf8.split(separator: UInt8(ascii: ",")).map { Ascii.text($0) } : []
            return Entry(
                file: path, number: index + 1, source: words[0], point: withoutSlash(words[1]), type: words[2],
                options: options)
        }
    }

    private static func withoutSlash(_ path: String) -> String {
        path.endsBytewise("/") && path.utf8.count > 1 ? Ascii.text(path.utf8.dropLast()) : path
    }

    /// Mount units of the administrator that a target wants.
    private static func units(_ place: (String) -> String) throws(ProbeError) -> [Entry] {
        let names = try SystemFile.names(in: place(folder)) ?? []
        let units = names.filter { $0.endsBytewise(".mount") }
        if units.isEmpty { return [] }
        var wanted: Set<String> = []
        for name in names where name.endsBytewise(".wants") || name.endsBytewise(".requires") {
            wanted.formUnion(try SystemFile.names(in: place("\(folder)/\(name)")) ?? [])
        }
        var entries: [Entry] = []
        for unit in units.sorted() where wanted.contains(unit) {
            var values: [String: String] = [:]
            for line in Bytes.lines(try FileTree.readIfExists(place("\(folder)/\(unit)"), limit: 1 << 16) ?? []) {
                guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
                values[Ascii.text(Ascii.trimmed(line[..<equals]))] = Ascii.text(Ascii.trimmed(line[(equals + 1)...]))
            }
            guard let point = values["Where"], let source = values["What"] else { continue }
            let options = (values["Options"] ?? "").utf8.split(separator: UInt8(ascii: ",")).map { Ascii.text($0) }
            entries.append(
                Entry(
                    file: "\(folder)/\(unit)", number: 0, source: source, point: withoutSlash(point),
                    type: values["Type"] ?? "auto", options: options))
        }
        return entries
    }
}
