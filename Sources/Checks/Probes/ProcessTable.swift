import Files
import Glibc
import Platform

/// The processes of the host at a moment.
struct ProcessTable: Sendable {
    /// All that were there, the newest first.
    var entries: [ProcessEntry]
    /// Wall clock at the boot, in nanoseconds since 1970.
    var bootTime: Int64
    /// Since the boot until the table was read, in nanoseconds.
    var readSinceBoot: UInt64
    /// Whether processes of other users are hidden (`hidepid`, proc(5)).
    var isIncomplete = false

    /// The process of a number.
    func entry(_ pid: Int32) -> ProcessEntry? { entries.first { $0.pid == pid } }

    /// When a process started, in nanoseconds since 1970.
    func started(_ entry: ProcessEntry) -> Int64 { bootTime &+ Int64(clamping: entry.startedSinceBoot) }

    /// How long a process had run, in nanoseconds.
    func age(_ entry: ProcessEntry) -> Int64 {
        Int64(clamping: readSinceBoot) - Int64(clamping: min(readSinceBoot, entry.startedSinceBoot))
    }

    /// Reads /proc. A process that goes meanwhile is not in the table.
    static func read(proc: String) throws(ProbeError) -> ProcessTable {
        let ticks = UInt64(clamping: max(1, sysconf(Int32(_SC_CLK_TCK))))
        var entries: [ProcessEntry] = []
        for pid in try SystemFile.processIdentifiers(in: proc) {
            if let entry = try ProcessEntry.read(pid, in: proc, ticksPerSecond: ticks) { entries.append(entry) }
        }
        entries.sort { ($0.startedSinceBoot, $0.pid) > ($1.startedSinceBoot, $1.pid) }
        let sinceBoot = KernelClock.sinceBoot
        // There always is a process 1: who does not see it does not see others either.
        return ProcessTable(
            entries: entries, bootTime: KernelClock.wall &- Int64(clamping: sinceBoot), readSinceBoot: sinceBoot,
            isIncomplete: proc == "/proc" && !entries.contains { $0.pid == 1 })
    }
}

extension Host {
    /// The processes, read once.
    nonisolated func processes(for request: ProbeRequest) async throws(ProbeError) -> ProcessTable {
        let proc = path("/proc")
        let diversions = path(PackageDiversions.path)
        return try await systemFact("processes", "read \(proc)", since: request.since) { () throws(ProbeError) in
            var table = try ProcessTable.read(proc: proc)
            // A wrapper stands in the program's place and starts what dpkg has put elsewhere for it: it is still the program.
            let names = PackageDiversions.originals(try FileTree.readIfExists(diversions, limit: 16 << 20) ?? [])
            if names.isEmpty { return table }
            for index in table.entries.indices {
                guard let path = table.entries[index].executable, let original = names[path] else { continue }
                table.entries[index].executable = original
            }
            return table
        }
    }
}

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
    /// What it does (proc(5)): `R`, `S`, `D`, `T` …
    var state: UInt8

    /// Whether it has ended and waits for its parent.
    var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }
    /// Whether something has stopped it: a signal or a debugger.
    var isStopped: Bool { state == UInt8(ascii: "T") || state == UInt8(ascii: "t") }
    /// The state in a word.
    var stateWord: String {
        switch state {
        case UInt8(ascii: "R"): "running"
        case UInt8(ascii: "S"), UInt8(ascii: "I"): "sleeping"
        case UInt8(ascii: "D"): "waiting-for-disk"
        case UInt8(ascii: "T"): "stopped"
        case UInt8(ascii: "t"): "traced"
        case UInt8(ascii: "Z"), UInt8(ascii: "X"): "zombie"
        default: "unknown"
        }
    }

    /// Whether it is a thread of the kernel, which has no program.
    var isKernelThread: Bool
    /// Whether this user may not see its program.
    var hidesProgram = false

    /// What stands behind the last slash.
    static func lastPart(of path: some Collection<UInt8>) -> String {
        path.split(separator: UInt8(ascii: "/")).last.map { Ascii.text($0) } ?? ""
    }

    /// What stands behind the last slash.
    static func lastPart(of path: String) -> String { lastPart(of: path.utf8) }
}

extension ProcessEntry {
    /// Reads a process; nil when it has gone.
    static func read(_ pid: Int32, in proc: String, ticksPerSecond: UInt64) throws(ProbeError) -> ProcessEntry? {
        let folder = "\(proc)/\(pid)"
        guard let stat = try SystemFile.read(folder + "/stat", limit: 4096),
            let status = try SystemFile.read(folder + "/status", limit: 1 << 16),
            let line = try SystemFile.read(folder + "/cmdline", limit: 8 << 20),
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
            entry.hidesProgram = !entry.isKernelThread
        }
        return entry
    }

    /// Reads the texts of `stat` and `status`; nil when they are cut off, as those of a process that ends may be.
    static func parse(stat: [UInt8], status: [UInt8], ticksPerSecond: UInt64) -> ProcessEntry? {
        // The name may hold blanks and parentheses: only the last one ends it.
        guard let open = stat.firstIndex(of: UInt8(ascii: "(")), let close = stat.lastIndex(of: UInt8(ascii: ")")),
            open < close, let pid = Bytes.decimal(Ascii.trimmed(stat[..<open]))
        else { return nil }
        let fields = Ascii.words(stat[(close + 1)...])
        guard fields.count >= 20, let parent = Bytes.decimal(fields[1]), let start = Bytes.decimal(fields[19]) else {
            return nil
        }
        var numbers: [String: Int64] = [:]
        for line in Bytes.lines(status) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let words = Ascii.words(line[(colon + 1)...])
            let name = Ascii.text(line[..<colon])
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
            command: Ascii.text(stat[(open + 1)..<close]), arguments: [], executable: nil, isDeleted: nil,
            user: UInt32(truncatingIfNeeded: user), group: UInt32(truncatingIfNeeded: group),
            threads: numbers["Threads"] ?? 0, residentBytes: (numbers["VmRSS"] ?? 0) &* 1024,
            startedSinceBoot: seconds &* 1_000_000_000 &+ rest &* 1_000_000_000 / max(1, ticksPerSecond),
            state: fields[0].first ?? 0,
            // PF_KTHREAD of the kernel's sched.h.
            isKernelThread: (Bytes.decimal(fields[6]) ?? 0) & 0x0020_0000 != 0)
    }

    /// The arguments in `cmdline`, each ended by a byte 0. A program that writes over its arguments may end without.
    static func arguments(of line: [UInt8]) -> [String] {
        var parts = line.split(separator: 0, omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        return parts.map { Ascii.text($0) }
    }
}
