import Archive
import DebianArchive
import DebianFormat
import Documents
import Files
import Glibc
import Platform

/// A file of a package with debugging symbols.
struct DebugFile: Sendable {
    /// The build identifier of the program or library that it belongs to, in hexadecimal.
    let buildID: String
    /// Where it is on this machine.
    let path: String
    let status: FileStatus
}

/// Takes the symbols out of the machine code of a package, as dh_strip(1) does, before the package is planned to its end:
/// all that follows, from the control data to the checksums, is about the files without symbols.
///
/// What the programs have made lies in the cache, by the contents that it was made of.
struct Stripper: Sendable {
    /// The cache.
    let cache: BuildCache
    /// Remembers checksums by size, time and inode.
    let checksums: ChecksumCache
    /// What stands before the names of the programs, by architecture.
    let prefixes: [Architecture: String]
    /// Programs that may run at once.
    let jobs: Int
    /// A folder in which everything is made anew, to see whether the programs write the same again; nil for the cache.
    let freshFolder: String?
    /// Told what is being done, in a few words.
    let announce: @Sendable (String) -> Void

    /// What has become of a package.
    private struct Outcome: Sendable {
        /// All entries, with other contents where these were stripped.
        var entries: [PlannedEntry]
        /// One file for each build identifier, sorted.
        var debugFiles: [DebugFile] = []
        /// Debian packages whose programs have done it.
        var toolPackages: Set<String> = []
    }

    /// Strips the machine code of a package that is about to be planned to its end; what fails is reported.
    ///
    /// - Parameter keepsDebug: whether the symbols are kept for a debugger, and files say by which name.
    func strip(
        _ draft: inout PackageDraft, for architecture: Architecture, keepsDebug: Bool, diagnostics: inout Diagnostics
    ) async {
        let name = draft.spec.name
        do throws(StripError) {
            let stripped = try await strip(
                draft.entries, of: name.value, for: architecture, isDefault: draft.spec.strips, keepsDebug: keepsDebug)
            draft.entries = stripped.entries
            draft.debugFiles = draft.spec.hasDebugPackage ? stripped.debugFiles : []
            draft.toolPackages = stripped.toolPackages
        } catch {
            diagnostics.error(error.code, "package '\(name.value)': \(error)", at: name.range, help: error.help)
        }
    }

    /// Strips entries.
    ///
    /// - Parameters:
    ///   - isDefault: whether machine code is stripped whose item does not say.
    ///   - keepsDebug: whether the symbols are kept for a debugger, and files say by which name.
    private func strip(
        _ entries: [PlannedEntry], of package: PackageName, for architecture: Architecture, isDefault: Bool,
        keepsDebug: Bool
    ) async throws(StripError) -> Outcome {
        var outcome = Outcome(entries: entries)
        let found = StripCandidate.all(in: entries, architecture: architecture, isDefault: isDefault)
        if found.isEmpty { return outcome }
        let tools = try StripTools(for: architecture, prefix: prefixes[architecture])
        outcome.toolPackages = tools.packages
        var identities: [String] = []
        for candidate in found { identities.append(try identity(of: candidate)) }
        let groups = StripGroup.groups(found, identities, tools: tools, keepsDebug: keepsDebug)
        while true {
            do throws(StripError) {
                let made = try await make(groups, package: package, tools: tools)
                for file in made.flatMap(\.files) {
                    outcome.entries[file.position].replaceContents(path: file.path, file.status, facts: file.facts)
                }
                outcome.debugFiles = made.compactMap(\.debugFile).sorted { $0.buildID < $1.buildID }
                return outcome
            } catch {
                guard case .file(let failure) = error, freshFolder == nil, try turnsAway(from: failure) else {
                    throw error
                }
            }
        }
    }

    /// Whether it is worth trying again, because the cache could not be written and something else is in its place.
    private func turnsAway(from error: FileError) throws(StripError) -> Bool {
        do throws(FileError) { return try cache.giveUp(error) } catch { throw .file(error) }
    }

    /// What tells the contents of a file from all others.
    private func identity(of candidate: StripCandidate) throws(StripError) -> String {
        do throws(FileError) {
            switch candidate.source {
            case .file(let path, let status): return try checksums.sha256(of: path, status: status)
            case .archiveEntry(let path, let index, let status):
                return "\(try checksums.sha256(of: path, status: status)) \(index)"
            case .bytes(let bytes): return FileDigests.of(bytes).sha256
            case .nothing: return ""
            }
        } catch { throw .file(error) }
    }

    // MARK: - files

    private struct Made: Sendable {
        var files: [(position: Int, path: String, status: FileStatus, facts: ContentFacts)] = []
        var debugFile: DebugFile?
    }

    private func make(
        _ groups: [StripGroup], package: PackageName, tools: StripTools
    ) async throws(StripError) -> [Made] {
        let folder: String
        var missing: [StripGroup] = []
        do throws(FileError) {
            // '??' would lose the type of the error.
            if let freshFolder { folder = freshFolder } else { folder = try cache.folder("stripped") }
            for group in groups where try !group.isComplete(in: folder) { missing.append(group) }
        } catch { throw .file(error) }
        if !missing.isEmpty {
            let count = missing.reduce(0) { $0 + $1.members.count }
            announce("stripping \(count == 1 ? "a file" : "\(count) files") of \(package)")
            let work = try StripFolder(in: folder)
            let inputs = try work.inputs(of: missing)
            let failure = await concurrently(missing) { index, group throws(StripError) in
                try await make(group, number: index, inputs, tools: tools, work: work, folder: folder)
            }
            withExtendedLifetime(work) {}
            if let failure { throw failure }
        }
        do throws(FileError) { return try groups.map { group throws(FileError) in try result(group, folder) } } catch {
            throw .file(error)
        }
    }

    /// Runs the body for each, as many at once as may be; the first failure in their order.
    private func concurrently(
        _ groups: [StripGroup], _ body: @escaping @Sendable (Int, StripGroup) async throws(StripError) -> Void
    ) async -> StripError? {
        await withTaskGroup(of: (Int, StripError?).self) { tasks in
            var failures: [(position: Int, error: StripError)] = []
            var waiting = groups.indices.makeIterator()
            func startNext() {
                guard failures.isEmpty, let index = waiting.next() else { return }
                tasks.addTask {
                    do throws(StripError) {
                        try await body(index, groups[index])
                        return (index, nil)
                    } catch { return (index, error) }
                }
            }
            for _ in 0..<max(1, jobs) { startNext() }
            while let (index, error) = await tasks.next() {
                if let error { failures.append((index, error)) }
                startNext()
            }
            return failures.min { $0.position < $1.position }?.error
        }
    }

    private func make(
        _ group: StripGroup, number: Int, _ inputs: [Int: String], tools: StripTools, work: StripFolder, folder: String
    ) async throws(StripError) {
        let place = try work.subfolder("\(number)")
        var link: String?
        if let debug = group.debug, let leader = group.members.first, let input = inputs[leader.candidate.position] {
            // The name goes into the files.
            let named = place + "/" + debug.fileName
            let target = folder + "/" + debug.cacheName
            if try !StripFolder.isThere(target) {
                try await tools.copyDebug(of: input, to: named)
                try Self.checkUnchanged(leader.candidate)
                try StripFolder.publish(named, as: target)
            }
            do throws(FileError) { try FileTree.makeLink(to: target, at: named) } catch { throw .file(error) }
            link = named
        }
        for (index, member) in group.members.enumerated() {
            let target = folder + "/" + member.cacheName
            guard let input = inputs[member.candidate.position], try !StripFolder.isThere(target) else { continue }
            let output = place + "/\(index)"
            if member.candidate.subject == .staticLibrary, try !StripFolder.isStaticLibrary(input) {
                try StripFolder.makeEmpty(output)
            } else {
                try await tools.strip(input, as: member.candidate.subject, to: output, linkingTo: link)
            }
            try Self.checkUnchanged(member.candidate)
            try StripFolder.publish(output, as: target)
        }
    }

    private static func checkUnchanged(_ candidate: StripCandidate) throws(StripError) {
        let path: String
        let planned: FileStatus
        switch candidate.source {
        case .file(let file, let status): (path, planned) = (file, status)
        case .archiveEntry(let archive, _, let status): (path, planned) = (archive, status)
        case .bytes, .nothing: return
        }
        let now: FileStatus
        do throws(FileError) { now = try FileStatus.of(path, followLinks: true) } catch { throw .file(error) }
        if !now.isUnchanged(since: planned) { throw .changed(path: path) }
    }

    private func result(_ group: StripGroup, _ folder: String) throws(FileError) -> Made {
        var made = Made()
        for member in group.members {
            let path = folder + "/" + member.cacheName
            let status = try FileStatus.of(path, followLinks: false)
            // What is a static library by its name alone stays as it is.
            if status.size == 0 { continue }
            let facts = try ContentFacts.of(InputFile(path: path), keepsSymbols: true)
            made.files.append((member.candidate.position, path, status, facts))
        }
        if let debug = group.debug {
            let path = folder + "/" + debug.cacheName
            made.debugFile = DebugFile(
                buildID: debug.buildID, path: path, status: try FileStatus.of(path, followLinks: false))
        }
        return made
    }
}

extension PlannedEntry {
    /// Puts a file that was stripped in the place of what it was made of.
    fileprivate mutating func replaceContents(path: String, _ status: FileStatus, facts found: ContentFacts) {
        entry.kind = .file(size: status.size)
        unstrippedSource = source
        source = .file(path: path, status: status)
        facts = found
    }
}

/// A temporary folder for the programs, in that of the cache, locked so that another run can tell whether it was abandoned.
final class StripFolder: Sendable {
    static let prefix = ".debbuild-strip-"
    private let path: String
    private let lock: DirectoryLock

    init(in folder: String) throws(StripError) {
        path = folder + "/" + Self.prefix + String(UInt64.random(in: 0...(.max)), radix: 32)
        do throws(FileError) {
            try FileTree.createDirectory(path)
            lock = try DirectoryLock(path)
        } catch { throw .file(error) }
    }

    deinit { FileTree.removeRecursively(path) }

    func subfolder(_ name: String) throws(StripError) -> String {
        do throws(FileError) { try FileTree.createDirectory(path + "/" + name) } catch { throw .file(error) }
        return path + "/" + name
    }

    static func isThere(_ path: String) throws(StripError) -> Bool {
        do throws(FileError) {
            return try FileStatus.ofIfExists(path, followLinks: false) != nil
        } catch { throw .file(error) }
    }

    /// Gives a file its name in the cache, once it is complete. If another run has been faster, its file stays: the plan
    /// of that run knows it by its inode.
    static func publish(_ file: String, as target: String) throws(StripError) {
        do throws(FileError) {
            try FileTree.finish(file, permissions: 0o644)
            do throws(FileError) {
                try FileTree.makeHardLink(to: file, at: target)
                try FileTree.remove(file)
            } catch {
                // Not every file system has hard links.
                if error.errno != EEXIST { try FileTree.rename(file, to: target) } else { try FileTree.remove(file) }
            }
        } catch { throw .file(error) }
    }

    static func makeEmpty(_ path: String) throws(StripError) {
        do throws(FileError) { try NewFile(path: path).finish() } catch { throw .file(error) }
    }

    /// Whether a file is an ar(5) archive with something else than texts in it.
    static func isStaticLibrary(_ path: String) throws(StripError) -> Bool {
        do throws(FileError) {
            let beginning = try InputFile(path: path).bytes(at: 0, count: 512)
            return beginning.starts(with: "!<arch>\n".utf8) && beginning.contains(0)
        } catch { throw .file(error) }
    }

    /// Files with the contents of what is not in the cache yet, by the position of the entry; archives are read once.
    func inputs(of groups: [StripGroup]) throws(StripError) -> [Int: String] {
        var inputs: [Int: String] = [:]
        var wanted: [ByteKey: [Int: [Int]]] = [:]
        for member in groups.flatMap(\.members) {
            switch member.candidate.source {
            case .file(let path, _): inputs[member.candidate.position] = path
            case .archiveEntry(let path, let index, _):
                wanted[ByteKey(path), default: [:]][index, default: []].append(member.candidate.position)
            case .bytes, .nothing: break
            }
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        do {
            for (archive, entries) in wanted {
                let reader = try ArchiveReader(path: archive.text, limits: .readBefore)
                var left = entries.count
                var index = 0
                while left > 0, try reader.next() != nil {
                    defer { index += 1 }
                    guard let positions = entries[index] else { continue }
                    left -= 1
                    let target = path + "/entry-\(positions[0])"
                    let file = try NewFile(path: target)
                    while case let count = try reader.read(into: buffer), count > 0 {
                        try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    }
                    try file.finish()
                    for position in positions { inputs[position] = target }
                }
                if left > 0 { throw StripError.changed(path: archive.text) }
            }
        } catch let error as StripError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .archive("\(error)")
        }
        return inputs
    }
}
