import Foundation
import TestSupport
import XCTest

/// Variants of architectures, and names that other tools have for architectures.
final class VariantTests: XCTestCase {
    private func fixture(_ keys: String, architectures: String = "[amd64, arm64]") throws -> WorkspaceFixture {
        try WorkspaceFixture(
            package: WorkspaceFixture.packageYAML.replacingOccurrences(
                of: "architectures: [all]", with: "architectures: \(architectures)") + keys)
    }

    func testVariantIsAFieldAndInTheName() throws {
        let fixture = try fixture(
            "overrides: [{architecture: amd64, architecture-variant: amd64v3}]\n")
        let result = try fixture.debbuild(["all", "--arch", "amd64", "--arch", "arm64"])
        XCTAssertEqual(result.status, 0, result.errors)
        let package = fixture.output + "/hello_1.2.3_amd64v3.deb"
        XCTAssertEqual(
            result.output.split(separator: "\n").map(String.init), [package, fixture.output + "/hello_1.2.3_arm64.deb"])
        XCTAssertTrue(
            try TestSupport.run("dpkg-deb", ["-f", package]).check()
                .contains("Architecture: amd64\nArchitecture-Variant: amd64v3\n"))
        // What stands beside it has its name, and lint takes that for the right one.
        for name in ["hello_1.2.3_amd64v3.buildinfo", "hello_1.2.3_amd64v3.meshcheck.yaml"] {
            XCTAssertTrue(fixture.packagesWritten.contains(name), "\(fixture.packagesWritten)")
        }
        XCTAssertFalse(try fixture.debbuild(["lint", package]).output.contains("DB0613"))
        XCTAssertEqual(
            try TestSupport.run("sha256sum", ["--check", "--quiet", "SHA256SUMS"], workingDirectory: fixture.output)
                .status,
            0)
        // Both can be built beside the package of the plain architecture.
        let plain = try self.fixture("").debbuild(["all", "--arch", "amd64"])
        XCTAssertTrue(plain.output.hasSuffix("hello_1.2.3_amd64.deb\n"), plain.output)
        let imported = try fixture.debbuild(["import", package, "--output", fixture.directory.path + "/i"])
        XCTAssertEqual(imported.status, 0, imported.errors)
        let yaml = try String(contentsOfFile: fixture.directory.path + "/i/hello/package.yaml", encoding: .utf8)
        XCTAssertTrue(yaml.contains("architecture-variant: amd64v3\n"), yaml)
    }

    func testAVariantFromTheEnvironment() throws {
        let fixture = try fixture("architecture-variant: \"${env:VARIANT:-}\"\n", architectures: "[amd64]")
        XCTAssertTrue(try fixture.build(["--arch", "amd64"]).hasSuffix("_amd64.deb"))
        XCTAssertTrue(
            try fixture.build(["--arch", "amd64"], environment: ["VARIANT": "amd64v3"]).hasSuffix("_amd64v3.deb"))
        // The one does not take the place of the other.
        XCTAssertTrue(fixture.packagesWritten.contains("hello_1.2.3_amd64.deb"), "\(fixture.packagesWritten)")
    }

    func testMistakes() throws {
        for (variant, architectures, part) in [
            ("amd64v3", "[all]", "is not a variant of all"), ("amd64", "[amd64]", "is not a variant of amd64"),
            ("v3", "[amd64]", "it begins with the architecture"), ("amd64-v3", "[amd64]", "is not a variant"),
            ("arm64v9", "[amd64]", "put it under 'overrides'"), ("amd64v3/x", "[amd64]", "is not a variant"),
        ] {
            let result = try fixture("architecture-variant: \(variant)\n", architectures: architectures)
                .debbuild(["all", "--arch", "amd64"])
            XCTAssertEqual(result.status, 2, variant)
            XCTAssertTrue(result.errors.contains("[architecture-variant]"), result.errors)
            XCTAssertTrue(result.errors.contains(part), "\(part)\n\(result.errors)")
        }
        let field = try fixture("fields: {Architecture-Variant: amd64v3}\n").debbuild(["all", "--arch", "amd64"])
        XCTAssertTrue(field.errors.contains("use 'architecture-variant' instead"), field.errors)
    }

    func testNamesOfOtherTools() throws {
        for (name, suggestion) in [
            ("linux/arm64", "arm64"), ("linux/arm/v7", "armhf"), ("arm64/v8", "arm64"),
            ("aarch64-unknown-linux-musl", "arm64"), ("armv5te-unknown-linux-gnueabi", "armel"),
            ("arm-unknown-linux-gnueabihf", "armhf"), ("riscv64gc-unknown-linux-gnu", "riscv64"),
            ("s390x-ibm-linux-gnu", "s390x"), ("amd64v3", "amd64"),
        ] {
            let result = try fixture("", architectures: "[\(name)]").debbuild(["all", "--arch", "amd64"])
            XCTAssertEqual(result.status, 2, name)
            XCTAssertTrue(result.errors.contains("did you mean '\(suggestion)'?"), "\(name)\n\(result.errors)")
        }
        // Debian had a port of this name, which is not what Go means by it.
        let old = try fixture("", architectures: "[arm]").debbuild(["plan", "--arch", "arm"])
        XCTAssertEqual(old.status, 0, old.errors)
        XCTAssertTrue(old.errors.contains("[architecture-old]"), old.errors)
        XCTAssertTrue(old.errors.contains("'armhf'"), old.errors)
    }
}
