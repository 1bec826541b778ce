/// A file whose bytes can be read at any offset.
public protocol RandomAccess: AnyObject {
    /// Reads at an offset without moving the position; 0 at or behind the end.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int
}

extension AtomicFile: RandomAccess {}
extension InputFile: RandomAccess {}
extension ScratchFile: RandomAccess {}

extension RandomAccess {
    /// Up to `count` bytes from an offset; fewer at the end of the file.
    public func bytes(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        var failure: FileError?
        var length = 0
        bytes.withUnsafeMutableBytes { buffer in
            do throws(FileError) {
                while length < buffer.count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
                    let got = try read(at: offset + Int64(length), into: rest)
                    if got == 0 { break }
                    length += got
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes.prefix(length))
    }
}
