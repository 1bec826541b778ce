import Glibc

/// The processes that a process has started, and those that these have started (proc(5)).
enum ProcessTree {
    /// A process at a time: its number may be another's later.
    struct Member: Sendable, Hashable {
        var pid: pid_t
        /// Clock ticks from the boot to its start.
        var started: UInt64

        /// Sends a signal, if it is still the same process.
        func signal(_ signal: Signal) {
            guard let now = ProcessTree.stat(pid), now.started == started else { return }
            kill(pid, signal.rawValue)
        }
    }

    private struct Stat {
        var parent: pid_t
        var group: pid_t
        var started: UInt64
    }

    /// The descendants of a leader that are not in its group. One whose parent has ended is nobody's descendant: a
    /// daemon has seen to that.
    static func strays(of leader: pid_t) -> [Member] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var all: [pid_t: Stat] = [:]
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = pid_t(name), let stat = stat(pid) else { continue }
            all[pid] = stat
        }
        var found: Set<pid_t> = [leader]
        var strays: [Member] = []
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            for (pid, stat) in all where found.contains(stat.parent) && found.insert(pid).inserted {
                isGrowing = true
                if stat.group != leader { strays.append(Member(pid: pid, started: stat.started)) }
            }
        }
        return strays
    }

    private static func stat(_ pid: pid_t) -> Stat? {
        let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(descriptor, &buffer, buffer.count)
        // The name may have blanks and parentheses in it.
        guard count > 0, let end = buffer[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = buffer[(end + 1)..<count].split(separator: UInt8(ascii: " "))
        func number(_ index: Int) -> Int64? { Int64(String(decoding: fields[index], as: UTF8.self)) }
        guard fields.count > 19, let parent = number(1), let group = number(2), let started = number(19) else {
            return nil
        }
        return Stat(
            parent: pid_t(truncatingIfNeeded: parent), group: pid_t(truncatingIfNeeded: group),
            started: UInt64(clamping: started))
    }
}
