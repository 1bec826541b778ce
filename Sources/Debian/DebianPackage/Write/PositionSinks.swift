import Archive
import Files

/// Counts bytes and passes them on, if there is somebody to take them.
final class CountingSink: ByteSink {
    private let next: (any ByteSink)?
    private(set) var count: Int64 = 0

    init(forwardingTo next: (any ByteSink)? = nil) {
        self.next = next
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try next?.write(bytes)
        count += Int64(bytes.count)
    }
}

/// Writes the beginning of a file whose rest is there already and drops that.
final class BeginningSink: ByteSink {
    private let file: AtomicFile
    private let length: Int64
    private var offset: Int64 = 0

    init(_ file: AtomicFile, length: Int64) {
        self.file = file
        self.length = length
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        let part = bytes.prefix(Int(clamping: max(0, length - offset)))
        try file.write(UnsafeRawBufferPointer(rebasing: part), at: offset)
        offset += Int64(bytes.count)
    }
}
