import Archive
import DebianFormat
import Dispatch
import ELF
import Files
import Platform
import Documents
import Synchronization

/// What the machine code in a package says about the package: its architecture, what it depends on, how it compresses.
struct ELFPayload {
    private(set) var files: [ELFFile] = []
    private(set) var dependencies = LibraryDependencies.Result(relations: [], unknown: [])
    private var bytes: Int64 = 0
    private let architecture: Architecture

    private init(architecture: Architecture) { self.architecture = architecture }

    static func inspect(
        _ entries: [PlannedEntry], architecture: Architecture, spec: PackageSpec, remarks: inout [PlanRemark],
        diagnostics: inout Diagnostics
    ) -> ELFPayload {
        var result = ELFPayload(architecture: architecture)
        var sonames: Set<String> = []
        for (position, failure) in programs(in: entries) {
            let planned = entries[position]
            guard case .file(let path, let status) = planned.source else { continue }
            do {
                if let failure { throw failure }
                let file = try InputFile(path: path)
                let elf = try ELFFile(
                    reading: { offset, count in try file.bytes(at: Int64(clamping: offset), count: count) },
                    size: UInt64(max(0, status.size)))
                result.check(elf, planned: planned, spec: spec, remarks: &remarks, diagnostics: &diagnostics)
                if elf.type != .relocatable { result.files.append(elf) }
                if let soname = elf.soname { sonames.insert(soname) }
                result.bytes += status.size
            } catch let error as ELFError {
                diagnostics.error(
                    "elf-malformed", "'\(planned.installedPath)' is a broken ELF file: \(error)", at: spec.name.range,
                    help: "see it with readelf(1); a truncated download looks like this")
            } catch {
                diagnostics.error("source-unreadable", "\(error)", at: spec.name.range)
            }
        }
        if spec.hasShlibDepends {
            let declared = Dictionary(
                spec.shlibs.map { ($0.name.value, $0.value.value) }, uniquingKeysWith: { _, last in last })
            result.dependencies = LibraryDependencies(declared: declared)
                .resolve(result.files, provided: sonames, architecture: architecture)
            for library in result.dependencies.unknown {
                diagnostics.error(
                    "library-unknown", "no package is known for library '\(library)' that the payload needs",
                    at: spec.name.range,
                    help: "install the package that has it, or name it under 'shlibs:', e.g. "
                        + "'\(library): \"libfoo1 (>= 1.2)\"'; 'shlib-depends: false' turns this off")
            }
        }
        return result
    }

    /// The positions of ELF files, and of files that cannot be read with the reason.
    ///
    /// Every file is opened here once, so that one that cannot be read is reported before anything is written; on all
    /// processors, because that takes longer for many small files than packing them.
    private static func programs(in entries: [PlannedEntry]) -> [(position: Int, failure: FileError?)] {
        let found = Mutex<[(position: Int, failure: FileError?)]>([])
        let share = 512
        DispatchQueue.concurrentPerform(iterations: (entries.count + share - 1) / share) { part in
            for position in part * share..<min((part + 1) * share, entries.count) {
                guard case .file(let path, let status) = entries[position].source else { continue }
                do throws(FileError) {
                    let file = try InputFile(path: path)
                    guard status.size >= 64, ELFFile.isELF(prefix: try file.bytes(at: 0, count: 4)) else { continue }
                    found.withLock { $0.append((position, nil)) }
                } catch {
                    found.withLock { $0.append((position, error)) }
                }
            }
        }
        return found.withLock { $0.sorted { $0.position < $1.position } }
    }

    private func check(
        _ elf: ELFFile, planned: PlannedEntry, spec: PackageSpec, remarks: inout [PlanRemark],
        diagnostics: inout Diagnostics
    ) {
        let path = planned.installedPath
        if architecture == .all {
            diagnostics.error(
                "elf-in-all", "'\(path)' is machine code (\(elf.machine)) in a package for all architectures",
                at: spec.name.range, help: "set 'architectures: [amd64, arm64]'")
        } else if let machine = Self.machine(of: architecture), elf.machine != machine {
            diagnostics.error(
                "elf-machine", "'\(path)' is for \(elf.machine), the package is for \(architecture) (\(machine))",
                at: spec.name.range, help: "give a payload for \(architecture)")
        }
        if elf.type == .relocatable { return }
        if elf.isStatic {
            remarks.append(
                PlanRemark(
                    code: "elf-static",
                    message: "'\(path)' is linked statically: security updates of libraries will not reach it"))
        }
        if elf.hasExecutableStack {
            remarks.append(
                PlanRemark(
                    code: "elf-executable-stack",
                    message: "'\(path)' asks for an executable stack: link it with -z noexecstack"))
        }
        if let interpreter = elf.interpreter, let expected = Self.interpreter(of: architecture),
            interpreter != expected
        {
            remarks.append(
                PlanRemark(
                    code: "elf-interpreter",
                    message:
                        "'\(path)' wants the program interpreter '\(DisplayText.inline(interpreter))', Debian's for "
                        + "\(architecture) is '\(expected)'"))
        }
        if elf.interpreter == nil, !elf.isStatic, elf.type == .executable {
            remarks.append(
                PlanRemark(
                    code: "elf-no-interpreter",
                    message: "'\(path)' is dynamic and names no program interpreter: it cannot start"))
        }
    }

    /// Releases whose dpkg has liblzma 5.4 or later, which knows the arm64 filter; Debian 11 and Ubuntu 22.04 do not.
    private static let releasesWithArm64Filter: Set<String> = [
        "bookworm", "trixie", "forky", "duke", "testing", "unstable", "sid", "noble", "plucky", "questing",
    ]

    /// A branch filter helps where machine code is most of the payload. The x86 filter is as old as the format.
    func branchFilter(of entries: [PlannedEntry], distribution: String?) -> BranchFilter {
        let total = entries.reduce(Int64(0)) { sum, planned in
            if case .file(let size) = planned.entry.kind { sum + size } else { sum }
        }
        guard bytes * 2 > total else { return .none }
        switch architecture {
        case .amd64, .i386: return .x86
        case .arm64: return distribution.map(Self.releasesWithArm64Filter.contains) == true ? .arm64 : .none
        default: return .none
        }
    }

    private static func machine(of architecture: Architecture) -> ELFFile.Machine? {
        switch architecture {
        case .amd64: .x86_64
        case .arm64: .aarch64
        default: nil
        }
    }

    /// The ABI supplements of the System V ABI for each architecture.
    private static func interpreter(of architecture: Architecture) -> String? {
        switch architecture {
        case .amd64: "/lib64/ld-linux-x86-64.so.2"
        case .arm64: "/lib/ld-linux-aarch64.so.1"
        default: nil
        }
    }
}
