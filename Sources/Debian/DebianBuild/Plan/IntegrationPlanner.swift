import Archive
import DebianArchive
import DebianFormat
import Documents
import Files
import Platform

/// Puts what the system reads of a package in its places: units, users, temporary files, log rotation, documentation.
struct IntegrationPlanner {
    let package: String
    let sources: SourceFiles
    var collector: EntryCollector
    /// The units that are to be handled by maintainer scripts.
    private(set) var units: [UnitPolicy] = []

    /// Units of users' own managers that can be enabled, and whether they are.
    private(set) var userUnits: [(name: String, isEnabled: Bool)] = []

    /// Where units go.
    private let unitDirectory: UnitDirectory

    init(package: String, unitDirectory: UnitDirectory, sources: SourceFiles, collector: EntryCollector) {
        self.package = package
        self.unitDirectory = unitDirectory
        self.sources = sources
        self.collector = collector
    }

    mutating func addUnits(_ specs: [UnitSpec], diagnostics: inout Diagnostics) {
        for spec in specs {
            let file = spec.file
            guard let text = sources.text(file, diagnostics: &diagnostics) else { continue }
            let name = LexicalPath.components(file.value).last.map(String.init) ?? file.value
            guard Self.isUnitName(name) else {
                Self.reportUnitName(name, file, diagnostics: &diagnostics)
                continue
            }
            add(text.file, file, to: unitDirectory.rawValue + "/" + name, diagnostics: &diagnostics)
            let lines = TextLines.of(text.bytes).map { $0.filter { $0 != " " && $0 != "\t" && $0 != "\r" } }
            let isOneShot =
                lines.contains("Type=oneshot")
                && !lines.contains { ["yes", "true", "on", "1"].map { "RemainAfterExit=" + $0 }.contains($0) }
            let policy = UnitPolicy(
                name: name, isEnabled: spec.isEnabled, isStarted: spec.isStarted, onUpgrade: spec.onUpgrade,
                stopsOnRemove: spec.stopsOnRemove, isInstallable: lines.contains { $0.hasPrefix("[Install]") },
                isOneShot: isOneShot)
            if policy.isTemplate, policy.onUpgrade == .stopStart {
                diagnostics.error(
                    "unit-template", "'\(name)' is a template, whose instances cannot be stopped and started again",
                    at: file.range, help: "use 'on-upgrade: restart' or 'leave'")
            }
            units.append(policy)
        }
    }

    mutating func addUserUnits(_ specs: [UserUnitSpec], diagnostics: inout Diagnostics) {
        for spec in specs {
            guard let text = sources.text(spec.file, diagnostics: &diagnostics) else { continue }
            let name = LexicalPath.split(spec.file.value).name
            guard Self.isUnitName(name) else {
                Self.reportUnitName(name, spec.file, diagnostics: &diagnostics)
                continue
            }
            add(text.file, spec.file, to: "/usr/lib/systemd/user/" + name, diagnostics: &diagnostics)
            let isInstallable = TextLines.of(text.bytes).contains {
                $0.drop { $0 == " " || $0 == "\t" }.hasPrefix("[Install]")
            }
            if isInstallable { userUnits.append((name, spec.isEnabled)) }
        }
    }

    private static func reportUnitName(
        _ name: String, _ file: Located<String>, diagnostics: inout Diagnostics
    ) {
        diagnostics.error(
            "unit-name", "'\(name)' is not a unit name", at: file.range,
            help: "letters, digits and ':_.@-\\' with a type such as .service, .socket or .timer (systemd.unit(5))")
    }

    mutating func addConfiguration(_ spec: PackageSpec, diagnostics: inout Diagnostics) {
        if let file = spec.sysusers {
            addFile(file, to: "/usr/lib/sysusers.d/\(package).conf", diagnostics: &diagnostics)
        }
        if let file = spec.tmpfiles {
            addFile(file, to: "/usr/lib/tmpfiles.d/\(package).conf", diagnostics: &diagnostics)
        }
        if let file = spec.logrotate {
            addFile(file, to: "/etc/logrotate.d/\(package)", isConffile: true, diagnostics: &diagnostics)
        }
        if let file = spec.lintianOverrides {
            addFile(file, to: "/usr/share/lintian/overrides/\(package)", diagnostics: &diagnostics)
        }
    }

    mutating func addDocumentation(
        _ spec: PackageSpec, changelog: LoadedChangelog?, isNative: Bool, diagnostics: inout Diagnostics
    ) {
        let folder = "/usr/share/doc/\(package)"
        if let file = spec.copyright {
            addFile(file, to: folder + "/copyright", diagnostics: &diagnostics)
        }
        if let made = CopyrightPlanner(spec: spec, sources: sources).file(diagnostics: &diagnostics) {
            add(made.bytes, to: folder + "/copyright", range: made.range, diagnostics: &diagnostics)
        }
        if let changelog {
            // Policy 12.7: the changelog of a native package and of a Debian revision have different names.
            addCompressed(
                changelog.bytes, to: folder + (isNative ? "/changelog.gz" : "/changelog.Debian.gz"),
                as: changelog.compressed, range: spec.changelog?.range, diagnostics: &diagnostics)
        }
        if let file = spec.upstreamChangelog {
            if isNative {
                diagnostics.error(
                    "upstream-changelog", "a package without a revision has one changelog", at: file.range,
                    help: "add 'revision:', or use 'changelog' alone (Policy 12.7)")
            } else if let bytes = sources.text(file, diagnostics: &diagnostics)?.bytes {
                addCompressed(
                    bytes, to: folder + "/changelog.gz", range: file.range, diagnostics: &diagnostics)
            }
        }
        for pages in spec.manualPages {
            for page in sources.named(by: pages, diagnostics: &diagnostics) {
                addManualPage(page.file, diagnostics: &diagnostics)
            }
        }
    }

    private mutating func addManualPage(_ page: Located<String>, diagnostics: inout Diagnostics) {
        guard let bytes = sources.text(page, diagnostics: &diagnostics)?.bytes else { return }
        guard let path = ManualPage.path(of: page.value) else {
            diagnostics.error(
                "manual-section", "manual page '\(LexicalPath.split(page.value).name)' does not end in its section",
                at: page.range,
                help: "name it such as 'tool.8' (Policy 12.1)")
            return
        }
        addCompressed(bytes, to: path, range: page.range, diagnostics: &diagnostics)
    }

    private mutating func addFile(
        _ file: Located<String>, to path: String, isConffile: Bool = false, diagnostics: inout Diagnostics
    ) {
        guard let source = sources.file(file, diagnostics: &diagnostics) else { return }
        add(source, file, to: path, isConffile: isConffile, diagnostics: &diagnostics)
    }

    private mutating func add(
        _ source: SourceFile, _ file: Located<String>, to path: String, isConffile: Bool = false,
        diagnostics: inout Diagnostics
    ) {
        collector.add(
            path, kind: .file(size: source.status.size), permissions: 0o644, owner: OwnerTable.user("root"),
            group: OwnerTable.group("root"), modificationTime: source.status.modificationSeconds,
            source: .file(path: source.path, status: source.status), facts: source.facts, isConffile: isConffile,
            range: file.range, diagnostics: &diagnostics)
    }

    private mutating func addCompressed(
        _ bytes: [UInt8], to path: String, as stored: [UInt8]? = nil, range: SourceRange?,
        diagnostics: inout Diagnostics
    ) {
        do {
            add(try stored ?? GzipFile.compress(bytes), to: path, range: range, diagnostics: &diagnostics)
        } catch {
            diagnostics.error("compression", "cannot compress '\(path)': \(error)", at: range)
        }
    }

    /// Adds a file that is made here.
    private mutating func add(
        _ bytes: [UInt8], to path: String, range: SourceRange?, diagnostics: inout Diagnostics
    ) {
        collector.add(
            path, kind: .file(size: Int64(bytes.count)), permissions: 0o644, owner: OwnerTable.user("root"),
            group: OwnerTable.group("root"), modificationTime: collector.sourceDateEpoch,
            source: .bytes(bytes), range: range, diagnostics: &diagnostics)
    }

    /// systemd.unit(5): the characters of a unit name, and the types.
    private static func isUnitName(_ name: String) -> Bool {
        let types = [
            "service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope",
        ]
        guard let type = name.split(separator: ".").last, types.contains(String(type)), name.utf8.count <= 255 else {
            return false
        }
        // systemd-escape(1) writes other characters as '\x2d', which the scripts quote.
        let unescaped = String(name.filter { $0 != "\\" })
        return ShellWord.isPlain(unescaped) && !name.utf8.contains(UInt8(ascii: "/")) && !name.contains("+")
            && !name.hasPrefix("\\")
    }
}

/// Where manual pages are installed.
package enum ManualPage {
    /// Where a page of this path is installed, compressed; nil where its name does not end in a section.
    package static func path(of page: String) -> String? {
        let name = LexicalPath.components(page).last.map(String.init) ?? page
        guard name.contains("."), let section = name.split(separator: ".").last?.first, ("1"..."9").contains(section)
        else { return nil }
        return folder(of: page, section: section) + "/\(name).gz"
    }

    /// The folder of a section, in the language that the page's own folders name: `man/de/tool.1` and
    /// `man/pt_BR/man1/tool.1` have one, `doc/de/tool.1` has none.
    private static func folder(of path: String, section: Character) -> String {
        var folders = LexicalPath.components(path).dropLast()
        if let last = folders.last, isSection(last) { folders = folders.dropLast() }
        let language = folders.popLast().flatMap(language)
        let isTranslated = language != nil && folders.last == "man"
        return "/usr/share/man/" + (isTranslated ? (language ?? "") + "/" : "") + "man\(section)"
    }

    private static func isSection(_ folder: Substring) -> Bool {
        folder.utf8.count == 4 && folder.hasPrefix("man") && folder.last.map { ("1"..."9").contains($0) } ?? false
    }

    /// The language of a folder such as `de`, `pt_BR`, `sr@latin` or `de.UTF-8`, without its encoding; nil for other
    /// names.
    package static func language(_ folder: Substring) -> String? {
        let name = folder.prefix { $0 != "." }
        let parts = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let places = parts[0].split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        let country = places.count > 1 ? places[1].utf8 : nil
        let isCountry = country.map { $0.count == 2 && $0.allSatisfy { (0x41...0x5a).contains($0) } } ?? true
        guard (2...3).contains(places[0].utf8.count), places[0].utf8.allSatisfy(Ascii.isLower), isCountry,
            parts.count == 1 || !parts[1].isEmpty && parts[1].utf8.allSatisfy(Ascii.isLower)
        else { return nil }
        return String(name)
    }
}

/// Small documents compressed as Policy 12.3 and 12.7 want them: gzip at level 9 with neither name nor time.
package enum GzipFile {
    /// The contents of a compressed document; one of more than `limit` bytes is refused.
    package static func decompress(_ bytes: [UInt8], limit: Int) throws(ArchiveError) -> [UInt8] {
        let reader = try ArchiveReader(
            nested: MemorySource(bytes), name: "gzip", formats: [.raw], decompressing: .gzip,
            limits: ArchiveLimits(entries: 1, totalBytes: Int64(limit)))
        guard try reader.next() != nil else { return [] }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        var result: [UInt8] = []
        while case let count = try reader.read(into: buffer), count > 0 { result += buffer[..<count] }
        return result
    }

    package static func compress(_ bytes: [UInt8]) throws(ArchiveError) -> [UInt8] {
        let sink = MemorySink()
        let writer = try ArchiveWriter(
            format: .raw, compression: Compression(codec: .gzip, level: 9), sink: sink)
        let root = Owner(name: "", id: 0)
        try writer.begin(
            Entry(
                path: "data", kind: .file(size: Int64(bytes.count)), permissions: 0o644, owner: root, group: root,
                modificationTime: 0))
        var failure: ArchiveError?
        bytes.withUnsafeBytes { buffer in
            do throws(ArchiveError) { try writer.append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        try writer.end()
        try writer.finish()
        return sink.bytes
    }
}

/// Small inputs in memory.
private final class MemorySource: ByteSource {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = rest.prefix(buffer.count)
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }
}

/// Collects small outputs in memory.
final class MemorySink: ByteSink {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: buffer)
    }
}

/// What a package does with a systemd unit of its own when it is installed, upgraded and removed.
///
/// The calls follow deb-systemd-helper(1p) and deb-systemd-invoke(1p): an administrator's `disable` and `mask` survive
/// upgrades, and policy-rc.d is respected.
public struct UnitPolicy: Sendable, Hashable {
    /// What happens to a running unit on an upgrade.
    public enum Upgrade: String, Sendable, Hashable, CaseIterable {
        /// It runs on from the old files and is restarted when the new ones are configured.
        case restart
        /// The old version's files stop it, and the new version starts it again if it ran.
        case stopStart = "stop-start"
        /// It is left alone.
        case leave
    }

    /// The unit's name, such as `tool.service`.
    public var name: String
    /// Whether the first installation enables it.
    public var isEnabled: Bool
    /// Whether the first installation starts it.
    public var isStarted: Bool
    /// What happens on an upgrade.
    public var onUpgrade: Upgrade
    /// Whether removal of the package stops it.
    public var stopsOnRemove: Bool
    /// Whether the unit has an `[Install]` section; without one it cannot be enabled.
    public var isInstallable: Bool
    /// Whether it does its work and ends, so that it does not run although nobody stopped it.
    public var isOneShot = false

    /// Whether it is a template, of which only instances run (systemd.unit(5)).
    public var isTemplate: Bool { name.contains("@.") }
}

/// Where systemd finds units of packages.
public enum UnitDirectory: String, Sendable, CaseIterable {
    /// The name that both kinds of Debian's file system have, with and without a merged /usr.
    case lib = "/lib/systemd/system"
    /// The place of a merged /usr (Debian 12 and later).
    case usr = "/usr/lib/systemd/system"
}
