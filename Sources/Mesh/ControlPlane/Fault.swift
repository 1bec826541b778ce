import Files
import Synchronization

/// What can be made to go wrong, for tests and the lab.
public enum Fault: String, Sendable, Hashable, CaseIterable {
    case pilotRefuse = "pilot-refuse"
    case pilotHang = "pilot-hang"
    case pilotEmpty = "pilot-empty"
    case pilot503 = "pilot-503"
    case authorityRefuse = "ca-refuse"
    case authorityDeny = "ca-deny"
    case authorityHang = "ca-hang"
    case authorityExpired = "ca-expired"
    case authorityNoName = "ca-no-san"
    case authorityNewRoot = "ca-new-root"
    case podUnreachable = "pod-unreachable"
    case namesDropped = "dns-drop"

    /// What happens, for people.
    public var summary: String {
        switch self {
        case .pilotRefuse: "Pilot's ports are closed"
        case .pilotHang: "Pilot takes connections and never answers"
        case .pilotEmpty: "Pilot knows no endpoint"
        case .pilot503: "Pilot answers 503"
        case .authorityRefuse: "the CA's port is closed"
        case .authorityDeny: "the CA approves nothing"
        case .authorityHang: "the CA takes requests and never answers"
        case .authorityExpired: "the CA issues expired certificates"
        case .authorityNoName: "the CA issues certificates without a name"
        case .authorityNewRoot: "the CA signs with a new root, and sends it along"
        case .podUnreachable: "the ports of pods are closed"
        case .namesDropped: "the cluster's DNS has no records"
        }
    }
}

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
        // Names that this version does not know are skipped.
        return Set(
            bytes.split(separator: UInt8(ascii: "\n")).compactMap {
                Fault(rawValue: String(decoding: $0, as: UTF8.self))
            })
    }
}
