import CLinux
import DebianFormat
import Files
import Platform

/// dpkg's database of installed packages (dpkg(1), /var/lib/dpkg/status).
struct PackageDatabase: Sendable {
    /// An entry of it.
    struct Entry: Sendable {
        var paragraph: ControlParagraph

        /// `install ok installed` and the like: what is wanted, whether it went well, how far it is.
        var status: [String] { Ascii.words(Array((paragraph["Status"] ?? "").utf8)[...]).map { Ascii.text($0) } }
        /// How far it is: installed, unpacked, half-configured, config-files …
        var state: String { status.count == 3 ? status[2] : "unknown" }
        /// Whether it can be used by others.
        var isInstalled: Bool { state == "installed" || state.startsBytewise("triggers-") }
        var version: String? { paragraph["Version"] }
        var architecture: String? { paragraph["Architecture"] }
    }

    private let bytes: [UInt8]
    /// Where the paragraphs of a name are.
    private var places: [String: [Range<Int>]] = [:]
    /// The packages that provide a name, filled when it is asked for first.
    private var providers: [Range<Int>] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        let name = Array("Package: ".utf8)
        let provides = Array("\nProvides: ".utf8)
        var start = 0
        while start < bytes.count {
            let end = Self.endOfParagraph(bytes, from: start)
            let range = start..<end
            if bytes[start...].starts(with: name) {
                let line = bytes[(start + name.count)..<end].prefix { $0 != Ascii.newline }
                places[Ascii.text(line), default: []].append(range)
                if Self.find(provides, in: bytes, range) { providers.append(range) }
            }
            start = end
            while start < bytes.count, bytes[start] == Ascii.newline { start += 1 }
        }
    }

    /// The entries of a package, one for each architecture that it is installed in. `name:arch` means one of them.
    func entries(_ name: String) throws(ProbeError) -> [Entry] {
        let parts = name.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1).map { Ascii.text($0) }
        guard let package = parts.first else { return [] }
        var entries: [Entry] = []
        for range in places[package] ?? [] {
            let entry = try entry(range)
            if parts.count == 1 || entry.architecture == parts[1] { entries.append(entry) }
        }
        return entries
    }

    /// The entry that is meant by a name: an installed one before others.
    func entry(_ name: String) throws(ProbeError) -> Entry? {
        let entries = try entries(name)
        return entries.first(where: \.isInstalled) ?? entries.first
    }

    /// The groups of a package's dependencies that nothing installed fulfils.
    func unsatisfied(_ entry: Entry) throws(ProbeError) -> [String] {
        var missing: [String] = []
        for kind in [RelationField.Kind.preDepends, .depends] {
            guard let text = entry.paragraph[kind.rawValue] else { continue }
            let field: RelationField
            do throws(FormatError) {
                field = try RelationField(parsing: text, field: kind)
            } catch {
                throw Self.malformed("\(error)")
            }
            for group in field.groups {
                var isFulfilled = false
                for relation in group {
                    isFulfilled = try fulfils(relation)
                    if isFulfilled { break }
                }
                if !isFulfilled { missing.append(group.map(\.description).joined(separator: " | ")) }
            }
        }
        return missing
    }

    private func fulfils(_ relation: Relation) throws(ProbeError) -> Bool {
        let name = relation.package.description
        for entry in try entries(name) where entry.isInstalled {
            guard let constraint = relation.constraint else { return true }
            guard let text = entry.version else { continue }
            do throws(FormatError) {
                if constraint.isSatisfied(by: try DebianVersion(text)) { return true }
            } catch { throw Self.malformed("\(error)") }
        }
        for range in providers {
            let entry = try entry(range)
            guard entry.isInstalled, let text = entry.paragraph["Provides"] else { continue }
            do throws(FormatError) {
                let field = try RelationField(parsing: text, field: .provides)
                for provided in field.groups.joined() where provided.package == relation.package {
                    guard let constraint = relation.constraint else { return true }
                    // Without a version it is provided in none (Policy 7.5).
                    if let version = provided.constraint?.version, constraint.isSatisfied(by: version) { return true }
                }
            } catch { throw Self.malformed("\(error)") }
        }
        return false
    }

    private func entry(_ range: Range<Int>) throws(ProbeError) -> Entry {
        do throws(FormatError) {
            return Entry(paragraph: try ControlParagraph(parsing: Ascii.text(bytes[range]) + "\n"))
        } catch { throw Self.malformed("\(error)") }
    }

    private static func malformed(_ found: String) -> ProbeError {
        ProbeError(.malformed, "read dpkg's database", expected: "its format", found: found.shortened())
    }

    /// Behind the last line of a paragraph: at its newline.
    private static func endOfParagraph(_ bytes: [UInt8], from start: Int) -> Int {
        bytes.withUnsafeBytes { all in
            let rest = UnsafeRawBufferPointer(rebasing: all[start...])
            let mark: [UInt8] = [Ascii.newline, Ascii.newline]
            return mark.withUnsafeBytes { mark in
                guard let base = rest.baseAddress,
                    let hit = clinux_find(base, rest.count, mark.baseAddress, mark.count)
                else { return bytes.last == Ascii.newline ? bytes.count - 1 : bytes.count }
                return start + (hit - base)
            }
        }
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.withUnsafeBytes { all in
            let part = UnsafeRawBufferPointer(rebasing: all[range])
            return needle.withUnsafeBytes { needle in
                clinux_find(part.baseAddress, part.count, needle.baseAddress, needle.count) != nil
            }
        }
    }
}

extension Host {
    /// dpkg's database, read once.
    nonisolated func packages(for request: ProbeRequest) async throws(ProbeError) -> PackageDatabase {
        let status = path("/var/lib/dpkg/status")
        return try await systemFact("packages", "read \(status)", since: request.since) { () throws(ProbeError) in
            PackageDatabase(try FileTree.readIfExists(status, limit: 256 << 20) ?? [])
        }
    }
}
