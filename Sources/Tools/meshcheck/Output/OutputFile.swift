import Files
import Glibc

/// Files that the user names.
enum OutputFile {
    /// Writes a file in one go: who reads it, such as node_exporter, never sees half of one.
    static func write(_ text: String, to path: String) throws(FileError) {
        let kind = try FileStatus.ofIfExists(path, followLinks: true)?.kind
        // A pipe or device, such as /dev/null, must not be replaced by a file.
        if kind == .other {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
            guard descriptor >= 0 else { throw FileError(operation: "open", path: path, errno: errno) }
            defer { close(descriptor) }
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw FileError(operation: "write", path: path, errno: errno) }
                rest = rest.dropFirst(count)
            }
            return
        }
        let file = try AtomicFile(target: path)
        var failure: FileError?
        var text = text
        text.withUTF8 { buffer in
            do throws(FileError) { try file.write(UnsafeRawBufferPointer(buffer)) } catch { failure = error }
        }
        if let failure { throw failure }
        try file.commit(.contents)
    }
}
