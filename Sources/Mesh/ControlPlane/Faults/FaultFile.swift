import Files
import Synchronization

/// The faults that are on: a file in the state directory, so that they outlive neither it nor need a connection.
public final class FaultFile: Sendable {
    private let path: String
    private struct Reading {
        var status: FileStatus?
        var faults: Set<Fault> = []
    }
    private let reading = Mutex(Reading())

    /// The file of a state directory.
    public init(state: String) { path = state + "/faults" }

    /// The faults that are on now. The file is read again when it has changed.
    public func current() throws(FileError) -> Set<Fault> {
        let status = try FileStatus.ofIfExists(path, followLinks: false)
        if let known = reading.withLock({ $0.status == status ? $0.faults : nil }) { return known }
        let faults = try read()
        reading.withLock { $0 = Reading(status: status, faults: faults) }
        return faults
    }

    /// Turns a fault on or off.
    public func set(_ fault: Fault, isOn: Bool) throws(FileError) {
        var faults = try read()
        if isOn { faults.insert(fault) } else { faults.remove(fault) }
        let text = faults.map { $0.rawValue + "\n" }.sorted().joined()
        let file = try AtomicFile(target: path, permissions: 0o600)
        try file.write(Array(text.utf8))
        try file.commit()
    }

    private func read() throws(FileError) -> Set<Fault> {
        guard try FileStatus.ofIfExists(path, followLinks: false) != nil else { return [] }
        let bytes = try FileTree.readWhole(path, limit: 1 << 16)
        // A name that this version does not know is no fault of it.
        return Set(
            bytes.split(separator: UInt8(ascii: "\n")).compactMap {
                Fault(rawValue: String(decoding: $0, as: UTF8.self))
            })
    }
}
