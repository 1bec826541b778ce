import TestSupport
import XCTest

/// The manual pages that packages carry.
final class ManualTests: XCTestCase {
    /// Somebody who adds an option runs Scripts/manuals.
    func testPagesSayWhatTheProgramsSay() throws {
        try requireProgram("python3")
        let folder = (productPath("debbuild") as NSString).deletingLastPathComponent
        let result = try TestSupport.run(repositoryRoot + "/Scripts/manuals", ["--check", folder])
        XCTAssertEqual(result.status, 0, result.errors)
    }

    func testManFindsNothingToSay() throws {
        try requireProgram("man")
        let pages = try TestSupport.run("sh", ["-c", "ls \"$0\"/*/*.[18]", repositoryRoot + "/Packaging"]).check()
        for page in pages.split(separator: "\n").map(String.init) {
            let result = try TestSupport.run(
                "man", ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                environment: ["LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"])
            XCTAssertEqual(result.errors, "", page)
            XCTAssertEqual(result.status, 0, page)
        }
    }
}
