import Glibc
import Platform

/// Why a file cannot be run.
enum ExecutionObstacle: Sendable, Hashable, CustomStringConvertible {
    case folder
    /// Nobody may execute it.
    case noMode(String)
    case mount
    indirect case interpreter(String, ExecutionObstacle)
    /// A script whose first line names a program that is not there.
    case noInterpreter(String)
    /// This user may not execute it, or not pass a folder above it.
    case notForUser(String)

    /// How many scripts may be the interpreters of one another (execve(2)).
    private static let depthLimit = 4

    /// The obstacle of a path; nil when there is none, or this user cannot see it.
    init?(_ path: String, depth: Int = 0) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        if status.st_mode & S_IFMT == S_IFDIR {
            self = .folder
            return
        }
        if status.st_mode & 0o111 == 0 {
            self = .noMode(Self.digits(status.st_mode))
            return
        }
        var fileSystem = statvfs()
        if statvfs(path, &fileSystem) == 0, fileSystem.f_flag & Self.noExec != 0 {
            self = .mount
            return
        }
        guard depth < Self.depthLimit, let interpreter = Self.interpreter(of: path) else { return nil }
        if access(interpreter, F_OK) != 0, errno == ENOENT {
            self = .noInterpreter(interpreter)
            return
        }
        guard let obstacle = ExecutionObstacle(interpreter, depth: depth + 1) else { return nil }
        self = .interpreter(interpreter, obstacle)
    }

    /// What keeps the calling thread's user from executing a path; nil when nothing does, or there is no such file.
    static func found(at path: String) -> (path: String, obstacle: ExecutionObstacle)? {
        if let obstacle = ExecutionObstacle(path) { return (path, obstacle) }
        guard faccessat(AT_FDCWD, path, X_OK, 0x200 /* AT_EACCESS */) != 0, errno == EACCES else { return nil }
        var status = stat()
        let isSeen = stat(path, &status) == 0
        return (path, .notForUser(isSeen ? Self.digits(status.st_mode) : ""))
    }

    private static func digits(_ mode: mode_t) -> String {
        PackageFiles.fourDigits(String(mode & 0o7777, radix: 8))
    }

    /// The program that a script names behind `#!`; nil for other files and for those that cannot be read.
    private static func interpreter(of path: String) -> String? {
        do throws(ProbeError) {
            guard let head = try SystemFile.read(path, limit: 256), head.starts(with: "#!".utf8) else { return nil }
            // A carriage return is part of the name for the kernel.
            let line = head.dropFirst(2).prefix { $0 != Ascii.newline }.drop(while: isGap)
            let name = line.prefix { !isGap($0) }
            return name.isEmpty ? nil : Ascii.text(name)
        } catch {
            return nil
        }
    }

    private static func isGap(_ byte: UInt8) -> Bool { byte == Ascii.space || byte == 0x09 }

    /// `ST_NOEXEC` of statvfs(3), which Swift does not import.
    private static let noExec: UInt = 8

    /// Commands that remove it.
    func undo(of path: String, _ mounts: MountTable) -> [String] {
        guard let word = ShellWord.quoted(path) else { return [] }
        switch self {
        case .folder, .noInterpreter: return []
        case .noMode: return ["chmod a+rx \(word)"]
        case .notForUser: return ["namei -l \(word)", "chmod a+rx \(word)"]
        case .mount:
            guard let point = ShellWord.quoted(mounts.mount(of: path)?.point ?? "/") else { return [] }
            return ["mount -o remount,exec,bind \(point) || mount -o remount,exec \(point)"]
        case .interpreter(let interpreter, let obstacle): return obstacle.undo(of: interpreter, mounts)
        }
    }

    var description: String {
        switch self {
        case .folder: "a folder"
        case .noMode(let mode): "a file that nobody may execute (mode \(mode))"
        case .mount: "a file on a file system that is mounted noexec"
        case .interpreter(let path, let obstacle): "a script for \(path), which is \(obstacle)"
        case .noInterpreter(let name):
            "a script for '\(name.debugDescription.dropFirst().dropLast())', which is not there"
        case .notForUser(""): "in a folder that the user may not pass"
        case .notForUser(let mode): "a file that the user may not execute (mode \(mode))"
        }
    }
}
