import Foundation
import TestSupport
import XCTest

/// Manual pages go to their sections and languages, compressed.
final class ManualPageTests: XCTestCase {
    private func fixture(_ keys: String, pages: [String]) throws -> WorkspaceFixture {
        let fixture = try WorkspaceFixture(package: WorkspaceFixture.packageYAML + keys)
        for page in pages {
            try fixture.directory.file("w/hello/" + page, ".TH HELLO 1\n.SH NAME\nhello \\- \(page)\n")
        }
        return fixture
    }

    private func pages(_ package: String) throws -> [String] {
        try TestSupport.run("dpkg-deb", ["-c", package]).check().split(separator: "\n")
            .compactMap { $0.components(separatedBy: " ./usr/share/man/").dropFirst().first }
            .filter { !$0.isEmpty && !$0.hasSuffix("/") }
    }

    private static let pages = [
        "man/hello.1", "man/de/hello.1", "man/pt_BR/man1/hello.1", "man/sr@latin/hello.1", "man/fr.UTF-8/hello.1",
        "man/man8/hello.8", "doc/de/other.1", "man/de/hello.conf.5", "man/perl/x.3pm",
    ]

    func testLanguagesAndSections() throws {
        let fixture = try fixture("manual-pages: [\"man/**/*.[1-9]*\", doc/de/other.1]\n", pages: Self.pages)
        let package = try fixture.build()
        XCTAssertEqual(
            Set(try pages(package)),
            [
                "man1/hello.1.gz", "de/man1/hello.1.gz", "pt_BR/man1/hello.1.gz", "sr@latin/man1/hello.1.gz",
                "fr/man1/hello.1.gz", "man8/hello.8.gz", "man1/other.1.gz", "de/man5/hello.conf.5.gz",
                "man3/x.3pm.gz",
            ])
        let text = try TestSupport.run(
            "sh",
            [
                "-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xOf - ./usr/share/man/de/man1/hello.1.gz | zcat", "sh",
                package,
            ]
        ).check()
        XCTAssertTrue(text.contains("man/de/hello.1"), text)
    }

    /// debhelper takes the language from a folder man/LANGUAGE/manN, too.
    func testPlacesAreThoseOfDebhelper() throws {
        try requireProgram("dh_installman")
        let pages = ["man/man1/hello.1", "man/de/man1/hello.1", "man/pt_BR/man8/hello.8", "man/fr.UTF-8/man1/hello.1"]
        let fixture = try fixture("manual-pages: [\(pages.joined(separator: ", "))]\n", pages: pages)
        let folder = try TemporaryDirectory()
        try folder.file(
            "debian/control",
            "Source: hello\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: hello\nArchitecture: all\n")
        for page in pages {
            let section = page.last.map(String.init) ?? ""
            try folder.file("x/" + page, ".TH HELLO \(section)\n.SH NAME\nhello \\- x\n")
        }
        try folder.file("debian/hello.manpages", pages.map { "x/\($0)\n" }.joined())
        for program in ["dh_installman", "dh_compress"] {
            try TestSupport.run(program, workingDirectory: folder.path).check()
        }
        let theirs = try TestSupport.run(
            "find", ["-type", "f", "-printf", "%P\\n"], workingDirectory: folder.path + "/debian/hello/usr/share/man"
        ).check().split(separator: "\n").map(String.init)
        XCTAssertEqual(Set(try self.pages(fixture.build())), Set(theirs))
    }

    func testPagesOfLanguagesAreImported() throws {
        let fixture = try fixture(
            "manual-pages: [man/hello.1, man/de/hello.1]\n", pages: ["man/hello.1", "man/de/hello.1"])
        let package = try fixture.build()
        let target = fixture.directory.path + "/i"
        let imported = try fixture.debbuild(["import", package, "--output", target])
        XCTAssertEqual(imported.status, 0, imported.errors)
        let yaml = try String(contentsOfFile: target + "/hello/package.yaml", encoding: .utf8)
        XCTAssertTrue(yaml.contains("man/de/hello.1"), yaml)
        try TestSupport.run(
            productPath("debbuild"), ["all", "--workspace", target],
            environment: ["XDG_CACHE_HOME": fixture.directory.path + "/cache"]
        ).check()
        let difference = try fixture.debbuild(["diff", package, target + "/out/hello_1.2.3_all.deb"])
        XCTAssertEqual(difference.status, 0, difference.output)
    }

    func testPagesThatAreNotCompressedAreReported() throws {
        let fixture = try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "contents:\n", with: "contents:\n  - {file: \"man/*.1\", to: /usr/share/man/man1/}\n"))
        try fixture.directory.file("w/hello/man/hello.1", ".TH X 1\n")
        let result = try fixture.debbuild(["lint"])
        XCTAssertTrue(result.output.contains("DB0138"), result.output + result.errors)
    }
}
