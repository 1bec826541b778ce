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
    ) { subject, found in
        addForeign(subject, to: &found) { isFoundByName($0) }
    }

    static let foreignData = LintRule(
        "DB0509", .info, "machine code for another architecture among data",
        remedy: "nothing, where it is firmware, a cross toolchain or chosen when the program runs",
        reference: "Debian Policy 5.6.8, elf(5)"
    ) { subject, found in
        addForeign(subject, to: &found) { !isFoundByName($0) }
    }

    /// Machine code for other architectures at some paths.
    private static func addForeign(
        _ subject: LintedPackage, to found: inout LintRule.Observations, where isMeant: (String) -> Bool
    ) {
        let name = subject.image.control["Architecture"] ?? ""
        let architecture = subject.architecture
        let expected = architecture?.machine
        for entry in subject.image.entries {
            guard let machine = entry.facts.elf?.machine else { continue }
            if architecture == .all {
                guard isMeant(entry.path) else { continue }
                found.add(
                    entry.path, "is machine code (\(machine)) in a package for all architectures",
                    remedy: "name the architecture that it is for")
            } else if let expected, machine != expected, isMeant(entry.path) {
                found.add(entry.path, "is for \(machine), the package is for \(name) (\(expected))")
            }
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
    ) { subject, found in
        let expected = subject.architecture?.programInterpreter
        for entry in subject.image.entries {
            guard let elf = entry.facts.elf, isFoundByName(entry.path) else { continue }
            if let interpreter = elf.interpreter {
                guard let expected, interpreter != expected else { continue }
                found.add(entry.path, "wants the interpreter '\(interpreter)', Debian's is '\(expected)'")
            } else if elf.type == .executable, !elf.isStatic {
                found.add(entry.path, "is dynamic and names no interpreter: it cannot start")
            }
        }
    }

    static let executableStack = LintRule(
        "DB0503", .warning, "machine code asks for an executable stack", remedy: "link it with -z noexecstack",
        reference: "elf(5), PT_GNU_STACK"
    ) { entry, _ in
        isProgram(entry) { $0.hasExecutableStack }
    } message: { _ in
        "asks for an executable stack"
    }

    static let staticBinary = LintRule(
        "DB0504", .info, "program is linked statically",
        remedy: "link dynamically, or rebuild it for every security update of its libraries",
        reference: "Debian Policy 10.1"
    ) { entry, _ in
        isProgram(entry) { $0.isStatic }
    } message: { _ in
        "is linked statically: security updates of libraries do not reach it"
    }

    static let unstripped = LintRule(
        "DB0505", .warning, "machine code has its symbols",
        remedy: "set 'strip: true' in package.yaml, or strip it before, 'strip --strip-unneeded' for a library",
        reference: "Debian Policy 10.1"
    ) { entry, _ in
        isProgram(entry) { !$0.isStripped }
    } message: { _ in
        "is not stripped"
    }

    static let malformed = LintRule(
        "DB0506", .error, "file begins like ELF and is broken", remedy: "ship it whole: compare its checksum",
        reference: "elf(5)"
    ) { entry, _ in
        entry.facts.malformedELF != nil
    } message: {
        $0.malformedELF ?? ""
    }

    static let runPath = LintRule(
        "DB0507", .warning, "machine code looks for libraries outside the system's folders",
        remedy: "remove the run path, or make it relative to $ORIGIN", reference: "ld.so(8), Debian Policy 10.2"
    ) { subject, found in
        let allowed = ["/usr/lib", "/lib", "/opt/", "$ORIGIN", "${ORIGIN}"]
        for entry in subject.image.entries where isProgram(entry, { $0.runPath != nil }) {
            // An empty part means the current directory.
            let parts = entry.facts.elf?.runPath?.utf8.split(
                separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            for part in (parts ?? []).map({ Substring($0) }) where !allowed.contains(where: { part.startsBytewise($0) })
            {
                found.add(entry.path, "has the run path '\(part)'")
            }
        }
    }

    /// Whether a file has the symbols of another.
    private static func isForDebuggers(_ path: String) -> Bool { path.startsBytewise("/usr/lib/debug/") }

    static let notExecutable = LintRule(
        "DB0508", .warning, "program is not executable", remedy: "set its mode to 0755", reference: "Debian Policy 10.9"
    ) { entry, _ in
        guard let elf = entry.facts.elf, entry.permissions & 0o111 == 0, !isForDebuggers(entry.path) else {
            return false
        }
        // A shared library has no interpreter; libc.so.6 and the loader themselves may.
        return elf.type == .executable || (elf.interpreter != nil && elf.soname == nil)
    } message: {
        "is a program with the mode \(ModeText.octal($0.permissions))"
    }

    /// Whether an entry is linked machine code of which something holds: object files, core files and files with symbols
    /// alone are not.
    private static func isProgram(_ entry: ImageEntry, _ holds: (ELFFile) -> Bool) -> Bool {
        guard let elf = entry.facts.elf, elf.type == .executable || elf.type == .shared, !isForDebuggers(entry.path)
        else {
            return false
        }
        return holds(elf)
    }
}

extension LintedPackage {
    /// Nil for a malformed name too, which the rules for control fields report.
    fileprivate var architecture: Architecture? {
        image.control["Architecture"].flatMap { try? Architecture($0) }
    }
}
