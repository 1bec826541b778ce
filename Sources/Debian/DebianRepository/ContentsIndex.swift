import Archive
import Files
import Platform

/// The files of the newest version of each package, as `Contents-ARCH` lists them: path, blanks, section and package.
///
/// Without versions in it, the list of several could not be told apart when one of them is removed.
enum ContentsIndex {
    /// The path of the list below a suite.
    static func path(component: String, architecture: String) -> String { "\(component)/Contents-\(architecture)" }

    /// What a package puts into the list.
    struct Files: Sendable {
        var location: String
        /// Without the slash in front, in byte order.
        var paths: [String]

        init(section: String?, package: String, paths: some Sequence<String>) {
            location = (section ?? "unknown") + "/" + package
            self.paths = paths.map { String($0.drop { $0 == "/" }) }
                .filter { !$0.isEmpty && !$0.utf8.contains(Ascii.newline) }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    /// Copies a list, with what it says of some packages replaced.
    ///
    /// - Parameters:
    ///   - changed: by name; nil for one that is no longer there.
    static func rewrite(
        _ source: (any ByteSource)?, name: String, changed: [String: Files?], to output: IndexOutput
    ) throws(RepositoryError) {
        var new: [(path: String, location: String)] = []
        for case let files? in changed.values {
            for path in files.paths { new.append((path, files.location)) }
        }
        new.sort { left, right in
            left.path == right.path
                ? left.location < right.location : left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
        }
        var next = 0
        func writeLine(_ path: some Sequence<UInt8>, _ locations: [Substring]) throws(RepositoryError) {
            try output.write(path)
            try output.write(("\t" + locations.joined(separator: ",") + "\n").utf8)
        }
        /// What comes before a path, or all that is left.
        func writeNew(before path: ArraySlice<UInt8>?) throws(RepositoryError) {
            while next < new.count {
                let item = new[next]
                if let path, !item.path.utf8.lexicographicallyPrecedes(path) { return }
                try writeLine(item.path.utf8, takeNew(item.path))
            }
        }
        func takeNew(_ path: String) -> [Substring] {
            var locations: [Substring] = []
            while next < new.count, new[next].path == path {
                locations.append(new[next].location[...])
                next += 1
            }
            return locations
        }
        if let source {
            let lines = StreamLines(source, name: name)
            while let line = try lines.next() {
                guard let blank = line.lastIndex(where: { Ascii.isHorizontalBlank($0) }) else { continue }
                let path = Ascii.trimmedAtEnd(line[..<blank])
                try writeNew(before: path)
                let kept = Ascii.text(line[(blank + 1)...]).split(separator: ",").filter { location in
                    changed.index(forKey: String(location.split(separator: "/").last ?? location)) == nil
                }
                let added = next < new.count && new[next].path.utf8.elementsEqual(path) ? takeNew(new[next].path) : []
                let locations = (kept + added).sorted()
                if !locations.isEmpty { try writeLine(path, locations) }
            }
        }
        try writeNew(before: nil)
    }
}

/// Lines of a stream, with no more than a block of it in memory.
final class StreamLines {
    private let source: any ByteSource
    private let name: String
    private var buffer: [UInt8] = []
    private var start = 0
    private var isEnded = false
    private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    private static let lineLimit = 1 << 20

    init(_ source: any ByteSource, name: String) {
        self.source = source
        self.name = name
    }

    deinit { block.deallocate() }

    /// The next line without its end.
    func next() throws(RepositoryError) -> ArraySlice<UInt8>? {
        while true {
            if let end = buffer[start...].firstIndex(of: Ascii.newline) {
                defer { start = end + 1 }
                return buffer[start..<end]
            }
            if isEnded {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return buffer[start...]
            }
            guard buffer.count - start < Self.lineLimit else {
                throw RepositoryError(
                    .input, "index-corrupt", "a line of \(name) has more than \(Self.lineLimit) bytes")
            }
            buffer.removeFirst(start)
            start = 0
            let count = try RepositoryError.wrapping("cannot read \(name)") { try source.read(into: block) }
            if count == 0 { isEnded = true } else { buffer += block[..<count] }
        }
    }
}
