import DebianFormat
import Foundation
import TestSupport
import XCTest

/// Templates as debconf itself loads them.
final class DebconfTemplatesTests: XCTestCase {
    private static let sound = """
        Template: hello/colour
        Type: select
        Choices: red, dark\\, blue, ${more}
        Default: red
        Description: Which colour?
         More of it.
         .
           Indented.
        Description-de.UTF-8: Welche Farbe?


        Template: hello/sure
        Type: boolean
        Default: true
        Description: Sure?

        """

    func testWhatATemplateSays() throws {
        let file = try DebconfTemplates(parsing: Self.sound)
        XCTAssertEqual(file.templates.map(\.name), ["hello/colour", "hello/sure"])
        XCTAssertEqual(file.templates.map(\.type), [.select, .boolean])
        XCTAssertEqual(
            try DebconfTemplates(
                parsing: "Template: a/b\nType: multiselect\nChoices: a\\, b, c\nChoices-de: d, e\nDescription: x"
            )
            .templates.count, 1)
    }

    func testFaultsHaveTheirLines() {
        let head = "Template: a/b\nType: string\n"
        for (text, line) in [
            ("", 1), ("\n\n", 3), (head, 1), (head + "Description:\n", 3), ("Template: a/b\nDescription: x\n", 1),
            ("Type: string\nDescription: x\n", 1), ("Template: a/b\nType: bogus\nDescription: x\n", 2),
            ("Template: ab\nType: string\nDescription: x\n", 1), ("Template: a b/c\nType: string\nDescription: x\n", 1),
            (head + "foo\nDescription: x\n", 3), (head + "Type: string\nDescription: x\n", 3),
            (head + "Colour: x\nDescription: x\n", 3), (head + "_Description: x\n", 3), (" x\n" + head, 1),
            (head + "Description: x\n\n" + head + "Description: x\n", 5), (head + "Description: x\r\n", 3),
            (head + "# a comment\nDescription: x\n", 3),
            ("Template: a/b\nType: select\nDescription: x\n", 2),
            ("Template: a/b\nType: select\nChoices:\nDescription: x\n", 3),
            ("Template: a/b\nType: select\nChoices: a, b\nChoices-de: a\nDescription: x\n", 4),
            ("Template: a/b\nType: boolean\nDefault: yes\nDescription: x\n", 3),
        ] {
            let offset = faultOffset { _ = try DebconfTemplates(parsing: text) }
            let found = offset.map { text.utf8.prefix($0).count { $0 == UInt8(ascii: "\n") } + 1 }
            XCTAssertEqual(found, line, text.debugDescription)
        }
    }

    /// Loads a file into a database of its own.
    private func isLoaded(_ text: String) throws -> Bool {
        try requireProgram("perl")
        if try TestSupport.run("perl", ["-MDebconf::Template", "-e", "1"]).status != 0 {
            throw XCTSkip("debconf is not installed")
        }
        let folder = try TemporaryDirectory()
        try folder.file("templates", text)
        try folder.file(
            "rc",
            """
            Config: config
            Templates: templates

            Name: config
            Driver: File
            Filename: \(folder.path)/config.dat

            Name: templates
            Driver: File
            Filename: \(folder.path)/templates.dat

            """)
        return try TestSupport.run(
            "perl",
            [
                "-MDebconf::Db", "-MDebconf::Template", "-e",
                "Debconf::Db->load; my @t = Debconf::Template->load(shift, 'x'); exit 1 unless @t",
                folder.path + "/templates",
            ], environment: ["DEBCONF_SYSTEMRC": folder.path + "/rc"]
        ).status == 0
    }

    func testWhatDebconfRefusesIsRefused() throws {
        XCTAssertTrue(try isLoaded(Self.sound))
        let head = "Template: a/b\nType: string\nDescription: x\n"
        for text in [
            "", head + "foo\n", head + "Type: x\n", "Type: string\nDescription: x\n", "Template: a/b\n", "# x\n" + head,
            head + head, head + " \n" + head, head + "\t.\n",
        ] {
            if try !isLoaded(text) { XCTAssertThrowsError(try DebconfTemplates(parsing: text), text.debugDescription) }
        }
        XCTAssertFalse(try isLoaded(head + "foo\n"))
    }

    func testTemplatesOfInstalledPackagesAreSound() throws {
        let folder = "/var/lib/dpkg/info"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".templates") }
        if names.isEmpty { throw XCTSkip("no package here asks anything") }
        for name in names {
            let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
            XCTAssertNoThrow(try DebconfTemplates(parsing: text), name)
        }
    }
}
