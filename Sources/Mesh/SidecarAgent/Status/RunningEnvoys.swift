import Files
import Glibc
import MeshContract

/// An Envoy that an agent has started.
public struct RunningEnvoy: Sendable, Hashable, Encodable {
    /// The restart epoch.
    public var epoch: Int
    /// The process.
    public var pid: Int
    /// Since its start; nil where /proc does not tell.
    public var uptimeSeconds: Int?
}

/// Finds Envoys by their command lines, so that no file can say something else than the machine.
enum RunningEnvoys {
    /// The Envoys of a configuration folder, the newest epoch last.
    static func find(configurationFolder: String) throws(FileError) -> [RunningEnvoy] {
        var found: [RunningEnvoy] = []
        let uptime = machineUptime()
        for name in try FileTree.children(of: "/proc") {
            // Names of processes are numbers. One that ends meanwhile, or whose files this user may not read, is passed
            // over.
            guard let pid = Int(name), let line = readAll("/proc/\(name)/cmdline"),
                let epoch = epoch(ofCommandLine: line, configurationFolder)
            else { continue }
            let started = readAll("/proc/\(name)/stat").flatMap(startTime)
            let seconds = uptime.flatMap { uptime in started.map { max(0, uptime - $0) } }
            found.append(RunningEnvoy(epoch: epoch, pid: pid, uptimeSeconds: seconds))
        }
        return found.sorted { $0.epoch < $1.epoch }
    }

    /// The epoch, if the arguments are those of an Envoy with its configuration in the folder.
    static func epoch(ofCommandLine bytes: [UInt8], _ folder: String) -> Int? {
        let arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard arguments.count > 4, arguments[1] == "-c", arguments[3] == "--restart-epoch",
            let epoch = Int(arguments[4]),
            arguments[2] == folder + "/" + EnvoyCommand.configurationFileName(epoch: epoch)
        else { return nil }
        return epoch
    }

    /// Seconds from boot to the start (proc(5), /proc/pid/stat, field 22).
    private static func startTime(_ stat: [UInt8]) -> Int? {
        // Field 2 is a name in parentheses and may have anything in it; field 3 follows the last one.
        guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
        let ticks = Int(sysconf(Int32(_SC_CLK_TCK)))
        guard fields.count > 19, ticks > 0, let start = Int(String(decoding: fields[19], as: UTF8.self)) else {
            return nil
        }
        return start / ticks
    }

    private static func machineUptime() -> Int? {
        readAll("/proc/uptime").flatMap { bytes in
            Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
        }
    }

    /// Files of /proc say that they have no bytes, so they are read until their end.
    private static func readAll(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[length...])
                return read(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            length += count
        }
        return Array(bytes.prefix(length))
    }
}
