import DebianArchive
import DebianFormat
import ELF
import Platform

/// Rules for machine code.
enum ELFRules {
    static let all = [
        machine, foreignData, interpreter, executableStack, staticBinary, unstripped, malformed, runPath, notExecutable,
    ]

    static let machine = LintRule(
        "DB0501", .error, "machine code for another architecture",
        remedy: "build or fetch the file for the package's architecture", reference: "Debian Policy 5.6.8, elf(5)"
    ) { subject in
        foreign(subject).filter { isFoundByName($0.path) }.map { .init($0.path, $0.message, remedy: $0.remedy) }
    }

    static let foreignData = LintRule(
        "DB0509", .info, "machine code for another architecture among data",
        remedy: "nothing, where it is firmware, a cross toolchain or chosen when the program runs",
        reference: "Debian Policy 5.6.8, elf(5)"
    ) { subject in
        foreign(subject).filter { !isFoundByName($0.path) }.map { .init($0.path, $0.message) }
    }

    private static func foreign(_ subject: LintedPackage) -> [(path: String, message: String, remedy: String?)] {
        let name = subject.image.control["Architecture"] ?? ""
        let expected = subject.architecture?.machine
        return subject.image.entries.compactMap { entry in
            guard let elf = entry.elf else { return nil }
            if subject.architecture == .all {
                return (
                    entry.path, "is machine code (\(elf.machine)) in a package for all architectures",
                    "name the architecture that it is for"
                )
            }
            guard let expected, elf.machine != expected else { return nil }
            return (entry.path, "is for \(elf.machine), the package is for \(name) (\(expected))", nil)
        }
    }

    /// Whether a shell or the dynamic linker finds the file by its name alone.
    private static func isFoundByName(_ path: String) -> Bool {
        let folder = path.split(separator: "/").dropLast()
        guard let first = folder.first else { return false }
        let rest = first == "usr" ? folder.dropFirst() : folder
        if rest.first == "local" {
            return ["bin", "sbin", "lib"].contains(rest.dropFirst().first ?? "") && rest.count == 2
        }
        if ["bin", "sbin", "games", "lib", "lib64"].contains(rest.first ?? ""), rest.count == 1 { return true }
        // /usr/lib/x86_64-linux-gnu.
        return rest.first == "lib" && rest.count == 2 && (rest.last?.contains("-linux-gnu") ?? false)
    }

    static let interpreter = LintRule(
        "DB0502", .error, "program interpreter missing or not Debian's",
        remedy: "link with the C library of Debian", reference: "ld.so(8), System V ABI"
    ) { subject in
        let expected = subject.architecture?.programInterpreter
        return subject.image.entries.compactMap { entry in
            guard let elf = entry.elf, isFoundByName(entry.path) else { return nil }
            if let found = elf.interpreter {
                guard let expected, found != expected else { return nil }
                return .init(entry.path, "wants the interpreter '\(found)', Debian's is '\(expected)'")
            }
            guard elf.type == .executable, !elf.isStatic else { return nil }
            return .init(entry.path, "is dynamic and names no interpreter: it cannot start")
        }
    }

    static let executableStack = LintRule(
        "DB0503", .warning, "machine code asks for an executable stack", remedy: "link it with -z noexecstack",
        reference: "elf(5), PT_GNU_STACK"
    ) { subject in
        subject.programs.filter { $0.elf.hasExecutableStack }.map { .init($0.path, "asks for an executable stack") }
    }

    static let staticBinary = LintRule(
        "DB0504", .info, "program is linked statically",
        remedy: "link dynamically, or rebuild it for every security update of its libraries",
        reference: "Debian Policy 10.1"
    ) { subject in
        subject.programs.filter { $0.elf.isStatic }.map {
            .init($0.path, "is linked statically: security updates of libraries do not reach it")
        }
    }

    static let unstripped = LintRule(
        "DB0505", .warning, "machine code has its symbols",
        remedy: "set 'strip: true' in package.yaml, or strip it before, 'strip --strip-unneeded' for a library",
        reference: "Debian Policy 10.1"
    ) { subject in
        subject.programs.filter { !$0.elf.isStripped && !$0.path.startsBytewise("/usr/lib/debug/") }.map {
            .init($0.path, "is not stripped")
        }
    }

    static let malformed = LintRule(
        "DB0506", .error, "file begins like ELF and is broken", remedy: "ship it whole: compare its checksum",
        reference: "elf(5)"
    ) { subject in
        subject.image.entries.compactMap { entry in entry.malformedELF.map { .init(entry.path, $0) } }
    }

    static let runPath = LintRule(
        "DB0507", .warning, "machine code looks for libraries outside the system's folders",
        remedy: "remove the run path, or make it relative to $ORIGIN", reference: "ld.so(8), Debian Policy 10.2"
    ) { subject in
        let allowed = ["/usr/lib", "/lib", "/opt/", "$ORIGIN", "${ORIGIN}"]
        return subject.programs.flatMap { program -> [LintRule.Observation] in
            // An empty part means the current directory.
            guard let runPath = program.elf.runPath else { return [] }
            return runPath.split(separator: ":", omittingEmptySubsequences: false).filter { part in
                !allowed.contains { part.startsBytewise($0) }
            }.map { .init(program.path, "has the run path '\($0)'") }
        }
    }

    /// Whether a file has the symbols of another.
    fileprivate static func isForDebuggers(_ path: String) -> Bool { path.hasPrefix("/usr/lib/debug/") }

    static let notExecutable = LintRule(
        "DB0508", .warning, "program is not executable", remedy: "set its mode to 0755", reference: "Debian Policy 10.9"
    ) { subject in
        subject.image.entries.filter { entry in
            guard let elf = entry.elf, entry.permissions & 0o111 == 0, !isForDebuggers(entry.path) else { return false }
            // A shared library has no interpreter; libc.so.6 and the loader themselves may.
            return elf.type == .executable || (elf.interpreter != nil && elf.soname == nil)
        }.map { .init($0.path, "is a program with the mode \(ModeText.octal($0.permissions))") }
    }
}

extension LintedPackage {
    /// Nil for a malformed name too, which the rules for control fields report.
    fileprivate var architecture: Architecture? {
        image.control["Architecture"].flatMap { try? Architecture($0) }
    }

    /// Linked machine code: object files, core files and files with symbols alone left out.
    fileprivate var programs: [(path: String, elf: ELFFile)] {
        image.entries.compactMap { entry in
            guard let elf = entry.elf, elf.type == .executable || elf.type == .shared,
                !ELFRules.isForDebuggers(entry.path)
            else { return nil }
            return (entry.path, elf)
        }
    }
}
