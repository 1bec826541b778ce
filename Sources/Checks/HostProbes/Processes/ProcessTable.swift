import Glibc
import Platform

/// The processes of the machine at a moment.
struct ProcessTable: Sendable {
    /// All that were there, the newest first.
    var entries: [ProcessEntry]
    /// Wall clock at the boot, in nanoseconds since 1970.
    var bootTime: Int64
    /// Since the boot until the table was read, in nanoseconds.
    var readSinceBoot: UInt64

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
        return ProcessTable(
            entries: entries, bootTime: KernelClock.wall &- Int64(clamping: sinceBoot), readSinceBoot: sinceBoot)
    }
}

extension Host {
    /// The processes, read once.
    nonisolated func processes(for request: ProbeRequest) async throws(ProbeError) -> ProcessTable {
        let proc = path("/proc")
        return try await fact("processes", since: request.since) { () async throws(ProbeError) in
            try await BlockingPool.files.run("read \(proc)", until: .now + .seconds(10)) {
                () throws(ProbeError) in try ProcessTable.read(proc: proc)
            }
        }
    }
}
