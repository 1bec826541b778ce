import Crypto
import Files
import Synchronization

/// SHA-256 of files, remembered by size, modification time, inode and device, so that a file that has not changed is
/// not read again.
public final class ChecksumCache: Sendable {
    private struct Key: Hashable {
        var size: Int64
        var seconds: Int64
        var nanoseconds: Int64
        var inode: UInt64
        var device: UInt64

        init(_ status: FileStatus) {
            size = status.size
            seconds = status.modificationSeconds
            nanoseconds = status.modificationNanoseconds
            inode = status.inode
            device = status.device
        }
    }

    private struct State {
        var sums: [Key: String] = [:]
        var isChanged = false
    }

    private static let header = "debbuild checksums 1"
    private let path: String?
    private let state: Mutex<State>

    /// Opens a cache kept in a file; one that cannot be read or understood counts as empty.
    ///
    /// - Parameters:
    ///   - path: nil keeps the sums in memory alone.
    ///   - isFresh: begins empty whatever the file holds.
    public init(path: String?, isFresh: Bool = false) {
        self.path = path
        var loaded = State()
        if let path, !isFresh, let bytes = try? FileTree.readWhole(path, limit: 256 << 20) {
            loaded.sums = Self.parse(bytes)
        }
        state = Mutex(loaded)
    }

    /// The remembered checksum of a file, if it has not changed since.
    public func remembered(_ status: FileStatus) -> String? {
        state.withLock { $0.sums[Key(status)] }
    }

    /// Remembers a checksum that was taken while the file was in this state.
    public func remember(_ sha256: String, for status: FileStatus) {
        state.withLock {
            $0.sums[Key(status)] = sha256
            $0.isChanged = true
        }
    }

    /// The checksum of a file, read only if it is not remembered.
    public func sha256(of path: String, status: FileStatus) throws(FileError) -> String {
        if let known = remembered(status) { return known }
        let file = try InputFile(path: path)
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { break }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let text = Hexadecimal.text(hash.finalize())
        // Remembered only for the state that it was read in.
        if try file.currentStatus() == file.status { remember(text, for: file.status) }
        return text
    }

    /// Writes what is new to the file, if the cache has one.
    public func save() throws(FileError) {
        guard let path else { return }
        let text: String? = state.withLock { state in
            guard state.isChanged else { return nil }
            state.isChanged = false
            let lines = state.sums.map { key, sum in
                "\(sum) \(key.size) \(key.seconds) \(key.nanoseconds) \(key.inode) \(key.device)"
            }
            return Self.header + "\n" + lines.sorted().joined(separator: "\n") + "\n"
        }
        guard let text else { return }
        let file = try AtomicFile(target: path)
        try file.write(text: text)
        try file.commit(.none)
    }

    private static func parse(_ bytes: [UInt8]) -> [Key: String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"))[...]
        guard let first = lines.popFirst(), String(decoding: first, as: UTF8.self) == header else { return [:] }
        var sums: [Key: String] = [:]
        sums.reserveCapacity(lines.count)
        for line in lines {
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count == 6, words[0].count == 64, let size = number(words[1]), let seconds = number(words[2]),
                let nanoseconds = number(words[3]), let inode = number(words[4]), let device = number(words[5])
            else { continue }
            let status = FileStatus(
                kind: .file, permissions: 0, size: size, modificationSeconds: seconds,
                modificationNanoseconds: nanoseconds, inode: UInt64(bitPattern: inode),
                device: UInt64(bitPattern: device), owner: 0, group: 0)
            sums[Key(status)] = String(decoding: words[0], as: UTF8.self)
        }
        return sums
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        Int64(String(decoding: digits, as: UTF8.self))
    }
}
