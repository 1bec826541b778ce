import Files

/// Where bytes go to.
public protocol ByteSink: AnyObject {
    /// Takes all of the bytes or fails.
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)
}

/// Where bytes come from.
public protocol ByteSource: AnyObject {
    /// Reads the next bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int
}

extension AtomicFile: ByteSink {}
extension ScratchFile: ByteSink {}
