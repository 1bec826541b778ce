import Files
import Glibc
import Platform

/// What a host runs by itself: the commands of units and timers, of cron tables and hooks, of programs that run, and of the
/// scripts that these call.
package struct HostJobs: Sendable {
    /// Who starts the commands of a file.
    package enum Origin: Sendable, Hashable {
        /// A unit of systemd, by its name.
        case unit(String)
        /// A table of cron(8).
        case table
        /// A script that somebody runs on an occasion: cron.daily, if-up.d.
        case hook
        /// A program that runs.
        case process(Int32)
        /// Only those who call it.
        case script
    }

    /// A command.
    package struct Line: Sendable, Hashable {
        /// The file that it is in; `process NUMBER` for that of a program.
        package var file: String
        /// Its number in the file, from 1 on; 0 for that of a program.
        package var number: Int
        /// The key of a unit file, such as ExecStart.
        package var key: String?
        /// The command.
        package var text: String

        /// It for people.
        package var shown: String {
            (number > 0 ? "\(file):\(number)" : file) + ": " + SecretMask.maskedKeys(text).shortened(to: 160)
        }
    }

    /// A file with commands.
    package struct File: Sendable {
        package var path: String
        package var origin: Origin
        package var lines: [Line]
        /// The commands that start it.
        package var callers: [Line] = []
    }

    /// The files, by their paths.
    package private(set) var files: [String: File] = [:]
    /// The timers that start a unit, by its name.
    private(set) var timers: [String: [String]] = [:]

    /// The files that a unit, a table, a hook or a program comes to a file through; the file itself is among them if it is one.
    package func roots(of path: String) -> [(file: File, line: Line?)] {
        var found: [(file: File, line: Line?)] = []
        var seen: Set<String> = []
        var waiting: [(path: String, line: Line?)] = [(path, nil)]
        while let next = waiting.popLast() {
            guard seen.insert(next.path).inserted, let file = files[next.path] else { continue }
            if file.origin != .script { found.append((file, next.line)) }
            waiting += file.callers.map { ($0.file, $0) }
        }
        return found
    }

    /// Commands that keep a file's commands from being run again. Nothing is deleted.
    ///
    /// - Parameter line: the command itself, for one that is a line of a table.
    package func undo(of line: Line) -> [String] {
        var commands: [String] = []
        for root in roots(of: line.file) where !root.file.isPackaged {
            let place = root.line ?? line
            switch root.file.origin {
            case .unit(let name):
                for unit in (timers[name] ?? []) + [name] {
                    guard let word = ShellWord.quoted(unit) else { continue }
                    let isOfThisBoot = root.file.path.startsBytewise("/run/")
                    commands.append(isOfThisBoot ? "systemctl stop \(word)" : "systemctl disable --now \(word)")
                }
            case .table:
                guard let file = ShellWord.quoted(root.file.path) else { continue }
                commands.append("cp --backup=numbered \(file) /root/ && sed -i '\(place.number)s/^/# /' \(file)")
            case .hook:
                guard let file = ShellWord.quoted(root.file.path) else { continue }
                commands.append("chmod a-x \(file)")
            case .process(let pid): commands.append("kill \(pid)")
            case .script: continue
            }
        }
        var seen: Set<String> = []
        return commands.filter { seen.insert($0).inserted }
    }

    // MARK: - reading

    private static let unitFolders = [
        "/etc/systemd/system.control", "/run/systemd/transient", "/run/systemd/generator.early", "/etc/systemd/system",
        "/run/systemd/system", "/run/systemd/generator", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
        "/lib/systemd/system", "/run/systemd/generator.late",
    ]
    private static let tables = ["/etc/crontab", "/etc/anacrontab", "/etc/network/interfaces"]
    private static let tableFolders = ["/etc/cron.d", "/var/spool/cron/crontabs", "/etc/network/interfaces.d"]
    private static let hookFolders = [
        "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/var/spool/cron/atjobs",
        "/etc/network/if-pre-up.d", "/etc/network/if-up.d", "/etc/network/if-down.d", "/etc/network/if-post-down.d",
        "/etc/NetworkManager/dispatcher.d", "/etc/networkd-dispatcher/routable.d",
        "/etc/networkd-dispatcher/configured.d", "/etc/dhcp/dhclient-enter-hooks.d", "/etc/dhcp/dhclient-exit-hooks.d",
    ]
    /// Where commands without a folder are looked for, other than those of Debian's packages.
    private static let localPrograms = ["/usr/local/sbin", "/usr/local/bin"]
    /// Longer files are programs and data, and not scripts.
    private static let sizeLimit = 64 << 10
    private static let fileLimit = 2000
    private static let depthLimit = 4

    /// Reads them.
    ///
    /// - Parameters:
    ///   - path: where a path of the host is for this process.
    ///   - processes: the programs that run, without this one and those that have started it.
    static func read(path: (String) -> String, processes: [ProcessEntry] = []) -> HostJobs {
        var reader = Reader()
        reader.read(path, processes)
        return HostJobs(files: reader.files, timers: reader.timers)
    }

    private struct Reader {
        var files: [String: File] = [:]
        var timers: [String: [String]] = [:]
        private var looked: Set<String> = []
        private var local: [String: String] = [:]

        mutating func read(_ path: (String) -> String, _ processes: [ProcessEntry]) {
            for folder in HostJobs.localPrograms.reversed() {
                for name in names(folder, path) { local[name] = folder + "/" + name }
            }
            readUnits(path)
            for folder in HostJobs.tableFolders {
                for name in names(folder, path) { add(folder + "/" + name, .table, path) }
            }
            for file in HostJobs.tables { add(file, .table, path) }
            for folder in HostJobs.hookFolders {
                for name in names(folder, path) { add(folder + "/" + name, .hook, path) }
            }
            for entry in processes where !entry.isKernelThread && !entry.arguments.isEmpty {
                let text = entry.arguments.joined(separator: " ").utf8.map { $0 == Ascii.newline ? Ascii.space : $0 }
                let line = Line(file: "process \(entry.pid)", number: 0, text: Ascii.text(text))
                // What cron or ssh has started is not theirs.
                let unit = Self.unit(of: entry, path).flatMap { name in
                    files.values.contains { $0.origin == .unit(name) && !$0.isPackaged } ? name : nil
                }
                files[line.file] = File(
                    path: line.file, origin: unit.map { .unit($0) } ?? .process(entry.pid), lines: [line])
            }
            var fresh = files.keys.sorted()
            for _ in 0..<HostJobs.depthLimit {
                fresh = follow(fresh, path)
                if fresh.isEmpty { break }
            }
        }

        // What cannot be read, or has just gone, tells nothing.
        private func names(_ folder: String, _ path: (String) -> String) -> [String] {
            do throws(FileError) { return try FileTree.children(of: path(folder)).sorted() } catch { return [] }
        }

        private func bytes(_ file: String, _ path: (String) -> String) -> [UInt8]? {
            do throws(FileError) {
                let place = path(file)
                guard let status = try FileStatus.ofIfExists(place, followLinks: true), status.kind == .file,
                    (1...Int64(HostJobs.sizeLimit)).contains(status.size)
                else { return nil }
                let bytes = try FileTree.readWhole(place, limit: HostJobs.sizeLimit)
                return bytes.contains(0) ? nil : bytes
            } catch { return nil }
        }

        /// Whether a file that a command names is a script, or what an administrator has written for one: not a log.
        private func isScript(_ file: String, _ bytes: [UInt8], _ path: (String) -> String) -> Bool {
            if bytes.starts(with: "#!".utf8) || access(path(file), X_OK) == 0 { return true }
            return ["/etc/", "/usr/local/", "/opt/", "/srv/", "/root/", "/home/"].contains { file.startsBytewise($0) }
        }

        /// The service of the system that a program belongs to.
        private static func unit(of entry: ProcessEntry, _ path: (String) -> String) -> String? {
            do throws(ProbeError) {
                guard let group = try ProcessDetails.controlGroup(path("/proc/\(entry.pid)")),
                    !group.containsBytewise("user.slice/"), let unit = ProcessDetails.unit(ofControlGroup: group)
                else { return nil }
                return unit.endsBytewise(".service") ? unit : nil
            } catch { return nil }
        }

        private mutating func readUnits(_ path: (String) -> String) {
            var known: Set<String> = []
            var folders: [String] = []
            for folder in HostJobs.unitFolders {
                var own: [String] = []
                for name in names(folder, path) {
                    let file = folder + "/" + name
                    if name.endsBytewise(".d") {
                        folders.append(file)
                    } else if name.endsBytewise(".service") || name.endsBytewise(".timer") {
                        own.append(name)
                    }
                }
                // The same name in a folder further down is hidden.
                for name in own where known.insert(name).inserted { readUnit(folder + "/" + name, name, path) }
            }
            for folder in folders {
                let unit = ProcessEntry.lastPart(of: folder.utf8.dropLast(2))
                guard unit.endsBytewise(".service") else { continue }
                for name in names(folder, path) where name.endsBytewise(".conf") {
                    readUnit(folder + "/" + name, unit, path)
                }
            }
        }

        private mutating func readUnit(_ file: String, _ name: String, _ path: (String) -> String) {
            guard looked.insert(file).inserted, let bytes = bytes(file, path) else { return }
            var found: [Line] = []
            for line in HostJobs.lines(of: file, bytes) {
                guard let equals = line.text.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let key = Ascii.text(Ascii.trimmed(Array(line.text.utf8[..<equals])[...]))
                let value = Ascii.text(Ascii.trimmed(Array(line.text.utf8[equals...].dropFirst())[...]))
                if name.endsBytewise(".timer") {
                    if key == "Unit" { timers[value, default: []].append(name) }
                } else if key.startsBytewise("Exec"), !value.isEmpty {
                    found.append(Line(file: file, number: line.number, key: key, text: value))
                }
            }
            if name.endsBytewise(".timer") {
                let service = Ascii.text(name.utf8.dropLast(".timer".utf8.count)) + ".service"
                if !timers.values.contains(where: { $0.contains(name) }) { timers[service, default: []].append(name) }
            } else {
                files[file] = File(path: file, origin: .unit(name), lines: found)
            }
        }

        private mutating func add(
            _ file: String, _ origin: Origin, _ path: (String) -> String, _ callers: [Line] = []
        ) {
            guard files.count < HostJobs.fileLimit, looked.insert(file).inserted, let bytes = bytes(file, path),
                origin != .script || isScript(file, bytes, path)
            else { return }
            files[file] = File(path: file, origin: origin, lines: HostJobs.lines(of: file, bytes), callers: callers)
        }

        /// The scripts that files call and that were not read yet.
        private mutating func follow(_ fresh: [String], _ path: (String) -> String) -> [String] {
            var next: [String] = []
            for file in fresh {
                for line in files[file]?.lines ?? [] {
                    for called in HostJobs.paths(in: line.text, local) where called != file {
                        if files[called] != nil {
                            if files[called]?.origin == .script { files[called]?.callers.append(line) }
                            continue
                        }
                        add(called, .script, path, [line])
                        if files[called] != nil { next.append(called) }
                    }
                }
            }
            return next
        }
    }

    /// The lines of a script, a table or a unit file without comments; those that go on in the next one as one.
    private static func lines(of file: String, _ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var open: Line?
        for (index, line) in Bytes.lines(bytes).enumerated() {
            var text = Ascii.trimmed(line[...])
            if open == nil {
                guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { continue }
            }
            let goesOn = text.last == UInt8(ascii: "\\")
            if goesOn { text = Ascii.trimmedAtEnd(text.dropLast()) }
            if open == nil {
                open = Line(file: file, number: index + 1, text: Ascii.text(text))
            } else {
                open?.text += " " + Ascii.text(text)
            }
            if !goesOn, let whole = open {
                lines.append(whole)
                open = nil
            }
        }
        if let open { lines.append(open) }
        return lines
    }

    /// The files that a command names: absolute paths, and programs of the administrator.
    private static func paths(in text: String, _ local: [String: String]) -> [String] {
        let separators = Array(" \t;&|()<>\"'`=,".utf8)
        return text.utf8.split { separators.contains($0) }.compactMap { word in
            // `-`, `@`, `:`, `+` and `!` stand before the program in ExecStart= (systemd.service(5)).
            let name = Ascii.text(word.drop { "-@:+!".utf8.contains($0) })
            guard let first = name.utf8.first else { return nil }
            if first != UInt8(ascii: "/") { return local[name] }
            let isNoScript = ["/dev/", "/proc/", "/sys/"].contains { name.startsBytewise($0) }
            return isNoScript || name.utf8.count < 3 ? nil : name
        }
    }
}

extension Host {
    /// What this host runs by itself, read once.
    package nonisolated func jobs(for request: ProbeRequest) async throws(ProbeError) -> HostJobs {
        let table: ProcessTable?
        do throws(ProbeError) {
            table = try await processes(for: request)
        } catch {
            guard error.reason == .notPermitted else { throw error }
            table = nil
        }
        // Who has started this process, and how, changes nothing on the host.
        var own: Set<Int32> = []
        var pid = getpid()
        while pid > 1, own.insert(pid).inserted { pid = table?.entry(pid)?.parent ?? 0 }
        let others = (table?.entries ?? []).filter { !own.contains($0.pid) && !own.contains($0.parent) && $0.pid != 1 }
        let host = self
        return try await systemFact("jobs", "look at what this host runs", since: nil) { () throws(ProbeError) in
            HostJobs.read(path: { host.path($0) }, processes: others)
        }
    }
}
