import TestSupport
import XCTest

/// `repository.yaml`.
final class SettingsTests: XCTestCase {
    func testMistakesAreShownInTheFile() throws {
        let fixture = try RepositoryFixture()
        for (text, code, words) in [
            ("suites: [stable]\n", "missing-key", "'architectures' is missing"),
            ("suites: []\narchitectures: [amd64]\n", "empty", "'suites' is empty"),
            ("suites: [stable, stable]\narchitectures: [amd64]\n", "duplicate", "an item twice"),
            ("suites: [../up]\narchitectures: [amd64]\n", "suite", "is not a suite"),
            ("suites: [stable]\narchitectures: [all]\n", "architecture", "one that machines have"),
            ("suites: [stable]\narchitectures: [amd64]\nvalid-for: 3\n", "duration", "is not a duration"),
            ("suites: [stable]\narchitectures: [amd64]\nkeyrings: x\n", "unknown-key", "did you mean 'keyring'?"),
            (
                "suites: [{name: a, but-automatic-upgrades: true}]\narchitectures: [amd64]\n", "but-automatic-upgrades",
                "without 'not-automatic'"
            ),
            ("suites: [stable]\narchitectures: [amd64]\nupload: [rsync]\n", "upload", "'{list}' or '{file}'"),
            ("suites: [stable]\narchitectures: [amd64]\nsnapshots: https://x\n", "web-address", "@SNAPSHOTID@"),
        ] {
            try fixture.configure(text)
            let result = try fixture.repo("list", fixture.root)
            XCTAssertEqual(result.status, 2, text)
            XCTAssertTrue(result.errors.contains("[\(code)]") && result.errors.contains(words), result.errors)
            XCTAssertTrue(result.errors.contains("repository.yaml:"), result.errors)
        }
        for (signing, words) in [
            ("", "neither 'keys' nor 'sign'"), ("keys: [ABCD1234]\n", "is not a fingerprint"),
            ("sign: [./sign, '{input}']\nkeyring: x\n", "has '{output}'"),
            ("sign: [./sign, '{input}', '{output}']\n", "'sign' needs 'keyring'"),
        ] {
            try fixture.configure("suites: [stable]\narchitectures: [amd64]\n", signing: signing)
            let result = try fixture.repo("list", fixture.root)
            XCTAssertEqual(result.status, 2, signing)
            XCTAssertTrue(result.errors.contains(words), result.errors)
        }
        let missing = try fixture.repo("list", fixture.folder.path)
        XCTAssertEqual(missing.status, 2)
        XCTAssertTrue(missing.errors.contains("[repository-settings]"), missing.errors)
    }

    func testSchemaAndReference() throws {
        let schema = try TestSupport.run(productPath("debbuild"), ["schema", "repository"]).check()
        XCTAssertTrue(schema.contains("\"urn:debbuild:repository\"") && schema.contains("\"valid-for\""), schema)
        let reference = try TestSupport.run(productPath("debbuild"), ["schema", "repository", "--form", "markdown"])
            .check()
        XCTAssertTrue(reference.hasPrefix("# repository.yaml\n"), reference)
    }
}
