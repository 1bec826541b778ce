import Archive
import DebianArchive
import DebianFormat
import Documents
import ELF
import Files
import Platform

/// What the machine code in a package says about the package: its architecture, what it depends on, how it compresses.
struct MachineCode {
    private(set) var files: [ELFFile] = []
    private(set) var dependencies = LibraryDependencies.Result(relations: [], unknown: [])
    private var sonames: Set<String> = []
    private let architecture: Architecture

    private init(architecture: Architecture) { self.architecture = architecture }

    static func inspect(
        _ entries: [PlannedEntry], architecture: Architecture, spec: PackageSpec, warnings: inout [PlanWarning],
        diagnostics: inout Diagnostics
    ) -> MachineCode {
        var result = MachineCode(architecture: architecture)
        for planned in entries {
            guard let facts = planned.facts, case .file(let size) = planned.entry.kind else { continue }
            if let problem = facts.malformedELF, size >= 64, !planned.allowsForeignCode {
                diagnostics.error(
                    "elf-malformed", "'\(planned.installedPath)' is a broken ELF file: \(problem)",
                    at: spec.name.range, help: "see it with readelf(1); a truncated download looks like this")
            }
            guard let elf = facts.elf, !isForeign(elf, planned, architecture: architecture) else { continue }
            result.check(elf, planned: planned, spec: spec, warnings: &warnings, diagnostics: &diagnostics)
            if elf.type != .relocatable { result.files.append(elf) }
            if let soname = elf.soname { result.sonames.insert(soname) }
        }
        return result
    }

    /// Whether a file is meant for another architecture, and so says nothing about the package.
    static func isForeign(_ elf: ELFFile, _ planned: PlannedEntry, architecture: Architecture) -> Bool {
        planned.allowsForeignCode && (architecture.machine.map { $0 != elf.machine } ?? (architecture == .all))
    }

    /// Finds the packages whose libraries the machine code needs.
    ///
    /// - Parameter siblings: sonames that other packages of the workspace ship, with the relations to these.
    mutating func resolveDependencies(
        _ spec: PackageSpec, siblings: [String: String], diagnostics: inout Diagnostics
    ) {
        guard spec.hasShlibDepends else { return }
        let declared = Dictionary(
            spec.shlibs.map { ($0.name.value, $0.value.value) }, uniquingKeysWith: { _, last in last })
        do throws(FileError) {
            dependencies = try LibraryDependencies(declared: declared, siblings: siblings)
                .resolve(files, provided: sonames, architecture: architecture)
        } catch {
            diagnostics.error(
                "library-records", "what dpkg knows of libraries cannot be read: \(error)", at: spec.name.range,
                help: "'shlib-depends: false' does without it; then name the libraries' packages under 'depends'")
        }
        for library in dependencies.unknown {
            diagnostics.error(
                "library-unknown", "no package is known for library '\(library)' that the payload needs",
                at: spec.name.range,
                help:
                    "install the package that has it, build it together with this one, or name it under 'shlibs:', e.g. "
                    + "'\(library): \"libfoo1 (>= 1.2)\"'; 'shlib-depends: false' turns this off")
        }
    }

    private func check(
        _ elf: ELFFile, planned: PlannedEntry, spec: PackageSpec, warnings: inout [PlanWarning],
        diagnostics: inout Diagnostics
    ) {
        let path = planned.installedPath
        if architecture == .all {
            diagnostics.error(
                "elf-in-all", "'\(path)' is machine code (\(elf.machine)) in a package for all architectures",
                at: spec.name.range,
                help:
                    "set 'architectures: [amd64, arm64]'; if it is meant, set 'foreign-machine-code: allow' on its item"
            )
        } else if let machine = architecture.machine, elf.machine != machine {
            diagnostics.error(
                "elf-machine", "'\(path)' is for \(elf.machine), the package is for \(architecture) (\(machine))",
                at: spec.name.range,
                help:
                    "give a payload for \(architecture); if it is meant, set 'foreign-machine-code: allow' on its item")
        }
        if elf.type == .relocatable { return }
        if elf.isStatic {
            warnings.append(
                PlanWarning(
                    code: "elf-static",
                    message: "'\(path)' is linked statically: security updates of libraries will not reach it"))
        }
        if elf.hasExecutableStack {
            warnings.append(
                PlanWarning(
                    code: "elf-executable-stack",
                    message: "'\(path)' asks for an executable stack: link it with -z noexecstack"))
        }
        if let interpreter = elf.interpreter, let expected = architecture.programInterpreter,
            interpreter != expected
        {
            warnings.append(
                PlanWarning(
                    code: "elf-interpreter",
                    message:
                        "'\(path)' wants the program interpreter '\(DisplayText.inline(interpreter))', Debian's for "
                        + "\(architecture) is '\(expected)'"))
        }
        if elf.interpreter == nil, !elf.isStatic, elf.type == .executable {
            warnings.append(
                PlanWarning(
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
        var (total, bytes): (Int64, Int64) = (0, 0)
        for planned in entries {
            guard case .file(let size) = planned.entry.kind else { continue }
            total += size
            guard let elf = planned.facts?.elf, !Self.isForeign(elf, planned, architecture: architecture) else {
                continue
            }
            bytes += size
        }
        guard bytes * 2 > total else { return .none }
        switch architecture {
        case .amd64, .i386: return .x86
        case .arm64: return distribution.map(Self.releasesWithArm64Filter.contains) == true ? .arm64 : .none
        default: return .none
        }
    }
}
