import ELF
import Foundation
import TestSupport
import XCTest

/// Files of this machine and files made for the purpose, with readelf(1) as the oracle.
final class ELFTests: XCTestCase {
    private func compare(_ path: String, file: StaticString = #filePath, line: UInt = #line) throws {
        let expected = try Readelf(path)
        let elf = try ELFFile(path: path)
        func same<T: Equatable>(_ found: T, _ wanted: T, _ what: String) {
            XCTAssertEqual(found, wanted, "\(what) of \(path)", file: file, line: line)
        }
        same(elf.is64Bit ? "ELF64" : "ELF32", expected.elfClass, "class")
        same(elf.isLittleEndian ? "little endian" : "big endian", expected.byteOrder, "byte order")
        let types: [ELFFile.FileType: String] = [
            .relocatable: "REL", .executable: "EXEC", .shared: "DYN", .core: "CORE",
        ]
        same(types[elf.type] ?? "", expected.type, "type")
        let machines: [ELFFile.Machine: String] = [
            .x86_64: "Advanced Micro Devices X86-64", .aarch64: "AArch64", .other(3): "Intel 80386",
        ]
        same(machines[elf.machine] ?? "other", expected.machine, "machine")
        same(elf.interpreter, expected.interpreter, "interpreter")
        same(elf.needed, expected.needed, "needed libraries")
        same(elf.soname, expected.soname, "soname")
        same(elf.runPath, expected.runPath, "run path")
        same(elf.versionNeeds, expected.versionNeeds, "version needs")
        same(elf.isStripped, !expected.hasSymbolTable, "stripped")
        same(elf.hasDebugInformation, expected.hasDebugInformation, "debug information")
        same(elf.buildID, expected.buildID, "build identifier")
        same(elf.isPositionIndependentExecutable, expected.isPIE, "position-independent executable")
        if let flags = expected.stackFlags { same(elf.hasExecutableStack, flags.contains("E"), "executable stack") }
    }

    func testInstalledProgramsReadAsReadelfReadsThem() throws {
        try requireProgram("readelf")
        for path in ["/bin/ls", "/usr/bin/dpkg"] where FileManager.default.fileExists(atPath: path) {
            try compare(path)
        }
        var count = 0
        for folder in ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            var inFolder = 0
            for name in names.sorted() where inFolder < 25 {
                let path = folder + "/" + name
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
                    let handle = FileHandle(forReadingAtPath: path)
                else { continue }
                let prefix = [UInt8](try handle.read(upToCount: 4) ?? Data())
                try handle.close()
                guard ELFFile.isELF(prefix: prefix) else { continue }
                try compare(path)
                inFolder += 1
            }
            count += inFolder
        }
        XCTAssertGreaterThan(count, 20)
    }

    func testCLibraryAndDynamicLinkerAreLibraries() throws {
        try requireProgram("readelf")
        let libraries = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]
        for path in libraries {
            guard FileManager.default.fileExists(atPath: path) else { throw XCTSkip("\(path) is not there") }
            try compare(path)
            XCTAssertFalse(try ELFFile(path: path).isStatic, path)
        }
        XCTAssertEqual(try ELFFile(path: libraries[0]).soname, "libc.so.6")
    }

    // MARK: - made for the purpose

    private func compile(
        _ arguments: [String], _ name: String, in folder: TemporaryDirectory, _ source: String = ELFTests.program
    ) throws -> String {
        try requireProgram("gcc")
        let input = try folder.file("\(name).c", source)
        let output = folder.path + "/" + name
        let result = try execute("gcc", arguments + ["-o", output, input])
        if result.status != 0 { throw XCTSkip("gcc cannot build with \(arguments): \(result.errors)") }
        return output
    }

    private static let program = """
        #include <stdio.h>
        #include <stdlib.h>
        char zeros[100000];
        int main(int c, char **v) { printf("%p %s\\n", malloc(c), getenv("HOME")); return zeros[c]; }

        """

    func testDynamicProgram() throws {
        let folder = try TemporaryDirectory()
        let path = try compile(["-Wl,--build-id", "-Wl,-rpath,/opt/lib:$ORIGIN"], "dynamic", in: folder)
        try compare(path)
        let elf = try ELFFile(path: path)
        XCTAssertEqual(elf.needed, ["libc.so.6"])
        XCTAssertEqual(elf.runPath, "/opt/lib:$ORIGIN")
        XCTAssertFalse(elf.isStatic)
        XCTAssertFalse(elf.isStripped)
        XCTAssertFalse(elf.hasExecutableStack)
        XCTAssertEqual(elf.buildID?.count, 40)
        XCTAssertTrue(elf.versionNeeds.first?.versions.contains { $0.hasPrefix("GLIBC_2.") } ?? false)
        XCTAssertEqual(try execute("strip", [path]).status, 0)
        try compare(path)
        XCTAssertTrue(try ELFFile(path: path).isStripped)
    }

    func testDebugInformation() throws {
        let folder = try TemporaryDirectory()
        for (arguments, isThere) in [(["-g"], true), (["-g", "-gz"], true), (["-g", "-c"], true), ([], false)] {
            let path = try compile(arguments, "debug", in: folder)
            try compare(path)
            XCTAssertEqual(try ELFFile(path: path).hasDebugInformation, isThere, "\(arguments)")
        }
        let path = try compile(["-g", "-Wl,--build-id"], "debug", in: folder)
        let debugFile = folder.path + "/only.debug"
        XCTAssertEqual(try execute("objcopy", ["--only-keep-debug", path, debugFile]).status, 0)
        try compare(debugFile)
        XCTAssertTrue(try ELFFile(path: debugFile).hasDebugInformation)
        // Without symbols, and with a name table that is not there.
        XCTAssertEqual(try execute("objcopy", ["--strip-all", "--keep-section=.debug_info", path]).status, 0)
        let elf = try ELFFile(path: path)
        XCTAssertTrue(elf.isStripped)
        XCTAssertTrue(elf.hasDebugInformation)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        for (low, high) in [(0xff, 0xff), (0, 0), (1, 0)] as [(UInt8, UInt8)] {
            (bytes[62], bytes[63]) = (low, high)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            XCTAssertFalse(try ELFFile(path: path).hasDebugInformation)
        }
    }

    func testOldRunPathTag() throws {
        let folder = try TemporaryDirectory()
        let path = try compile(["-Wl,--disable-new-dtags,-rpath,/opt/old"], "rpath", in: folder)
        try compare(path)
        XCTAssertEqual(try ELFFile(path: path).runPath, "/opt/old")
    }

    func testStaticPrograms() throws {
        let folder = try TemporaryDirectory()
        for (name, options) in [("static", ["-static"]), ("static-pie", ["-static-pie", "-fPIE"])] {
            let path = try compile(options, name, in: folder)
            try compare(path)
            let elf = try ELFFile(path: path)
            XCTAssertTrue(elf.isStatic, name)
            XCTAssertNil(elf.interpreter)
            XCTAssertEqual(elf.isPositionIndependentExecutable, name == "static-pie")
        }
    }

    func testSharedLibraryWithoutNeedsIsNotStatic() throws {
        let folder = try TemporaryDirectory()
        let options = ["-shared", "-fPIC", "-nostdlib"]
        let plugin = try compile(options, "plugin.so", in: folder, "int f(void) { return 1; }\n")
        let library = try compile(
            options + ["-Wl,-soname,libf.so.1"], "libf.so", in: folder, "int f(void) { return 1; }\n")
        for path in [plugin, library] {
            try compare(path)
            XCTAssertFalse(try ELFFile(path: path).isStatic, path)
        }
        XCTAssertEqual(try ELFFile(path: library).soname, "libf.so.1")
    }

    func testExecutableStack() throws {
        let folder = try TemporaryDirectory()
        let path = try compile(["-Wl,-z,execstack"], "execstack", in: folder)
        try compare(path)
        XCTAssertTrue(try ELFFile(path: path).hasExecutableStack)
    }

    func testMissingStackHeaderCountsAsExecutableStack() throws {
        let folder = try TemporaryDirectory()
        let path = try compile([], "plain", in: folder)
        guard try ELFFile(path: path).machine == .x86_64 else { throw XCTSkip("not an x86-64 machine") }
        var bytes = try contents(path)
        let offset = Int(bytes[32]) | Int(bytes[33]) << 8
        var removed = 0
        for index in 0..<Int(bytes[56]) where bytes[(offset + index * 56)...].starts(with: [0x51, 0xe5, 0x74, 0x64]) {
            for place in 0..<4 { bytes[offset + index * 56 + place] = 0 }
            removed += 1
        }
        XCTAssertEqual(removed, 1)
        XCTAssertTrue(try ELFFile(bytes: bytes).hasExecutableStack)
    }

    func testObjectFile() throws {
        let folder = try TemporaryDirectory()
        let path = try compile(["-c"], "object.o", in: folder)
        try compare(path)
        let elf = try ELFFile(path: path)
        XCTAssertEqual(elf.type, .relocatable)
        XCTAssertFalse(elf.isStatic)
        XCTAssertFalse(elf.hasExecutableStack)
    }

    func testFileWithDebuggingSymbolsAlone() throws {
        let folder = try TemporaryDirectory()
        let path = try compile(["-g", "-Wl,--build-id"], "program", in: folder)
        let symbols = folder.path + "/program.debug"
        XCTAssertEqual(try execute("objcopy", ["--only-keep-debug", path, symbols]).status, 0)
        let elf = try ELFFile(path: symbols)
        XCTAssertEqual(elf.buildID, try ELFFile(path: path).buildID)
        XCTAssertFalse(elf.isStripped)
        XCTAssertFalse(elf.isStatic)
        XCTAssertEqual(elf.needed, [])
    }

    // MARK: - other machines

    private func assemble(
        _ assembler: String, _ options: [String], _ linker: String, _ linkOptions: [String], _ source: String
    ) throws -> (object: String, program: String, folder: TemporaryDirectory) {
        try requireProgram(assembler)
        try requireProgram(linker)
        let folder = try TemporaryDirectory()
        let input = try folder.file("start.s", source)
        let object = folder.path + "/start.o"
        let program = folder.path + "/start"
        let assembled = try execute(assembler, options + ["-o", object, input])
        if assembled.status != 0 { throw XCTSkip("\(assembler) \(options): \(assembled.errors)") }
        let linked = try execute(linker, linkOptions + ["-o", program, object])
        if linked.status != 0 { throw XCTSkip("\(linker) \(linkOptions): \(linked.errors)") }
        return (object, program, folder)
    }

    func testAArch64() throws {
        let files = try assemble(
            "aarch64-linux-gnu-as", [], "aarch64-linux-gnu-ld",
            ["-pie", "--dynamic-linker", "/lib/ld-linux-aarch64.so.1", "-z", "noexecstack"],
            ".globl _start\n_start: ret\n")
        try compare(files.object)
        try compare(files.program)
        let elf = try ELFFile(path: files.program)
        XCTAssertEqual(elf.machine, .aarch64)
        XCTAssertEqual(elf.interpreter, "/lib/ld-linux-aarch64.so.1")
        XCTAssertFalse(elf.isStatic)
    }

    func testBigEndian() throws {
        let files = try assemble(
            "aarch64-linux-gnu-as", ["-EB"], "aarch64-linux-gnu-ld",
            ["-EB", "-shared", "-soname", "libbig.so.2", "--build-id"], ".globl f\nf: ret\n")
        try compare(files.object)
        try compare(files.program)
        let elf = try ELFFile(path: files.program)
        XCTAssertFalse(elf.isLittleEndian)
        XCTAssertEqual(elf.soname, "libbig.so.2")
    }

    func testThirtyTwoBits() throws {
        let files = try assemble(
            "as", ["--32"], "ld", ["-m", "elf_i386", "-shared", "-soname", "libsmall.so.3", "--build-id"],
            ".globl f\nf: ret\n")
        try compare(files.object)
        try compare(files.program)
        let elf = try ELFFile(path: files.program)
        XCTAssertFalse(elf.is64Bit)
        XCTAssertEqual(elf.machine, .other(3))
        XCTAssertEqual(elf.soname, "libsmall.so.3")
    }
}
