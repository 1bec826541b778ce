import DebianFormat
import Foundation
import TestSupport
import XCTest

/// The machine-readable copyright format.
final class CopyrightTests: XCTestCase {
    private static let header = "Format: \(Copyright.format)\nSource: https://example.org\n"
    private static let files = "\nFiles: *\nCopyright: 2026 A\nLicense: Apache-2.0\n"
    private static let license = "\nLicense: Apache-2.0\n The text.\n .\n More.\n"
    private static let whole = header + files + license

    private func kinds(_ text: String) throws -> [CopyrightFinding.Kind] {
        try Copyright(parsing: text).findings.map(\.kind)
    }

    func testSoundFile() throws {
        let copyright = try Copyright(parsing: Self.whole)
        XCTAssertEqual(copyright.findings, [])
        XCTAssertEqual(copyright.files.first?.patterns, ["*"])
        XCTAssertEqual(copyright.licenses.first?.text, "The text.\n\nMore.")
        XCTAssertTrue(Copyright.isMachineReadable("\n# c\nformat: x\n"))
        XCTAssertFalse(Copyright.isMachineReadable("This is free.\nFormat: x\n"))
        XCTAssertFalse(Copyright.isMachineReadable(""))
    }

    func testEachRule() throws {
        let cases: [(String, [CopyrightFinding.Kind])] = [
            ("", [.fieldMissing("Format"), .filesParagraphMissing]),
            (Self.header, [.filesParagraphMissing]),
            ("Source: x\n" + Self.files + Self.license, [.fieldMissing("Format")]),
            ("Format: https://example.org/\n" + Self.files + Self.license, [.formatWrong("https://example.org/")]),
            (
                Self.whole.replacingOccurrences(of: "https://www.d", with: "http://www.d"),
                [.formatDated("http" + Copyright.format.dropFirst(5))]
            ),
            (
                Self.whole.replacingOccurrences(of: "1.0/", with: "1.0"),
                [.formatDated(String(Copyright.format.dropLast()))]
            ),
            (Self.whole + "\nComment: x\n", [.paragraphUnknown]),
            (Self.whole + "\nFiles: a\nLicense: Apache-2.0\n", [.fieldMissing("Copyright")]),
            (Self.whole + "\nFiles: a\nCopyright: A\n", [.fieldMissing("License")]),
            (Self.whole + "\nFiles:\nCopyright: A\nLicense: Apache-2.0\n", [.fieldEmpty("Files")]),
            (Self.whole + "\nFiles: a\nCopyright:\nLicense: Apache-2.0\n", [.fieldEmpty("Copyright")]),
            (Self.whole + "\nFiles: a \\*b c\\d\nCopyright: A\nLicense: Apache-2.0\n", [.patternMalformed("c\\d")]),
            (Self.whole + "\nFiles: a\nCopyright: A\nLicense: MIT\n", [.licenseUndefined("MIT")]),
            (Self.whole + "\nFiles: a\nCopyright: A\nLicense: MIT\n Text.\n", []),
            (Self.whole + "\nFiles: a\nCopyright: A\nLicense: apache-2.0 or MIT\n", [.licenseUndefined("MIT")]),
            (Self.whole + "\nFiles: a\nCopyright: A\nLicense: GPL 2\n", [.licenseMalformed("GPL 2")]),
            (Self.whole + Self.license, [.licenseRepeated("Apache-2.0")]),
            (Self.whole + "\nLicense: MIT\n Text.\n", [.licenseUnused("MIT")]),
            (
                Self.header + Self.files + "\nLicense: Apache-2.0\n", [.licenseTextMissing("Apache-2.0")]
            ),
            (Self.whole + "\nLicense:\n Text.\n", []),
        ]
        for (text, expected) in cases { XCTAssertEqual(try kinds(text), expected, text) }
        XCTAssertThrowsError(try Copyright(parsing: "This package is free software.\n"))
    }

    func testExpressions() throws {
        func undefined(_ expression: String, _ defined: [String]) throws -> [CopyrightFinding.Kind] {
            let texts = defined.map { "\nLicense: \($0)\n Text.\n" }.joined()
            return try kinds(Self.header + "\nFiles: *\nCopyright: A\nLicense: \(expression)\n" + texts)
        }
        XCTAssertEqual(try undefined("GPL-2+ or Artistic, and BSD", ["gpl-2+", "Artistic", "BSD"]), [])
        XCTAssertEqual(try undefined("GPL-2+ with OpenSSL exception", ["GPL-2+ with  openssl exception"]), [])
        XCTAssertEqual(try undefined("GPL-2+ with OpenSSL exception, and MIT", ["GPL-2+", "MIT"]), [])
        XCTAssertEqual(try undefined("GPL-1+ or Artistic", ["GPL-1+ or Artistic"]), [])
        for text in ["or A", "A or", "A and or B", "A with B", "A B", ",", "A,, ", "A, , B", "A with"] {
            XCTAssertEqual(
                try undefined(text, []), [.licenseMalformed(text.trimmingCharacters(in: .whitespaces))], text)
        }
    }

    func testFindingsHavePlaces() throws {
        let text = Self.whole + "\nFiles: a\nCopyright: A\nLicense: Apache-2.0 or MIT\n"
        let finding = try XCTUnwrap(try Copyright(parsing: text).findings.first)
        XCTAssertEqual(finding.paragraph, 4)
        XCTAssertTrue(text.utf8.dropFirst(finding.offset).starts(with: "MIT\n".utf8))
        XCTAssertTrue(finding.isError)
        XCTAssertEqual(finding.description, "licence 'MIT' has no text and no 'License' paragraph")
    }

    func testCopyrightFilesOfThisRepository() throws {
        let packaging = repositoryRoot + "/Packaging"
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: packaging)) ?? []
        let paths = folders.map { packaging + "/\($0)/copyright" }.filter { FileManager.default.fileExists(atPath: $0) }
        if paths.isEmpty { throw XCTSkip("there are no copyright files") }
        for path in paths {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            XCTAssertTrue(Copyright.isMachineReadable(text), path)
            XCTAssertEqual(try Copyright(parsing: text).findings.map(\.description), [], path)
        }
    }
}
