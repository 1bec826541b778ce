import Foundation
import TestSupport
import XCTest

/// Descriptions from files, and copyright files that are made of licences.
final class LicenseTests: XCTestCase {
    private func fixture(_ keys: String, description: String? = nil) throws -> WorkspaceFixture {
        var yaml = WorkspaceFixture.packageYAML.replacingOccurrences(of: "copyright: copyright\n", with: "")
        if let description {
            yaml = yaml.replacingOccurrences(
                of: "description: |\n  Says hello.\n", with: "description: \(description)\n")
        }
        return try WorkspaceFixture(package: yaml + keys)
    }

    private func copyright(_ package: String) throws -> String {
        try TestSupport.run(
            "sh", ["-c", "dpkg-deb --fsys-tarfile \"$1\" | tar -xOf - ./usr/share/doc/hello/copyright", "sh", package]
        ).check()
    }

    // MARK: - description

    func testDescriptionFromAFile() throws {
        let long = String(repeating: "word ", count: 30)
        let fixture = try fixture("copyright: copyright\n", description: "{file: README.txt}")
        try fixture.directory.file("w/hello/README.txt", "\u{feff}\(long)\r\n\r\nEnd.\r\n")
        let package = try fixture.build()
        let lines = try TestSupport.run("dpkg-deb", ["-f", package, "Description"]).check().split(separator: "\n")
        XCTAssertEqual(lines.first, "greet the world")
        XCTAssertEqual(Array(lines.suffix(2)), [" .", " End."])
        XCTAssertTrue(lines.allSatisfy { $0.utf8.count <= 80 && !$0.contains("\r") && !$0.contains("\u{feff}") })
        for (value, code) in [
            ("{file: none.txt}", "source-missing"), ("{files: README.txt}", "unknown-key"), ("{}", "missing-key"),
            ("{file: empty.txt}", "description"), ("[a]", "type"), ("{file: bad.txt}", "description"),
        ] {
            let wrong = try self.fixture("copyright: copyright\n", description: value)
            try wrong.directory.file("w/hello/empty.txt", "\n \n")
            try wrong.directory.file("w/hello/bad.txt", "a\u{1b}[0m\n")
            let result = try wrong.debbuild(["all"])
            XCTAssertEqual(result.status, 2, value)
            XCTAssertTrue(result.errors.contains("[\(code)]"), "\(value)\n\(result.errors)")
        }
    }

    // MARK: - licence

    private static let holders = "copyright-holders: [2024-2026 Test Team <team@example.org>]\n"

    func testLicencesThatEverySystemHas() throws {
        let fixture = try fixture("license: apache-2.0\n" + Self.holders)
        let text = try copyright(fixture.build())
        XCTAssertTrue(text.contains("\nLicense: Apache-2.0\n"), text)
        XCTAssertTrue(text.contains("Copyright: 2024-2026 Test Team <team@example.org>\n"), text)
        XCTAssertTrue(text.contains("\"/usr/share/common-licenses/Apache-2.0\""), text)
    }

    func testMistakes() throws {
        for (keys, code, part) in [
            ("license: MITT\n" + Self.holders, "spdx-expression", "did you mean 'MIT'?"),
            ("license: MIT or ISC\n" + Self.holders, "spdx-expression", "did you mean 'MIT OR ISC'?"),
            ("license: Apache-2.0\n", "copyright-holders", "add 'copyright-holders:"),
            ("license: MIT\n" + Self.holders, "license-file", "the text of the licence 'MIT' is missing"),
            (
                "license: MIT OR ISC\nlicense-file: L\n" + Self.holders, "license-file",
                "one text for the licences 'MIT' and 'ISC'"
            ),
            (
                "license: MIT OR ISC\nlicense-file: {MIT: L}\n" + Self.holders, "license-file",
                "the text of the licence 'ISC' is missing"
            ),
            (
                "license: MIT\nlicense-file: {MTI: L}\n" + Self.holders, "license-file", "did you mean 'MIT'?"
            ),
            ("license: MIT\nlicense-file: none\n" + Self.holders, "source-missing", "there is no file 'none'"),
            ("license: MIT\nlicense-file: blank\n" + Self.holders, "license-file", "is empty"),
            ("license: Apache-2.0\ncopyright-holders: [\"a\\nb\"]\n", "copyright-holders", "several lines"),
        ] {
            let fixture = try fixture(keys)
            try fixture.directory.file("w/hello/L", "Text.\n")
            try fixture.directory.file("w/hello/blank", "\n")
            let result = try fixture.debbuild(["all"])
            XCTAssertEqual(result.status, 2, keys)
            XCTAssertTrue(result.errors.contains("[\(code)]"), "\(keys)\n\(result.errors)")
            XCTAssertTrue(result.errors.contains(part), "\(keys)\n\(result.errors)")
        }
    }

    func testWhatMeansNothingWithoutALicence() throws {
        for (keys, part) in [
            (Self.holders, "'copyright-holders' is given"), ("license-file: L\n", "'license-file' is given"),
        ] {
            let result = try fixture(keys).debbuild(["all", "--no-lint"])
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertTrue(result.errors.contains(part), result.errors)
            XCTAssertTrue(result.errors.contains("[license-missing]"), result.errors)
            // A workspace has holders, and a package a file of its own.
            let own = try fixture(keys + "copyright: copyright\n").debbuild(["all"])
            XCTAssertEqual(own.status, 0, own.errors)
            XCTAssertFalse(own.errors.contains("license"), own.errors)
        }
    }

    func testAFileOfItsOwnGoesBeforeTheLicence() throws {
        let fixture = try fixture("license: Apache-2.0\ncopyright: copyright\n" + Self.holders)
        let result = try fixture.debbuild(["all"])
        XCTAssertEqual(result.status, 0, result.errors)
        XCTAssertTrue(result.errors.contains("[license-unused]"), result.errors)
        XCTAssertFalse(try copyright(fixture.build()).contains("Apache"))
        // A text that is not shipped is worth a word.
        let unused = try self.fixture("license: Apache-2.0\nlicense-file: L\n" + Self.holders)
        try unused.directory.file("w/hello/L", "Text.\n")
        XCTAssertTrue(try unused.debbuild(["all"]).errors.contains("[license-file-unused]"))
    }

    /// lintian looks at the file in the package, and at its format where it is that of a source.
    func testLintianHasNoComplaint() throws {
        try requireProgram("lintian")
        try requireProgram("dpkg-source")
        let texts = "license-file: {MIT: MIT, BSD-3-Clause: BSD, GPL-2.0-or-later WITH Classpath-exception-2.0: CP}\n"
        for keys in [
            "license: Apache-2.0\n", "license: GPL-3.0-or-later\n", "license: MIT\nlicense-file: MIT\n",
            "license: LGPL-2.1-only AND GFDL-1.3-no-invariants-or-later\n",
            "license: (MIT OR Apache-2.0) AND BSD-3-Clause\nlicense-file: {MIT: MIT, bsd-3-clause: BSD}\n",
            "license: GPL-2.0-or-later WITH Classpath-exception-2.0 OR MIT AND BSD-3-Clause\n" + texts,
        ] {
            let fixture = try fixture(keys + Self.holders)
            try fixture.directory.file("w/hello/MIT", "Permission is hereby granted,\n\n\tfree of charge.\n")
            try fixture.directory.file("w/hello/BSD", "Redistribution and use in source and binary forms.\n")
            try fixture.directory.file("w/hello/CP", "Linking this library statically is allowed.\n")
            let package = try fixture.build()
            let text = try copyright(package)
            let source = try TemporaryDirectory()
            try source.file("h/debian/copyright", text)
            try source.file(
                "h/debian/changelog", String(contentsOfFile: fixture.path + "/hello/changelog", encoding: .utf8))
            try source.file("h/debian/source/format", "3.0 (native)\n")
            try source.file("h/debian/rules", "#!/usr/bin/make -f\n%:\n\tdh $@\n", mode: 0o755)
            try source.file(
                "h/debian/control",
                """
                Source: hello
                Maintainer: Test Team <team@example.org>
                Build-Depends: debhelper-compat (= 13)
                Standards-Version: 4.6.2

                Package: hello
                Architecture: all
                Description: greet
                 Says hello.

                """)
            try TestSupport.run("dpkg-source", ["-b", "h"], workingDirectory: source.path).check()
            for file in [package, source.path + "/hello_1.2.3.dsc"] {
                let result = try TestSupport.run(
                    "lintian", ["--no-cfg", "--allow-root", "--pedantic", "--display-info", "--info", file])
                let complaints = result.output.split(separator: "\n").filter { line in
                    line.contains("copyright") || line.contains("license") || line.contains("dep5")
                }.filter { $0.hasPrefix("E:") || $0.hasPrefix("W:") || $0.hasPrefix("I:") || $0.hasPrefix("P:") }
                XCTAssertEqual(complaints, [], "\(keys)\n\(text)")
            }
        }
    }
}
