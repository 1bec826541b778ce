import CProcess
import Glibc
import Synchronization

/// The call that starts a program, in the thread that calls.
enum Spawner {
    /// What a spawn gives.
    struct Spawned: Sendable {
        var pid: pid_t
        var standardInput: Descriptor?
        var standardOutput: Descriptor?
        var standardError: Descriptor?
    }

    /// Starts a program and waits until it runs or has failed to.
    static func spawn(_ options: SpawnOptions) throws(ProcessError) -> Spawned {
        try check(options)
        let subject = options.executable
        var null: Descriptor?
        var keptForChild: [Descriptor] = []
        var parentEnds: [Descriptor?] = [nil, nil, nil]
        var streams: [Int32] = []
        for (index, stream) in [options.standardInput, options.standardOutput, options.standardError].enumerated() {
            switch stream {
            case .inherit: streams.append(Int32(index))
            case .descriptor(let number): streams.append(number)
            case .null:
                if null == nil { null = try openNull(for: subject) }
                streams.append(null?.number ?? -1)
            case .pipe:
                let ends = try Descriptor.pipe(for: subject)
                let (mine, its) = index == 0 ? (ends.write, ends.read) : (ends.read, ends.write)
                parentEnds[index] = mine
                keptForChild.append(its)
                streams.append(its.number)
            }
        }
        defer { withExtendedLifetime((null, keptForChild)) {} }
        let pid = try call(options, streams: streams)
        return Spawned(
            pid: pid, standardInput: parentEnds[0], standardOutput: parentEnds[1], standardError: parentEnds[2])
    }

    private static func openNull(for subject: String) throws(ProcessError) -> Descriptor {
        let opened = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard opened >= 0 else { throw ProcessError(step: .streams, subject: subject, errno: errno) }
        return Descriptor(owning: opened)
    }

    /// C's strings end at a byte 0: what follows one would be lost in silence.
    private static func check(_ options: SpawnOptions) throws(ProcessError) {
        let texts =
            [options.executable] + options.arguments + (options.environment ?? [])
            + [options.name, options.workingDirectory].compactMap { $0 }
        for text in texts where text.utf8.contains(0) {
            throw ProcessError(step: .prepare, subject: text, errno: EINVAL)
        }
        for entry in options.environment ?? [] where !entry.utf8.dropFirst().contains(UInt8(ascii: "=")) {
            throw ProcessError(step: .prepare, subject: entry, errno: EINVAL)
        }
    }

    private static func call(_ options: SpawnOptions, streams: [Int32]) throws(ProcessError) -> pid_t {
        let arguments = CStringArray([options.name ?? options.executable] + options.arguments)
        let environment = options.environment.map(CStringArray.init)
        var pid: pid_t = -1
        var failed = CPROCESS_STEP_NONE
        var settings = cprocess_options()
        settings.streams = (streams[0], streams[1], streams[2])
        settings.group =
            switch options.group {
            case .inherit: CPROCESS_GROUP_INHERIT
            case .new: CPROCESS_GROUP_NEW
            case .session: CPROCESS_GROUP_SESSION
            }
        settings.parent_death_signal = options.parentDeathSignal?.rawValue ?? 0
        let groups = options.user?.supplementaryGroups ?? []
        if let user = options.user {
            settings.changes_user = 1
            settings.user = user.id
            settings.main_group = user.group
            settings.group_count = groups.count
        }
        let status = options.executable.withCString { path in
            withOptionalCString(options.workingDirectory) { directory in
                groups.withUnsafeBufferPointer { groups in
                    settings.path = path
                    settings.directory = directory
                    settings.groups = groups.baseAddress
                    settings.arguments = arguments.pointer
                    settings.environment = environment?.pointer
                    return cprocess_spawn(&settings, &pid, &failed)
                }
            }
        }
        withExtendedLifetime((arguments, environment)) {}
        guard status == 0 else {
            let step = step(failed)
            let subject = step == .directory ? options.workingDirectory ?? options.executable : options.executable
            throw ProcessError(step: step, subject: subject, errno: status)
        }
        return pid
    }

    private static func step(_ failed: cprocess_step) -> ProcessError.Step {
        switch failed {
        case CPROCESS_STEP_PIPE: .pipe
        case CPROCESS_STEP_FORK: .fork
        case CPROCESS_STEP_STREAMS: .streams
        case CPROCESS_STEP_GROUP: .group
        case CPROCESS_STEP_USER: .user
        case CPROCESS_STEP_PARENT: .parent
        case CPROCESS_STEP_DIRECTORY: .directory
        default: .execute
        }
    }

    private static func withOptionalCString<Result>(
        _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        guard let text else { return body(nil) }
        return text.withCString { body($0) }
    }
}

/// An array of C strings with a null pointer at its end, as execve(2) wants it.
private final class CStringArray {
    private let storage: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>

    init(_ texts: [String]) {
        storage = .allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { storage.initializeElement(at: index, to: strdup(text)) }
        storage.initializeElement(at: texts.count, to: nil)
    }

    deinit {
        for text in storage { free(text) }
        storage.deallocate()
    }

    var pointer: UnsafePointer<UnsafeMutablePointer<CChar>?>? { UnsafePointer(storage.baseAddress) }
}

/// A file descriptor that is closed when nobody refers to it any more, or before.
public final class Descriptor: Sendable {
    private let value: Atomic<Int32>

    /// The number, for system calls while this object is held; -1 after ``close()``.
    public var number: Int32 { value.load(ordering: .acquiring) }

    /// Takes over a descriptor.
    public init(owning number: Int32) { value = Atomic(number) }

    deinit { close() }

    /// Closes it now. Nothing may be using ``number`` in another thread.
    public func close() {
        let number = value.exchange(-1, ordering: .acquiringAndReleasing)
        // Whatever close(2) says, the number is free afterwards, and there is nothing left to be done.
        if number >= 0 { _ = Glibc.close(number) }
    }

    /// A pipe whose ends are closed on exec.
    static func pipe(for subject: String) throws(ProcessError) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        let status = cprocess_pipe(&ends)
        guard status == 0 else { throw ProcessError(step: .pipe, subject: subject, errno: status) }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// What can be read without waiting: empty at the end, nil when there is nothing yet.
    func available() -> [UInt8]? {
        let limit = 1 << 16
        var count = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, size in
            repeat { count = read(number, buffer.baseAddress, limit) } while count < 0 && errno == EINTR
            size = max(0, count)
        }
        return count < 0 && errno == EAGAIN ? nil : bytes
    }

    /// Makes reads and writes return EAGAIN instead of waiting. The flag belongs to the open file, so both sides of a
    /// duplicated descriptor have it; the two ends of a pipe are different files.
    func doNotBlock(for subject: String) throws(ProcessError) {
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw ProcessError(step: .pipe, subject: subject, errno: errno)
        }
    }
}

/// Input of a program that its pipe has no room for yet.
final class UnwrittenInput: Sendable {
    private let bytes: Mutex<ArraySlice<UInt8>>

    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes[...]) }

    /// Writes what fits: true when all is written, false when nobody reads, nil when there is more. A thread that blocks
    /// SIGPIPE has to call it.
    func write(to descriptor: Descriptor) -> Bool? {
        bytes.withLock { bytes in
            while !bytes.isEmpty {
                let count = bytes.withUnsafeBytes { Glibc.write(descriptor.number, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { return errno == EAGAIN ? nil : false }
                bytes = bytes.dropFirst(count)
            }
            return true
        }
    }
}
