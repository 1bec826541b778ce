/// The mounted file systems (proc(5), /proc/self/mountinfo).
struct MountTable: Sendable {
    private var mounts: [(point: [UInt8], type: String)]

    init(_ text: [UInt8]) {
        mounts = Bytes.lines(text).compactMap { line in
            let words = Bytes.words(line)
            guard let separator = words.firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                words.count > separator + 1, words.count > 4
            else { return nil }
            return (Self.unescaped(words[4]), Bytes.text(words[separator + 1]))
        }
    }

    /// The type of the file system that a path is on, links not followed; the last of several mounts at one place.
    func fileSystem(of path: String) -> String? {
        let path = Array(path.utf8)
        var best: (length: Int, type: String)?
        for mount in mounts {
            let isRoot = mount.point == [UInt8(ascii: "/")]
            let isAbove =
                isRoot || path == mount.point
                || path.starts(with: mount.point) && path[mount.point.count] == UInt8(ascii: "/")
            if isAbove, mount.point.count >= best?.length ?? 0 { best = (mount.point.count, mount.type) }
        }
        return best?.type
    }

    /// Blanks, tabs, newlines and backslashes stand as `\040` and the like.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                result.append(digits.reduce(0) { $0 &<< 3 | ($1 & 7) })
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

extension Host {
    /// The mounted file systems, read once.
    nonisolated func mounts(for request: ProbeRequest) async throws(ProbeError) -> MountTable {
        let proc = path("/proc/self/mountinfo")
        return try await fact("mounts", since: request.since) { () async throws(ProbeError) in
            try await BlockingPool.files.run("read \(proc)", until: .now + .seconds(5)) { () throws(ProbeError) in
                MountTable(try SystemFile.read(proc, limit: 16 << 20) ?? [])
            }
        }
    }
}
