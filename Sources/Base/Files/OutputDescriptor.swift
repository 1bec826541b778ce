import Glibc

/// Writes whole buffers to a descriptor.
enum OutputDescriptor {
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(FileError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write", path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
