import Archive
import Files
import Platform

/// The contents of entries of archives in the order of a plan, which is not the order of the archives: each archive is
/// read once, and what is met before its turn, or needed again, waits in an unlinked file.
final class ArchivePayload {
    private struct State {
        var reader: ArchiveReader
        /// The entry that the reader gives next.
        var next = 0
        /// Where the entries that have been laid down are.
        var stored: [Int: (offset: Int64, size: Int64)] = [:]
    }

    /// How often each entry is still needed, by the archive's path.
    private var uses: [ByteKey: [Int: Int]] = [:]
    private var states: [ByteKey: State] = [:]
    private var scratch: ScratchFile?
    private let scratchFolder: String
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)

    /// Prepares for what the entries need.
    init(_ entries: [PlannedEntry], scratchFolder: String) {
        self.scratchFolder = scratchFolder
        for planned in entries {
            guard case .archiveEntry(let path, let index, _) = planned.source else { continue }
            uses[ByteKey(path), default: [:]][index, default: 0] += 1
        }
    }

    deinit { buffer.deallocate() }

    /// The contents of an entry, to be read before the next one is asked for.
    ///
    /// - Parameter check: called before the archive is opened.
    func contents(
        of path: String, entry index: Int, check: () throws -> Void
    ) throws -> any ByteSource {
        let key = ByteKey(path)
        if states[key] == nil {
            try check()
            states[key] = State(reader: try ArchiveReader(path: path, limits: .readBefore))
        }
        guard var state = states[key] else { throw BuildError.changedWhileRead(path: path) }
        defer { states[key] = state }
        if let place = state.stored[index], let scratch {
            return StoredContents(scratch, offset: place.offset, size: place.size)
        }
        while state.next <= index {
            guard try state.reader.next() != nil else { throw BuildError.changedWhileRead(path: path) }
            let reached = state.next
            state.next += 1
            let needed = uses[key]?[reached] ?? 0
            if reached == index, needed == 1 { return state.reader }
            guard needed > 0 else { continue }
            state.stored[reached] = try store(state.reader)
            if reached == index, let place = state.stored[index], let scratch {
                return StoredContents(scratch, offset: place.offset, size: place.size)
            }
        }
        throw BuildError.changedWhileRead(path: path)
    }

    private func store(_ reader: ArchiveReader) throws -> (offset: Int64, size: Int64) {
        let file: ScratchFile
        if let scratch { file = scratch } else { file = try ScratchFile(in: scratchFolder) }
        scratch = file
        let offset = file.size
        while case let count = try reader.read(into: buffer), count > 0 {
            try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        return (offset, file.size - offset)
    }
}

/// A part of a scratch file as a source of bytes.
private final class StoredContents: ByteSource {
    private let file: ScratchFile
    private var offset: Int64
    private var remaining: Int64

    init(_ file: ScratchFile, offset: Int64, size: Int64) {
        self.file = file
        self.offset = offset
        remaining = size
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        if remaining == 0 { return 0 }
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, Int(clamping: remaining))])
        do throws(FileError) {
            let count = try file.read(at: offset, into: part)
            guard count > 0 else {
                throw FileError(operation: "read", path: "a scratch file", errno: 5)
            }
            offset += Int64(count)
            remaining -= Int64(count)
            return count
        } catch {
            throw ArchiveError(operation: "read", subject: "a scratch file", code: .input(error), detail: "")
        }
    }
}
