import DebianFormat
import ELF
import Files
import Foundation
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild

/// Dependencies that follow from machine code, with dpkg-shlibdeps(1) as the oracle.
final class LibraryDependencyTests: XCTestCase {
    /// LIBRARY_SEED chooses among the programs and libraries of this machine: sixty, and twenty for CI.
    func testDependenciesAreThoseOfDpkgShlibdeps() throws {
        try requireProgram("dpkg-shlibdeps")
        #if !arch(x86_64)
            throw XCTSkip("the architecture is written for an amd64 machine")
        #endif
        let seed = ProcessInfo.processInfo.environment["LIBRARY_SEED"].flatMap(UInt64.init) ?? .random(in: 0...999_999)
        var random = SeededGenerator(seed: seed)
        let folders = ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu"]
        var candidates: [String] = []
        for folder in folders {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
                let path = folder + "/" + name
                // A link is another name for a file that counts already.
                if try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType == .typeRegular {
                    candidates.append(path)
                }
            }
        }
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: folder.path + "/debian", withIntermediateDirectories: true)
        try folder.file("debian/control", "Source: x\n\nPackage: x\nArchitecture: any\n")
        let wanted = ProcessInfo.processInfo.environment["CI"] == "true" ? 20 : 60
        var compared = 0
        for path in candidates.shuffled(using: &random) where compared < wanted {
            guard let elf = try ContentFacts.of(InputFile(path: path), keepsSymbols: true).elf, !elf.needed.isEmpty
            else {
                continue
            }
            let oracle = try TestSupport.run(
                "sh", ["-c", "cd \"$1\" && exec dpkg-shlibdeps -O -e \"$2\"", "sh", folder.path, path])
            // Libraries in folders of a program's own have no shlibs file.
            guard oracle.status == 0, let line = oracle.output.split(separator: "\n").first else { continue }
            let expected = Set(line.dropFirst("shlibs:Depends=".count).components(separatedBy: ", "))
            let found = try LibraryDependencies().resolve([elf], provided: [], architecture: .amd64)
            let relations = Set(found.relations.flatMap { $0.components(separatedBy: ", ") })
            XCTAssertEqual(relations, expected, "\(path), LIBRARY_SEED=\(seed)")
            XCTAssertEqual(found.unknown, [], path)
            compared += 1
        }
        XCTAssertEqual(compared, wanted, "machine code that dpkg-shlibdeps understands")
    }

    /// A symbols file with what Debian's have: two libraries, a second template, lines of symbols that are gone.
    func testSymbolsFile() throws {
        let text = """
            libx.so.1 libx1 #MINVER#
            | libx1 (>> 2.0), libx1 (<< 2.1)
            * Build-Depends-Package: libx-dev
             old@Base 1.0
             new@X_2 1:2.0~rc1
             private@X_PRIVATE 0 1
            #MISSING: 1.9#gone@Base 3.0
             (optional)tagged@Base 1.5
            liby.so.1 libx1 #MINVER#
             other@Base 9
            """
        func dependencies(_ symbols: Set<String>) -> [String] {
            SymbolsFile.dependencies(of: "libx.so.1", on: symbols, in: Array(text.utf8)).map {
                "\($0.template): \($0.version?.description ?? "")"
            }
        }
        XCTAssertEqual(dependencies([]), ["libx1 #MINVER#: 1.0"])
        XCTAssertEqual(dependencies(["gone@Base", "other@Base"]), ["libx1 #MINVER#: 1.0"])
        XCTAssertEqual(dependencies(["tagged@Base"]), ["libx1 #MINVER#: 1.5"])
        XCTAssertEqual(dependencies(["new@X_2", "old@Base"]), ["libx1 #MINVER#: 1:2.0~rc1"])
        XCTAssertEqual(
            dependencies(["private@X_PRIVATE"]), ["libx1 #MINVER#: 1.0", "libx1 (>> 2.0): 0", "libx1 (<< 2.1): 0"])
    }

    func testWithoutDpkgSymbolVersionsDecide() throws {
        var elf = try XCTUnwrap(ContentFacts.of(InputFile(path: "/bin/sh"), keepsSymbols: true).elf)
        elf.needed = ["libc.so.6", "libother.so.1"]
        elf.versionNeeds = [.init(library: "libc.so.6", versions: ["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"])]
        let found = try LibraryDependencies(infoDirectory: "/nowhere").resolve(
            [elf], provided: [], architecture: .amd64)
        XCTAssertEqual(found.relations, ["libc6 (>= 2.34)"])
        XCTAssertEqual(found.unknown, ["libother.so.1"])
    }
}
