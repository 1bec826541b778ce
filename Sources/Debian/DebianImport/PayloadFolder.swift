import Archive
import DebianArchive
import Files
import Platform

/// Lays down the payload of a package while it is read, in a folder that did not exist before.
///
/// Nothing leads out of the folder, whatever the package: while there are files to write there is no link, and each path
/// comes without `..`. What cannot be written down in a specification is collected in ``faults``.
final class PayloadFolder: EntryReceiver {
    /// The folder.
    let path: String
    /// What keeps the package from being imported, a sentence for each.
    private(set) var faults: [String] = []
    private var current: (file: NewFile, path: String, time: Int64)?
    /// Everything so far; true for what can have entries below it.
    private var known: [ByteKey: Bool] = [:]
    /// Folders that are there, with an entry of their own or without.
    private var folders: Set<ByteKey> = []
    private var links: [(path: String, target: String, time: Int64)] = []
    private var names: [(path: String, target: String)] = []
    private var times: [(path: String, time: Int64)] = []
    private static let faultLimit = 20

    /// Makes the folder.
    init(path: String) throws(FileError) {
        self.path = path
        try FileTree.createDirectory(path)
    }

    func begin(_ entry: ImageEntry) throws(FileError) {
        if entry.path == "/" { return }
        if let fault = fault(of: entry) {
            if faults.count < Self.faultLimit { faults.append(fault) }
            return
        }
        known[ByteKey(entry.path)] = entry.isDirectory
        // The package is refused; what else is wrong with it is still said.
        guard faults.isEmpty else { return }
        try createFolders(above: entry.path)
        let target = path + entry.path
        switch entry.kind {
        case .file:
            let file = try NewFile(path: target, permissions: entry.permissions & 0o100 == 0 ? 0o644 : 0o755)
            current = (file, target, entry.modificationTime)
        case .directory:
            if folders.insert(ByteKey(entry.path)).inserted { try FileTree.createDirectory(target) }
            times.append((target, entry.modificationTime))
        case .symbolicLink(let destination): links.append((entry.path, destination, entry.modificationTime))
        case .hardLink(let first): names.append((entry.path, "/" + (Self.relative(first) ?? first)))
        case .other: break
        }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try current?.file.write(bytes)
    }

    func end() throws(FileError) {
        guard let finished = current else { return }
        current = nil
        try finished.file.finish()
        try FileTree.setModificationTime(finished.time, of: finished.path)
    }

    /// Makes the links, whose targets are all there, and sets the times of folders, which changed until now.
    ///
    /// - Parameter isLeftOut: symbolic links that are declared and not laid down.
    func finish(leavingOut isLeftOut: (String) -> Bool) throws(FileError) {
        for (name, target) in names { try FileTree.makeHardLink(to: path + target, at: path + name) }
        for (name, target, time) in links where !isLeftOut(name) {
            try FileTree.makeLink(to: target, at: path + name)
            try FileTree.setModificationTime(time, of: path + name)
        }
    }

    /// Sets the times of the folders that are still there.
    func setFolderTimes() throws(FileError) {
        for (folder, time) in times where try FileStatus.ofIfExists(folder, followLinks: false) != nil {
            try FileTree.setModificationTime(time, of: folder)
        }
    }

    /// Why an entry cannot be in a specification.
    private func fault(of entry: ImageEntry) -> String? {
        let shown = DisplayText.inline(entry.path)
        if case .other(let name, let device) = entry.kind {
            return "'\(shown)' is a \(name)\(device.map { " (\($0))" } ?? ""), which a specification does not make: "
                + "remove it from the package, and have udev, tmpfiles.d(5) or postinst make it"
        }
        if entry.path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
            return "'\(shown)' has control characters in its name: rename it"
        }
        if known[ByteKey(entry.path)] != nil { return "'\(shown)' is in the package twice" }
        if !entry.isDirectory, folders.contains(ByteKey(entry.path)) {
            return "'\(shown)' is a \(entry.typeName), and there are entries below it"
        }
        var parent = LexicalPath.split(entry.path).folder
        while parent != "/", !parent.isEmpty {
            if let isFolder = known[ByteKey(parent)], !isFolder {
                return "'\(shown)' is below '\(DisplayText.inline(parent))', which is not a directory"
            }
            parent = LexicalPath.split(parent).folder
        }
        switch entry.kind {
        case .hardLink(let target):
            guard let relative = Self.relative(target), known[ByteKey("/" + relative)] == false,
                !links.contains(where: { $0.path.hasSameBytes(as: "/" + relative) })
            else {
                return "'\(shown)' is a hard link to '\(DisplayText.inline(target))', which is not a file before it"
            }
        case .symbolicLink(let target):
            if target.isEmpty || target.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
                return "the target of the link '\(shown)' is empty or has control characters"
            }
        default: break
        }
        return nil
    }

    private static func relative(_ target: String) -> String? {
        let components = LexicalPath.components(target).filter { $0 != "." }
        return components.contains("..") ? nil : components.joined(separator: "/")
    }

    private func createFolders(above entry: String) throws(FileError) {
        let parent = LexicalPath.split(entry).folder
        if parent.isEmpty || parent == "/" || folders.contains(ByteKey(parent)) { return }
        try createFolders(above: parent)
        folders.insert(ByteKey(parent))
        try FileTree.createDirectory(path + parent)
    }
}
