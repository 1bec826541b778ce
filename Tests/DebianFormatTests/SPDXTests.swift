import DebianFormat
import Foundation
import Platform
import TestSupport
import XCTest

/// Licence expressions, and the copyright files that are made of them.
final class SPDXTests: XCTestCase {
    func testExpressionsAndTheirNamesInDebian() throws {
        for (text, name) in [
            ("MIT", "Expat"), ("apache-2.0", "Apache-2.0"), ("GPL-2.0-or-later", "GPL-2+"), ("GPL-2.0-only", "GPL-2"),
            ("GPL-2.0", "GPL-2"), ("GPL-2.0+", "GPL-2+"), ("LGPL-2.1-or-later", "LGPL-2.1+"),
            ("GFDL-1.3-no-invariants-or-later", "GFDL-NIV-1.3+"), ("AGPL-3.0-only", "AGPL-3"),
            ("Apache-2.0+", "Apache-2.0+"), ("BSD-3-Clause", "BSD-3-clause"), ("LicenseRef-Ours", "LicenseRef-Ours"),
            ("MIT OR Apache-2.0", "Expat or Apache-2.0"), ("MIT AND ISC", "Expat and ISC"),
            ("MIT OR ISC AND Zlib", "Expat or ISC and Zlib"), ("(MIT OR ISC) AND Zlib", "Expat or ISC, and Zlib"),
            ("Zlib AND (MIT OR ISC)", "Zlib, and Expat or ISC"), ("((MIT))", "Expat"),
            ("(MIT OR ISC) AND (Zlib OR X11)", "Expat or ISC, and Zlib or X11"),
            ("(MIT OR ISC AND Zlib) AND X11", "Expat and X11 or ISC and Zlib and X11"),
            ("GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2+ with Classpath exception"),
            ("Apache-2.0 WITH LLVM-exception OR MIT", "Apache-2.0 with LLVM exception or Expat"),
            ("GPL-2.0-only WITH Linux-syscall-note", "GPL-2 with Linux-syscall-note exception"),
        ] {
            XCTAssertEqual(try SPDXExpression(parsing: text).debianName, name, text)
        }
        XCTAssertEqual(
            try SPDXExpression(parsing: "MIT OR (apache-2.0 AND MIT)").licenses.map(\.description),
            ["MIT", "Apache-2.0"])
    }

    func testMistakesAndWhatIsMeant() {
        for (text, offset, suggestion) in [
            ("Apache2", 0, "Apache-2.0"), ("Apache 2.0", 0, "Apache-2.0"), ("MIT/Apache-2.0", 0, "MIT OR Apache-2.0"),
            ("MIT or Apache-2.0", 4, "MIT OR Apache-2.0"), ("GPLv3+", 0, "GPL-3.0-or-later"),
            ("GPL-3", 0, "GPL-3.0-only"), ("MIT OR Apahce-2.0", 7, "MIT OR Apache-2.0"), ("BSD", 0, "BSD-3-Clause"),
            ("Expat", 0, "MIT"), ("proprietary", 0, "LicenseRef-Proprietary"), ("MIT OR", 6, nil), ("", 0, nil),
            ("(MIT", 4, nil), ("MIT)", 3, nil), ("MIT ISC", 4, nil), ("MIT WITH", 8, nil), ("AND MIT", 0, nil),
            ("MIT WITH Classpath", 9, nil), ("LicenseRef-", 0, nil), ("LicenseRef-a_b", 0, nil),
            ("GPL-3.0-or-later WITH qwertyuiop", 22, nil),
            (String(repeating: "(", count: 100), 16, nil),
            ((0..<80).map { "LicenseRef-\($0)" }.joined(separator: " OR "), 0, nil),
            (Array(repeating: "(MIT OR ISC)", count: 40).joined(separator: " AND "), 0, nil),
        ] as [(String, Int, String?)] {
            XCTAssertThrowsError(try SPDXExpression(parsing: text), text) { error in
                XCTAssertEqual((error as? FormatError)?.offset, offset, "\(text): \(error)")
            }
            if let suggestion { XCTAssertEqual(SPDXExpression.suggestion(for: text), suggestion, text) }
        }
        XCTAssertNil(SPDXExpression.suggestion(for: "something else entirely"))
        // Nothing that is suggested is a mistake itself.
        var generator = SeededGenerator(seed: 3)
        let pieces = ["MIT", "mit", "GPL", "2", "-", "+", "/", "(", ")", " ", "or", "AND", "WITH", "é", "LicenseRef-"]
        for _ in 0..<400 {
            let text = (0..<Int.random(in: 0...8, using: &generator))
                .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            if let guess = SPDXExpression.suggestion(for: text) {
                XCTAssertNoThrow(try SPDXExpression(parsing: guess), "\(text) → \(guess)")
            }
        }
    }

    func testTextsOfLicences() throws {
        let expression = try SPDXExpression(parsing: "MIT OR GPL-2.0-or-later WITH Bison-exception-2.2 OR MPL-2.0")
        let licenses = expression.licenses
        XCTAssertEqual(licenses.map(\.needsText), [true, true, false])
        let file = CopyrightFile(
            name: "hello", source: "https://example.org", holders: ["2024 A", "2025 B"], license: expression,
            texts: [licenses[0]: "\n\nOne\n\n\tTwo  \n.\n\n", licenses[1]: "Exception."])
        XCTAssertEqual(
            file.text,
            """
            Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
            Upstream-Name: hello
            Source: https://example.org

            Files: *
            Copyright: 2024 A
                       2025 B
            License: Expat or GPL-2+ with Bison exception or MPL-2.0

            License: Expat
             One
             .
                     Two
              .

            License: GPL-2+ with Bison exception
             Exception.
             .
             This work may be used under the terms of the GNU General Public License,
             version 2 or (at your option) any later version, as published by the
             Free Software Foundation.
             .
             On Debian systems, the text of the license is in the file
             "/usr/share/common-licenses/GPL-2".

            License: MPL-2.0
             This work may be used under the terms of the Mozilla Public License, version 2.0.
             .
             On Debian systems, the text of the license is in the file
             "/usr/share/common-licenses/MPL-2.0".

            """)
        // What is referred to is there.
        for name in [
            "Apache-2.0", "Artistic-1.0-Perl", "CC0-1.0", "GPL-1.0-only", "GPL-2.0-only", "GPL-3.0-only",
            "LGPL-2.0-only", "LGPL-2.1-only", "LGPL-3.0-only", "GFDL-1.2-only", "GFDL-1.3-no-invariants-only",
            "MPL-1.1", "MPL-2.0",
        ] {
            let license = try SPDXExpression(parsing: name)
            XCTAssertFalse(license.licenses[0].needsText, name)
            let text = CopyrightFile(name: "x", holders: ["y"], license: license).text
            let path = text.components(separatedBy: "\"").dropFirst().first ?? ""
            XCTAssertTrue(FileManager.default.fileExists(atPath: path), "\(name): \(path)")
        }
        for name in ["AGPL-3.0-only", "MIT", "BSD-3-Clause", "GFDL-1.1-only"] {
            XCTAssertTrue(try SPDXExpression(parsing: name).licenses[0].needsText, name)
        }
    }
}
