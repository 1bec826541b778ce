import Archive
import DebianArchive
import DebianFormat
import ELF
import Files

/// A file that is to be stripped.
struct StripCandidate: Sendable {
    /// The position of its entry in the plan.
    let position: Int
    let subject: StripTools.Subject
    let source: ContentSource
    /// The build identifier in hexadecimal, of a file that has symbols to keep under it.
    let buildID: String?

    /// The files that dh_strip(1) would strip, libraries first.
    ///
    /// - Parameter isDefault: whether files are stripped whose item does not say.
    static func all(
        in entries: [PlannedEntry], architecture: Architecture, isDefault: Bool
    ) -> [StripCandidate] {
        // Debian strips packages for an architecture only; what is in others is data.
        if architecture == .all { return [] }
        let found = entries.enumerated().compactMap { position, planned -> StripCandidate? in
            guard planned.strips ?? isDefault, case .file = planned.entry.kind else { return nil }
            switch planned.source {
            case .nothing, .bytes: return nil
            case .file, .archiveEntry: break
            }
            let elf = planned.facts?.elf
            if let elf, MachineCode.isForeign(elf, planned, architecture: architecture) { return nil }
            guard let subject = subject(Array(planned.installedPath.utf8), planned.entry.permissions, elf) else {
                return nil
            }
            return StripCandidate(
                position: position, subject: subject, source: planned.source, buildID: elf.flatMap(keptBuildID))
        }
        return found.filter { $0.subject == .sharedLibrary } + found.filter { $0.subject != .sharedLibrary }
    }

    /// What a file is to dh_strip(1); nil for what that leaves as it is.
    private static func subject(_ path: [UInt8], _ permissions: UInt16, _ elf: ELFFile?) -> StripTools.Subject? {
        if path.firstRange(of: "/debug/.build-id/".utf8) != nil { return nil }
        // debug/.*\.so and /guile/.*\.go$
        if let folder = path.firstRange(of: "debug/".utf8), path[folder.upperBound...].firstRange(of: ".so".utf8) != nil
        {
            return nil
        }
        if let folder = path.firstRange(of: "/guile/".utf8),
            path[folder.upperBound...].suffix(3).elementsEqual(".go".utf8)
        {
            return nil
        }
        if let elf {
            guard elf.type == .executable || elf.type == .shared else { return nil }
            return permissions & 0o111 != 0 ? .executable : .sharedLibrary
        }
        let name = path[path.index(after: path.lastIndex(of: UInt8(ascii: "/")) ?? 0)...]
        let isLibrary =
            name.starts(with: "lib".utf8) && name.count >= 5 && name.suffix(2).elementsEqual(".a".utf8)
            && !name.suffix(4).elementsEqual("_g.a".utf8)
        return isLibrary ? .staticLibrary : nil
    }

    /// The build identifier, if there is something to keep under it.
    private static func keptBuildID(of elf: ELFFile) -> String? {
        guard let buildID = elf.buildID, buildID.utf8.count > 2, !elf.isStripped || elf.hasDebugInformation else {
            return nil
        }
        return buildID
    }
}

/// Files of one build identifier, whose symbols are kept once, or a single file whose symbols are not kept.
struct StripGroup: Sendable {
    /// A file with its place in the cache.
    struct Member: Sendable {
        let candidate: StripCandidate
        let cacheName: String
    }

    /// The symbols, those of the first file.
    struct Debug: Sendable {
        let buildID: String
        let cacheName: String

        /// The name below `/usr/lib/debug/.build-id/xx/`, without its first two digits.
        var fileName: String { buildID.dropFirst(2) + ".debug" }
    }

    let debug: Debug?
    let members: [Member]

    /// - Parameter identities: what tells the contents of each file from all others.
    static func groups(
        _ candidates: [StripCandidate], _ identities: [String], tools: StripTools, keepsDebug: Bool
    ) -> [StripGroup] {
        func cacheName(_ parts: [String]) -> String {
            // No part has a newline.
            String(FileDigests.of(Array((parts + [tools.identity]).joined(separator: "\n").utf8)).sha256.prefix(40))
        }
        var order: [[Int]] = []
        var places: [String: Int] = [:]
        for (index, candidate) in candidates.enumerated() {
            guard keepsDebug, let buildID = candidate.buildID else {
                order.append([index])
                continue
            }
            if let place = places[buildID] {
                order[place].append(index)
            } else {
                places[buildID] = order.count
                order.append([index])
            }
        }
        return order.compactMap { indices in
            guard let first = indices.first else { return nil }
            var debug: Debug?
            if keepsDebug, let buildID = candidates[first].buildID {
                debug = Debug(buildID: buildID, cacheName: cacheName(["debug", identities[first]]) + ".debug")
            }
            let members = indices.map { index in
                let link = debug.map { $0.cacheName + " " + $0.buildID } ?? ""
                return Member(
                    candidate: candidates[index],
                    cacheName: cacheName([candidates[index].subject.rawValue, identities[index], link]))
            }
            return StripGroup(debug: debug, members: members)
        }
    }

    /// Whether everything is in the cache.
    func isComplete(in folder: String) throws(FileError) -> Bool {
        for name in members.map(\.cacheName) + [debug?.cacheName].compactMap({ $0 }) {
            if try FileStatus.ofIfExists(folder + "/" + name, followLinks: false) == nil { return false }
        }
        return true
    }
}
