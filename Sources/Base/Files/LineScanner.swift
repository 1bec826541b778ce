import Glibc

/// Lines of a file one after the other, without holding more than a block of it.
public enum LineScanner {
    private static let blockSize = 1 << 17

    /// Calls the body with each line without its newline; of a line of more than 128 KiB with its pieces.
    public static func scan(
        _ path: String, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(FileError) {
        let file = try InputFile(path: path)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockSize, alignment: 64)
        defer { block.deallocate() }
        guard let base = block.baseAddress else { return }
        var used = 0
        while true {
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: block[used...]))
            used += count
            var start = 0
            while start < used, let newline = memchr(base + start, 0x0a, used - start) {
                let end = newline - UnsafeMutableRawPointer(base)
                body(UnsafeRawBufferPointer(rebasing: block[start..<end]))
                start = end + 1
            }
            if count == 0 || (start == 0 && used == block.count) {
                if start < used { body(UnsafeRawBufferPointer(rebasing: block[start..<used])) }
                if count == 0 { return }
                start = used
            }
            memmove(base, base + start, used - start)
            used -= start
        }
    }
}
