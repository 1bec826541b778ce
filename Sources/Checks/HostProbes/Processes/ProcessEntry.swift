/// A process as /proc shows it (proc(5)).
struct ProcessEntry: Sendable, Hashable {
    /// Its number.
    var pid: Int32
    /// The number of the process that started it, or of what took that one's place.
    var parent: Int32
    /// The name that the kernel keeps, at most fifteen bytes.
    var command: String
    /// The arguments, the program's name first; empty for threads of the kernel.
    var arguments: [String]
    /// The program's file; nil when this user may not see it, or it is a thread of the kernel.
    var executable: String?
    /// Whether the program's file was deleted or replaced since the start; nil when this user may not see it.
    var isDeleted: Bool?
    /// The effective user.
    var user: UInt32
    /// The effective group.
    var group: UInt32
    /// Threads.
    var threads: Int64
    /// Bytes of memory in use.
    var residentBytes: Int64
    /// Nanoseconds from the boot to the start.
    var startedSinceBoot: UInt64
    /// Whether it has ended and waits for its parent.
    var isZombie: Bool

    /// The file of the program; where that cannot be seen, the name it was started by if that is a path.
    var shownExecutable: String? {
        if let executable { return executable }
        guard let name = arguments.first, name.utf8.first == UInt8(ascii: "/") else { return nil }
        return name
    }
}

extension ProcessEntry {
    /// Reads a process; nil when it has gone.
    static func read(_ pid: Int32, in proc: String, ticksPerSecond: UInt64) throws(ProbeError) -> ProcessEntry? {
        let folder = "\(proc)/\(pid)"
        guard let stat = try SystemFile.read(folder + "/stat", limit: 4096),
            let status = try SystemFile.read(folder + "/status", limit: 1 << 16),
            let line = try SystemFile.read(folder + "/cmdline", limit: 1 << 20),
            var entry = parse(stat: stat, status: status, ticksPerSecond: ticksPerSecond)
        else { return nil }
        entry.arguments = arguments(of: line)
        do throws(ProbeError) {
            if let link = try SystemFile.link(folder + "/exe") {
                let mark = " (deleted)"
                entry.isDeleted = link.endsBytewise(mark)
                entry.executable =
                    link.endsBytewise(mark)
                    ? String(decoding: Array(link.utf8.dropLast(mark.utf8.count)), as: UTF8.self) : link
            }
        } catch {
            // Another user's process: its file stays unknown, which whoever asks for it is told.
            guard error.reason == .notPermitted else { throw error }
        }
        return entry
    }

    /// Reads the texts of `stat` and `status`; nil when they are cut off, as those of a process that ends may be.
    static func parse(stat: [UInt8], status: [UInt8], ticksPerSecond: UInt64) -> ProcessEntry? {
        // The name may hold blanks and parentheses: only the last one ends it.
        guard let open = stat.firstIndex(of: UInt8(ascii: "(")), let close = stat.lastIndex(of: UInt8(ascii: ")")),
            open < close, let pid = Bytes.decimal(Bytes.trimmed(Array(stat[..<open])))
        else { return nil }
        let fields = Bytes.words(Bytes.trimmed(Array(stat[(close + 1)...])))
        guard fields.count >= 20, let parent = Bytes.decimal(fields[1]), let start = Bytes.decimal(fields[19]) else {
            return nil
        }
        var numbers: [String: Int64] = [:]
        for line in Bytes.lines(status) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let words = Bytes.words(line[(colon + 1)...])
            let name = Bytes.text(line[..<colon])
            // Of the four ids the second is the effective one.
            let index = name == "Uid" || name == "Gid" ? 1 : 0
            if ["Uid", "Gid", "Threads", "VmRSS"].contains(name), words.count > index {
                numbers[name] = Bytes.decimal(words[index])
            }
        }
        guard let user = numbers["Uid"], let group = numbers["Gid"] else { return nil }
        let (seconds, rest) = UInt64(start).quotientAndRemainder(dividingBy: max(1, ticksPerSecond))
        return ProcessEntry(
            pid: Int32(truncatingIfNeeded: pid), parent: Int32(truncatingIfNeeded: parent),
            command: Bytes.text(stat[(open + 1)..<close]), arguments: [], executable: nil, isDeleted: nil,
            user: UInt32(truncatingIfNeeded: user), group: UInt32(truncatingIfNeeded: group),
            threads: numbers["Threads"] ?? 0, residentBytes: (numbers["VmRSS"] ?? 0) &* 1024,
            startedSinceBoot: seconds &* 1_000_000_000 &+ rest &* 1_000_000_000 / max(1, ticksPerSecond),
            isZombie: fields[0].elementsEqual([UInt8(ascii: "Z")]))
    }

    /// The arguments in `cmdline`, each ended by a byte 0. A program that writes over its arguments may end without.
    static func arguments(of line: [UInt8]) -> [String] {
        var parts = line.split(separator: 0, omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        return parts.map { Bytes.text($0) }
    }
}
