import Archive
import Crypto
import Files
import Glibc
import Platform

/// Size and checksums of a file, as `Release` lists them.
struct FileSums: Sendable, Hashable {
    var size: Int64
    var sha256: String
    var sha512: String
}

/// Passes bytes on and keeps what `Release` says of them.
final class SummingSink: ByteSink {
    private let next: (any ByteSink)?
    private var sha256 = SHA256()
    private var sha512 = SHA512()
    private var size: Int64 = 0

    init(_ next: (any ByteSink)?) { self.next = next }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try next?.write(bytes)
        sha256.update(bufferPointer: bytes)
        sha512.update(bufferPointer: bytes)
        size += Int64(bytes.count)
    }

    func finish() -> FileSums {
        FileSums(
            size: size, sha256: Hexadecimal.text(sha256.finalize()), sha512: Hexadecimal.text(sha512.finalize()))
    }

    /// The sums of a file.
    static func sums(of path: String) throws(FileError) -> FileSums {
        let sink = SummingSink(nil)
        try sink.copy(try InputFile(path: path))
        return sink.finish()
    }

    /// Passes on the whole of a file.
    func copy(_ input: InputFile) throws(FileError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        while case let count = try input.read(into: buffer), count > 0 {
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// An index that is about to be published.
struct IndexFile {
    /// From the suite's folder on, such as `main/binary-amd64/Packages.xz`.
    var path: String
    var sums: FileSums
    /// Nil for one that is only listed: clients unpack another and compare.
    var file: AtomicFile?
}

/// Writes an index in each of its forms in one pass.
final class IndexOutput {
    private struct Form {
        let path: String
        let writer: ArchiveWriter
        let sink: SummingSink
        let file: AtomicFile
    }

    private let path: String
    private let plain = SummingSink(nil)
    private var forms: [Form] = []
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 18

    /// - Parameters:
    ///   - suiteFolder: the absolute path of the suite's folder.
    ///   - path: the index without the ending of its compression.
    init(in suiteFolder: String, _ path: String, as compressions: [Compression]) throws(RepositoryError) {
        self.path = path
        let folder = suiteFolder + "/" + LexicalPath.split(path).folder + "/" + ByHash.folder(.sha256)
        let threads = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        for compression in compressions {
            let form: Form = try RepositoryError.wrapping {
                let file = try AtomicFile(target: folder + "/" + LexicalPath.split(path).name)
                let sink = SummingSink(file)
                let writer = try ArchiveWriter(format: .raw, compression: compression, threads: threads, sink: sink)
                try writer.beginStream()
                return Form(path: path + compression.fileSuffix, writer: writer, sink: sink, file: file)
            }
            forms.append(form)
        }
    }

    func write(_ bytes: some Sequence<UInt8>) throws(RepositoryError) {
        buffer += bytes
        if buffer.count >= Self.bufferSize { try flush() }
    }

    private func flush() throws(RepositoryError) {
        try RepositoryError.wrapping("cannot write \(path)") {
            try buffer.withUnsafeBytes { bytes in
                try plain.write(bytes)
                for form in forms { try form.writer.append(bytes) }
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Ends every form; the files have no name yet.
    func finish() throws(RepositoryError) -> [IndexFile] {
        try flush()
        var files = [IndexFile(path: path, sums: plain.finish(), file: nil)]
        for form in forms {
            try RepositoryError.wrapping("cannot write \(path)") { try form.writer.finish() }
            files.append(IndexFile(path: form.path, sums: form.sink.finish(), file: form.file))
        }
        return files
    }
}

/// Names of indexes that follow from their contents, so that a client gets the one that the state which it has read
/// lists, whatever has been published since.
enum ByHash {
    enum Kind: String, CaseIterable {
        case sha256 = "SHA256"
        case sha512 = "SHA512"
    }

    static func folder(_ kind: Kind) -> String { "by-hash/" + kind.rawValue }

    /// The path beside the index.
    static func path(of index: String, _ sums: FileSums, _ kind: Kind) -> String {
        let folder = LexicalPath.split(index).folder
        return folder + "/" + self.folder(kind) + "/" + (kind == .sha256 ? sums.sha256 : sums.sha512)
    }

    /// Makes the folders beside an index.
    static func makeFolders(for index: String, suite: String, in root: String) throws(RepositoryError) {
        for kind in Kind.allCases {
            try PoolPath.makeFolder(
                "dists/\(suite)/\(LexicalPath.split(index).folder)/\(folder(kind))", in: root)
        }
    }

    /// Gives files the names that follow from their contents.
    static func commit(_ files: [IndexFile], in suiteFolder: String) throws(FileError) {
        var written: [AtomicFile] = []
        for item in files {
            guard let file = item.file else { continue }
            file.target = suiteFolder + "/" + path(of: item.path, item.sums, .sha256)
            written.append(file)
        }
        try AtomicFile.commit(written)
        for item in files where item.file != nil {
            try FileTree.replaceWithHardLink(
                suiteFolder + "/" + path(of: item.path, item.sums, .sha512),
                to: suiteFolder + "/" + path(of: item.path, item.sums, .sha256))
        }
        for folder in Set(written.map { LexicalPath.split($0.target).folder }) {
            try FileTree.syncDirectory(folder)
            try FileTree.syncDirectory(LexicalPath.split(folder).folder + "/" + Kind.sha512.rawValue)
        }
    }

    /// Gives them their plain names too, for clients that do not know the others.
    static func exchange(_ files: [IndexFile], in suiteFolder: String) throws(FileError) {
        for item in files where item.file != nil {
            try FileTree.replaceWithHardLink(
                suiteFolder + "/" + item.path, to: suiteFolder + "/" + path(of: item.path, item.sums, .sha256))
        }
        for folder in Set(files.map { LexicalPath.split(suiteFolder + "/" + $0.path).folder }) {
            try FileTree.syncDirectory(folder)
        }
    }
}
