import DebianFormat
import Foundation
import TestSupport
import XCTest

/// Names of shared libraries, shlibs and symbols, in dpkg's own judgement.
final class SharedLibraryFileTests: XCTestCase {
    func testSonamesAsDhMakeshlibsTakesThemApart() throws {
        let sonames = [
            "libfoo.so.1", "libfoo.so.1.2", "libfoo-1.2.so", "libfoo-bar-3.so", "libfoo-1.2-3.so", "libfoo.so",
            "libfoo-bar.so", "ld-linux-x86-64.so.2", "libstdc++.so.6", "lib.so.so.1", "x", "libfoo.so.", "-1.so",
            "libfoo.sox.1", "libfoo.so.1.so", "libfoo-1.so.2", "libfoo-.so",
        ]
        let theirs = try Oracle.perl(
            [],
            #"$text =~ /^(.*)\.so\.(.*)$/ || $text =~ /^(.*)-(\d.*)\.so$/ ? ($1 ne '' && $2 ne '' ? "$1 $2" : "") : """#,
            sonames)
        for (soname, answer) in zip(sonames, theirs) {
            XCTAssertEqual(SharedLibraryName(soname: soname)?.description ?? "", answer, soname)
        }
    }

    func testShlibs() throws {
        let file = try ShlibsFile(
            parsing: "# one\n\nlibfoo 1 libfoo1 (>= 1.2), libbar2 | libbar3\nudeb: libfoo 1 libfoo1-udeb\n")
        XCTAssertEqual(file.entries.map(\.type), [nil, "udeb"])
        XCTAssertEqual(file.entries[0].relation, "libfoo1 (>= 1.2), libbar2 | libbar3")
        XCTAssertEqual(file.text, "libfoo 1 libfoo1 (>= 1.2), libbar2 | libbar3\nudeb: libfoo 1 libfoo1-udeb\n")
        XCTAssertEqual(file.entries[0].library.sonames, ["libfoo.so.1", "libfoo-1.so"])
        for (text, offset) in [
            ("libfoo\n", 0), ("libfoo 1\n", 0), ("a 1 bb\na 1 cc\n", 7), ("a 1 bb (> \n", 0),
            ("a 1 bb\n\nlibfoo 1 (x)\n", 8),
        ] {
            XCTAssertEqual(faultOffset { _ = try ShlibsFile(parsing: text) }, offset, text.debugDescription)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: "/var/lib/dpkg/info")
        where name.hasSuffix(".shlibs") {
            let text = try String(contentsOfFile: "/var/lib/dpkg/info/" + name, encoding: .utf8)
            XCTAssertNoThrow(try ShlibsFile(parsing: text), name)
        }
    }

    func testSymbols() throws {
        let file = try SymbolsControlFile(
            parsing: """
                libfoo.so.1 libfoo1 #MINVER#
                | libfoo1 (>> 3), libfoo1 (<< 4)
                * Build-Depends-Package: libfoo-dev
                 f@Base 1.0
                 g@FOO_2 2.0~ 1
                libbar.so.2 libfoo1 #MINVER#
                 f@Base 1.0

                """)
        XCTAssertEqual(file.libraries.map(\.soname), ["libfoo.so.1", "libbar.so.2"])
        XCTAssertEqual(file.libraries[0].templates.count, 2)
        XCTAssertEqual(file.libraries[0].symbols, ["f@Base", "g@FOO_2"])
        let head = "libfoo.so.1 libfoo1 #MINVER#\n"
        for (text, offset) in [
            ("", 0), (" f@Base 1\n", 0), ("libfoo.so.1\n", 0), (head + " f@Base\n", 29), (head + " f@Base 1_0\n", 37),
            (head + " f@Base 1 1\n", 39), (head + " f@Base 1\n f@Base 1\n", 40), (head + head, 29),
            (head + "#include \"x\"\n", 29), ("| libfoo1\n", 0),
            ("* Field: x\n", 0),
        ] {
            XCTAssertEqual(faultOffset { _ = try SymbolsControlFile(parsing: text) }, offset, text.debugDescription)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: "/var/lib/dpkg/info")
        where name.hasSuffix(".symbols") {
            let text = try String(contentsOfFile: "/var/lib/dpkg/info/" + name, encoding: .utf8)
            XCTAssertNoThrow(try SymbolsControlFile(parsing: text), name)
        }
    }

    func testFoldersOfArchitectures() throws {
        try requireProgram("dpkg-architecture")
        for name in Architecture.common where name != "all" {
            let theirs = try TestSupport.run("dpkg-architecture", ["-f", "-a", name, "-qDEB_HOST_MULTIARCH"])
            // A table that is older than the architecture.
            guard theirs.status == 0 else { continue }
            XCTAssertEqual(try Architecture(name).multiarch.map { $0 + "\n" }, theirs.output, name)
        }
        XCTAssertNil(Architecture.all.multiarch)
    }

    func testNamesOfOtherToolchains() {
        for (text, name) in [
            ("x86_64", "amd64"), ("aarch64", "arm64"), ("arm", "armhf"), ("armv7", "armhf"), ("386", "i386"),
            ("ppc64le", "ppc64el"), ("noarch", "all"), ("amd46", "amd64"), ("AArch64", "arm64"),
        ] {
            XCTAssertEqual(Architecture.suggestion(for: text), name)
        }
        for name in ["x86_64", "aarch64", "arm64v8", "386", "noarch"] {
            XCTAssertThrowsError(try Architecture(name))
        }
    }
}
