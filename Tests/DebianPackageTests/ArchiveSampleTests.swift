import Foundation
import TestSupport
import XCTest

@testable import DebianLint

/// Packages of Debian's archive, which dpkg installs on thousands of machines: lint has no error for them.
final class ArchiveSampleTests: XCTestCase {
    /// ARCHIVE_PACKAGES names a folder of package files, such as `apt-get download` makes; otherwise a few are downloaded.
    func testLintHasNoErrorForDebiansOwnPackages() throws {
        let folder = try TemporaryDirectory()
        let packages = try ArchiveSample.packages(8, into: folder)
        defer { withExtendedLifetime(folder) {} }
        XCTAssertFalse(packages.isEmpty)
        for package in packages {
            for finding in try LintRegistry.everything.findings(inFile: package) where finding.severity == .error {
                let name = (package as NSString).lastPathComponent
                XCTFail("\(name): \(finding.code) \(finding.subject): \(finding.message)")
            }
        }
        print("\(packages.count) packages of the archive")
    }
}
