import CLinux
import Crypto
import DebianManifest
import Documents
import Files
import Platform
import StandardStreams

/// The scenarios that installed packages bring in ``PackageScenario/folder``.
///
/// One that is not as dpkg installed it, or is gone, must not hide that: what dpkg's database knows of the package is looked
/// at as well, which names the file that was lost or changed.
struct InstalledScenarios {
    /// One of them.
    struct Item: Sendable {
        /// The package that it belongs to; nil for a file that somebody has put there.
        var package: String?
        /// The file's name without what it ends with.
        var stem: String
        /// The scenario; nil when it is lost.
        var text: SourceText?
        /// Whether it is what dpkg has installed.
        var isAsInstalled = true

        /// What stands in for it.
        var substitute: SourceText? {
            package.map { package in
                let draft = PackageScenario.ofDatabase(package)
                return SourceText(path: "\(PackageScenario.folder)/\(stem).yaml", bytes: Array(draft.yaml.utf8))
            }
        }
    }

    private static let information = "/var/lib/dpkg/info"
    private static let limit = 64 << 20

    /// All of them, by name.
    static func read() throws(FileError) -> [Item] {
        var items: [String: Item] = [:]
        for (stem, package) in try owners() { items[stem] = Item(package: package, stem: stem) }
        let isFolder = try FileStatus.ofIfExists(PackageScenario.folder, followLinks: true)?.kind == .directory
        for name in isFolder ? try FileTree.children(of: PackageScenario.folder) : [] where name.hasSuffix(".yaml") {
            let stem = String(name.dropLast(".yaml".count))
            let path = "\(PackageScenario.folder)/\(name)"
            guard try FileStatus.of(path, followLinks: true).kind == .file else { continue }
            var item = items[stem] ?? Item(stem: stem)
            let bytes = try FileTree.readWhole(path, limit: limit)
            item.text = SourceText(path: path, bytes: bytes)
            item.isAsInstalled = try isAsInstalled(bytes, path, item)
            items[stem] = item
        }
        return items.values.sorted { $0.stem < $1.stem }
    }

    /// The packages that have a scenario, by its name, from dpkg's lists of their files.
    private static func owners() throws(FileError) -> [(stem: String, package: String)] {
        guard try FileStatus.ofIfExists(information, followLinks: true) != nil else { return [] }
        let prefix = Array("\n\(PackageScenario.folder)/".utf8)
        var owners: [(stem: String, package: String)] = []
        for name in try FileTree.children(of: information) where name.hasSuffix(".list") {
            let list = try FileTree.readWhole("\(information)/\(name)", limit: limit)
            let place = list.withUnsafeBytes { bytes in
                prefix.withUnsafeBytes { clinux_find(bytes.baseAddress, bytes.count, $0.baseAddress, $0.count) }.map {
                    $0 - (bytes.baseAddress ?? $0)
                }
            }
            guard let place else { continue }
            let file = String(decoding: list[(place + prefix.count)...].prefix { $0 != 0x0a }, as: UTF8.self)
            guard file.hasSuffix(".yaml") else { continue }
            owners.append((String(file.dropLast(".yaml".count)), String(name.dropLast(".list".count))))
        }
        return owners
    }

    private static func isAsInstalled(_ bytes: [UInt8], _ path: String, _ item: Item) throws(FileError) -> Bool {
        guard let package = item.package else { return true }
        let sums = "\(information)/\(package).md5sums"
        guard try FileStatus.ofIfExists(sums, followLinks: true) != nil else { return true }
        let wanted = "  " + path.dropFirst()
        for line in try FileTree.readWhole(sums, limit: limit).split(separator: 0x0a) {
            let line = String(decoding: line, as: UTF8.self)
            guard line.hasSuffix(wanted) else { continue }
            return line == Hexadecimal.text(Insecure.MD5.hash(data: bytes)) + wanted
        }
        return true
    }
}
