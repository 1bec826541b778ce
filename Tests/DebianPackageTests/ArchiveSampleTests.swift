import Foundation
import TestSupport
import XCTest

@testable import DebianLint

/// Packages of Debian's archive, which dpkg installs on thousands of machines: lint has no error for them.
final class ArchiveSampleTests: XCTestCase {
    /// ARCHIVE_PACKAGES names a folder of package files, such as `apt-get download` makes.
    func testLintHasNoErrorForDebiansOwnPackages() throws {
        guard let folder = ProcessInfo.processInfo.environment["ARCHIVE_PACKAGES"] else {
            throw XCTSkip("hundreds of packages to download; ARCHIVE_PACKAGES")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".deb") }.sorted()
        XCTAssertFalse(names.isEmpty)
        for name in names {
            for finding in try LintRegistry.everything.findings(inFile: folder + "/" + name)
            where finding.severity == .error {
                XCTFail("\(name): \(finding.code) \(finding.subject): \(finding.message)")
            }
        }
        print("\(names.count) packages of the archive")
    }
}
