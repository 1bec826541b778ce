import Foundation
import TestSupport
import XCTest

/// What documents say of the programs, compared with the programs.
final class DocumentationTests: XCTestCase {
    private static let documents =
        ["README.md", "CONTRIBUTING.md"]
        + ((try? FileManager.default.contentsOfDirectory(atPath: repositoryRoot + "/docs")) ?? [])
        .filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }

    private func text(_ document: String) throws -> String {
        try String(contentsOfFile: repositoryRoot + "/" + document, encoding: .utf8)
    }

    func testLinksLeadSomewhere() throws {
        let link = try NSRegularExpression(pattern: #"\]\(([^)#:]+)(?:#[^)]*)?\)"#)
        XCTAssertGreaterThan(Self.documents.count, 10)
        for document in Self.documents {
            let text = try text(document)
            let folder = (document as NSString).deletingLastPathComponent
            for match in link.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
                let target = try XCTUnwrap(Range(match.range(at: 1), in: text).map { String(text[$0]) })
                let path = (repositoryRoot as NSString).appendingPathComponent(
                    (folder as NSString).appendingPathComponent(target))
                XCTAssertTrue(FileManager.default.fileExists(atPath: path), "\(document) links to \(target)")
            }
        }
    }

    /// An option in a line that begins with a program's name is one that the program knows.
    func testCommandLinesHaveOptionsThatExist() throws {
        let programs = ["debbuild", "meshcheck", "meshex", "mesh-lab", "pilot-agent"]
        var helps: [String: String] = [:]
        func help(_ words: [String]) throws -> String {
            let key = words.joined(separator: " ")
            if let known = helps[key] { return known }
            let result = try TestSupport.run(productPath(words[0]), Array(words.dropFirst()) + ["--help"])
            XCTAssertEqual(result.status, 0, "\(key) --help: \(result.errors)")
            helps[key] = result.output
            return result.output
        }
        var seen = 0
        for document in Self.documents {
            var isFenced = false
            for line in try text(document).split(separator: "\n") {
                if line.hasPrefix("```") { isFenced.toggle() }
                guard isFenced else { continue }
                var words = line.split(separator: " ").map(String.init)
                if words.first == "$" { words.removeFirst() }
                guard let program = words.first, programs.contains(program), words.count > 1 else { continue }
                let command = words[1].hasPrefix("-") || words[1] == "help" ? [program] : [program, words[1]]
                var known = try help(command)
                // A command of commands.
                if command.count == 2, words.count > 2, known.contains("SUBCOMMANDS:") {
                    known = try help(command + [words[2]])
                }
                for word in words.prefix(while: { !["#", "|", ">", "&&"].contains($0) }) where word.hasPrefix("--") {
                    let option = String(word.prefix { $0 != "=" && $0 != ")" && $0 != "]" })
                    seen += 1
                    XCTAssertTrue(
                        known.contains(option), "\(document): '\(command.joined(separator: " "))' has no \(option)")
                }
            }
        }
        XCTAssertGreaterThan(seen, 20)
    }

    func testTheReadmeShowsWhatDebbuildSays() throws {
        let folder = try TemporaryDirectory()
        try folder.file("workspace.yaml", "version: 1.0\ndefaults:\n  maintainer: A Team <team@example.org>\n")
        try folder.file("hello/hello.sh", "#!/bin/sh\necho hello\n")
        try folder.file(
            "hello/package.yaml",
            """
            package: hello
            summary: greet the world
            description: |
              Says hello.
            architectures: [all]
            contents:
              - file: hello.sh
                to: /usr/bin/hello
                mode: "0799"
            section: misc
            priority: optional
            deepnds: [curl]

            """)
        let result = try TestSupport.run(productPath("debbuild"), ["build", "hello"], workingDirectory: folder.path)
        XCTAssertEqual(result.status, 2)
        let readme = try text("README.md")
        XCTAssertTrue(
            readme.contains("$ debbuild build hello\n\(result.errors)$ echo $?\n2\n"),
            "the README does not show:\n\(result.errors)")
    }

    /// The YAML below a heading of docs/debbuild.md.
    private func sample(_ heading: String) throws -> String {
        let section = try XCTUnwrap(
            text("docs/debbuild.md").components(separatedBy: "\n### \(heading)\n").dropFirst().first)
        let block = section.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```\n")
            .first
        return try XCTUnwrap(block, heading)
    }

    func testSamplesOfSpecificationsAreOnesThatBuild() throws {
        let rest = "package: hello\nsummary: greet the world\narchitectures: [all]\nchangelog: changelog.yaml\n"
        for (heading, files) in [
            (
                "Several files at once",
                [
                    "build/bin/hello", "include/hello/a.h", "rules/60-hello.rules", "build/share/a.svg",
                    "build/share/locale/de/x", "build/share/b.svg.orig", "man/hello.1", "man/de/hello.1",
                ]
            ), ("Description and licence", ["README.txt", "LICENSE-MIT"]),
        ] {
            let folder = try TemporaryDirectory()
            try folder.file("workspace.yaml", "version: 1.2.0\ndefaults:\n  maintainer: A Team <team@example.org>\n")
            try folder.file("hello/package.yaml", rest + sample(heading))
            try folder.file("hello/changelog.yaml", sample("Changelogs"))
            for file in files { try folder.file("hello/" + file, "text\n") }
            let result = try TestSupport.run(productPath("debbuild"), ["plan"], workingDirectory: folder.path)
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(result.errors, "", heading)
            XCTAssertTrue(result.output.contains("usr/share/doc/hello/changelog.gz"), result.output)
            if heading.hasPrefix("Several") {
                for path in [
                    "usr/bin/hello", "usr/include/hello/hello/a.h", "usr/share/man/de/man1/hello.1.gz",
                    "usr/share/hello/locale/de/x",
                ] { XCTAssertTrue(result.output.contains(path), "\(path)\n\(result.output)") }
            }
        }
    }

    /// Regenerate: for s in package workspace; do debbuild schema $s --form markdown; echo; done | sed '$d'
    func testTheReferenceOfSpecificationsIsTheProgramsOwn() throws {
        let pages = try ["package", "workspace", "repository"].map { subject in
            let result = try TestSupport.run(productPath("debbuild"), ["schema", subject, "--form", "markdown"])
            XCTAssertEqual(result.status, 0, result.errors)
            return result.output
        }
        XCTAssertEqual(pages.joined(separator: "\n"), try text("docs/specification.md"))
    }
}
