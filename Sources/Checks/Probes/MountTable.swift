import Platform

/// The mounted file systems (proc(5), /proc/self/mountinfo).
struct MountTable: Sendable {
    /// One of them.
    struct Mount: Sendable, Hashable {
        var point: [UInt8]
        var type: String
        /// What is mounted: a device, a share, or a name that says nothing.
        var source: String
        /// Options of the mount, then those of the file system that are not among them.
        var options: [String]
    }

    private(set) var mounts: [Mount]

    init(_ text: [UInt8]) {
        mounts = Bytes.lines(text).compactMap { line in
            let words = Ascii.words(line[...])
            guard let separator = words.firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                words.count > separator + 1, words.count > 5
            else { return nil }
            func options(_ place: Int) -> [String] {
                guard words.count > place else { return [] }
                return words[place].split(separator: UInt8(ascii: ",")).map { Ascii.text(Self.unescaped($0)) }
            }
            let own = options(5)
            return Mount(
                point: Self.unescaped(words[4]), type: Ascii.text(words[separator + 1]),
                source: words.count > separator + 2 ? Ascii.text(Self.unescaped(words[separator + 2])) : "none",
                options: own + options(separator + 3).filter { !own.contains($0) && $0 != "ro" && $0 != "rw" })
        }
    }

    /// The type of the file system that a path is on, links not followed; the last of several mounts at one place.
    func fileSystem(of path: String) -> String? { mount(of: path)?.type }

    /// The mount that a path is on.
    func mount(of path: String) -> (point: String, type: String)? {
        let path = Array(path.utf8)
        var best: (length: Int, point: String, type: String)?
        for mount in mounts {
            let isRoot = mount.point == [UInt8(ascii: "/")]
            let isAbove =
                isRoot || path == mount.point
                || path.starts(with: mount.point) && path[mount.point.count] == UInt8(ascii: "/")
            if isAbove, mount.point.count >= best?.length ?? 0 {
                best = (mount.point.count, Ascii.text(mount.point), mount.type)
            }
        }
        return best.map { ($0.point, $0.type) }
    }

    /// Blanks, tabs, newlines and backslashes stand as `\040` and the like.
    static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
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
        return try await systemFact("mounts", "read \(proc)", since: request.since) { () throws(ProbeError) in
            MountTable(try SystemFile.read(proc, limit: 16 << 20) ?? [])
        }
    }
}
