import CLinux
import ELF
import Files
import Platform

/// The C library.
struct LibraryProbe: Probe {
    static let kind = SubjectKind(
        "libc", "The C library of the host, and whether it is new enough for programs.", mainParameter: "files",
        parameters: [.init("files", .list(.text), "Absolute paths of programs and libraries to check.")],
        attributes: [
            .init("version", .text, "Version, such as 2.36."),
            .init("needed", .map(.text), "By path: the newest version of the C library that the file needs."),
            .init("libraries", .map(.list(.text)), "By path: the libraries that the file needs."),
            .init("missing-files", .list(.text), "Those of `files` that do not exist."),
            .init("unsatisfied", .list(.text), "Files that need a newer version than the host's."),
            .init("satisfied", .bool, "Whether all of `files` exist and none needs a newer version."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        try host.requireThisMachine("ask for the C library")
        let files = try request.texts("files") ?? []
        // The one that this program was linked with at its start: the machine's.
        let present = String(cString: clinux_libc_version())
        let read = try await BlockingPool.files.run("read programs", until: request.deadline) { () throws(ProbeError) in
            // Where dpkg has put a program elsewhere, something stands in its place that starts it, such as a script.
            let places = PackageDiversions.places(
                try FileTree.readIfExists(PackageDiversions.path, limit: 16 << 20) ?? [])
            var read: [(path: String, file: ELFFile?)] = []
            for path in files { read.append((path, try Self.read(places[path] ?? path))) }
            return read
        }
        var needed: [String: Value] = [:]
        var libraries: [String: Value] = [:]
        var unsatisfied: [String] = []
        for (path, file) in read {
            guard let file else { continue }
            let newest = Self.newestVersion(of: file)
            needed[path] = .text(orNull: newest)
            libraries[path] = .texts(file.needed)
            if let newest, Self.numbers(present).lexicographicallyPrecedes(Self.numbers(newest)) {
                unsatisfied.append(path)
            }
        }
        let missing = read.filter { $0.file == nil }.map(\.path)
        return Observation(
            [
                "version": .text(present), "needed": .map(needed), "libraries": .map(libraries),
                "missing-files": .texts(missing), "unsatisfied": .texts(unsatisfied),
                "satisfied": .bool(missing.isEmpty && unsatisfied.isEmpty),
            ],
            evidence: ["glibc \(present)"]
                + read.map { path, file in
                    "\(path): "
                        + (file == nil
                            ? "not there" : "needs glibc \(file.flatMap(Self.newestVersion) ?? "of any age")")
                })
    }

    private static func read(_ path: String) throws(ProbeError) -> ELFFile? {
        do throws(FileError) {
            guard try FileStatus.ofIfExists(path, followLinks: true) != nil else { return nil }
        } catch { throw ProbeError(error) }
        do {
            let file = try InputFile(path: path)
            return try ELFFile(
                reading: { offset, count in try file.bytes(at: Int64(offset), count: count) },
                size: UInt64(file.status.size))
        } catch let error as FileError {
            throw ProbeError(error)
        } catch {
            throw ProbeError(.malformed, "read \(path)", expected: "an ELF file", found: "\(error)".shortened())
        }
    }

    /// The newest `GLIBC_x.y` of all that a file asks for.
    private static func newestVersion(of file: ELFFile) -> String? {
        let prefix = "GLIBC_"
        return file.versionNeeds.flatMap(\.versions).filter { $0.startsBytewise(prefix) }
            .map { Ascii.text($0.utf8.dropFirst(prefix.utf8.count)) }.filter { !numbers($0).isEmpty }
            .max { numbers($0).lexicographicallyPrecedes(numbers($1)) }
    }

    private static func numbers(_ version: String) -> [Int64] {
        version.utf8.split(separator: UInt8(ascii: ".")).compactMap { Bytes.decimal($0) }
    }
}
