import Files

/// Takes one regular file out of an archive.
public enum MemberExtractor {
    /// Streams the member with exactly this path to a file; nothing else is written.
    ///
    /// - Parameters:
    ///   - member: the path as it stands in the archive, with or without a leading `./`.
    ///   - permissions: the mode of the file; that in the archive is not looked at.
    public static func extract(
        archive: String, member: String, to target: String, permissions: UInt16,
        limits: ArchiveLimits = ArchiveLimits()
    ) throws(ArchiveError) {
        let wanted = Entry.hardLinkTarget(member) ?? member
        let reader = try ArchiveReader(path: archive, limits: limits)
        var similar: [String] = []
        let name = LexicalPath.components(wanted).last ?? ""
        while let entry = try reader.next() {
            guard entry.path == member || entry.normalisedPath == wanted else {
                if similar.count < 5, LexicalPath.components(entry.path).last == name { similar.append(entry.path) }
                continue
            }
            guard case .file(let size) = entry.kind else {
                throw ArchiveError(
                    operation: "unpack '\(member)' of", subject: archive, code: .unsupported,
                    detail: "the member is not a regular file but a \(word(entry.kind))")
            }
            try copy(reader, size: size, archive: archive, to: target, permissions: permissions)
            return
        }
        throw ArchiveError(
            operation: "unpack '\(member)' of", subject: archive, code: .memberMissing,
            detail: "there is no such member"
                + (similar.isEmpty ? "" : "; it has " + similar.map { "'\($0)'" }.joined(separator: ", ")))
    }

    private static func copy(
        _ reader: ArchiveReader, size: Int64, archive: String, to target: String, permissions: UInt16
    ) throws(ArchiveError) {
        do {
            let file = try AtomicFile(target: target, permissions: permissions)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
            defer { buffer.deallocate() }
            var written: Int64 = 0
            while true {
                let count = try reader.read(into: buffer)
                if count == 0 { break }
                written += Int64(count)
                try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            // A zip written as a stream has the size after the data, so that it is not known here.
            guard written == size || size == 0 else {
                throw ArchiveError(
                    operation: "unpack", subject: archive, code: .truncated, detail: "\(written) of \(size) bytes")
            }
            try file.commit()
        } catch let error as ArchiveError {
            throw error
        } catch let error as FileError {
            throw ArchiveError(operation: "unpack", subject: archive, code: .output(error), detail: "")
        } catch {
            throw ArchiveError(operation: "unpack", subject: archive, code: .library, detail: "\(error)")
        }
    }

    private static func word(_ kind: Entry.Kind) -> String {
        switch kind {
        case .file: "file"
        case .directory: "directory"
        case .symbolicLink: "symbolic link"
        case .hardLink: "hard link"
        case .other(let name, _): name
        }
    }
}
